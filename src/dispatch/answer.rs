//! Whether an answer may be believed: a solver or its pipe can be broken in ways that its words do not tell.

use super::{Column, Problem, Row, Solution, SolveError};

/// A row may be missed by this much, and by [`RELATIVE`] of what it adds up (kW, kWh).
const ABSOLUTE: f64 = 1e-3;
const RELATIVE: f64 = 1e-6;
/// An integer may be so far from whole.
const WHOLE: f64 = 1e-3;
/// A bound lower than this proves nothing.
const NOTHING_PROVEN: f64 = -1e29;

/// The answer, if it is one to this programme: right shape, finite, within bounds and rows, its cost recomputed. An answer
/// may lack duals (the list is empty then), and a bound that is not one becomes negative infinity.
pub(super) fn check(p: &Problem, s: Solution) -> Result<Solution, SolveError> {
    let wrong = |text: String| Err(SolveError::Failed(format!("its answer does not hold: {text}")));
    let duals = s.duals.is_empty() || s.duals.len() == p.rows.len();
    if s.x.len() != p.columns.len() || !duals {
        return wrong("it is one to another programme".to_owned());
    }
    if s.x.iter().chain(&s.duals).any(|v| !v.is_finite()) {
        return wrong("a value is not finite".to_owned());
    }
    let broken = |c: &Column, v: f64| {
        let slack = ABSOLUTE + RELATIVE * v.abs();
        v < c.lower - slack || v > c.upper + slack || (c.integer && (v - v.round()).abs() > WHOLE)
    };
    if let Some(i) = p.columns.iter().zip(&s.x).position(|(c, v)| broken(c, *v)) {
        return wrong(format!("column {i} is {}", s.x[i]));
    }
    let (mut sum, mut size) = (vec![0.0; p.rows.len()], vec![0.0; p.rows.len()]);
    for (row, column, value) in &p.entries {
        sum[*row] += value * s.x[*column];
        size[*row] += (value * s.x[*column]).abs();
    }
    let missed = |r: &Row, sum: f64, size: f64| {
        let slack = ABSOLUTE + RELATIVE * size;
        sum < r.lower - slack || sum > r.upper + slack
    };
    if let Some(i) = (0..p.rows.len()).find(|i| missed(&p.rows[*i], sum[*i], size[*i])) {
        return wrong(format!("row {i} adds up to {}", sum[i]));
    }
    let objective: f64 = p.columns.iter().zip(&s.x).map(|(c, v)| c.cost * v).sum();
    if !objective.is_finite() {
        return wrong("its cost is not finite".to_owned());
    }
    let proven = s.bound.is_finite() && s.bound > NOTHING_PROVEN;
    let bound = if proven { s.bound.min(objective) } else { f64::NEG_INFINITY };
    Ok(Solution { objective, bound, ..s })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::dispatch::SolveStatus;

    fn problem() -> Problem {
        let column = |integer| Column { cost: 2.0, lower: 0.0, upper: 10.0, integer };
        Problem {
            columns: vec![column(false), column(true)],
            rows: vec![Row { lower: 3.0, upper: f64::INFINITY }],
            entries: vec![(0, 0, 1.0), (0, 1, 1.0)],
        }
    }
    fn answer() -> Solution {
        Solution { status: SolveStatus::Optimal, x: vec![1.0, 2.0], duals: vec![2.0], objective: 6.0, bound: 6.0 }
    }

    #[test]
    fn a_right_answer_passes_and_each_wrong_one_is_refused() {
        assert_eq!(check(&problem(), answer()).unwrap(), answer());
        let spoilt: [fn(&mut Solution); 8] = [
            |s| s.x.truncate(1),
            |s| s.duals.push(0.0),
            |s| s.x[0] = f64::NAN,
            |s| s.duals[0] = f64::INFINITY,
            |s| s.x[0] = 11.0,
            |s| s.x = vec![1.5, 1.5],
            |s| s.x[0] = 0.5,
            |s| s.x[0] = -1.0,
        ];
        for (i, spoil) in spoilt.iter().enumerate() {
            let mut s = answer();
            spoil(&mut s);
            assert!(matches!(check(&problem(), s), Err(SolveError::Failed(_))), "case {i}");
        }
    }

    #[test]
    fn cost_is_recomputed_and_a_bound_that_proves_nothing_is_told_as_such() {
        for bound in [f64::NAN, f64::NEG_INFINITY, -1e30, f64::INFINITY] {
            let s = check(&problem(), Solution { objective: 99.0, bound, ..answer() }).unwrap();
            assert_eq!((s.objective, s.bound), (6.0, f64::NEG_INFINITY), "{bound}");
        }
        let s = check(&problem(), Solution { bound: 7.0, ..answer() }).unwrap();
        assert_eq!(s.bound, 6.0, "a bound above the cost is the cost");
        assert!(check(&problem(), Solution { duals: vec![], ..answer() }).is_ok());
    }
}
