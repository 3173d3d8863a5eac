//! The least that the steps could have cost, whoever decides.

use std::ops::Range;

use super::meter::month_of;
use super::plant::{Plant, window};
use super::run::{Run, inputs};
use crate::dispatch::{self, Solve, SolveError, Stretch};
use crate::forecast::{History, TimeGrid};

/// Longest stretch solved at once, steps; longer months are cut, and their demand charge is shared out.
const LONGEST: usize = 3000;
/// Stretches up to this long keep their commitments whole, hours and steps.
const WHOLE_H: f64 = 7.0 * 24.0;
const WHOLE_STEPS: usize = 200;

/// Proven lower bound of `cost_total` over the run's steps for any policy: its policy does not matter.
/// `progress` is told the steps bounded so far.
///
/// # Errors
/// The solver's.
pub fn bound(run: &Run<'_>, solve: &mut dyn Solve, progress: &mut dyn FnMut(usize)) -> Result<f64, SolveError> {
    let (site, series) = (run.site, run.series);
    let stored = run.end_values();
    let mut sum = 0.0;
    for (steps, peak_per_kw) in stretches(run) {
        let first = steps.start == run.steps.start;
        let mut plant = Plant::new(site, series.time(steps.start));
        if !first {
            for (ix, asset) in site.assets.iter().enumerate() {
                plant.energy[ix] = window(&asset.kind).map(|w| 0.5 * (w.0 + w.1));
                plant.running[ix] = None;
            }
        }
        let state = plant.state(site, series.time(steps.start), &series.seen(steps.start));
        let grid = TimeGrid::even(series.time(steps.start), series.step_s(), steps.len());
        let horizon = run.foretold(&state, grid, &History::default(), usize::MAX);
        let hours = series.step_s() as f64 / 3600.0 * run.steps.len() as f64;
        let stretch = Stretch {
            input: inputs(site, &state, &horizon, None),
            stored: &stored,
            continues: !first,
            continued: steps.end != run.steps.end,
            peak_per_kw,
            whole: hours <= WHOLE_H + 1e-6 && run.steps.len() <= WHOLE_STEPS,
        };
        sum += dispatch::bound(&stretch, solve)?;
        progress(steps.end - run.steps.start);
    }
    Ok(sum)
}

/// The run's steps by billing month, each with its price of a kW of the highest window.
fn stretches(run: &Run<'_>) -> Vec<(Range<usize>, f64)> {
    let (site, series) = (run.site, run.series);
    let mut list = Vec::new();
    let mut start = run.steps.start;
    while start < run.steps.end {
        let (name, length_s) = month_of(site, series.time(start));
        let same = |k: &usize| month_of(site, series.time(*k)).0 == name;
        let end = start + (start..run.steps.end).take_while(same).count();
        let share = (end - start) as f64 * series.step_s() as f64 / length_s;
        let parts = (end - start).div_ceil(LONGEST);
        let price = site.tariff.demand_per_kw_month * share / parts as f64;
        let length = (end - start).div_ceil(parts);
        for begin in (start..end).step_by(length) {
            list.push((begin..(begin + length).min(end), price));
        }
        start = end;
    }
    list
}
