//! What happened, and who moved what and why.

use anyhow::{Result, anyhow};
use clap::Args;
use hexad::proto::v1;
use hexad::proto::v1::entry_or_gap::Kind;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};
use serde::Serialize;

use crate::client::Daemon;
use crate::figures::{said, time, zone};
use crate::table::clock;
use crate::{print, print_json};

#[derive(Args)]
pub(crate) struct Journal {
    /// Not before: a span (`90s`, `1h`, `2d`) back from now, or a time (`14:30`, `2026-07-15 14:30`, or with zone).
    #[arg(long)]
    since: Option<String>,
    /// Not after; as --since.
    #[arg(long)]
    until: Option<String>,
    /// About this asset, device or alarm's subject.
    #[arg(long, default_value = "")]
    subject: String,
    /// `daemon`, `mode`, `plan`, `device`, `alarm`, `proposal`, `clip`, `setpoint`, `journal`; may be given several times.
    #[arg(long = "kind")]
    kinds: Vec<String>,
    /// At most so many, the last ones.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Then go on with what happens.
    #[arg(long)]
    follow: bool,
}

#[derive(Args)]
pub(crate) struct Why {
    /// The asset.
    asset: String,
    /// When: a time (`14:30`, `2026-07-15 14:30`, or with zone), or a span (`10m`) back from now; default: now.
    #[arg(long)]
    at: Option<String>,
}

/// An entry as it is printed: flat, and what does not apply is null.
#[derive(Serialize)]
struct EntryFigures {
    seq: u64,
    time: Option<Timestamp>,
    clock_synchronised: bool,
    cycle: u64,
    kind: String,
    subject: String,
    event: String,
    text: String,
    severity: Option<String>,
    identity: Option<String>,
    class: Option<String>,
    reason: Option<String>,
    proposal: Option<String>,
    alarm: Option<String>,
    old_kw: Option<f64>,
    new_kw: Option<f64>,
    on: Option<bool>,
    cause: Option<String>,
    limited_by: Option<String>,
    limited_by_proposal: Option<String>,
    plan: Option<u64>,
    plan_status: Option<String>,
    price_per_kwh: Option<f64>,
    stored_per_kwh: Option<f64>,
    count: Option<u64>,
}

