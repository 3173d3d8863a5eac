//! Forecasts: finite whatever is missing, gaps stay gaps, and a learnt day is repeated.

use std::sync::Arc;

use hexad::forecast::{External, History, Interval, Lead, Means, Offer, Subject, TimeGrid, horizon};
use hexad::site::{AssetIx, Kind, Reason, Site};
use hexad::state::{SiteState, Weather};
use hexad::units::Park;

use crate::park;

const MONDAY: i64 = 1_784_476_800; // 2026-07-20 00:00 in Shanghai is 16:00 UTC the day before

fn load_ix(site: &Site, id: &str) -> AssetIx {
    site.asset(id).unwrap()
}

/// A load of 100 kW by day and 40 by night, local time.
fn by_hour(site: &Site, at: Park) -> f64 {
    let hour = at.0.to_zoned_datetime(site.zone.clone()).hour();
    if (8..20).contains(&hour) { -100.0 } else { -40.0 }
}

fn observe(history: &mut History, site: &Site, from: i64, to: i64, change: impl Fn(&mut SiteState)) {
    let load = load_ix(site, "load_normal");
    for at in (from..to).step_by(300) {
        let mut state = park::state(site, Park::from_unix(at), 0.5, 0.5, 0.5);
        state.assets[load.0].ports[0].measured = Ok(by_hour(site, state.now.park));
        change(&mut state);
        history.observe(site, &state);
    }
}

#[test]
fn yesterday_is_repeated_and_corrected_by_now() {
    let site = park::reference();
    let mut history = History::default();
    observe(&mut history, &site, MONDAY, MONDAY + 2 * 86400, |_| {});
    let mut state = park::state(&site, Park::from_unix(MONDAY + 2 * 86400), 0.5, 0.5, 0.5);
    let load = load_ix(&site, "load_normal");
    state.assets[load.0].ports[0].measured = Ok(-60.0);
    let h = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
    let f = &h.assets[load.0];
    assert!((f[0] + 60.0).abs() < 3.0, "now: {}", f[0]);
    for (i, v) in h.grid.intervals.iter().zip(f).skip(24) {
        let middle = i.start.plus_s(i.hours * 1800.0);
        assert!((v - by_hour(&site, middle)).abs() < 2.0, "{}: {v}", i.start);
    }
    let kept = serde_json::to_vec(&history).unwrap();
    let again: History = serde_json::from_slice(&kept).unwrap();
    let same = horizon(&site, &state, &again, TimeGrid::new(state.now.park));
    for (a, b) in h.assets.iter().flatten().zip(same.assets.iter().flatten()) {
        assert!((a - b).abs() < 1e-6, "a restart forgets nothing: {a} {b}");
    }
    assert!(kept.len() < 1_000_000);
}

#[test]
fn f25_an_unknown_sample_is_a_gap_and_never_a_zero() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let mut history = History::default();
    observe(&mut history, &site, MONDAY, MONDAY + 3600, |_| {});
    observe(&mut history, &site, MONDAY + 3600, MONDAY + 7200, |s| {
        s.assets[load.0].ports[0].measured = Err(Reason::Stale);
    });
    observe(&mut history, &site, MONDAY + 7200, MONDAY + 8100, |_| {});
    let q = MONDAY / 900;
    assert!(history.mean(load, q).is_some_and(|v| (v + 40.0).abs() < 1e-3));
    assert_eq!((4..8).map(|k| history.mean(load, q + k)).collect::<Vec<_>>(), vec![None; 4]);
    assert_eq!(history.mean(load, q + 100), None, "the future is unknown too");
}

#[test]
fn f36_nothing_is_learnt_while_the_clock_is_not_synchronised_and_the_price_is_the_highest() {
    let site = park::reference();
    let mut history = History::default();
    observe(&mut history, &site, MONDAY, MONDAY + 3600, |s| s.now.synchronised = false);
    assert_eq!(history, History::default());
    let mut state = park::state(&site, Park::from_unix(MONDAY), 0.5, 0.5, 0.5);
    state.now.synchronised = false;
    let h = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
    assert!(h.flat_price && h.import_price.iter().all(|p| (*p - 1.42).abs() < 1e-9));
}

