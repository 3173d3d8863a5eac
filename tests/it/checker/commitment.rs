//! Starts, stops and how long a machine stays as it is.

use super::Desk;

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
                self.pay("starts", c.start_cost);
            }
            (is_on, since_h) = (Some(on[t]), Some(self.begin[t]));
        }
    }
}
