//! What is wanted, what is taken instead, and what the difference costs.

use hexad::site::Point;
use hexad::site::kinds::{Batch, EvCharger, FlexibleLoad, Load, Room, Tier};

use super::{Desk, KW};

const CAPS: [Point; 2] = [Point::WMax, Point::WSet];

impl Desk<'_> {
    /// It can be told to go off.
    pub(super) fn sheds(&self, ix: usize, k: &Load) -> bool {
        k.tier == Tier::Sheddable && self.steered(ix, &[Point::On])
    }

    /// Taken power and wish at `t`, and a fault where the power lies outside `[low, high]`.
    fn taken(&mut self, ix: usize, t: usize, low: f64, high: f64) -> f64 {
        let taken = -self.power(ix, 0, t);
        if taken < low - KW || taken > high + KW {
            let id = self.id(ix);
            self.fault(format!("{id} {t}: {taken:.3} kW taken outside [{low:.3}, {high:.3}]"));
        }
        taken
    }

    pub(super) fn load(&mut self, ix: usize, k: &Load) {
        let (wish, sheds) = (self.signal(ix, false), self.sheds(ix, k));
        let carrier = self.input.site.buses[self.input.site.assets[ix].ports[0].bus.0].carrier;
        let value = self.lost_of(ix, k.tier);
        for (t, want) in wish.iter().enumerate() {
            let taken = self.taken(ix, t, if sheds { 0.0 } else { *want }, *want);
            if sheds {
                let id = self.id(ix);
                let price = value * self.patience(carrier, t);
                self.gives_way("shed", &[id], t, (want - taken).max(0.0), price);
            }
        }
    }

    pub(super) fn flexible(&mut self, ix: usize, k: &FlexibleLoad) {
        let floor = if self.steered(ix, &CAPS) { k.floor } else { 1.0 };
        for (t, want) in self.signal(ix, false).into_iter().enumerate() {
            let taken = self.taken(ix, t, floor * want, want);
            self.pay("dimmed", (want - taken) * k.discomfort_per_kwh * self.hours[t]);
        }
    }

    /// Charging may wait and be made up for within the rating; what is still waiting at the end is lost.
    pub(super) fn charger(&mut self, ix: usize, k: &EvCharger) {
        let free = self.steered(ix, &CAPS);
        if !k.session.is_empty() {
            if free {
                self.stays(ix, k);
            }
            return;
        }
        let rated = f64::from(k.count) * k.charger_kw;
        let mut waiting = 0.0;
        for (t, want) in self.signal(ix, false).into_iter().enumerate() {
            let (low, high) = if free { (0.0, rated.max(want)) } else { (want, want) };
            let late = want - self.taken(ix, t, low, high);
            self.pay("delayed", late.max(0.0) * k.delay_per_kwh * self.hours[t]);
            waiting += late * self.hours[t];
            if waiting < -KW {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {:.2} kWh charged that nobody waits for", -waiting));
            }
        }
        self.pay("delayed", waiting.max(0.0) * self.lost_load(Tier::Sheddable));
    }

    /// Vehicles by their stays: an energy each by departure; what the horizon cuts off wants its share.
    fn stays(&mut self, ix: usize, k: &EvCharger) {
        let end_h = self.end_h();
        let windows = self.input.site.assets[ix].kind.windows();
        let mut stays: Vec<((f64, f64), usize)> =
            windows.iter().enumerate().flat_map(|(i, w)| self.spans(w).into_iter().map(move |s| (s, i))).collect();
        stays.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let (mut wanted, mut counted) = (0.0, 0.0);
        for ((from, to), i) in stays {
            let since = self.input.state.assets[ix].today.windows.get(i).filter(|_| from <= 0.0);
            let has = (since.map_or(0.0, |e| e.kwh()) - counted).clamp(0.0, k.session[i].energy_kwh);
            counted += has;
            let share = ((end_h - from.max(0.0)) / (to - from.max(0.0)).max(1e-9)).min(1.0);
            wanted += (k.session[i].energy_kwh - has) * share;
        }
        let taken: f64 = (0..self.n).map(|t| -self.power(ix, 0, t) * self.hours[t]).sum();
        let id = self.id(ix);
        if taken > wanted + 0.1 {
            self.fault(format!("{id}: {taken:.2} kWh charged, {wanted:.2} wanted"));
        }
        let price = self.lost_load(Tier::Sheddable);
        self.gives_way_once("left without", id, (wanted - taken).max(0.0), price);
    }

    /// Whether it waits for our word to begin.
    pub(super) fn waits(&self, ix: usize) -> bool {
        self.steered(ix, &[Point::On])
    }

    /// (still to be drawn of the run that has begun, kWh within the horizon; runs that are due).
    fn due(&self, ix: usize, k: &Batch) -> (f64, Vec<(f64, f64)>) {
        let own = &self.input.state.assets[ix];
        let run_h = f64::from(k.run_min) / 60.0;
        let drawn = own.today.windows.first().map_or(0.0, |e| e.kwh()) / (k.rated_kw * run_h);
        let draws = own.ports[0].measured.is_ok_and(|kw| kw.abs() > 0.5 * k.rated_kw);
        let spans: Vec<(f64, f64)> =
            self.input.site.assets[ix].kind.windows().iter().flat_map(|w| self.spans(w)).collect();
        let begun = draws || (drawn > 0.02 && spans.iter().any(|s| s.0 <= 0.0));
        let left_h = if begun && drawn < 0.98 { (1.0 - drawn) * run_h } else { 0.0 };
        let due = spans.into_iter().filter(|s| !(begun && s.0 <= 0.0)).collect();
        (left_h.min(self.end_h()) * k.rated_kw, due)
    }

    /// Each run that is due and not made is skipped at its price. What lies beyond the horizon is not for this account.
    pub(super) fn batch(&mut self, ix: usize, k: &Batch) {
        if !self.waits(ix) {
            return;
        }
        let (rest, due) = self.due(ix, k);
        let energy = k.rated_kw * f64::from(k.run_min) / 60.0;
        let drawn: f64 = (0..self.n).map(|t| -self.power(ix, 0, t) * self.hours[t]).sum();
        if due.iter().any(|d| d.1 > self.end_h()) {
            return self.pay("not accounted", 0.0);
        }
        let made = (drawn - rest) / energy;
        let skipped = due.len() as f64 - made;
        if skipped < -0.01 || (self.whole == self.n && (made - made.round()).abs() > 0.01) {
            let id = self.id(ix);
            self.fault(format!("{id}: {made:.2} runs of {}", due.len()));
        }
        self.pay("skipped", skipped * k.skipped_cost);
    }

    /// A room is a store of comfort; what its temperature does is walked elsewhere.
    pub(super) fn room(&mut self, ix: usize, k: &Room) {
        let (id, input) = (self.id(ix), self.input);
        let energy = input.state.assets[ix].energy.and_then(Result::ok).filter(|_| self.available(ix));
        let (Some(first), Some(_)) = (energy, &input.horizon.outdoor_c) else { return self.held(ix, false) };
        let planned = &self.plan.assets[ix].energy_kwh;
        if planned.len() != self.n {
            return self.fault(format!("{id}: no energies"));
        }
        let band = k.kwh_per_k * (k.comfort_c[1] - k.comfort_c[0]);
        for (t, energy) in planned.iter().enumerate() {
            let outside = (-energy).max(energy - band).max(0.0);
            self.gives_way("discomfort", &[id], t, outside, k.discomfort_per_k_h / k.kwh_per_k);
        }
        self.pay("end", (first - planned[self.n - 1]) * self.end_values[ix]);
    }
}
