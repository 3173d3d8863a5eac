//! Energy from interval to interval by the powers alone, its window, its reserve, its wear, and what is left.

use hexad::site::Kind;

use super::{Desk, KW};

/// A kWh missing from a reserve for an hour costs this share of one not delivered.
const RESERVE_SHARE: f64 = 0.1;
/// A battery that closes an island keeps so much of its window.
const ISLAND_RESERVE: f64 = 0.1;

/// What a store's numbers say.
struct Nature {
    low: f64,
    high: f64,
    charge: f64,
    discharge: f64,
    loss: f64,
    wear: f64,
    reserve: f64,
    reserve_price: f64,
}

impl Desk<'_> {
    fn nature(&self, ix: usize, capacity: f64) -> Nature {
        let input = self.input;
        let v = &input.site.values;
        let plain = Nature {
            low: 0.0,
            high: capacity,
            charge: 1.0,
            discharge: 1.0,
            loss: 0.0,
            wear: 0.0,
            reserve: 0.0,
            reserve_price: 0.0,
        };
        match &input.site.assets[ix].kind {
            Kind::Battery(k) => {
                let bus = &input.site.buses[input.site.assets[ix].ports[0].bus.0];
                let forming = input.islanded && bus.closed_by_islanded.is_some_and(|a| a.0 == ix);
                Nature {
                    low: k.soc_min * capacity,
                    high: k.soc_max * capacity,
                    charge: k.charge_efficiency,
                    discharge: k.discharge_efficiency,
                    wear: k.wear_per_kwh,
                    reserve: (k.soc_min + ISLAND_RESERVE * (k.soc_max - k.soc_min)) * capacity,
                    reserve_price: if forming { RESERVE_SHARE * v.lost_load_normal_per_kwh } else { 0.0 },
                    ..plain
                }
            }
            Kind::HeatTank(k) => Nature {
                loss: k.loss_per_h,
                reserve: k.reserve * capacity,
                reserve_price: RESERVE_SHARE * v.lost_heat_per_kwh,
                ..plain
            },
            Kind::ColdTank(k) => Nature {
                loss: k.loss_per_h,
                reserve: k.reserve * capacity,
                reserve_price: RESERVE_SHARE * v.lost_cooling_per_kwh,
                ..plain
            },
            Kind::HydrogenTank(k) => Nature {
                reserve: k.reserve * capacity,
                reserve_price: RESERVE_SHARE * v.lost_hydrogen_per_kwh,
                ..plain
            },
            _ => plain,
        }
    }

    pub(super) fn store(&mut self, ix: usize) {
        let (id, input) = (self.id(ix), self.input);
        let (asset, state) = (&input.site.assets[ix], &input.state.assets[ix]);
        let capacity = asset.kind.capacity().unwrap().kwh();
        let known = state.energy.and_then(Result::ok).filter(|e| e.is_finite() && self.available(ix));
        let Some(first) = known else { return self.held(ix, true) };
        let s = self.nature(ix, capacity);
        let planned = &self.plan.assets[ix].energy_kwh;
        if planned.len() != self.n {
            return self.fault(format!("{id}: no energies"));
        }
        let (below, above) = (first < s.low - 1e-6, first > s.high + 1e-6);
        let outside = input.site.values.lost_load_sheddable_per_kwh;
        let mut energy = first;
        for (t, plan_kwh) in planned.iter().copied().enumerate() {
            let (v, h) = (self.power(ix, 0, t), self.hours[t]);
            let change = if v > 0.0 { -v / s.discharge } else { -v * s.charge };
            energy = energy * (1.0 - s.loss).powf(h) + change * h;
            let close = 0.02 + 1e-4 * capacity * h;
            if (energy - plan_kwh).abs() > close && self.exact(ix, t) {
                self.fault(format!("{id} {t}: energy {:.3} planned, {energy:.3} by its powers", plan_kwh));
            }
            energy = plan_kwh;
            let (missing, excess) = ((s.low - energy).max(0.0), (energy - s.high).max(0.0));
            if missing > 2.0 * KW && !below || excess > 2.0 * KW && !above {
                self.fault(format!("{id} {t}: {energy:.2} kWh outside [{:.1}, {:.1}]", s.low, s.high));
            }
            self.gives_way("outside its window", &[id], t, missing + excess, outside);
            self.pay("wear", v.max(0.0) * s.wear * h);
            self.pay("reserve of stores", (s.reserve - energy).max(0.0) * s.reserve_price * h);
            if t == 0 && (v > state.max.kw().max(0.0) + KW || v < state.min.kw().min(0.0) - KW) {
                self.fault(format!("{id} 0: {v:.2} kW, its device allows [{}, {}]", state.min, state.max));
            }
        }
        self.pay("end", (first - energy) * self.end_values[ix]);
    }

    /// Whether a mix of charging and discharging cannot stand behind a mean power here.
    fn exact(&self, _ix: usize, t: usize) -> bool {
        t < self.whole
    }
}
