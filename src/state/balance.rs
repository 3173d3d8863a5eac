//! The balance of a bus as a witness: when all its injections are measured they must add up, and the meter whose
//! reversal explains what is missing is named.

use serde::{Deserialize, Serialize};

use crate::site::{BusIx, Carrier, Reason, Site, Value};

/// Time constant of the averages, seconds of the cycle's own clock: longer than any skew between polls.
const AVERAGE_S: f64 = 20.0;
/// Evidence must stand this long.
const CONFIRM_S: f64 = 15.0;
/// ... and this long on a bus of water, where no reversal explains it: pipes and headers take up and give back heat for as
/// long as a machine has to stay above its minimum load.
const CONFIRM_WATER_S: f64 = 1800.0;
/// Open by more than this share of the bus's throughput ...
const OPEN_SHARE: f64 = 0.06;
/// ... and of the largest rating on it: below lies the sum of meter errors (electricity) ...
const OPEN_RATING: f64 = 0.02;
/// ... and, for heat, cooling and gas, what the water in the pipes and slow meters take up.
const OPEN_RATING_SLOW: f64 = 0.06;
/// A reversal explains the gap when it leaves less than this share of it.
const EXPLAINED: f64 = 0.3;

/// What the balance says about one bus.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Finding {
    /// Adds up, or cannot be told.
    Closed,
    /// Does not add up, by this many kW on average.
    Open {
        /// Mean residual, kW.
        residual_kw: f64,
    },
    /// Adds up if this asset's measurement is reversed.
    Reversed {
        /// Which asset.
        asset: usize,
        /// Which of its ports.
        port: usize,
        /// Mean residual, kW.
        residual_kw: f64,
    },
}

/// Running evidence of one bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suspicion {
    mean: f64,
    square: f64,
    throughput: f64,
    /// Mean square of (residual - 2 p) per candidate, in the order of the bus's ports.
    reversed: Vec<f64>,
    weight: f64,
    open_for_s: f64,
}

impl Suspicion {
    /// The bus's residual now (reason if any injection is unknown), and what the evidence so far says.
    pub fn weigh(&mut self, site: &Site, bus: BusIx, flows: &[Vec<Value>], dt_s: f64) -> (Value, Finding) {
        let ports = ports_of(site, bus);
        let mut measured = Vec::with_capacity(ports.len());
        for (asset, port) in &ports {
            match flows.get(*asset).and_then(|f| f.get(*port)) {
                Some(Ok(kw)) => measured.push(*kw),
                Some(Err(reason)) => return (Err(*reason), self.standing(&ports)),
                None => return (Err(Reason::InputUnknown), self.standing(&ports)),
            }
        }
        let residual: f64 = measured.iter().sum();
        self.average(&measured, residual, dt_s);
        let rating = ports
            .iter()
            .filter_map(|(a, p)| site.assets.get(*a)?.ports.get(*p))
            .map(|p| p.rating.kw())
            .fold(0.0, f64::max);
        let carrier = site.buses.get(bus.0).map(|b| b.carrier);
        let share = if carrier == Some(Carrier::Electricity) { OPEN_RATING } else { OPEN_RATING_SLOW };
        let water = matches!(carrier, Some(Carrier::Heat | Carrier::Cooling));
        let limit = (OPEN_SHARE * self.throughput).max(share * rating);
        if self.mean.abs() > limit {
            self.open_for_s += dt_s;
        } else {
            self.open_for_s = 0.0;
        }
        (Ok(residual), self.finding(&ports, if water { CONFIRM_WATER_S } else { CONFIRM_S }))
    }

    fn average(&mut self, measured: &[f64], residual: f64, dt_s: f64) {
        if self.reversed.len() != measured.len() {
            *self = Self { reversed: vec![0.0; measured.len()], ..Self::default() };
        }
        // A plain mean until the window is full, exponential from there: the first seconds count, none of them too much.
        self.weight = (self.weight + dt_s).min(AVERAGE_S);
        let gain = if self.weight > 0.0 { (dt_s / self.weight).min(1.0) } else { 0.0 };
        let blend = |old: &mut f64, new: f64| *old += gain * (new - *old);
        blend(&mut self.mean, residual);
        blend(&mut self.square, residual * residual);
        blend(&mut self.throughput, measured.iter().map(|p| p.abs()).sum::<f64>() / 2.0);
        for (slot, p) in self.reversed.iter_mut().zip(measured) {
            blend(slot, (residual - 2.0 * p) * (residual - 2.0 * p));
        }
    }

