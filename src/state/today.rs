//! What counts by the day of the site's calendar: starts, energy through an asset, CO2.

use serde::{Deserialize, Serialize};

use super::{AssetState, matching};
use crate::site::{Kind, Site};
use crate::units::{Energy, Now, Park};

/// A longer step than this was slept through: what flowed in it is not known.
const GAP_S: f64 = 900.0;

/// One asset since local midnight, as far as it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Today {
    /// Starts of a machine.
    pub starts: u32,
    /// Energy through the principal port in either direction.
    pub energy: Energy,
    /// Energy through the principal port since each of [`Kind::windows`] last opened; midnight does not end it.
    #[serde(default)]
    pub windows: Vec<Energy>,
    /// Of the hydrogen bus of an offtake with hourly matching: made in hours of as much renewable generation and not yet
    /// sold as such; midnight does not end it.
    #[serde(default)]
    pub matched: Energy,
}

/// What is remembered of the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Day {
    date: Option<(i16, i16)>,
    last: Option<Park>,
    assets: Vec<(Today, u32)>,
    co2_kg: f64,
}

impl Day {
    /// Takes one cycle in and writes the day so far into `assets`; returns the CO2 emitted today, kg.
    pub fn advance(&mut self, site: &Site, now: Now, assets: &mut [AssetState]) -> f64 {
        let hours = self.last.map_or(0.0, |last| now.park.seconds_since(last)) / 3600.0;
        let hours = if (0.0..=GAP_S / 3600.0).contains(&hours) { hours } else { 0.0 };
        let since = self.last.replace(now.park);
        // A clock that is not set tells no day (F36).
        if now.synchronised {
            let local = now.park.0.to_zoned_datetime(site.zone.clone());
            let date = Some((local.year(), local.day_of_year()));
            if self.date != date {
                (self.date, self.co2_kg) = (date, 0.0);
                self.assets.iter_mut().for_each(|(today, _)| (today.starts, today.energy) = (0, Energy::ZERO));
            }
        }
        if self.assets.len() != assets.len() {
            let starts = |a: &AssetState| a.running.map_or(0, |r| r.starts);
            self.assets = assets.iter().map(|a| (Today::default(), starts(a))).collect();
        }
        let made = matching::made(site, assets, hours);
        for (((today, seen), own), asset) in self.assets.iter_mut().zip(assets.iter_mut()).zip(&site.assets) {
            if let Some(running) = own.running {
                today.starts += running.starts.saturating_sub(*seen);
                *seen = running.starts;
            }
            // What was not measured is not counted: see [`Today`].
            let through = match own.ports.first().map(|p| p.measured) {
                Some(Ok(kw)) => Energy::from_kwh(kw.abs() * hours),
                Some(Err(_)) | None => Energy::ZERO,
            };
            today.energy += through;
            let windows = asset.kind.windows();
            today.windows.resize(windows.len(), Energy::ZERO);
            for (window, energy) in windows.iter().zip(&mut today.windows) {
                // What flows in the step of the opening counts for what it opens.
                if now.synchronised && since.is_some_and(|s| window.opened(&site.zone, s, now.park)) {
                    *energy = Energy::ZERO;
                }
                *energy += through;
            }
            if let Some(bus) = matching::bus(asset) {
                let net = made.iter().filter(|(b, _)| *b == bus).map(|(_, e)| *e).sum::<Energy>();
                today.matched = (today.matched + net).max(Energy::ZERO);
            }
            own.today = today.clone();
        }
        self.co2_kg += hours * emission_kg_per_h(site, assets);
        self.co2_kg
    }
}