#[test]
fn every_number_is_finite_signed_and_within_nameplate_whatever_is_missing() {
    let site = park::reference();
    let mut learnt = History::default();
    observe(&mut learnt, &site, MONDAY, MONDAY + 86400, |_| {});
    for history in [History::default(), learnt] {
        for known in [true, false] {
            for at in (MONDAY..MONDAY + 86400).step_by(7321) {
                let mut state = park::state(&site, Park::from_unix(at), 0.5, 0.7, 0.5);
                if !known {
                    for a in &mut state.assets {
                        a.potential = Some(Err(Reason::Stale));
                        a.ports.iter_mut().for_each(|p| p.measured = Err(Reason::Stale));
                    }
                }
                let h = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
                for (a, f) in site.assets.iter().zip(&h.assets) {
                    let rated = a.kind.rated().kw();
                    let (low, high) = match a.kind {
                        Kind::Pv(_) | Kind::Wind(_) => (0.0, rated),
                        Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => (-rated, 0.0),
                        _ => {
                            assert!(f.is_empty());
                            continue;
                        }
                    };
                    assert_eq!(f.len(), h.grid.intervals.len());
                    assert!(f.iter().all(|v| (low..=high).contains(v)), "{}: {f:?}", a.id);
                    let band = &h.quantiles[site.asset(&a.id).unwrap().0];
                    assert_eq!((band.p10.len(), band.p90.len()), (f.len(), f.len()));
                    for ((v, p10), p90) in f.iter().zip(&band.p10).zip(&band.p90) {
                        assert!(low <= *p10 && p10 <= v && v <= p90 && *p90 <= high, "{}: {p10} {v} {p90}", a.id);
                    }
                }
                assert!(h.import_price.iter().all(|p| (0.3..1.5).contains(p)));
            }
        }
    }
}

#[test]
fn a_load_never_measured_is_its_nameplate() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let mut state = park::state(&site, Park::from_unix(MONDAY), 0.5, 0.7, 0.5);
    state.assets[load.0].ports[0].measured = Err(Reason::NeverRead);
    let h = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    assert!(h.assets[load.0].iter().all(|v| (*v + 420.0).abs() < 1e-9));
}

#[test]
fn pv_follows_the_sun_and_the_recent_clearness() {
    let site = park::reference();
    let pv = load_ix(&site, "pv");
    // 10:00 local on a day at half of a clear sky.
    let at = Park::from_unix(MONDAY + 10 * 3600 - 28800 + 28800);
    let mut state = park::state(&site, at, 0.5, 0.5, 0.5);
    state.assets[pv.0].potential = Some(Ok(180.0));
    let h = horizon(&site, &state, &History::default(), TimeGrid::new(at));
    let f = &h.assets[pv.0];
    assert!((f[0] - 180.0).abs() < 40.0, "{}", f[0]);
    for (i, v) in h.grid.intervals.iter().zip(f) {
        let hour = i.start.0.to_zoned_datetime(site.zone.clone()).hour();
        if (20..24).contains(&hour) || (0..4).contains(&hour) {
            assert_eq!(*v, 0.0, "night at {}", i.start);
        }
    }
    let noon = f.iter().copied().fold(0.0, f64::max);
    assert!((180.0..400.0).contains(&noon), "{noon}");
}

fn unknown() -> Weather {
    let none = Err(Reason::NotMeasured);
    Weather { outdoor_c: none, ghi_w_m2: none, wind_m_s: none }
}

/// Feeds the load's day by means of `step_s`.
fn learn(history: &mut History, site: &Site, from: i64, to: i64, step_s: i64) {
    let load = load_ix(site, "load_normal");
    for at in (from..to).step_by(usize::try_from(step_s).unwrap()) {
        let kw = [(load, by_hour(site, Park::from_unix(at)))];
        let (from, to) = (Park::from_unix(at), Park::from_unix(at + step_s));
        history.learn(site, &Means { from, to, kw: &kw, weather: unknown() });
    }
}

#[test]
fn means_of_any_length_teach_the_same() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let end = MONDAY + 2 * 86400;
    let expected = |step_s: i64| {
        let mut history = History::default();
        learn(&mut history, &site, MONDAY, end, step_s);
        let state = park::state(&site, Park::from_unix(end), 0.9, 0.5, 0.5);
        assert!(history.mean(load, end / 900 - 1).is_some_and(|kw| (kw + 40.0).abs() < 1e-3), "closed at once");
        horizon(&site, &state, &history, TimeGrid::new(state.now.park)).assets[load.0].clone()
    };
    let [minutes, quarters, hours] = [60, 900, 3600].map(expected);
    for (a, b) in minutes.iter().zip(quarters.iter().zip(&hours)).map(|(a, (b, c))| ((a - b).abs(), (a - c).abs())) {
        assert!(a < 1e-3 && b < 1e-3, "{minutes:?} {hours:?}");
    }
    assert!((hours[0] + 40.0).abs() < 1e-3, "the state's own 90 % of nameplate leaks in nowhere: {hours:?}");
}

