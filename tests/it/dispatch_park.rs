//! The reference park: plans under an independent checker, in many states, and how long they take.
// Deadlines and solve times are what is measured here.
#![allow(clippy::disallowed_methods)]

use std::time::Instant;

use hexad::dispatch::{Inputs, Plan, Solve, plan};
use hexad::forecast::{History, Horizon, TimeGrid, horizon};
use hexad::site::{Kind, Site};
use hexad::solver::InProcess;
use hexad::state::SiteState;
use hexad::units::Park;

use crate::{checker, park};

/// 2026-07-15 06:07 local time at the reference park.
pub const SUMMER: i64 = 1_784_066_820;

pub struct Case {
    pub site: Site,
    pub state: SiteState,
    pub horizon: Horizon,
}

impl Case {
    pub fn inputs<'a>(&'a self, last: Option<&'a Plan>) -> Inputs<'a> {
        Inputs {
            site: &self.site,
            state: &self.state,
            horizon: &self.horizon,
            last,
            id: 1,
            islanded: false,
            limits: &[],
        }
    }
    pub fn plan(&self, solve: &mut dyn Solve) -> Plan {
        plan(&self.inputs(None), solve)
    }
}

/// A plausible day of the park: loads by local hour, sun, some wind.
pub fn typical(site: &Site, state: &SiteState, grid: TimeGrid, level: f64) -> Horizon {
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

pub fn reference(at: i64, level: f64, charge: f64) -> Case {
    let site = park::reference();
    let state = park::state(&site, Park::from_unix(at), 0.5 * level, 0.4, charge);
    let horizon = typical(&site, &state, TimeGrid::new(state.now.park), level);
    Case { site, state, horizon }
}

pub fn ix(case: &Case, id: &str) -> usize {
    case.site.asset(id).unwrap().0
}

/// A seeded generator of states, so that a failure names its case.
struct Dice(u64);
impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn every_plan_of_the_reference_park_passes_an_independent_checker() {
    let mut last: Option<Plan> = None;
    for seed in 1..=12 {
        let mut dice = Dice(seed * 0x9E37_79B9);
        for _ in 0..8 {
            dice.roll();
        }
        let at = SUMMER + (dice.roll() * 86400.0 * 150.0) as i64;
        let mut case = reference(at, 0.2 + 0.9 * dice.roll(), dice.roll());
        for s in &mut case.state.assets {
            if let Some(r) = &mut s.running {
                r.on = dice.roll() < 0.5;
                r.since = case.state.now.park.plus_s(-7200.0 * dice.roll());
            }
            if let Some(Ok(e)) = &mut s.energy {
                *e = (*e * 2.0 * dice.roll()).max(0.0);
            }
        }
        case.state.window.peak = hexad::units::Power::from_kw(600.0 * dice.roll());
        // A plan of quite another day as a start must not do harm.
        let plan = plan(&case.inputs(last.as_ref()), &mut InProcess);
        assert!(plan.gap.is_some(), "seed {seed}: {}", plan.note);
        assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new(), "seed {seed}");
        last = Some(plan);
    }
}

/// The checker is worth something only if it sees what is wrong.
#[test]
fn the_checker_finds_planted_faults() {
    let case = reference(SUMMER, 0.8, 0.5);
    let good = case.plan(&mut InProcess);
    let planted = |spoil: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        spoil(&mut plan);
        checker::faults(&case.inputs(None), &plan, 4.0)
    };
    let (chp, tank, pv) = (ix(&case, "chp"), ix(&case, "hot_tank"), ix(&case, "pv"));
    assert!(planted(&|_| {}).is_empty());
    assert!(!planted(&|p| p.assets[pv].power_kw[0][2] += 1.0).is_empty());
    assert!(!planted(&|p| p.assets[tank].energy_kwh[5] += 2.0).is_empty());
    assert!(!planted(&|p| p.assets[chp].on[1] = !p.assets[chp].on[1]).is_empty());
    assert!(!planted(&|p| p.buses[0].price[0] = f64::NAN).is_empty());
}

/// Eight hours re-planned every five minutes, each plan from the state the last one leads to.
#[test]
fn eight_hours_of_re_solves_are_proven() {
    let mut case = reference(SUMMER, 0.8, 0.5);
    let mut last: Option<Plan> = None;
    let mut times = Vec::new();
    let (mut switches, mut feasible, mut worst_gap) = (0, 0, 0.0_f64);
    for step in 0..96 {
        let at = Park::from_unix(SUMMER + 300 * step);
        let inputs_started = Instant::now();
        case.horizon = typical(&case.site, &case.state, TimeGrid::new(at), 0.8);
        let p = plan(&case.inputs(last.as_ref()), &mut InProcess);
        times.push(inputs_started.elapsed().as_secs_f64() * 1e3);
        feasible += i32::from(p.status.name() != "optimal");
        assert!(p.gap.is_some(), "{}", p.note);
        worst_gap = worst_gap.max(p.gap.unwrap());
        let next = Park::from_unix(SUMMER + 300 * (step + 1));
        for (a, s) in p.assets.iter().zip(&mut case.state.assets) {
            if let (Some(Ok(e)), Some(end)) = (s.energy, a.energy_kwh.first()) {
                let part = 300.0 / (p.grid.intervals[0].hours * 3600.0);
                s.energy = Some(Ok(e + part.min(1.0) * (end - e)));
            }
            if let (Some(r), Some(on)) = (&mut s.running, a.on.first())
                && r.on != *on
            {
                *r = hexad::state::Running { on: *on, since: at, starts: r.starts + 1 };
                switches += 1;
            }
        }
        case.state.now.park = next;
        case.state.window.start = Park::from_unix(next.unix() as i64 / 900 * 900);
        let grid = p.assets[0].power_kw[0][0].max(0.0);
        let w = &mut case.state.window;
        w.imported = hexad::units::Energy::from_kwh(if next.unix() as i64 % 900 < 300 {
            0.0
        } else {
            w.imported.kwh() + grid / 12.0
        });
        w.peak = w.peak.max(hexad::units::Power::from_kw(grid));
        last = Some(p);
    }
    let total: f64 = times.iter().sum();
    times.sort_by(f64::total_cmp);
    println!(
        "96 solves: {:.1} s, median {:.0} ms, p95 {:.0} ms, max {:.0} ms, switches {switches}, not proven {feasible}, worst gap {worst_gap:.4}",
        total / 1e3,
        times[48],
        times[91],
        times[95]
    );
    assert!(worst_gap <= 0.005 + 1e-9 && feasible == 0, "{feasible} not proven, gap {worst_gap}");
}
