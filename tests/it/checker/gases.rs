//! Hydrogen and CO2 on their way out.

use hexad::site::Point;
use hexad::site::WHOLE_DAY;
use hexad::site::kinds::{CarbonCapture, Co2Hub, HydrogenOfftake};

use super::{Desk, KW};

impl Desk<'_> {
    pub(super) fn offtake(&mut self, ix: usize, k: &HydrogenOfftake) {
        if !self.available(ix) {
            return self.held(ix, false);
        }
        for t in 0..self.n {
            self.pay("sold", self.power(ix, 0, t) * k.price_per_kwh * self.hours[t]);
        }
        if k.kwh_per_day <= 0.0 {
            return;
        }
        // What the rest of a day beyond the horizon can still deliver is not owed within it.
        for (from, to) in self.spans(&WHOLE_DAY) {
            let before = if from <= 0.0 { self.input.state.assets[ix].today.energy.kwh() } else { 0.0 };
            let later = k.max_kw * (to - self.end_h()).max(0.0);
            let now: f64 = (0..self.n).map(|t| -self.power(ix, 0, t) * self.overlap_h((from, to), t)).sum();
            let short = (k.kwh_per_day - before - later - now).max(0.0);
            let id = self.id(ix);
            self.gives_way_once("contract", id, short, k.shortfall_per_kwh);
        }
    }

    /// What is nominated by the local hour, quarter by quarter.
    pub(super) fn hub(&mut self, ix: usize, k: &Co2Hub) {
        if !self.available(ix) {
            return self.held(ix, false);
        }
        let input = self.input;
        for t in 0..self.n {
            let flow = -self.power(ix, 0, t);
            self.pay("sold", -flow * k.price_per_kg * self.hours[t]);
            let (mut low, mut high) = (0.0, 0.0);
            for (quarter, share) in self.plan.grid.intervals[t].quarters() {
                let at = hexad::units::Park::from_unix(quarter * 900);
                let hour = at.0.to_zoned_datetime(input.site.zone.clone()).hour();
                let holds = |h: &[[i8; 2]]| h.is_empty() || h.iter().any(|[a, b]| (*a..*b).contains(&hour));
                let found = k.nomination.iter().find(|n| input.state.now.synchronised && holds(&n.hours));
                low += share * found.map_or(0.0, |n| n.kg_per_h * (1.0 - k.tolerance));
                high +=
                    share * found.map_or(k.max_kg_per_h, |n| (n.kg_per_h * (1.0 + k.tolerance)).min(k.max_kg_per_h));
            }
            let off = (low - flow).max(flow - high).max(0.0);
            let id = self.id(ix);
            self.gives_way("nomination", &[id], t, off, k.deviation_per_kg);
        }
    }

    /// What is captured is not emitted, and its price was paid with the fuel.
    pub(super) fn capture(&mut self, ix: usize, k: &CarbonCapture) {
        if !self.steered(ix, &[Point::WMax]) {
            return self.held(ix, false);
        }
        for t in 0..self.n {
            let flow = self.power(ix, 1, t);
            self.pay("captured", -flow * self.input.site.values.co2_per_kg * self.hours[t]);
            if t < self.whole && flow > KW && flow < k.min_load * k.rated_kg_per_h - KW {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {flow:.2} kg/h is below its lowest flow"));
            }
            if k.heat_bus.is_some() && (self.power(ix, 2, t) + k.heat_kwh_per_kg * flow).abs() > KW {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {:.2} kW of heat for {flow:.2} kg/h", self.power(ix, 2, t)));
            }
        }
    }
}
