//! What is wanted, what is taken instead, and what the difference costs.

use hexad::site::Point;
use hexad::site::kinds::{EvCharger, FlexibleLoad, Load, Tier};

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
        let price = self.lost_of(ix, k.tier);
        for (t, want) in wish.iter().enumerate() {
            let taken = self.taken(ix, t, if sheds { 0.0 } else { *want }, *want);
            if sheds {
                let id = self.id(ix);
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
}
