//! Runs of a batch: when each may begin, and what has begun already.

use super::super::Inputs;
use super::super::calendar::{Span, spans};
use super::super::elements::{Run, Start};
use super::super::known::Known;
use crate::site::AssetIx;
use crate::site::kinds::Batch;

/// Having drawn less than this share of a run it has not begun, if it does not draw now ...
const BEGUN: f64 = 0.02;
/// ... and having drawn more than this share it is done: meters err.
const DONE: f64 = 0.98;

/// What a batch does within the horizon.
#[derive(Debug, Default)]
pub(in crate::dispatch) struct Runs {
    /// The rest of the run that has begun, kW along the grid.
    pub running: Vec<f64>,
    /// Those that have not.
    pub due: Vec<Run>,
}

/// What has been drawn since the window opened, and what is drawn now, tell whether today's run has begun: a batch
/// reports no state of its own.
pub(in crate::dispatch) fn runs(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &Batch) -> Runs {
    let own = &input.state.assets[ix.0];
    let run_h = f64::from(k.run_min) / 60.0;
    let drawn = own.today.windows.first().map_or(0.0, |e| e.kwh()) / (k.rated_kw * run_h);
    let draws = own.ports.first().and_then(|p| p.measured.ok()).is_some_and(|kw| kw.abs() > 0.5 * k.rated_kw);
    let windows: Vec<Span> = input.site.assets[ix.0].kind.windows().iter().flat_map(|w| spans(input, w)).collect();
    let open = windows.iter().any(|w| w.from_h <= 0.0);
    let begun = draws || (open && drawn > BEGUN);
    let left_h = if begun && drawn < DONE { (1.0 - drawn) * run_h } else { 0.0 };
    let rest = Span { from_h: 0.0, to_h: left_h };
    let due = windows.into_iter().filter(|w| !(begun && w.from_h <= 0.0));
    Runs {
        running: rest.shares(known).iter().map(|s| s * k.rated_kw).collect(),
        due: due.map(|w| run(known, w, run_h)).collect(),
    }
}

/// It may begin with every interval that begins within its window, and as the window opens.
fn run(known: &Known, window: Span, run_h: f64) -> Run {
    let end_h: f64 = known.hours.iter().sum();
    let latest = window.to_h - run_h;
    let mut starts = Vec::new();
    for (begin, hours) in known.begin.iter().zip(&known.hours) {
        let at_h = begin.max(window.from_h);
        if at_h < begin + hours && at_h <= latest + 1e-6 {
            let span = Span { from_h: at_h, to_h: at_h + run_h };
            starts.push(Start { at_h, share: span.shares(known), beyond_h: (span.to_h - end_h).max(0.0) });
        }
    }
    Run { starts, hours: run_h, later: latest > end_h }
}

/// What is drawn when nobody holds it back: every run begins as early as it may.
pub(in crate::dispatch) fn uncapped(runs: &Runs, rated_kw: f64) -> Vec<f64> {
    let mut drawn = runs.running.clone();
    for start in runs.due.iter().filter_map(|r| r.starts.first()) {
        for (kw, share) in drawn.iter_mut().zip(&start.share) {
            *kw = (*kw + share * rated_kw).min(rated_kw);
        }
    }
    drawn
}
