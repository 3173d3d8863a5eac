//! Starts, stops and how long a machine stays as it is; what is counted by the day; the way from the power of now.

use hexad::site::Kind;
use hexad::site::kinds::Commitment;

use super::{Desk, KW, along};

/// Heat beyond what its source gives costs so many times heat not delivered.
const OVER_SOURCE: f64 = 2.0;
/// What no machine can do costs so many times the dearest load.
const BEYOND_PHYSICS: f64 = 1.5;

/// A start after so many hours of rest.
fn start_cost(c: &Commitment, rested_h: f64) -> f64 {
    let cold = c.long_rest.iter().rev().find(|r| rested_h >= f64::from(r.after_min) / 60.0 - 1e-6);
    cold.map_or(c.start_cost, |r| r.start_cost)
}

impl Desk<'_> {
    /// Walks the switches: each stretch that ends within the whole part must have lasted long enough.
    pub(super) fn commitment(&mut self, ix: usize) {
        let (id, input) = (self.id(ix), self.input);
        let Some(c) = input.site.assets[ix].kind.commitment() else { return };
        let on = &self.plan.assets[ix].on;
        let now = input.state.now.park;
        let running = input.state.assets[ix].running;
        // (runs, since when in hours from now); either may not be known.
        let mut is_on = running.map(|r| r.on);
        let mut since_h = running.map(|r| r.since.seconds_since(now) / 3600.0);
        let mut starts = vec![0.0; self.n];
        for t in 0..self.whole {
            let Some(was) = is_on else {
                is_on = Some(on[t]);
                continue;
            };
            if was == on[t] {
                continue;
            }
            let least = f64::from(if was { c.min_up_min } else { c.min_down_min }) / 60.0;
            if let Some(lasted) = since_h.map(|s| self.begin[t] - s).filter(|h| *h < least - 1e-6) {
                self.fault(format!("{id} {t}: switched after {lasted:.2} h of {least:.2}"));
            }
            if on[t] {
                // A machine that nothing is known of is taken to have run until now.
                self.pay("starts", start_cost(c, self.begin[t] - since_h.unwrap_or(0.0)));
                starts[t] = 1.0;
            }
            (is_on, since_h) = (Some(on[t]), Some(self.begin[t]));
        }
        if let Some(most) = c.starts_per_day {
            self.starts_of_days(ix, &starts, f64::from(most));
        }
        self.source_of_days(ix);
        self.ramp_from_now(ix, c.min_load * input.site.assets[ix].kind.rated().kw());
    }

    fn starts_of_days(&mut self, ix: usize, starts: &[f64], most: f64) {
        let (id, input) = (self.id(ix), self.input);
        let price = input.site.values.lost_load_normal_per_kwh * input.site.assets[ix].kind.rated().kw();
        let mut before = f64::from(input.state.assets[ix].today.starts);
        for day in self.days() {
            let count: f64 = day.iter().map(|t| starts[*t]).sum();
            self.gives_way_once("starts of a day", id, (count - (most - before).max(0.0)).max(0.0), price);
            before = 0.0;
        }
    }

    /// COP by the temperature of its source.
    fn cop(&self, ix: usize, t: usize) -> f64 {
        let input = self.input;
        let Kind::HeatPump(k) = &input.site.assets[ix].kind else { return 1.0 };
        if k.cop_curve.is_empty() {
            return k.cop;
        }
        let bus = k.source_bus.as_ref().and_then(|b| input.site.buses.iter().find(|x| x.id == *b)?.supply_c);
        let air = input.horizon.outdoor_c.as_ref().map(|c| c[t]);
        let worst = k.cop_curve.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min);
        k.source_c.or(bus).or(air).map_or(worst, |c| along(&k.cop_curve, c))
    }

    fn source_of_days(&mut self, ix: usize) {
        let (id, input) = (self.id(ix), self.input);
        let Kind::HeatPump(k) = &input.site.assets[ix].kind else { return };
        let Some(budget) = k.source_kwh_per_day else { return };
        let mut before = input.state.assets[ix].today.energy.kwh() * (1.0 - 1.0 / self.cop(ix, 0));
        for day in self.days() {
            let taken = |t: usize| self.power(ix, 0, t) * (1.0 - 1.0 / self.cop(ix, t)) * self.hours[t];
            let over = day.iter().map(|t| taken(*t)).sum::<f64>() - (budget - before).max(0.0);
            let price = OVER_SOURCE * input.site.values.lost_heat_per_kwh;
            self.gives_way_once("source of a day", id, over.max(0.0), price);
            before = 0.0;
        }
    }

    /// The first mean lies within the ramp from the power of now, or no machine could follow; which has its price.
    fn ramp_from_now(&mut self, ix: usize, min: f64) {
        let (id, input) = (self.id(ix), self.input);
        let (kind, state) = (&input.site.assets[ix].kind, &input.state.assets[ix]);
        if self.whole == 0 || matches!(kind, Kind::HeatPump(k) if !k.steps.is_empty()) {
            return;
        }
        let half = kind.ramp_kw_per_s().unwrap_or(f64::INFINITY) * 3600.0 * self.hours[0] / 2.0;
        let measured = state.ports[0].measured.ok().map(f64::abs);
        let standby = if let Kind::Electrolyser(k) = kind { 1.01 * k.standby_kw } else { 0.0 };
        let now = match state.running.is_some_and(|r| !r.on) {
            true => Some(0.0),
            false => measured.map(|kw| if kw > standby { kw } else { 0.0 }),
        };
        let Some(now) = now else { return };
        let (v, edge) = (self.loaded(ix, 0), min + half);
        let runs = self.plan.assets[ix].on[0] && !self.stands_by(ix, 0);
        let high = if now > 0.0 { now.max(min) + half } else { edge };
        let over = (v - high).max(0.0);
        let under = if runs { now - half - v } else { now - edge }.max(0.0);
        let price = BEYOND_PHYSICS * input.site.values.lost_load_critical_per_kwh;
        self.gives_way("ramp from now", &[id], 0, over + under, price);
        if !(over + under).is_finite() || v < -KW {
            self.fault(format!("{id} 0: {v}"));
        }
    }
}
