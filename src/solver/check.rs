//! What may be handed to a solver at all.

use crate::dispatch::{Problem, Request, SolveError};

/// Refuses what a solver would misread: numbers that are not finite, crossed or nonsensical bounds, indices out of
/// range, a start of the wrong length. Infinite ends of bounds are fine on their own side.
pub(super) fn check(request: &Request<'_>) -> Result<(), SolveError> {
    columns(request.problem)?;
    rows(request.problem)?;
    entries(request.problem)?;
    if let Some(start) = request.start {
        let integers = request.problem.columns.iter().filter(|c| c.integer).count();
        if start.len() != integers || start.iter().any(|v| !v.is_finite()) {
            return malformed(format!(
                "start has {} values for {integers} integer columns, or one is not finite",
                start.len()
            ));
        }
    }
    let limits_ok = request.relative_gap >= 0.0 && request.time_limit_s.is_none_or(|s| s >= 0.0);
    if limits_ok { Ok(()) } else { malformed("negative or undefined gap or time limit".to_owned()) }
}

fn malformed(text: String) -> Result<(), SolveError> {
    Err(SolveError::Malformed(text))
}

fn bounds_ok(lower: f64, upper: f64) -> bool {
    lower <= upper && lower < f64::INFINITY && upper > f64::NEG_INFINITY
}

fn columns(p: &Problem) -> Result<(), SolveError> {
    if p.columns.is_empty() {
        return malformed("no columns".to_owned());
    }
    for (i, c) in p.columns.iter().enumerate() {
        if !c.cost.is_finite() || !bounds_ok(c.lower, c.upper) {
            return malformed(format!("column {i}: cost {}, bounds [{}, {}]", c.cost, c.lower, c.upper));
        }
    }
    Ok(())
}

fn rows(p: &Problem) -> Result<(), SolveError> {
    for (i, r) in p.rows.iter().enumerate() {
        if !bounds_ok(r.lower, r.upper) {
            return malformed(format!("row {i}: bounds [{}, {}]", r.lower, r.upper));
        }
    }
    Ok(())
}

fn entries(p: &Problem) -> Result<(), SolveError> {
    for (row, column, value) in &p.entries {
        if *row >= p.rows.len() || *column >= p.columns.len() || !value.is_finite() {
            return malformed(format!("entry ({row}, {column}) = {value}"));
        }
    }
    let mut places: Vec<(usize, usize)> = p.entries.iter().map(|e| (e.0, e.1)).collect();
    places.sort_unstable();
    match places.windows(2).find(|w| w[0] == w[1]) {
        Some(w) => malformed(format!("entry ({}, {}) given twice", w[0].0, w[0].1)),
        None => Ok(()),
    }
}