    /// What stands while the balance cannot be weighed: a meter found reversed is not believed again for want of another.
    fn standing(&self, ports: &[(usize, usize)]) -> Finding {
        match self.finding(ports, CONFIRM_S) {
            reversed @ Finding::Reversed { .. } => reversed,
            _ => Finding::Closed,
        }
    }

    fn finding(&self, ports: &[(usize, usize)], confirm_s: f64) -> Finding {
        if self.open_for_s < CONFIRM_S {
            return Finding::Closed;
        }
        let best = self.reversed.iter().zip(ports).min_by(|a, b| a.0.total_cmp(b.0));
        match best {
            Some((left, (asset, port))) if *left < EXPLAINED * EXPLAINED * self.square => {
                Finding::Reversed { asset: *asset, port: *port, residual_kw: self.mean }
            }
            _ if self.open_for_s < confirm_s => Finding::Closed,
            _ => Finding::Open { residual_kw: self.mean },
        }
    }
}

/// (asset, port) of every port on a bus.
pub(super) fn ports_of(site: &Site, bus: BusIx) -> Vec<(usize, usize)> {
    site.assets
        .iter()
        .enumerate()
        .flat_map(|(a, asset)| asset.ports.iter().enumerate().filter(|(_, p)| p.bus == bus).map(move |(i, _)| (a, i)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::{LOAD, site};

    fn run(powers: impl Fn(f64) -> [f64; 4]) -> Finding {
        run_on(Carrier::Electricity, 60, powers)
    }

    fn run_on(carrier: Carrier, seconds: u32, powers: impl Fn(f64) -> [f64; 4]) -> Finding {
        let (mut site, mut s) = (site(), Suspicion::default());
        site.buses[0].carrier = carrier;
        let mut last = Finding::Closed;
        for t in 0..seconds {
            let flows: Vec<Vec<Value>> = powers(f64::from(t)).iter().map(|p| vec![Ok(*p)]).collect();
            last = s.weigh(&site, BusIx(0), &flows, 1.0).1;
        }
        last
    }

    #[test]
    fn a_balance_that_adds_up_says_nothing() {
        assert_eq!(run(|t| [100.0 - t, -200.0, 60.0 + t, 40.0 + t % 3.0]), Finding::Closed);
    }

    #[test]
    fn f29_a_reversed_meter_is_named() {
        let found = run(|t| [100.0 - t, 200.0, 60.0 + t, 40.0]);
        assert!(matches!(found, Finding::Reversed { asset: LOAD, port: 0, .. }), "{found:?}");
    }

    #[test]
    fn what_no_reversal_explains_is_open() {
        assert!(matches!(run(|t| [300.0 - t / 10.0, -200.0, 20.0 + t / 10.0, 40.0]), Finding::Open { .. }));
    }

    #[test]
    fn the_water_of_a_header_is_no_wrong_meter_until_it_must_be_warm() {
        let surplus = |_: f64| [300.0, -200.0, 20.0, 40.0];
        assert_eq!(run_on(Carrier::Heat, 1200, surplus), Finding::Closed);
        assert!(matches!(run_on(Carrier::Heat, 2000, surplus), Finding::Open { .. }));
        assert!(matches!(run_on(Carrier::Heat, 60, |_| [100.0, 200.0, 60.0, 40.0]), Finding::Reversed { .. }));
    }

    #[test]
    fn f29_a_reversed_meter_is_not_believed_again_when_another_is_lost() {
        let (site, mut s) = (site(), Suspicion::default());
        let mut last = Finding::Closed;
        for t in 0..90 {
            let mut flows: Vec<Vec<Value>> =
                [100.0 - f64::from(t), 200.0, 60.0 + f64::from(t), 40.0].iter().map(|p| vec![Ok(*p)]).collect();
            if t > 60 {
                flows[3] = vec![Err(Reason::DeviceTimeout)];
            }
            last = s.weigh(&site, BusIx(0), &flows, 1.0).1;
        }
        assert!(matches!(last, Finding::Reversed { asset: LOAD, port: 0, .. }), "{last:?}");
    }
}
