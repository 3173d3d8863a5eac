//! Every bus in every interval: what is short was taken from its consumers, the cheapest first; what is over is surplus.

use hexad::site::kinds::Tier;
use hexad::site::{Carrier, Kind};

use super::{Desk, KW};

impl Desk<'_> {
    pub(super) fn balances(&mut self) {
        for b in 0..self.input.site.buses.len() {
            for t in 0..self.n {
                self.balance(b, t);
            }
        }
    }

    fn balance(&mut self, b: usize, t: usize) {
        let input = self.input;
        let (site, values) = (input.site, &input.site.values);
        let bus = &site.buses[b];
        let mut sum = 0.0;
        let mut who = vec![format!("bus {}", bus.id)];
        // (value per kWh, most that can be missing)
        let mut consumers: Vec<(f64, f64)> = Vec::new();
        for (ix, asset) in site.assets.iter().enumerate() {
            let here = asset.ports.iter().enumerate().filter(|(_, p)| p.bus.0 == b);
            sum += here.map(|(i, _)| self.power(ix, i, t)).sum::<f64>();
            if let Kind::Load(k) = &asset.kind
                && asset.ports[0].bus.0 == b
                && !self.sheds(ix, k)
            {
                let wanted = self.signal(ix, false)[t];
                consumers.push((self.lost(bus.carrier, k.tier) * self.patience(bus.carrier, t), wanted));
                who.push(asset.id.clone());
            }
            if matches!(asset.kind, Kind::Batch(_)) && asset.ports[0].bus.0 == b && !self.waits(ix) {
                let value = self.lost(bus.carrier, Tier::Normal) * self.patience(bus.carrier, t);
                consumers.push((value, -self.power(ix, 0, t)));
                who.push(asset.id.clone());
            }
        }
        let admitted: f64 = self
            .plan
            .slacks
            .iter()
            .filter(|s| s.interval == t && (s.what.contains(&bus.id) || who.iter().any(|w| s.what.contains(w))))
            .map(|s| s.amount)
            .sum();
        if sum.abs() > KW + admitted {
            self.fault(format!("bus {} {t}: balance open by {sum:.3} kW, {admitted:.3} admitted", bus.id));
        }
        consumers.push((self.lost(bus.carrier, Tier::Critical), f64::INFINITY));
        consumers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let who: Vec<&str> = who.iter().map(String::as_str).collect();
        // What nobody takes of CO2 is vented, at the price of what is emitted.
        let surplus = if bus.carrier == Carrier::Co2 { values.co2_per_kg } else { values.surplus_per_kwh };
        self.gives_way("surplus", &who, t, sum.max(0.0), surplus);
        let mut short = (-sum).max(0.0);
        for (value, most) in consumers {
            let kw = short.min(most);
            self.gives_way("not served", &who, t, kw, value);
            short -= kw;
        }
    }

    fn lost(&self, carrier: Carrier, tier: Tier) -> f64 {
        let v = &self.input.site.values;
        match carrier {
            Carrier::Heat => v.lost_heat_per_kwh,
            Carrier::Cooling => v.lost_cooling_per_kwh,
            Carrier::Hydrogen | Carrier::Co2 => v.lost_hydrogen_per_kwh,
            Carrier::Electricity | Carrier::Gas => self.lost_load(tier),
        }
    }

    /// While the grid is away, electric load lost an hour later counts a hundredth less, down to a half.
    pub(super) fn patience(&self, carrier: Carrier, t: usize) -> f64 {
        let there = !self.input.islanded && self.input.horizon.grid_available.get(t).copied().unwrap_or(true);
        if there || carrier != Carrier::Electricity { 1.0 } else { (1.0 - 0.01 * self.begin[t]).max(0.5) }
    }

    pub(super) fn lost_load(&self, tier: Tier) -> f64 {
        let v = &self.input.site.values;
        match tier {
            Tier::Critical => v.lost_load_critical_per_kwh,
            Tier::Normal => v.lost_load_normal_per_kwh,
            Tier::Sheddable => v.lost_load_sheddable_per_kwh,
        }
    }

    pub(super) fn lost_of(&self, ix: usize, tier: Tier) -> f64 {
        self.lost(self.input.site.buses[self.input.site.assets[ix].ports[0].bus.0].carrier, tier)
    }
}
