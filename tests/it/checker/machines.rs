//! Fuel, heat and by-products of a machine from its principal power.

use hexad::site::Kind;

use super::{Desk, KW, along};

/// Source temperature of a machine, where nothing tells one.
fn through(low: f64, rated: f64, at_low: f64, at_rated: f64, v: f64) -> f64 {
    if low <= 0.0 || rated - low < 1e-6 * rated {
        return at_rated * v / rated;
    }
    at_low + (v - low) / (rated - low) * (at_rated - at_low)
}

/// Input for an output of `v`: straight between the points of an efficiency by share of the rating.
fn input_by(curve: &[[f64; 2]], nominal: f64, rated: f64, v: f64) -> f64 {
    if curve.is_empty() {
        return v / nominal;
    }
    let points: Vec<[f64; 2]> = curve.iter().map(|[s, e]| [s * rated, s * rated / e]).collect();
    let (first, last) = (points[0], points[points.len() - 1]);
    if v <= first[0] { v / curve[0][1] } else if v >= last[0] { v / curve[curve.len() - 1][1] } else { along(&points, v) }
}

impl Desk<'_> {
    /// Ports by number with what they should carry while the machine runs at `v`.
    fn expected(&self, ix: usize, v: f64) -> Vec<(usize, f64)> {
        match &self.input.site.assets[ix].kind {
            Kind::Chp(k) => {
                let low = k.rated_kw * k.commitment.min_load;
                let fuel = if k.efficiency_curve.is_empty() {
                    let at_low = low / k.electric_efficiency_min_load;
                    through(low, k.rated_kw, at_low, k.rated_kw / k.electric_efficiency, v)
                } else {
                    input_by(&k.efficiency_curve, k.electric_efficiency, k.rated_kw, v)
                };
                let mut list = vec![(1, through(low, k.rated_kw, k.heat_kw_min_load, k.heat_kw, v)), (2, -fuel)];
                if k.jacket_bus.is_some() {
                    list.push((3, through(low, k.rated_kw, k.jacket_kw_min_load, k.jacket_kw, v)));
                }
                list
            }
            Kind::Boiler(k) => vec![(1, -input_by(&k.efficiency_curve, k.efficiency, k.rated_kw, v))],
            Kind::HeatPump(k) => vec![(1, -v / k.cop)],
            Kind::Chiller(k) => vec![(1, -v / k.eer)],
            Kind::AbsorptionChiller(k) => vec![(1, -v / k.cop), (2, -v * k.auxiliary_kw_per_kw)],
            Kind::HeatExchanger(k) => vec![(1, -v / k.efficiency)],
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
        let wear = if let Kind::Chp(k) = kind { k.wear_per_kwh } else { 0.0 };
        for t in 0..self.n {
            let v = self.power(ix, 0, t);
            self.pay("wear", v.abs() * wear * self.hours[t]);
            if t >= self.whole {
                continue;
            }
            if !p.on.get(t).copied().unwrap_or(true) {
                if p.power_kw.iter().any(|q| q[t].abs() > KW) {
                    self.fault(format!("{id} {t}: power while off"));
                }
                continue;
            }
            for (port, want) in self.expected(ix, v) {
                let got = self.power(ix, port, t);
                if (got - want).abs() > KW {
                    self.fault(format!("{id} {t}: port {port} at {got:.3} instead of {want:.3}"));
                }
            }
            if let Some(c) = kind.commitment()
                && v.abs() < c.min_load * kind.rated().kw() - KW
            {
                self.fault(format!("{id} {t}: {v:.3} kW below minimum load"));
            }
        }
        self.commitment(ix);
    }

    /// What is out of the dispatch goes on as measured; a store for one interval only.
    pub(super) fn held(&mut self, ix: usize, store: bool) {
        let state = &self.input.state.assets[ix];
        for (port, believed) in state.ports.iter().enumerate() {
            for t in 0..self.n {
                let v = self.power(ix, port, t);
                let want = believed.measured.ok().filter(|v| v.is_finite()).map(|m| if store && t > 0 { 0.0 } else { m });
                if want.is_some_and(|w| (v - w).abs() > KW) {
                    let id = self.id(ix);
                    self.fault(format!("{id} {t}: out of the dispatch, {v:.2} kW planned, {want:?} measured"));
                }
            }
        }
    }
}
