//! The walk through a series under one policy.

use std::io::Write;
use std::ops::Range;

use super::plant::{Plant, needs_a_controller};
use super::report::{Account, Report};
use super::series::Series;
use super::trace::Trace;
use crate::dispatch::{self, Inputs, Plan, Solve, bill, by_rules, end_values, settle};
use crate::forecast::{History, Horizon, TimeGrid, horizon};
use crate::site::{Kind, Reason, Site};
use crate::state::{Availability, SiteState};

/// Hours a plan looks ahead.
const HORIZON_H: f64 = 24.0;
/// With finer steps than this a plan serves several of them, seconds.
const PLAN_EVERY_S: i64 = 900;
/// Quarters of an hour: what the history keeps, seconds.
const QUARTER_S: i64 = 900;
/// So much of the series before the first step is history, seconds.
const HISTORY_S: i64 = 9 * 86_400;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The house: a plan over the day ahead, made anew each step.
    Rolling {
        /// The plans are told the true future instead of the house's own forecasts.
        perfect: bool,
    },
    /// The house's rules, which serve when there is no plan: no foresight.
    Rules,
    /// No controller: thermostats serve heat and cold, the grid the rest; batteries and engines rest.
    None,
}

/// What to walk through.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its recorded life.
    pub series: &'a Series,
    /// Steps to walk; those before are history.
    pub steps: Range<usize>,
    /// Who decides.
    pub policy: Policy,
}

/// What a run needs of the world.
#[allow(missing_debug_implementations)]
pub struct Tools<'a> {
    /// Solves the plans.
    pub solve: &'a mut dyn Solve,
    /// Milliseconds of any clock, for the report's solve times.
    pub clock_ms: &'a dyn Fn() -> f64,
    /// Told after each step how many are done.
    pub progress: &'a mut dyn FnMut(usize),
    /// Where a row per step goes.
    pub trace: Option<&'a mut dyn Write>,
}

/// Walks the steps under the policy.
///
/// # Errors
/// Only those of writing the trace.
pub fn run(run: &Run<'_>, tools: &mut Tools<'_>) -> std::io::Result<Report> {
    let mut walk = Walk::new(run);
    let mut trace = match tools.trace.take() {
        Some(to) => Some(Trace::new(to, run.site)?),
        None => None,
    };
    for (done, step) in run.steps.clone().enumerate() {
        let plan = walk.step(step, tools);
        if let Some(trace) = &mut trace {
            trace.row(run.series.time(step), &plan)?;
        }
        (tools.progress)(done + 1);
    }
    Ok(walk.finish())
}

struct Walk<'a> {
    run: &'a Run<'a>,
    plant: Plant,
    history: History,
    plan: Option<Plan>,
    account: Account,
    first_energy: Vec<Option<f64>>,
}

impl<'a> Walk<'a> {
    fn new(run: &'a Run<'a>) -> Self {
        let plant = Plant::new(run.site, run.series.time(run.steps.start));
        let before = (HISTORY_S / run.series.step_s()) as usize;
        let first_energy = plant.energy.clone();
        let mut walk =
            Self { run, plant, history: History::default(), plan: None, account: Account::default(), first_energy };
        if matches!(run.policy, Policy::Rolling { perfect: false }) {
            for step in run.steps.start.saturating_sub(before)..run.steps.start {
                walk.remember(step);
            }
        }
        walk
    }

    fn step(&mut self, step: usize, tools: &mut Tools<'_>) -> Plan {
        let (site, series) = (self.run.site, self.run.series);
        let mut state = self.plant.state(site, series.time(step), &series.seen(step));
        let (plan, horizon) = match self.run.policy {
            Policy::Rolling { perfect } => self.rolling(step, &state, perfect, tools),
            Policy::Rules | Policy::None => {
                if self.run.policy == Policy::None {
                    for (ix, own) in state.assets.iter_mut().enumerate() {
                        if needs_a_controller(site, ix) {
                            own.availability = Availability::Out(Reason::Disabled);
                        }
                    }
                }
                let grid = TimeGrid::even(state.now.park, series.step_s(), 1);
                let horizon = self.told(&state, grid, usize::MAX);
                let plan = by_rules(&inputs(site, &state, &horizon, None));
                (plan, horizon)
            }
        };
        let mut bill = bill(&inputs(site, &state, &horizon, None), &plan);
        bill.slack += self.delayed(step, &plan);
        self.account.take(site, &bill, &plan, &self.plant);
        self.plant.advance(site, series, step, &plan);
        if matches!(self.run.policy, Policy::Rolling { perfect: false }) {
            self.remember(step);
        }
        plan
    }

