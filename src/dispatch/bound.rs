//! What a stretch of time must cost at least, whoever dispatches it: the programme of a plan over the whole stretch,
//! with what really was, without the care a plan takes, and relaxed.
//!
//! Long periods are cut into stretches. At a cut the energy in store is bought and sold at one price per store: the
//! payments cancel between two stretches, and each may choose its own energy, so the sum of the stretches' bounds
//! bounds the whole at any price (a Lagrangian relaxation). What a machine was doing before a cut is forgotten in
//! the stretch's favour.

use super::formulate::{Formulation, valued};
use super::known::Known;
use super::values::{Worth, worth};
use super::{Column, Inputs, Request, Solve, SolveError};
use crate::site::{AssetIx, Kind};

/// Nodes for the whole programme of a short stretch. The bound is proven however early the search stops.
const NODES: u32 = 200;
/// No room is further outside its band at a cut, kelvin.
const ROOM_K: f64 = 30.0;
/// Nearer than this to the best commitments is near enough.
const GAP: f64 = 2e-3;

/// A stretch to be bounded.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The state at its beginning, and all of it as its horizon, as it really was.
    pub input: Inputs<'a>,
    /// Per asset: price of a stored kWh at both ends; see [`super::end_values`].
    pub stored: &'a [f64],
    /// It continues another stretch: the energy in store is free to choose, at its price.
    pub continues: bool,
    /// Another stretch follows.
    pub continued: bool,
    /// Currency per kW of its highest window mean.
    pub peak_per_kw: f64,
    /// Commitments are whole: a higher bound, for stretches of some days.
    pub whole: bool,
}

/// Proven lower bound of the stretch's cost, the change of stored energy and the demand charge included.
///
/// # Errors
/// The solver's.
pub fn bound(stretch: &Stretch<'_>, solve: &mut dyn Solve) -> Result<f64, SolveError> {
    let input = &Inputs { last: None, ..stretch.input };
    let known = Known { bare: true, open_end: stretch.continued, open_start: stretch.continues, ..Known::of(input) };
    let worth = Worth { stored: stretch.stored.to_vec(), ..worth(input, &known) };
    let mut f = valued(input, &known, &worth, if stretch.whole { f64::INFINITY } else { 0.0 });
    if stretch.continues {
        free_start(&mut f, stretch);
    }
    peak(&mut f, stretch, &known);
    let request =
        Request { problem: &f.problem, start: None, relative_gap: GAP, node_limit: Some(NODES), time_limit_s: None };
    match solve.solve(&request) {
        Ok(s) => Ok(s.bound),
        // The limit came before a feasible point: the relaxation bounds too.
        Err(SolveError::NoIncumbent) if stretch.whole => bound(&Stretch { whole: false, ..*stretch }, solve),
        Err(e) => Err(e),
    }
}

/// Replaces the given energy of each store by a column that costs its price.
fn free_start(f: &mut Formulation, stretch: &Stretch<'_>) {
    let input = &stretch.input;
    for (ix, place) in f.places.iter().enumerate() {
        let Some(state) = place.state.first() else { continue };
        let Some(Ok(energy)) = input.state.assets[ix].energy else { continue };
        let (Some(price), Some(first)) = (stretch.stored.get(ix), place.energy.first()) else { continue };
        let mut window = f.problem.columns[first.0];
        if let Kind::Room(k) = &input.site.assets[ix].kind {
            let far = ROOM_K * k.kwh_per_k;
            (window.lower, window.upper) = (-far, far + k.kwh_per_k * (k.comfort_c[1] - k.comfort_c[0]));
        }
        let row = &mut f.problem.rows[state.0];
        // The row holds what is left of the given energy after the first interval; of a room also what drifts in.
        let keep = match place.state.get(1) {
            Some(next) => f.problem.entries.iter().find(|e| (e.0, e.1) == (next.0, first.0)).map_or(1.0, |e| -e.2),
            None if energy.abs() > 1e-9 => row.lower / energy,
            None => 1.0,
        };
        let rest = row.lower - keep * energy;
        (row.lower, row.upper) = (rest, rest);
        f.problem.entries.push((state.0, f.problem.columns.len(), -keep));
        f.problem.columns.push(Column { cost: *price, lower: window.lower, upper: window.upper, integer: false });
        f.problem.columns.push(Column { cost: -price * energy, lower: 1.0, upper: 1.0, integer: false });
    }
}

/// The demand charge on the stretch's settlement windows.
fn peak(f: &mut Formulation, stretch: &Stretch<'_>, known: &Known) {
    let input = &stretch.input;
    let Some(AssetIx(pcc)) = input.site.pcc().filter(|_| stretch.peak_per_kw > 0.0) else { return };
    let Kind::Grid(_) = &input.site.assets[pcc].kind else { return };
    let window_s = f64::from(input.site.tariff.demand_window_min.max(1)) * 60.0;
    let peak = f.problem.columns.len();
    f.problem.columns.push(Column { cost: stretch.peak_per_kw, lower: 0.0, upper: f64::INFINITY, integer: false });
    let mut rows: std::collections::BTreeMap<i64, Vec<(usize, f64)>> = std::collections::BTreeMap::new();
    for (t, interval) in input.horizon.grid.intervals.iter().enumerate() {
        let (from, to) = (interval.start.unix(), interval.start.unix() + known.hours[t] * 3600.0);
        let mut window = (from / window_s + 1e-9).floor() as i64;
        let mut whole = false;
        while (window as f64) * window_s < to - 1e-6 {
            let begin = window as f64 * window_s;
            let share = (to.min(begin + window_s) - from.max(begin)) / window_s;
            // Of the windows that lie within one interval one says it all.
            if share < 1.0 - 1e-9 || !whole {
                rows.entry(window).or_default().push((t, share));
            }
            whole |= share >= 1.0 - 1e-9;
            window += 1;
        }
    }
    for terms in rows.into_values() {
        let row = f.problem.rows.len();
        f.problem.rows.push(super::Row { lower: 0.0, upper: f64::INFINITY });
        f.problem.entries.push((row, peak, 1.0));
        for (t, share) in terms {
            // Import counts, what is exported in the same window does not.
            let import = f.places[pcc].ports[0][t].terms.iter().filter(|(_, factor)| *factor > 0.0);
            f.problem.entries.extend(import.map(|(col, factor)| (row, col.0, -share * factor)));
        }
    }
}
