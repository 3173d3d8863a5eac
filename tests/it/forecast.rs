//! Forecasts: finite whatever is missing, gaps stay gaps, and a learnt day is repeated.

use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::{AssetIx, Kind, Reason, Site};
use hexad::state::SiteState;
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
    assert_eq!(serde_json::to_vec(&again).unwrap(), kept);
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

/// The site's zone decides what the same hour yesterday was, also across a change of the clock.
#[test]
fn f34_a_change_of_the_clock_does_not_shift_the_profile() {
    let mut site = park::reference();
    site.zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    // 2026-10-25: clocks go back one hour at 01:00 UTC.
    let sunday = 1_792_886_400 - 2 * 3600;
    let mut history = History::default();
    observe(&mut history, &site, sunday - 2 * 86400, sunday, |_| {});
    let mut state = park::state(&site, Park::from_unix(sunday), 0.5, 0.5, 0.5);
    let load = load_ix(&site, "load_normal");
    state.assets[load.0].ports[0].measured = Ok(-40.0);
    let h = horizon(&site, &state, &history, TimeGrid::new(state.now.park));
    let at_8_local = h
        .grid
        .intervals
        .iter()
        .zip(&h.assets[load.0])
        .find(|(i, _)| i.start.0.to_zoned_datetime(site.zone.clone()).hour() == 8)
        .unwrap();
    assert!((at_8_local.1 + 100.0).abs() < 2.0, "{} at {}", at_8_local.1, at_8_local.0.start);
}
