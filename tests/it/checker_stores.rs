//! A second opinion on what plans do with stores, sessions, batches, rooms, offtakes and CO2: by walking the plan's
//! powers minute by minute, sharing nothing with the formulation.

use hexad::dispatch::{Inputs, Plan};
use hexad::site::{Asset, AssetIx, Carrier, Kind};
use hexad::units::Park;

const KW: f64 = 0.05;
/// Steps of a minute divide every interval of a plan made on a whole minute.
const STEP_H: f64 = 1.0 / 60.0;

/// Everything that is wrong, in words.
pub fn faults(input: &Inputs<'_>, plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    for (ix, asset) in input.site.assets.iter().enumerate() {
        let walk = Walk { input, plan, ix: AssetIx(ix), asset };
        match &asset.kind {
            Kind::Battery(k) => {
                let at = |curve: &[[f64; 2]], soc: f64| if curve.is_empty() { 1.0 } else { between(curve, soc) };
                walk.store(&mut out, |soc| {
                    (k.charge_max_kw * at(&k.charge_curve, soc), k.discharge_max_kw * at(&k.discharge_curve, soc))
                });
            }
            Kind::HydrogenTank(k) => walk.store(&mut out, |_| (k.charge_max_kw, k.discharge_max_kw)),
            Kind::Co2Buffer(k) => walk.store(&mut out, |_| (k.charge_max_kg_per_h, k.discharge_max_kg_per_h)),
            Kind::EvCharger(_) => walk.drawn_within(&mut out),
            Kind::Batch(k) => walk.batch(&mut out, k.rated_kw, f64::from(k.run_min) / 60.0),
            Kind::Room(k) => walk.room(&mut out, k),
            Kind::CarbonCapture(k) => walk.capture(&mut out, k),
            _ => {}
        }
    }
    out
}

fn between(curve: &[[f64; 2]], x: f64) -> f64 {
    let last = curve[curve.len() - 1];
    if x <= curve[0][0] {
        return curve[0][1];
    }
    curve
        .windows(2)
        .find(|w| x <= w[1][0])
        .map_or(last[1], |w| w[0][1] + (x - w[0][0]) / (w[1][0] - w[0][0]) * (w[1][1] - w[0][1]))
}

struct Walk<'a> {
    input: &'a Inputs<'a>,
    plan: &'a Plan,
    ix: AssetIx,
    asset: &'a Asset,
}

