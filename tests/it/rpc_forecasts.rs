//! Forecasts of others and what is shown of all, over a real socket.

use hexad::forecast::{History, TimeGrid, horizon, outlook};
use hexad::proto::v1;
use hexad::proto::v1::forecast_service_client::ForecastServiceClient;
use hexad::site::AssetIx;
use tonic::Code;
use tonic::transport::Channel;

use crate::rpc_park::{START, Served, site, snapshot, soon};

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: START + seconds, nanos: 0 })
}

fn request(subject: &str, values: &[f64]) -> v1::SubmitForecastRequest {
    v1::SubmitForecastRequest {
        subject: subject.into(),
        start: at(0),
        step_s: 3600,
        values: values.to_vec(),
        p10: vec![],
        p90: vec![],
        expires: at(7200),
        identity: "anna".into(),
    }
}

async fn client(served: &Served) -> ForecastServiceClient<Channel> {
    ForecastServiceClient::new(served.channel().await)
}

#[tokio::test]
async fn a_forecast_is_taken_shown_and_withdrawn_by_its_sender_alone() {
    let served = Served::running().await;
    let mut client = client(&served).await;
    let none = client.get_forecast(v1::GetForecastRequest {}).await.unwrap_err();
    assert_eq!((none.code(), none.message().contains("no forecast yet")), (Code::NotFound, true));
    let taken = soon(client.submit_forecast(request("ev.power_kw", &[-50.0, -60.0]))).await.unwrap().into_inner();
    assert_eq!(taken.until, at(7200));

    let (site, now) = (site(), snapshot(1));
    let mut history = History::default();
    history.hear(served.forecasts.external());
    let expected = horizon(&site, &now.state, &history, TimeGrid::new(now.now.park));
    assert_eq!(expected.assets[2][0], -50.0, "it goes before the daemon's own");
    served.forecasts.show(outlook(&site, &history, &expected, now.now.park));
    let shown = client.get_forecast(v1::GetForecastRequest {}).await.unwrap().into_inner();
    let ids: Vec<_> = shown.assets.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["ev", "heat_load"]);
    assert_eq!((shown.assets[0].power_kw[0], shown.assets[1].power_kw[0]), (-50.0, -220.0));
    assert_eq!(shown.intervals.len(), shown.assets[0].p90_kw.len());
    let standing = &shown.standing[0];
    assert_eq!((standing.subject.as_str(), standing.by.as_str()), ("ev.power_kw", "anna"));
    assert_eq!((standing.end, standing.expires), (at(7200), at(7200)));

    let withdraw =
        |identity: &str| v1::WithdrawForecastRequest { subject: "ev.power_kw".into(), identity: identity.into() };
    assert_eq!(client.withdraw_forecast(withdraw("bert")).await.unwrap_err().code(), Code::NotFound);
    client.withdraw_forecast(withdraw("anna")).await.unwrap();
    history.hear(served.forecasts.external());
    let own = horizon(&site, &now.state, &history, TimeGrid::new(now.now.park));
    assert_eq!(own.assets[2][0], -80.0, "as measured");
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_words_and_remembered() {
    let served = Served::running().await;
    let mut client = client(&served).await;
    let good = request("ev.power_kw", &[-50.0]);
    let cases = [
        (v1::SubmitForecastRequest { subject: "moon.power_kw".into(), ..good.clone() }, "there are ev.power_kw"),
        (v1::SubmitForecastRequest { start: None, ..good.clone() }, "`start` is missing"),
        (v1::SubmitForecastRequest { expires: None, ..good.clone() }, "`expires` is missing"),
        (v1::SubmitForecastRequest { expires: at(0), ..good.clone() }, "it expired at"),
        (v1::SubmitForecastRequest { identity: String::new(), ..good.clone() }, "who sends it"),
        (v1::SubmitForecastRequest { values: vec![50.0], ..good.clone() }, "ev draws"),
        (v1::SubmitForecastRequest { values: vec![f64::NAN], ..good.clone() }, "values[0] is NaN"),
        (v1::SubmitForecastRequest { step_s: 7, ..good }, "a step of 7 s"),
    ];
    for (request, part) in cases {
        let refused = soon(client.submit_forecast(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(part), "{} does not say {part}", refused.message());
    }
    let external = served.forecasts.external();
    assert!(external.refusals().iter().any(|r| r.by == "anna" && r.why.contains("ev draws")));
    assert_eq!(external.standing(snapshot(1).now.park).count(), 0);
}

#[tokio::test]
async fn f36_while_the_clock_is_not_synchronised_no_forecast_is_taken() {
    let served = Served::start().await;
    let mut client = client(&served).await;
    let refused = client.submit_forecast(request("ev.power_kw", &[-50.0])).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "no cycle yet");
    let mut unsure = snapshot(1);
    unsure.now.synchronised = false;
    served.snapshots.send_replace(Some(std::sync::Arc::new(unsure)));
    let refused = client.submit_forecast(request("ev.power_kw", &[-50.0])).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[test]
fn f45_an_expired_forecast_leaves_no_hole() {
    let (site, now) = (site(), snapshot(1));
    let forecasts = hexad::rpc::Forecasts::default();
    let subject = hexad::forecast::Subject::Asset(AssetIx(2));
    let offer = hexad::forecast::Offer {
        subject,
        start: now.now.park,
        step_s: 900,
        values: vec![-10.0; 3],
        p10: vec![],
        p90: vec![],
        until: now.now.park.plus_s(600.0),
        by: "anna".into(),
    };
    forecasts.offer(&site, offer, now.now.park).unwrap();
    let mut history = History::default();
    history.hear(forecasts.external());
    let first = |seconds: f64| {
        let mut state = (*now.state).clone();
        state.now.park = now.now.park.plus_s(seconds);
        let seen = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
        assert!(seen.assets[2].iter().all(|kw| (-176.0..=0.0).contains(kw)));
        seen.assets[2][0]
    };
    assert!((first(0.0) + 10.0).abs() < 1e-9 && (first(599.0) + 10.0).abs() < 1e-9);
    assert_eq!((first(600.0), first(10_000.0)), (-80.0, -80.0), "own forecasts from the very second");
}