impl From<v1::Entry> for EntryFigures {
    fn from(e: v1::Entry) -> Self {
        Self {
            seq: e.seq,
            time: time(e.time),
            clock_synchronised: e.clock_synchronised,
            cycle: e.cycle,
            kind: e.kind,
            subject: e.subject,
            event: e.event,
            text: e.text,
            severity: said(e.severity),
            identity: said(e.identity),
            class: said(e.priority_class),
            reason: said(e.reason),
            proposal: said(e.proposal),
            alarm: said(e.alarm),
            old_kw: e.old_kw,
            new_kw: e.new_kw,
            on: e.on,
            cause: said(e.cause),
            limited_by: said(e.limited_by),
            limited_by_proposal: said(e.limited_by_proposal),
            plan: e.plan,
            plan_status: said(e.plan_status),
            price_per_kwh: e.price_per_kwh,
            stored_per_kwh: e.stored_per_kwh,
            count: e.count,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    entries: Vec<EntryFigures>,
    more: bool,
}

#[derive(Serialize)]
struct WhyFigures {
    asset: String,
    #[serde(flatten)]
    entry: EntryFigures,
    chain: Vec<EntryFigures>,
}

impl EntryFigures {
    fn line(&self, zone: &TimeZone) -> String {
        let unsure = if self.clock_synchronised { "" } else { " (clock not synchronised)" };
        format!("{}{unsure} {:<8} {}\n", clock(self.time, zone, "%m-%d %H:%M:%S"), self.kind, self.text)
    }
}

pub(crate) async fn run(daemon: &mut Daemon, json: bool, o: Journal) -> Result<()> {
    let zone = zone(&daemon.site().await?);
    let now = now(daemon).await;
    let at = |text: Option<&String>| text.map(|t| instant(t, now, &zone)).transpose();
    let filter = v1::EntryFilter { kinds: o.kinds, subject: o.subject };
    // Before what is there is asked for: between the two nothing is missed, and what comes twice is told once.
    let news = if o.follow { Some(daemon.new_entries(filter.clone()).await?) } else { None };
    let (since, until) = (at(o.since.as_ref())?, at(o.until.as_ref())?);
    let request = v1::ListEntriesRequest {
        filter: Some(filter),
        since: since.map(stamp),
        until: until.map(stamp),
        limit: o.limit,
        oldest_first: false,
    };
    let found = daemon.entries(request).await?;
    let entries: Vec<EntryFigures> = found.entries.into_iter().rev().map(EntryFigures::from).collect();
    let last = entries.last().map_or(0, |e| e.seq);
    if json && !o.follow {
        return print_json(&Listed { entries, more: found.more });
    }
    if found.more && !json {
        print("... (earlier ones left out: raise --limit, or narrow --since)\n")?;
    }
    for entry in &entries {
        show(entry, json, &zone)?;
    }
    let Some(mut news) = news else { return Ok(()) };
    while let Some(next) = news.message().await.map_err(|s| daemon.explain(&s))? {
        match next.kind {
            Some(Kind::Entry(entry)) if entry.seq > last => show(&entry.into(), json, &zone)?,
            Some(Kind::Missed(n)) if json => print(&format!("{{\"missed\":{n}}}\n"))?,
            Some(Kind::Missed(n)) => print(&format!("... ({n} entries missed)\n"))?,
            _ => {}
        }
    }
    Err(anyhow!("the daemon ended the stream"))
}

fn show(entry: &EntryFigures, json: bool, zone: &TimeZone) -> Result<()> {
    if json { print(&(serde_json::to_string(entry)? + "\n")) } else { print(&entry.line(zone)) }
}

pub(crate) async fn why(daemon: &mut Daemon, json: bool, o: Why) -> Result<()> {
    let zone = zone(&daemon.site().await?);
    let now = now(daemon).await;
    let at = o.at.map(|t| instant(&t, now, &zone)).transpose()?;
    let answer = daemon.why(v1::WhyRequest { asset: o.asset.clone(), at: at.map(stamp) }).await?;
    let entry = answer.entry.ok_or_else(|| anyhow!("the daemon gives no reason"))?;
    let (entry, chain) = (entry.into(), answer.chain.into_iter().map(EntryFigures::from).collect());
    let why = WhyFigures { asset: o.asset, entry, chain };
    if json {
        return print_json(&why);
    }
    let back: String = why.chain.iter().rev().map(|e| format!("  {}", e.line(&zone))).collect();
    print(&(why.entry.line(&zone) + &back))
}

/// Park time of the newest cycle; the daemon's clock, not ours.
async fn now(daemon: &mut Daemon) -> Timestamp {
    let newest = daemon.snapshot(Vec::new()).await.ok();
    newest.and_then(|s| time(s.time)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time as a person writes it.
fn instant(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let wrong = || {
        anyhow!(
            "\"{text}\" is no time; write a span back from now (90s, 10m, 1h, 2d), 14:30, 2026-07-15 14:30, or a time with its zone"
        )
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<civil::DateTime>() {
        return at.to_zoned_datetime(zone.clone()).map(|z| z.timestamp()).map_err(|_| wrong());
    }
    let today = now.to_zoned_datetime(zone.clone());
    if let Ok(at) = text.parse::<civil::Time>() {
        return today
            .date()
            .to_datetime(at)
            .to_zoned_datetime(zone.clone())
            .map(|z| z.timestamp())
            .map_err(|_| wrong());
    }
    let span: Span = text.parse().map_err(|_| wrong())?;
    today.checked_sub(span.abs()).map(|z| z.timestamp()).map_err(|_| wrong())
}

fn stamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_nanosecond();
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    // The calendar ends long before either of the two.
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(rest).unwrap_or(i32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = "2026-07-15T08:00:00Z".parse().unwrap();
        let read = |text: &str| instant(text, now, &zone).unwrap().to_string();
        assert_eq!(read("1h"), "2026-07-15T07:00:00Z");
        assert_eq!(read("90s"), "2026-07-15T07:58:30Z");
        assert_eq!(read("14:30"), "2026-07-15T06:30:00Z");
        assert_eq!(read("2026-07-14 14:30"), "2026-07-14T06:30:00Z");
        assert_eq!(read("2026-07-14T14:30:00+02:00"), "2026-07-14T12:30:00Z");
        assert!(instant("soon", now, &zone).unwrap_err().to_string().contains("14:30"));
    }
}