    /// A plan with what is known as the step begins, carried out with what the step really is.
    fn rolling(&mut self, step: usize, state: &SiteState, perfect: bool, tools: &mut Tools<'_>) -> (Plan, Horizon) {
        let (site, series) = (self.run.site, self.run.series);
        let began = (tools.clock_ms)();
        let grid = || TimeGrid::led(state.now.park, series.step_s(), HORIZON_H);
        let every_s = PLAN_EVERY_S.max(series.step_s()) as f64 - 1e-6;
        let due = self.plan.as_ref().is_none_or(|p| state.now.park.seconds_since(p.made_at) >= every_s);
        if due {
            // What the meters show as the step begins is what they showed last.
            let shown = if perfect { step } else { step.saturating_sub(1).max(self.run.steps.start) };
            let before = self.plant.state(site, series.time(step), &series.seen(shown));
            let horizon = self.told(&before, grid(), if perfect { usize::MAX } else { 0 });
            let plan = dispatch::plan(&inputs(site, &before, &horizon, self.plan.as_ref()), tools.solve);
            self.account.planned(&plan);
            self.plan = Some(plan);
        }
        let horizon = self.told(state, grid(), if perfect { usize::MAX } else { 1 });
        let inputs = inputs(site, state, &horizon, None);
        let done = match &self.plan {
            Some(plan) if perfect && due => plan.clone(),
            Some(plan) => settle(&inputs, plan, tools.solve),
            None => by_rules(&inputs),
        };
        self.account.solve_ms.push((tools.clock_ms)() - began);
        (done, horizon)
    }

    /// The house's own forecasts with the first `revealed` intervals as they really come, and the backlog in it.
    fn told(&self, state: &SiteState, grid: TimeGrid, revealed: usize) -> Horizon {
        let mut h = self.run.foretold(state, grid, &self.history, revealed);
        for (ix, backlog) in self.plant.backlog.iter().enumerate().filter(|(_, b)| **b > 1e-6) {
            // What was delayed is wanted as soon as the rating allows.
            let rated = self.run.site.assets[ix].kind.rated().kw();
            let mut left = *backlog;
            for (v, i) in h.assets[ix].iter_mut().zip(&h.grid.intervals) {
                let more = (left / i.hours).min((rated + *v).max(0.0));
                *v -= more;
                left -= more * i.hours;
            }
        }
        h
    }

    /// What delaying the step's own charging costs; what was delayed before has been paid for.
    fn delayed(&self, step: usize, plan: &Plan) -> f64 {
        let hours = self.run.series.step_s() as f64 / 3600.0;
        let each = self.run.site.assets.iter().enumerate().filter_map(|(ix, a)| {
            let Kind::EvCharger(k) = &a.kind else { return None };
            k.session.is_empty().then_some(())?;
            let taken = -plan.assets.get(ix)?.power_kw.first()?.first()?;
            let wanted = self.run.series.signal[ix].get(step)?;
            Some((wanted - taken).max(0.0) * hours * k.delay_per_kwh)
        });
        each.sum()
    }

    /// Feeds the history with a step that has passed.
    fn remember(&mut self, step: usize) {
        let (site, series) = (self.run.site, self.run.series);
        let seen = series.seen(step);
        let begin = series.time(step);
        let mut after = 0;
        while after < series.step_s() {
            let state = self.plant.state(site, begin.plus_s(after as f64), &seen);
            self.history.observe(site, &state);
            after += QUARTER_S;
        }
    }

    fn finish(self) -> Report {
        let site = self.run.site;
        let values = self.run.end_values();
        let stored: f64 = (0..site.assets.len())
            .filter_map(|ix| Some(values[ix] * (self.first_energy[ix]? - self.plant.energy[ix]?)))
            .sum();
        let owed = self.plant.backlog.iter().sum::<f64>() * site.values.lost_load_sheddable_per_kwh;
        self.account.report(&self.plant.meter, site, stored, owed)
    }
}

impl Run<'_> {
    /// The house's own forecasts, what is announced, and the first `revealed` intervals as they really come.
    pub(super) fn foretold(&self, state: &SiteState, grid: TimeGrid, history: &History, revealed: usize) -> Horizon {
        let mut h = horizon(self.site, state, history, grid);
        self.series.announce(&mut h);
        self.series.reveal(self.site, &mut h, revealed);
        h
    }

    /// What a kWh in store is worth when the run ends, per asset: the dispatch's own value at the end of its last day.
    pub(super) fn end_values(&self) -> Vec<f64> {
        let (series, site) = (self.series, self.site);
        let day = (86_400 / series.step_s()) as usize;
        let from = self.steps.end.saturating_sub(day).max(self.steps.start);
        let at = series.time(from);
        let state = Plant::new(site, at).state(site, at, &series.seen(from));
        let grid = TimeGrid::even(at, series.step_s(), self.steps.end - from);
        let h = self.foretold(&state, grid, &History::default(), usize::MAX);
        end_values(&inputs(site, &state, &h, None))
    }
}

pub(super) fn inputs<'a>(
    site: &'a Site,
    state: &'a SiteState,
    horizon: &'a Horizon,
    last: Option<&'a Plan>,
) -> Inputs<'a> {
    Inputs {
        site,
        state,
        horizon,
        last,
        id: last.map_or(1, |p| p.id + 1),
        islanded: !horizon.grid_available.contains(&true),
        limits: &[],
    }
}
