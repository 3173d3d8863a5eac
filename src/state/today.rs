//! What counts by the day of the site's calendar: starts, energy through an asset, CO2.

use serde::{Deserialize, Serialize};

use super::AssetState;
use crate::site::{Kind, Site};
use crate::units::{Energy, Now, Park};

/// A longer step than this was slept through: what flowed in it is not known.
const GAP_S: f64 = 900.0;

/// One asset since local midnight, as far as it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Today {
    /// Starts of a machine.
    pub starts: u32,
    /// Energy through the principal port in either direction.
    pub energy: Energy,
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
        self.last = Some(now.park);
        // A clock that is not set tells no day (F36).
        if now.synchronised {
            let local = now.park.0.to_zoned_datetime(site.zone.clone());
            let date = Some((local.year(), local.day_of_year()));
            if self.date != date {
                (self.date, self.co2_kg) = (date, 0.0);
                self.assets.iter_mut().for_each(|(today, _)| *today = Today::default());
            }
        }
        if self.assets.len() != assets.len() {
            let starts = |a: &AssetState| a.running.map_or(0, |r| r.starts);
            self.assets = assets.iter().map(|a| (Today::default(), starts(a))).collect();
        }
        for ((today, seen), own) in self.assets.iter_mut().zip(assets.iter_mut()) {
            if let Some(running) = own.running {
                today.starts += running.starts.saturating_sub(*seen);
                *seen = running.starts;
            }
            let kw = own.ports.first().and_then(|p| p.measured.ok()).unwrap_or_default();
            today.energy += Energy::from_kwh(kw.abs() * hours);
            own.today = *today;
        }
        self.co2_kg += hours * emission_kg_per_h(site, assets);
        self.co2_kg
    }
}

/// What the supplies that are measured emit at this moment, kg/h.
fn emission_kg_per_h(site: &Site, assets: &[AssetState]) -> f64 {
    let of = |(asset, own): (&crate::site::Asset, &AssetState)| {
        let kw = own.ports.first()?.measured.ok()?.max(0.0);
        Some(match &asset.kind {
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
    use crate::site::sample::{BATTERY, frames, now, site};
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
}
