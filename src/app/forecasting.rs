//! Forecasts that come over MQTT: `hexad/SITE/forecast/OWNER/QUANTITY`, one JSON object with the fields of the gRPC request.
//! Whoever may publish there is believed; that is the broker's to decide. An empty payload takes back what was sent.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::mpsc;

use super::Shared;
use crate::devices::mqtt::letters::{Letter, Letters};
use crate::forecast::{Offer, Subject};
use crate::site::Site;
use crate::units::Park;

/// Messages that wait at most.
const WAITING_MAX: usize = 64;
/// Who sends what comes this way: the broker tells no more.
const BY: &str = "mqtt";

/// Refuses whatever it does not know, and what has no expiry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    start: jiff::Timestamp,
    step_s: u32,
    values: Vec<f64>,
    #[serde(default)]
    p10: Vec<f64>,
    #[serde(default)]
    p90: Vec<f64>,
    expires: jiff::Timestamp,
}

/// Reads what brokers have for us, as long as there is a runtime.
pub(super) fn listen(shared: &Arc<Shared>) -> Letters {
    let (reader, mut letters) = mpsc::channel::<Letter>(WAITING_MAX);
    let prefix = format!("hexad/{}/forecast", shared.site.id);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Some(letter) = letters.recv().await {
            take(&shared, &letter);
        }
    });
    Letters { prefix, reader }
}

fn take(shared: &Shared, letter: &Letter) {
    let now = shared.snapshots.borrow().as_ref().map(|s| s.now);
    let Some(now) = now.filter(|n| n.synchronised) else {
        // A retained one comes again with the next connection, any other with its next update.
        tracing::warn!(topic = letter.topic, "a forecast comes before the time of day is known: passed over");
        return;
    };
    match offer(&shared.site, letter) {
        Ok((_, Some(offer))) => {
            shared.forecasts.offer(&shared.site, offer, now.park).ok();
        }
        Ok((subject, None)) => {
            shared.forecasts.withdraw(subject, BY);
        }
        Err(why) => shared.forecasts.refuse(BY, now.park, &format!("{}: {why}", letter.topic)),
    }
}

/// What a message says; no offer where it takes one back.
fn offer(site: &Site, letter: &Letter) -> Result<(Subject, Option<Offer>), String> {
    let name = letter.topic.replacen('/', ".", 1);
    let subject = Subject::parse(site, &name).map_err(|e| e.to_string())?;
    if letter.payload.is_empty() {
        return Ok((subject, None));
    }
    let m: Message = serde_json::from_slice(&letter.payload).map_err(|e| {
        format!("{e}; write {{\"start\": TIME, \"step_s\": 900, \"values\": [...], \"expires\": TIME}}, times as in RFC 3339")
    })?;
    let Message { start, step_s, values, p10, p90, expires } = m;
    let (start, until) = (Park(start), Park(expires));
    Ok((subject, Some(Offer { subject, start, step_s, values, p10, p90, until, by: BY.to_owned() })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::site;

    fn told(topic: &str, payload: &str) -> Result<(Subject, Option<Offer>), String> {
        let letter = Letter { topic: topic.into(), payload: payload.as_bytes().to_vec(), retained: true };
        offer(&site(), &letter)
    }

    #[test]
    fn a_message_is_a_forecast_and_an_empty_one_takes_it_back() {
        let text =
            r#"{"start":"2026-07-20T00:00:00Z","step_s":3600,"values":[0.3,-0.1],"expires":"2026-07-21T00:00:00Z"}"#;
        let (subject, offer) = told("grid/import_price", text).unwrap();
        let offer = offer.unwrap();
        assert_eq!((subject, offer.values.as_slice(), offer.by.as_str()), (Subject::ImportPrice, &[0.3, -0.1][..], BY));
        assert_eq!(told("grid/import_price", "").unwrap(), (Subject::ImportPrice, None));
    }

    #[test]
    fn what_is_undated_unknown_or_no_number_is_refused_in_words() {
        for (topic, payload, part) in [
            ("moon/available_kw", "{}", "no \"moon.available_kw\" can be forecast"),
            ("pv/available_kw", "nonsense", "write {"),
            (
                "pv/available_kw",
                r#"{"start":"2026-07-20T00:00:00Z","step_s":900,"values":[1]}"#,
                "missing field `expires`",
            ),
            (
                "pv/available_kw",
                r#"{"start":"2026-07-20T00:00:00Z","step_s":900,"values":[NaN],"expires":"2026-07-21T00:00:00Z"}"#,
                "expected",
            ),
            ("pv/available_kw", r#"{"start":"yesterday","step_s":900,"values":[1]}"#, "as year"),
        ] {
            let said = told(topic, payload).unwrap_err();
            assert!(said.contains(part), "{said} does not say {part}");
        }
    }
}
