//! A programme under construction: columns and rows by typed position, built once, then handed over as matrices.

use super::{Column, Problem, Row};

/// Position of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Col(pub usize);

/// Position of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowIx(pub usize);

/// A linear expression: a constant and columns with their coefficients.
#[derive(Clone, Debug, Default)]
pub(super) struct Expr {
    pub constant: f64,
    pub terms: Vec<(Col, f64)>,
}

impl Expr {
    /// Adds `factor` times another.
    pub fn plus(&mut self, other: &Self, factor: f64) {
        self.constant += factor * other.constant;
        self.terms.extend(other.terms.iter().map(|(col, k)| (*col, factor * k)));
    }
    pub fn value(&self, x: &[f64]) -> f64 {
        self.terms.iter().fold(self.constant, |sum, (c, k)| sum + x[c.0] * k)
    }
}

/// The programme so far.
#[derive(Debug, Default)]
pub(super) struct Model {
    problem: Problem,
}

impl Model {
    pub fn col(&mut self, cost: f64, lower: f64, upper: f64) -> Col {
        self.problem.columns.push(Column { cost, lower, upper, integer: false });
        Col(self.problem.columns.len() - 1)
    }
    pub fn binary(&mut self, cost: f64, integer: bool) -> Col {
        self.problem.columns.push(Column { cost, lower: 0.0, upper: 1.0, integer });
        Col(self.problem.columns.len() - 1)
    }
    /// Narrows the bounds of a column to a value.
    pub fn fix(&mut self, col: Col, value: f64) {
        let column = &mut self.problem.columns[col.0];
        column.lower = value;
        column.upper = value;
    }
    /// Lowers the upper bound of a column.
    pub fn cap(&mut self, col: Col, upper: f64) {
        self.problem.columns[col.0].upper = upper;
    }
    pub fn add_cost(&mut self, col: Col, cost: f64) {
        self.problem.columns[col.0].cost += cost;
    }
    pub fn upper(&self, col: Col) -> f64 {
        self.problem.columns[col.0].upper
    }
    pub fn lower(&self, col: Col) -> f64 {
        self.problem.columns[col.0].lower
    }
    /// How many rows there are so far.
    pub fn rows(&self) -> usize {
        self.problem.rows.len()
    }
    pub fn row(&mut self, lower: f64, upper: f64, terms: &[(Col, f64)]) -> RowIx {
        self.problem.rows.push(Row { lower, upper });
        let row = RowIx(self.problem.rows.len() - 1);
        for (col, value) in terms {
            self.add(row, *col, *value);
        }
        row
    }
    /// The sum is at least `bound`.
    pub fn at_least(&mut self, sum: &Expr, bound: f64) -> RowIx {
        self.row(bound - sum.constant, f64::INFINITY, &sum.terms)
    }
    pub fn add(&mut self, row: RowIx, col: Col, value: f64) {
        if value != 0.0 {
            self.problem.entries.push((row.0, col.0, value));
        }
    }
    /// Moves a constant of the row's sum to its bounds.
    pub fn shift(&mut self, row: RowIx, constant: f64) {
        let r = &mut self.problem.rows[row.0];
        r.lower -= constant;
        r.upper -= constant;
    }
    /// Positions of the integer columns, ascending.
    pub fn integers(&self) -> Vec<usize> {
        (0..self.problem.columns.len()).filter(|i| self.problem.columns[*i].integer).collect()
    }
    /// The programme, with entries of the same place added up.
    pub fn finish(mut self) -> Problem {
        self.problem.entries.sort_unstable_by_key(|e| (e.0, e.1));
        self.problem.entries.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        self.problem
    }
}
