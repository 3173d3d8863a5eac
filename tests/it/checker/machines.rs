//! Fuel, heat and by-products of a machine from its principal power.

use hexad::site::Kind;

use super::{Desk, KW};

/// The straight line through two loads; in proportion where they are one.
fn through(low: f64, rated: f64, at_low: f64, at_rated: f64, v: f64) -> f64 {
    if low <= 0.0 || rated - low < 1e-6 * rated {
        return at_rated * v / rated;
    }
    at_low + (v - low) / (rated - low) * (at_rated - at_low)
}

fn wear(kind: &Kind) -> f64 {
    match kind {
        Kind::Chp(k) => k.wear_per_kwh,
        Kind::Genset(k) => k.wear_per_kwh,
        Kind::Electrolyser(k) => k.wear_per_kwh,
        Kind::FuelCell(k) => k.wear_per_kwh,
        _ => 0.0,
    }
}

impl Desk<'_> {
    /// Ports by number with what they should carry while the machine runs at `v`; curves are walked elsewhere.
    fn expected(&self, ix: usize, v: f64) -> Vec<(usize, f64)> {
        match &self.input.site.assets[ix].kind {
            Kind::Chp(k) => {
                let low = k.rated_kw * k.commitment.min_load;
                let mut list = vec![(1, through(low, k.rated_kw, k.heat_kw_min_load, k.heat_kw, v))];
                if k.efficiency_curve.is_empty() {
                    let at_low = low / k.electric_efficiency_min_load;
                    list.push((2, -through(low, k.rated_kw, at_low, k.rated_kw / k.electric_efficiency, v)));
                }
                list
            }
            Kind::Boiler(k) if k.efficiency_curve.is_empty() => vec![(1, -v / k.efficiency)],
            Kind::AbsorptionChiller(k) => vec![(2, -v * k.auxiliary_kw_per_kw)],
            Kind::HeatExchanger(k) => vec![(1, -v / k.efficiency)],
            Kind::Electrolyser(k) if k.heat_bus.is_some() => vec![(2, v * k.heat_share)],
            Kind::FuelCell(k) if k.heat_bus.is_some() => vec![(2, v * k.heat_share)],
            _ => vec![],
        }
    }

    pub(super) fn machine(&mut self, ix: usize) {
        let (id, input) = (self.id(ix), self.input);
        let kind = &input.site.assets[ix].kind;
        let exchanger = matches!(kind, Kind::HeatExchanger(_));
        if !exchanger && !self.available(ix) {
            return self.held(ix, false);
        }
        let p = &self.plan.assets[ix];
        if kind.commitment().is_some() && p.on.len() != self.n {
            return self.fault(format!("{id}: no commitment"));
        }
        for t in 0..self.n {
            let on = p.on.get(t).copied().unwrap_or(true);
            let v = self.loaded(ix, t);
            self.pay("wear", v * wear(kind) * self.hours[t]);
            if t >= self.whole {
                continue;
            }
            if !on {
                if p.power_kw.iter().any(|q| q[t].abs() > KW) {
                    self.fault(format!("{id} {t}: power while off"));
                }
                continue;
            }
            if !self.stands_by(ix, t) {
                self.own_fuel(ix, v, t);
            }
            for (port, want) in self.expected(ix, v) {
                let got = self.power(ix, port, t);
                if (got - want).abs() > KW {
                    self.fault(format!("{id} {t}: port {port} at {got:.3} instead of {want:.3}"));
                }
            }
        }
        self.commitment(ix);
    }

    /// On, and told to do nothing.
    pub(super) fn stands_by(&self, ix: usize, t: usize) -> bool {
        let Kind::Electrolyser(k) = &self.input.site.assets[ix].kind else { return false };
        let v = self.power(ix, 0, t).abs();
        k.standby_kw > 0.0
            && self.plan.assets[ix].on[t]
            && (v - k.standby_kw).abs() < KW / 10.0
            && self.power(ix, 1, t).abs() < KW / 10.0
    }

    /// Principal power without what standing by takes.
    pub(super) fn loaded(&self, ix: usize, t: usize) -> f64 {
        if self.stands_by(ix, t) { 0.0 } else { self.power(ix, 0, t).abs() }
    }

    /// Fuel from a tank of its own.
    fn own_fuel(&mut self, ix: usize, v: f64, t: usize) {
        let Kind::Genset(k) = &self.input.site.assets[ix].kind else { return };
        if k.gas_bus.is_none() {
            let low = k.rated_kw * k.commitment.min_load;
            let fuel = through(low, k.rated_kw, low / k.efficiency_min_load, k.rated_kw / k.efficiency, v);
            let price = k.fuel_price_per_kwh + k.fuel_co2_kg_per_kwh * self.input.site.values.co2_per_kg;
            self.pay("own fuel", fuel * price * self.hours[t]);
        }
    }

    /// What is out of the dispatch goes on as measured; a store for one interval only.
    pub(super) fn held(&mut self, ix: usize, store: bool) {
        let state = &self.input.state.assets[ix];
        for (port, believed) in state.ports.iter().enumerate() {
            for t in 0..self.n {
                let v = self.power(ix, port, t);
                let want =
                    believed.measured.ok().filter(|v| v.is_finite()).map(|m| if store && t > 0 { 0.0 } else { m });
                if want.is_some_and(|w| (v - w).abs() > KW) {
                    let id = self.id(ix);
                    self.fault(format!("{id} {t}: out of the dispatch, {v:.2} kW planned, {want:?} measured"));
                }
            }
        }
    }
}
