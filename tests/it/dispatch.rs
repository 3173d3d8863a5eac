//! The dispatch: small sites where the answer is known, and the reference park under an independent checker.

use std::time::Instant;

use hexad::dispatch::{Inputs, Plan, Solve, plan};
use hexad::forecast::{History, Horizon, TimeGrid, horizon};
use hexad::site::{Kind, Site};
use hexad::solver::InProcess;
use hexad::state::SiteState;
use hexad::units::Park;

use crate::{checker, park};

/// 2026-07-15 06:07 local time at the reference park.
const SUMMER: i64 = 1_784_066_820;

struct Case {
    site: Site,
    state: SiteState,
    horizon: Horizon,
}

impl Case {
    fn inputs<'a>(&'a self, last: Option<&'a Plan>) -> Inputs<'a> {
        Inputs { site: &self.site, state: &self.state, horizon: &self.horizon, last, id: 1, islanded: false }
    }
    fn plan(&self, solve: &mut dyn Solve) -> Plan {
        plan(&self.inputs(None), solve)
    }
}

/// A plausible day of the park: loads by local hour, sun, some wind.
fn typical(site: &Site, state: &SiteState, grid: TimeGrid, level: f64) -> Horizon {
    let mut h = horizon(site, state, &History::default(), grid);
    for (a, f) in site.assets.iter().zip(&mut h.assets) {
        let rated = a.kind.rated().kw();
        for (i, v) in h.grid.intervals.iter().zip(f.iter_mut()) {
            let local = i.start.0.to_zoned_datetime(site.zone.clone());
            let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
            let day = ((hour - 14.0) * std::f64::consts::PI / 12.0).cos();
            *v = match &a.kind {
                Kind::Pv(_) => (rated * 0.8 * day.max(0.0)).min(rated),
                Kind::Wind(_) => rated * (0.3 + 0.2 * (hour * 0.7).sin()),
                Kind::EvCharger(_) => -rated * level * if (8.0..18.0).contains(&hour) { 0.6 } else { 0.1 },
                _ => -rated * level * (0.55 + 0.3 * day),
            };
        }
    }
    h
}

fn reference(at: i64, level: f64, charge: f64) -> Case {
    let site = park::reference();
    let state = park::state(&site, Park::from_unix(at), 0.5 * level, 0.4, charge);
    let horizon = typical(&site, &state, TimeGrid::new(state.now.park), level);
    Case { site, state, horizon }
}

#[test]
fn timing_of_the_reference_park() {
    let mut cold = Vec::new();
    let mut warm = Vec::new();
    for k in 0..24 {
        let case = reference(SUMMER + k * 3600 + k * 61, 0.7 + 0.02 * k as f64, 0.2 + 0.03 * k as f64);
        let started = Instant::now();
        let first = case.plan(&mut InProcess);
        cold.push(started.elapsed().as_secs_f64() * 1e3);
        let mut next = Case { site: case.site, ..reference(SUMMER + k * 3600 + k * 61 + 300, 0.7 + 0.02 * k as f64, 0.2 + 0.03 * k as f64) };
        next.state.window = case.state.window;
        let started = Instant::now();
        let second = plan(&next.inputs(Some(&first)), &mut InProcess);
        warm.push(started.elapsed().as_secs_f64() * 1e3);
        println!("{k}: cold {:.0} ms warm {:.0} ms gap {:?} {:?} cost {:?} {} {} slacks {:?}", cold[k as usize], warm[k as usize], first.gap, second.gap, first.cost, first.status.name(), second.status.name(), first.slacks.first());
    }
    for list in [&mut cold, &mut warm] {
        list.sort_by(f64::total_cmp);
        println!("median {:.0} ms, max {:.0} ms", list[list.len() / 2], list[list.len() - 1]);
    }
}

#[test]
fn every_plan_of_the_reference_park_passes_an_independent_checker() {
    for k in 0..6 {
        let case = reference(SUMMER + k * 5 * 3600 + k * 61, 0.4 + 0.1 * k as f64, 0.15 * k as f64);
        let plan = case.plan(&mut InProcess);
        assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new(), "case {k}");
    }
}