#[test]
fn f45_means_that_are_no_numbers_or_lie_backwards_teach_nothing_and_break_nothing() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let mut history = History::default();
    learn(&mut history, &site, MONDAY, MONDAY + 7200, 900);
    let before = history.clone();
    let (from, to) = (Park::from_unix(MONDAY + 7200), Park::from_unix(MONDAY + 8100));
    history.learn(&site, &Means { from: to, to: from, kw: &[(load, -1.0)], weather: unknown() });
    assert_eq!(history, before);
    for kw in [f64::NAN, f64::INFINITY] {
        let weather = Weather { outdoor_c: Ok(f64::NAN), ..unknown() };
        history.learn(&site, &Means { from, to, kw: &[(load, kw)], weather });
    }
    assert_eq!(history.mean(load, (MONDAY + 7200) / 900), None);
    learn(&mut history, &site, MONDAY, MONDAY + 3600, 900);
    let state = park::state(&site, Park::from_unix(MONDAY + 3600), 0.9, 0.5, 0.5);
    let h = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
    assert!(h.assets.iter().flatten().chain(h.outdoor_c.iter().flatten()).all(|v| v.is_finite()));
    let kept = serde_json::to_string(&history).unwrap();
    assert!(serde_json::from_str::<History>(&kept).is_ok(), "what was learnt is kept whatever was told");
}

#[test]
fn f45_without_history_or_measurement_the_span_is_wide_and_with_both_it_narrows() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let width = |history: &History, at: i64| {
        let state = park::state(&site, Park::from_unix(at), 0.1, 0.5, 0.5);
        let h = horizon(&site, &state, history, TimeGrid::new(state.now.park));
        let band = &h.quantiles[load.0];
        band.p90.iter().zip(&band.p10).map(|(a, b)| a - b).sum::<f64>() / band.p10.len() as f64
    };
    let mut history = History::default();
    let wide = width(&history, MONDAY);
    learn(&mut history, &site, MONDAY, MONDAY + 14 * 86400, 900);
    let narrow = width(&history, MONDAY + 14 * 86400);
    assert!(wide > 80.0 && narrow < 0.3 * wide, "{wide} {narrow}");
}

#[test]
fn outdoor_temperature_is_yesterdays_shape_lifted_to_now_and_moves_the_heat_load() {
    let site = park::reference();
    let ix = site.assets.iter().position(|a| a.id.contains("heat_space")).unwrap();
    let heat = AssetIx(ix);
    let rated = site.assets[ix].kind.rated().kw();
    let outdoor = |at: i64| {
        let (hour, day) = ((at - MONDAY) % 86400 / 3600, (at - MONDAY) / 86400);
        5.0 + 4.0 * (std::f64::consts::TAU * hour as f64 / 24.0).sin() + [0.0, 3.0, -2.0, 1.0, -3.0][day as usize % 5]
    };
    let draws = |c: f64| -(0.2 + 0.02 * (16.0 - c)) * rated;
    let mut history = History::default();
    let end = MONDAY + 21 * 86400;
    for at in (MONDAY..end).step_by(3600) {
        let weather = Weather { outdoor_c: Ok(outdoor(at)), ..unknown() };
        let kw = [(heat, draws(outdoor(at)))];
        history.learn(&site, &Means { from: Park::from_unix(at), to: Park::from_unix(at + 3600), kw: &kw, weather });
    }
    let state = park::state(&site, Park::from_unix(end), 0.5, 0.5, 0.5);
    let hours = (0..6).map(|h| Interval { start: Park::from_unix(end + h * 3600), hours: 1.0 }).collect();
    let h = horizon(&site, &state, &history, TimeGrid { intervals: hours });
    let c = h.outdoor_c.unwrap();
    assert!((c[0] - outdoor(end - 3600)).abs() < 2.5 && c[5] > c[0], "{c:?}");
    for (kw, c) in h.assets[ix].iter().zip(&c) {
        assert!((kw - draws(*c)).abs() < 0.03 * rated, "{kw} kW at {c} degC: {}", draws(*c));
    }
}

/// A forecast by others from Monday midnight, hourly, for two days and good for three.
fn offer(subject: Subject, value: f64) -> Offer {
    Offer {
        subject,
        start: Park::from_unix(MONDAY),
        step_s: 3600,
        values: vec![value; 48],
        p10: vec![],
        p90: vec![],
        until: Park::from_unix(MONDAY + 3 * 86400),
        by: "anna".into(),
    }
}

