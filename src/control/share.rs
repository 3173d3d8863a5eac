//! What deviates from the plan is shared out by price: a one-step dispatch with a quadratic pull towards the plan.
//!
//! Minimise `C(pcc - sum d) + sum (m_i(d_i) + w_i d_i^2 / 2)` over deviations `d_i` within bounds, where `C` is what
//! the PCC's energy costs (import price above 0, export price below, steep outside the limits). The optimum has one
//! price for all, `lambda`; every `d_i(lambda)` is monotone, so it is found by bisection. The scheme is the
//! textbook's equal incremental cost (e.g. Wood, Wollenberg, Sheble, "Power Generation, Operation and Control", ch. 3).

/// Price at which a limit is kept whatever it costs.
const STEEP: f64 = 1.0e3;
/// Halvings of the price interval: far below a watt.
const HALVINGS: usize = 60;

/// A unit that may deviate from its planned power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flexible {
    /// Planned injection, kW.
    pub planned_kw: f64,
    /// Lowest injection now, kW.
    pub min_kw: f64,
    /// Highest injection now, kW.
    pub max_kw: f64,
    /// Marginal cost of one more kWh while injecting (discharge, generation, load withheld), currency per kWh.
    pub up_per_kwh: f64,
    /// Marginal worth of one less kWh while drawing (charge), currency per kWh; at most `up_per_kwh`.
    pub down_per_kwh: f64,
    /// Pull towards the plan, currency per kWh and kW.
    pub pull: f64,
}

impl Flexible {
    /// The power it takes at a common price.
    fn at(&self, lambda: f64) -> f64 {
        let free = |cost: f64| self.planned_kw + (lambda - cost) / self.pull;
        let (inject, draw) = (free(self.up_per_kwh), free(self.down_per_kwh));
        let power = if inject > 0.0 {
            inject
        } else if draw < 0.0 {
            draw
        } else {
            0.0
        };
        power.min(self.max_kw).max(self.min_kw)
    }
}

/// The PCC as a market: prices, and the limits of import.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Market {
    /// Import if every unit held its plan, kW (negative: export).
    pub import_kw: f64,
    /// Price of import, currency per kWh.
    pub import_price: f64,
    /// Paid for export, currency per kWh; at most the import price.
    pub export_price: f64,
    /// Highest import, kW.
    pub import_max_kw: f64,
    /// Lowest import (the export limit, negative), kW.
    pub import_min_kw: f64,
}

/// The powers of the units, parallel to `units`, and the common price.
#[must_use]
pub fn share(market: &Market, units: &[Flexible]) -> (Vec<f64>, f64) {
    let import_at = |lambda: f64| market.import_kw - units.iter().map(|u| u.at(lambda) - u.planned_kw).sum::<f64>();
    let (buy, sell) = (market.import_price.max(market.export_price), market.export_price);
    let lambda = if import_at(buy) > market.import_max_kw {
        reach(import_at, buy, STEEP, market.import_max_kw)
    } else if import_at(buy) >= 0.0 {
        buy
    } else if import_at(sell) < market.import_min_kw {
        reach(import_at, -STEEP, sell, market.import_min_kw)
    } else if import_at(sell) <= 0.0 {
        sell
    } else {
        reach(import_at, sell, buy, 0.0)
    };
    (units.iter().map(|u| u.at(lambda)).collect(), lambda)
}

/// The price in `[low, high]` at which the (falling) import meets `target`; the nearer end if it cannot.
fn reach(import_at: impl Fn(f64) -> f64, mut low: f64, mut high: f64, target: f64) -> f64 {
    for _ in 0..HALVINGS {
        let mid = 0.5 * (low + high);
        if import_at(mid) > target {
            low = mid;
        } else {
            high = mid;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn battery(planned_kw: f64) -> Flexible {
        Flexible { planned_kw, min_kw: -250.0, max_kw: 250.0, up_per_kwh: 0.7, down_per_kwh: 0.6, pull: 0.001 }
    }
    fn market(import_kw: f64) -> Market {
        Market { import_kw, import_price: 0.7, export_price: 0.3, import_max_kw: 900.0, import_min_kw: -500.0 }
    }

    #[test]
    fn holds_the_plan_while_prices_agree() {
        let (p, lambda) = share(&market(200.0), &[battery(100.0)]);
        assert!((p[0] - 100.0).abs() < 1e-6 && (lambda - 0.7).abs() < 1e-9, "{p:?} {lambda}");
    }

    #[test]
    fn discharge_is_cut_rather_than_exported_cheaply() {
        let (p, lambda) = share(&market(-50.0), &[battery(100.0)]);
        assert!((p[0] - 50.0).abs() < 1e-3, "{p:?}");
        assert!(lambda > 0.3 && lambda < 0.7);
    }

    #[test]
    fn the_import_limit_is_kept_by_all_within_their_bounds() {
        let ev = Flexible {
            planned_kw: -100.0,
            min_kw: -100.0,
            max_kw: 0.0,
            up_per_kwh: 0.9,
            down_per_kwh: 0.9,
            pull: 0.002,
        };
        let (p, _) = share(&market(1100.0), &[battery(0.0), ev]);
        let import = 1100.0 - p[0] - (p[1] + 100.0);
        assert!((import - 900.0).abs() < 1e-3, "{p:?}");
        let (p, _) = share(&market(2000.0), &[battery(0.0), ev]);
        assert_eq!((p[0], p[1]), (250.0, 0.0));
    }

    #[test]
    fn the_export_limit_charges_then_curtails() {
        let pv =
            Flexible { planned_kw: 500.0, min_kw: 0.0, max_kw: 500.0, up_per_kwh: 0.0, down_per_kwh: 0.0, pull: 0.001 };
        let (p, _) = share(&market(-900.0), &[battery(0.0), pv]);
        assert!((-900.0 - p[0] - (p[1] - 500.0) + 500.0).abs() < 1e-3, "{p:?}");
        assert!(p[0] < -200.0);
    }
}