impl Walk<'_> {
    fn power(&self, port: usize) -> &[f64] {
        &self.plan.assets[self.ix.0].power_kw[port]
    }

    fn admitted(&self, t: usize) -> f64 {
        let own = |s: &&hexad::dispatch::Slack| s.what.starts_with(&self.asset.id) && s.interval == t;
        self.plan.slacks.iter().filter(own).map(|s| s.amount).sum()
    }

    /// Power within what the state of charge allows at each end of an interval.
    fn store(&self, out: &mut Vec<String>, limits: impl Fn(f64) -> (f64, f64)) {
        let capacity = self.asset.kind.capacity().unwrap().kwh();
        let Some(Ok(mut before)) = self.input.state.assets[self.ix.0].energy else { return };
        for (t, after) in self.plan.assets[self.ix.0].energy_kwh.iter().enumerate() {
            let v = self.power(0)[t];
            for energy in [before, *after] {
                let (charge, discharge) = limits(energy / capacity);
                if v > discharge + KW || -v > charge + KW {
                    out.push(format!("{} {t}: {v:.2} kW at {energy:.1} of {capacity}", self.asset.id));
                }
            }
            before = *after;
        }
    }

    /// Only while vehicles are there, by the calendar read anew.
    fn drawn_within(&self, out: &mut Vec<String>) {
        let Kind::EvCharger(k) = &self.asset.kind else { return };
        if k.session.is_empty() {
            return;
        }
        for (t, i) in self.plan.grid.intervals.iter().enumerate() {
            let minutes = (i.hours * 60.0).round() as i64;
            let there = |s: &hexad::site::kinds::EvSession, minute: i64| {
                let at = i.start.plus_s(60.0 * minute as f64 + 30.0);
                let local = at.0.to_zoned_datetime(self.input.site.zone.clone());
                let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
                if s.depart_h > s.arrive_h {
                    hour >= s.arrive_h && hour < s.depart_h
                } else {
                    hour >= s.arrive_h || hour < s.depart_h
                }
            };
            let most: f64 = k
                .session
                .iter()
                .map(|s| s.max_kw * (0..minutes).filter(|m| there(s, *m)).count() as f64 / minutes as f64)
                .sum();
            let v = -self.power(0)[t];
            if v < -KW || v > most.min(f64::from(k.count) * k.charger_kw) + KW {
                out.push(format!("{} {t}: draws {v:.2} of {most:.2} kW", self.asset.id));
            }
        }
    }

    /// At its rating, in one piece of its length (or cut by the ends of the horizon), or not at all.
    fn batch(&self, out: &mut Vec<String>, rated_kw: f64, run_h: f64) {
        let hours: Vec<f64> = self.plan.grid.intervals.iter().map(|i| i.hours).collect();
        // One run a day: each piece of drawing is a run of its own.
        let drawing = |t: usize| self.power(0)[t] < -KW;
        let mut first = 0;
        while first < hours.len() {
            let last = (first..hours.len()).take_while(|t| drawing(*t)).last();
            let Some(last) = last else {
                first += 1;
                continue;
            };
            let energy: f64 = (first..=last).map(|t| -self.power(0)[t] * hours[t]).sum();
            // Only the ends of the horizon may cut a run.
            if first > 0 && last + 1 < hours.len() && energy < rated_kw * run_h - 0.1 {
                out.push(format!("{}: draws {energy:.1} kWh in a run of {:.1}", self.asset.id, rated_kw * run_h));
            }
            if energy < rated_kw * run_h + 0.1 {
                for t in first + 1..last {
                    if (self.power(0)[t] + rated_kw).abs() > KW {
                        out.push(format!("{} {t}: {} kW in the middle of a run", self.asset.id, self.power(0)[t]));
                    }
                }
            } else if last - first < 1 || energy > 2.0 * rated_kw * run_h + 0.1 {
                out.push(format!("{}: draws {energy:.1} kWh in a run of {:.1}", self.asset.id, rated_kw * run_h));
            }
            first = last + 1;
        }
    }

    /// Euler's steps of a minute over the plan's powers lead to the plan's energies.
    fn room(&self, out: &mut Vec<String>, k: &hexad::site::kinds::Room) {
        let cooled = self.input.site.buses[self.asset.ports[0].bus.0].carrier == Carrier::Cooling;
        let Some(Ok(start)) = self.input.state.assets[self.ix.0].energy else { return };
        let Some(outdoor) = &self.input.horizon.outdoor_c else { return };
        let mut t_c = if cooled { k.comfort_c[1] - start / k.kwh_per_k } else { k.comfort_c[0] + start / k.kwh_per_k };
        for (t, planned) in self.plan.assets[self.ix.0].energy_kwh.iter().enumerate() {
            let steps = (self.plan.grid.intervals[t].hours / STEP_H * 10.0).round() as usize;
            let heat = if cooled { self.power(0)[t] } else { -self.power(0)[t] };
            for _ in 0..steps {
                let flow = heat + k.gains_kw - k.loss_kw_per_k * (t_c - outdoor[t]);
                t_c += flow * STEP_H / 10.0 / k.kwh_per_k;
            }
            let by_plan =
                if cooled { k.comfort_c[1] - planned / k.kwh_per_k } else { k.comfort_c[0] + planned / k.kwh_per_k };
            if (t_c - by_plan).abs() > 0.05 {
                out.push(format!("{} {t}: {t_c:.2} degC by its powers, {by_plan:.2} planned", self.asset.id));
            }
            t_c = by_plan;
            let outside = (k.comfort_c[0] - t_c).max(t_c - k.comfort_c[1]).max(0.0);
            if outside > 0.05 + self.admitted(t) / k.kwh_per_k {
                out.push(format!("{} {t}: {outside:.2} K outside its band, not said", self.asset.id));
            }
        }
    }

    /// Not more CO2 than its share of what the burners on the gas bus set free.
    fn capture(&self, out: &mut Vec<String>, k: &hexad::site::kinds::CarbonCapture) {
        if self.plan.assets[self.ix.0].power_kw[1].iter().all(|kg| kg.abs() < KW) {
            return;
        }
        let factor = self.input.site.assets.iter().find_map(|a| match &a.kind {
            Kind::GasSupply(g) => Some(g.co2_kg_per_kwh),
            _ => None,
        });
        for t in 0..self.plan.grid.intervals.len() {
            let fuel: f64 = k
                .source
                .iter()
                .map(|id| {
                    let Some(at) = self.input.site.asset(id) else { return 0.0 };
                    let port = self.input.site.assets[at.0].port(hexad::site::Point::GasW).unwrap();
                    -self.plan.assets[at.0].power_kw[port][t]
                })
                .sum();
            let flow = self.power(1)[t];
            if flow > k.capture_share * fuel * factor.unwrap() + 0.01 || flow > k.rated_kg_per_h + 0.01 {
                out.push(format!("{} {t}: {flow:.2} kg/h from {fuel:.1} kW of fuel", self.asset.id));
            }
            if (self.power(0)[t] + k.kwh_per_kg * flow).abs() > KW {
                out.push(format!("{} {t}: {} kW for {flow:.2} kg/h", self.asset.id, self.power(0)[t]));
            }
        }
    }
}

/// The interval that begins at `at`.
pub fn begins(plan: &Plan, at: Park) -> usize {
    plan.grid.intervals.iter().position(|i| (i.start.seconds_since(at)).abs() < 1.0).unwrap()
}