#[test]
fn f45_a_bad_forecast_of_others_shows_beside_the_daemons_own() {
    let site = park::reference();
    let load = load_ix(&site, "load_normal");
    let mut history = History::default();
    learn(&mut history, &site, MONDAY - 7 * 86400, MONDAY, 900);
    let mut external = External::default();
    external.take(&site, offer(Subject::Asset(load), -300.0), Park::from_unix(MONDAY)).unwrap();
    history.hear(Arc::new(external));
    let first = |history: &History, at: i64| {
        let state = park::state(&site, Park::from_unix(at), 0.5, 0.5, 0.5);
        horizon(&site, &state, history, TimeGrid::new(state.now.park)).assets[load.0][0]
    };
    assert_eq!(first(&history, MONDAY), -300.0, "it is used all the same");
    learn(&mut history, &site, MONDAY, MONDAY + 86400, 900);
    let mae = |external, lead| history.score(Some(load), external, lead).unwrap().mae;
    for lead in [Lead::Hour, Lead::Hours, Lead::HalfDay] {
        assert!(
            mae(true, lead) > 150.0 && mae(false, lead) < 10.0,
            "{lead:?}: {} {}",
            mae(true, lead),
            mae(false, lead)
        );
    }
    assert!((first(&history, MONDAY + 3 * 86400) + 40.0).abs() < 3.0, "own again once it has expired");
}

#[test]
fn prices_of_others_go_before_the_tariff_are_repeated_and_end_with_their_expiry() {
    let site = park::reference();
    let mut history = History::default();
    let mut external = External::default();
    for (subject, value) in [(Subject::ImportPrice, -0.05), (Subject::ExportPrice, 0.11), (Subject::Co2, 0.9)] {
        external.take(&site, offer(subject, value), Park::from_unix(MONDAY)).unwrap();
    }
    history.hear(Arc::new(external));
    let seen = |history: &History, at: i64, synchronised: bool| {
        let mut state = park::state(&site, Park::from_unix(at), 0.5, 0.5, 0.5);
        state.now.synchronised = synchronised;
        horizon(&site, &state, history, TimeGrid::new(state.now.park))
    };
    for at in [MONDAY, MONDAY + 40 * 3600, MONDAY + 60 * 3600] {
        let h = seen(&history, at, true);
        assert!(h.import_price.iter().all(|p| (p + 0.05).abs() < 1e-9), "{:?}", h.import_price);
        assert!(h.export_price.iter().all(|p| (p - 0.11).abs() < 1e-9));
        assert!(h.co2_kg_per_kwh.iter().all(|p| (p - 0.9).abs() < 1e-9));
    }
    let own = seen(&History::default(), MONDAY + 3 * 86400, true);
    assert_eq!(seen(&history, MONDAY + 3 * 86400, true).import_price, own.import_price);
    assert!(seen(&history, MONDAY, false).import_price.iter().all(|p| (p - 1.42).abs() < 1e-9), "F36: of which hour?");
}

#[test]
fn a_history_of_another_make_is_not_read_and_a_changed_site_starts_anew() {
    let old = r#"{"assets":["pv"],"quarter":1,"series":[{"means":[1.0],"sum":0.0,"known":0,"seen":0}]}"#;
    assert!(serde_json::from_str::<History>(old).is_err());
    let mut site = park::reference();
    let mut history = History::default();
    learn(&mut history, &site, MONDAY, MONDAY + 7200, 900);
    site.assets.remove(0);
    learn(&mut history, &site, MONDAY + 7200, MONDAY + 9000, 900);
    let load = load_ix(&site, "load_normal");
    assert_eq!(history.mean(load, MONDAY / 900), None);
    assert!(history.mean(load, (MONDAY + 7200) / 900).is_some());
}

/// The site's zone decides what the same hour yesterday was, also across a change of the clock.
#[test]
fn f34_a_change_of_the_clock_does_not_shift_the_profile() {
    let mut site = park::reference();
    site.zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    // 2026-10-25: clocks go back one hour at 01:00 UTC; 2026-03-29: forward.
    for sunday in [1_792_886_400 - 2 * 3600, 1_774_742_400 - 3600] {
        clock_changes(&site, sunday);
    }
}

fn clock_changes(site: &Site, sunday: i64) {
    let mut history = History::default();
    observe(&mut history, site, sunday - 2 * 86400, sunday, |_| {});
    let mut state = park::state(site, Park::from_unix(sunday), 0.5, 0.5, 0.5);
    let load = load_ix(site, "load_normal");
    state.assets[load.0].ports[0].measured = Ok(-40.0);
    let h = horizon(site, &state, &history, TimeGrid::new(state.now.park));
    let at_8_local = h
        .grid
        .intervals
        .iter()
        .zip(&h.assets[load.0])
        .find(|(i, _)| i.start.0.to_zoned_datetime(site.zone.clone()).hour() == 8)
        .unwrap();
    assert!((at_8_local.1 + 100.0).abs() < 2.0, "{} at {}", at_8_local.1, at_8_local.0.start);
}