/// What the supplies that are measured emit at this moment, less the CO2 that is kept, kg/h.
fn emission_kg_per_h(site: &Site, assets: &[AssetState]) -> f64 {
    let of = |(asset, own): (&crate::site::Asset, &AssetState)| {
        let flow = own.ports.first()?.measured.ok()?;
        let kw = flow.max(0.0);
        Some(match &asset.kind {
            // What is handed over or put in store is not let go.
            Kind::Co2Hub(_) | Kind::Co2Buffer(_) => flow,
            Kind::Grid(k) => kw * k.co2_kg_per_kwh,
            Kind::GasSupply(k) => kw * k.co2_kg_per_kwh,
            Kind::HeatSupply(k) => kw * k.co2_kg_per_kwh,
            Kind::Genset(k) if k.gas_bus.is_none() => kw / k.efficiency * k.fuel_co2_kg_per_kwh,
            _ => 0.0,
        })
    };
    site.assets.iter().zip(assets).filter_map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::{BATTERY, LOAD, PV, frames, now, site};
    use crate::state::{Belief, believe};
    use crate::telemetry::{Telemetry, ingest};

    #[test]
    fn energy_adds_up_by_the_local_day_and_begins_anew_at_midnight() {
        let (site, mut belief, mut telemetry) = (site(), Belief::default(), Telemetry::default());
        let mut last = None;
        for s in 1..=120 {
            let at = now(f64::from(s));
            let noise = f64::from(s % 7) / 10.0;
            let all = frames(at, [130.0 + noise, -200.0 - noise, 70.0 + noise, noise], 50.0);
            let image = ingest(&mut telemetry, &site, &all, at.mono);
            last = Some((at, believe(&mut belief, &site, &image, &all, at)));
        }
        let (at, state) = last.unwrap();
        let kwh = state.assets[BATTERY].today.energy.kwh();
        assert!(kwh > 0.0, "{kwh}");
        let mut day = Day::default();
        let mut assets = state.assets.clone();
        let _ = day.advance(&site, at, &mut assets);
        let later = Now { park: at.park.plus_s(60.0), ..at };
        let _ = day.advance(&site, later, &mut assets);
        let one_minute = assets[BATTERY].today.energy.kwh();
        let expected = state.assets[BATTERY].ports[0].measured.unwrap().abs() / 60.0;
        assert!((one_minute - expected).abs() < 1e-9, "{one_minute} against {expected}");
        let tomorrow = Now { park: at.park.plus_s(86_400.0), ..at };
        let co2 = day.advance(&site, tomorrow, &mut assets);
        assert_eq!((assets[BATTERY].today.energy.kwh(), co2), (0.0, 0.0));
    }

    /// The sample with another kind for one of its assets, all powers `kw` at its principal port.
    fn assets(site: &Site, kw: impl Fn(usize) -> f64) -> Vec<AssetState> {
        let (mut belief, mut telemetry) = (Belief::default(), Telemetry::default());
        let at = now(1.0);
        let all = frames(at, [1.0, -1.0, 1.0, 1.0], 50.0);
        let image = ingest(&mut telemetry, site, &all, at.mono);
        let mut assets = believe(&mut belief, site, &image, &all, at).assets;
        for (i, own) in assets.iter_mut().enumerate() {
            for port in &mut own.ports {
                (port.measured, port.power) = (Ok(kw(i)), crate::units::Power::from_kw(kw(i)));
            }
        }
        assets
    }

    #[test]
    fn a_window_counts_from_its_opening_over_midnight() {
        let mut site = site();
        site.zone = jiff::tz::TimeZone::UTC;
        site.assets[BATTERY].kind = Kind::Batch(crate::site::kinds::Batch {
            rated_kw: 60.0,
            run_min: 90,
            earliest_h: 22.0,
            deadline_h: 6.0,
            ..Default::default()
        });
        let mut day = Day::default();
        // Friday 2026-07-17 12:00 UTC, in minutes.
        let mut counted = |minute: u32| {
            let at = Park::from_unix(1_784_289_600 + 60 * i64::from(minute));
            let mut assets = assets(&site, |_| -6.0);
            let _ = day.advance(&site, Now { park: at, ..now(0.0) }, &mut assets);
            (assets[BATTERY].today.windows.first().copied().map(Energy::kwh), assets[BATTERY].today.energy.kwh())
        };
        let all: Vec<_> = (0..=30 * 60).map(&mut counted).collect();
        let close = |(window, today): (Option<f64>, f64), expected: (f64, f64)| {
            assert!(
                (window.unwrap() - expected.0).abs() < 0.11 && (today - expected.1).abs() < 0.11,
                "{window:?} {today}"
            );
        };
        close(all[9 * 60], (54.0, 54.0));
        close(all[11 * 60], (6.0, 66.0));
        close(all[13 * 60], (18.0, 6.0));
        close(all[30 * 60], (120.0, 108.0));
    }

    #[test]
    fn hydrogen_counts_as_renewable_up_to_what_pv_could_have_made() {
        use crate::site::kinds::{Electrolyser, HydrogenOfftake};
        let mut site = site();
        site.assets[BATTERY].kind = Kind::Electrolyser(Electrolyser { efficiency: 0.6, ..Default::default() });
        let port = site.assets[BATTERY].ports[0].clone();
        site.assets[BATTERY].ports.push(port.clone());
        site.assets[LOAD].kind =
            Kind::HydrogenOfftake(HydrogenOfftake { max_kw: 50.0, hourly_matching: true, ..Default::default() });
        let mut day = Day::default();
        let mut hour = |pv: f64, hydrogen: f64, sold: f64, minutes: std::ops::RangeInclusive<i64>| {
            let mut held = 0.0;
            for minute in minutes {
                let powers = |i: usize| match i {
                    PV => pv,
                    BATTERY => hydrogen,
                    LOAD => -sold,
                    _ => 0.0,
                };
                let mut assets = assets(&site, powers);
                let at = Now { park: Park::from_unix(1_784_289_600 + 60 * minute), ..now(0.0) };
                let _ = day.advance(&site, at, &mut assets);
                held = assets[LOAD].today.matched.kwh();
            }
            held
        };
        assert!((hour(100.0, 40.0, 0.0, 0..=60) - 40.0).abs() < 1e-6, "all of it: 60 kW could have been made");
        assert!((hour(10.0, 40.0, 0.0, 61..=120) - 46.0).abs() < 1e-6, "6 kW could have been made");
        assert!((hour(0.0, 40.0, 16.0, 121..=180) - 30.0).abs() < 1e-6);
        assert!(hour(0.0, 0.0, 50.0, 181..=240).abs() < 1e-9, "never less than nothing");
    }
}
