//! Why a plan gives way and what it rests against: the limits by name, where they stand, and what a unit of relief is
//! worth.
//!
//! All of it is read off the solved programme. A limit is in the way of a port where each of the columns that could move
//! its injection rests against a bound, or against a row of its asset; the dual of that bound or row, per kWh, is the
//! worth of relief (commitments fixed). So every element is explained without being asked, and named by its kind.

use super::formulate::Formulation;
use super::known::Known;
use super::model::Expr;
use super::obstacle::Obstacle;
use super::plan::{CONFLICTS, Conflict, group};
use super::{Binding, Inputs, Slack, Solution};
use crate::site::Kind;

/// Nearer to a bound than this it rests against it, relative to its size.
const AT: f64 = 1e-6;
/// Powers below this are nothing, kW.
const NOTHING: f64 = 0.01;
/// Limits whose relief is worth less are not worth a line, currency per kWh.
pub(super) const WORTH: f64 = 0.005;
/// Reasons told per conflict, and binding limits told per plan.
const REASONS: usize = 6;
const BINDINGS: usize = 12;

/// A solved programme, indexed for questions.
pub(super) struct View<'a> {
    pub input: &'a Inputs<'a>,
    pub known: &'a Known,
    pub f: &'a Formulation,
    pub s: &'a Solution,
    /// Change of the objective per unit of each column, commitments fixed; zeros where the answer has no duals.
    pub reduced: Vec<f64>,
    activity: Vec<f64>,
    by_column: Vec<Vec<(usize, f64)>>,
    relief: Vec<bool>,
}

/// What stands in the way of moving one port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stop {
    /// The column behind it would have to rise (fall, if false).
    pub rise: bool,
    /// It is held by a bound or a row; false where it could move, or where there is nothing to move.
    pub limit: bool,
    /// Worth of relief, currency per kWh.
    pub worth: f64,
}

impl<'a> View<'a> {
    pub fn new(input: &'a Inputs<'a>, known: &'a Known, f: &'a Formulation, s: &'a Solution) -> Self {
        let (columns, rows) = (&f.problem.columns, &f.problem.rows);
        let mut reduced: Vec<f64> = columns.iter().map(|c| c.cost).collect();
        let mut activity = vec![0.0; rows.len()];
        let mut by_column = vec![Vec::new(); columns.len()];
        for (row, column, value) in &f.problem.entries {
            reduced[*column] -= value * s.duals.get(*row).copied().unwrap_or_default();
            activity[*row] += value * s.x[*column];
            by_column[*column].push((*row, *value));
        }
        if s.duals.is_empty() {
            reduced.fill(0.0);
        }
        let mut relief = vec![false; columns.len()];
        for r in &f.reliefs {
            relief[r.col.0] = true;
        }
        Self { input, known, f, s, reduced, activity, by_column, relief }
    }

    /// What keeps an injection of this asset from growing (`up`) or shrinking.
    pub fn stop(&self, asset: usize, expr: &Expr, t: usize, up: bool) -> Stop {
        let mut stop = Stop::default();
        let mut free = false;
        let on = self.f.places[asset].on.get(t).copied();
        for (col, k) in expr.terms.iter().filter(|(c, k)| Some(*c) != on && !self.relief[c.0] && *k != 0.0) {
            stop.rise = (*k > 0.0) == up;
            let column = &self.f.problem.columns[col.0];
            let bound = if stop.rise { column.upper } else { column.lower };
            let per_kwh = |per_unit: f64| per_unit / k.abs() / self.known.hours[t];
            let (at_bound, row) = (near(self.s.x[col.0], bound), self.row_in_the_way(asset, col.0, stop.rise));
            // What rests at nothing has nothing to give up: that is no limit.
            let by_bound = at_bound && (stop.rise || bound > NOTHING);
            if by_bound || row.is_some() {
                // A rating can be a bound and a row at once: its worth is shared out between them.
                let worth = if stop.rise { -self.reduced[col.0] } else { self.reduced[col.0] };
                let worth = if by_bound { worth.max(0.0) } else { 0.0 } + row.unwrap_or_default();
                stop.limit = true;
                stop.worth = stop.worth.max(per_kwh(worth));
            } else if !at_bound {
                free = true;
            }
        }
        stop.limit &= !free;
        stop
    }

    /// Worth of relief of the asset's own row that keeps a column from rising or falling.
    fn row_in_the_way(&self, asset: usize, column: usize, rise: bool) -> Option<f64> {
        let own = self.by_column[column].iter().filter(|(row, _)| self.f.places[asset].rows.contains(row));
        let holds = own.filter(|(row, a)| {
            let r = &self.f.problem.rows[*row];
            let end = if (*a > 0.0) == rise { r.upper } else { r.lower };
            // An equation carries energy along or defines a column: no limit.
            r.lower < r.upper && near(self.activity[*row], end)
        });
        holds
            .map(|(row, a)| (self.s.duals.get(*row).copied().unwrap_or_default() * a).abs())
            .reduce(|sum, worth| sum + worth)
    }

    /// The bus and interval of a slack, and whether it stands for too little (not too much); `None` for other slacks.
    fn place(&self, column: usize) -> Option<(usize, bool)> {
        let n = self.known.len();
        let balance = self.by_column[column].iter().find(|(row, _)| *row < n * self.f.balance.len())?;
        Some((balance.0 / n, balance.1 > 0.0))
    }

    fn price(&self, bus: usize, t: usize) -> f64 {
        let dual = self.f.balance.get(bus).and_then(|rows| self.s.duals.get(rows[t].0));
        dual.copied().unwrap_or_default() / self.known.hours[t]
    }

    /// Who could close a gap of the bus at `t`, and why each does not; dearest first.
    fn because(&self, bus: usize, t: usize, up: bool) -> Vec<Binding> {
        let mut list: Vec<Obstacle> = Vec::new();
        for (ix, asset) in self.input.site.assets.iter().enumerate() {
            for (port, _) in asset.ports.iter().enumerate().filter(|(_, p)| p.bus.0 == bus) {
                list.extend(self.obstacle(ix, port, t, up).or_else(|| self.waits(ix, port, t, up)));
            }
        }
        list.sort_by(|a, b| b.worth.unwrap_or(f64::MAX).total_cmp(&a.worth.unwrap_or(f64::MAX)));
        list.truncate(REASONS);
        list.into_iter().map(|o| o.binding(t, t + 1)).collect()
    }

    /// A machine that could give more to this bus if another bus were not short.
    fn waits(&self, ix: usize, port: usize, t: usize, up: bool) -> Option<Obstacle> {
        let asset = &self.input.site.assets[ix];
        let here = asset.ports.get(port)?.bus.0;
        if !up || self.f.places[ix].on.get(t).is_none_or(|c| self.s.x[c.0] < 0.5) {
            return None;
        }
        let feeds = asset.ports.iter().filter(|p| p.bus.0 != here && p.max.kw() <= 0.0);
        let short = feeds.map(|p| p.bus.0).find(|b| self.price(*b, t) >= 0.5 * self.price(here, t))?;
        let limit = format!("{}: {} is short as well", asset.id, self.input.site.buses[short].id);
        let kw = self.f.places[ix].ports[port][t].value(&self.s.x).abs();
        Some(Obstacle { limit, at: kw, unit: "kW", worth: None, hard: false })
    }

    /// The machine whose minimum load makes this surplus, in words.
    fn minimum_load(&self, bus: usize, t: usize, surplus: f64) -> Option<String> {
        let site = self.input.site;
        let ports = site.assets.iter().enumerate().flat_map(|(ix, a)| (0..a.ports.len()).map(move |p| (ix, p)));
        let pressed = ports.filter(|(ix, p)| {
            let place = &self.f.places[*ix];
            let on = place.on.get(t).is_some_and(|c| self.s.x[c.0] > 0.5);
            let stop = self.stop(*ix, &place.ports[*p][t], t, false);
            on && site.assets[*ix].ports[*p].bus.0 == bus && stop.limit && !stop.rise
        });
        let gives = |(ix, p): (usize, usize)| self.f.places[ix].ports[p][t].value(&self.s.x);
        let (ix, p) = pressed.max_by(|a, b| gives(*a).total_cmp(&gives(*b)))?;
        let kw = gives((ix, p));
        (kw >= surplus - NOTHING).then(|| {
            format!(
                "{}: minimum load {kw:.0} kW on {} is more than the {:.0} kW that can be taken: {surplus:.0} kW surplus",
                site.assets[ix].id,
                site.buses[bus].id,
                (kw - surplus).max(0.0)
            )
        })
    }

    /// Slacks in use, grouped in time, each with who could have closed the gap and why they do not.
    pub fn conflicts(&self, slacks: &[Slack]) -> Vec<Conflict> {
        let mut list = group(slacks, &self.known.hours);
        for c in &mut list {
            let span = |s: &&Slack| s.what == c.what && (c.from..c.to).contains(&s.interval);
            let Some(worst) = slacks.iter().filter(span).max_by(|a, b| a.amount.total_cmp(&b.amount)) else { continue };
            let relief = self.f.reliefs.iter().find(|r| r.interval == worst.interval && r.what == worst.what);
            let place = relief.and_then(|r| self.place(r.col.0));
            let Some((bus, short)) = place else {
                "kWh".clone_into(&mut c.unit);
                continue;
            };
            c.because = self.because(bus, worst.interval, short);
            if let Some(text) = (!short).then(|| self.minimum_load(bus, worst.interval, worst.amount)).flatten() {
                c.what = text;
            }
        }
        list.truncate(CONFLICTS);
        list
    }

    /// The limits that the plan rests against and whose relief is worth the most, over the horizon.
    pub fn binding(&self) -> Vec<Binding> {
        let mut list: Vec<(f64, Binding)> = Vec::new();
        for (ix, asset) in self.input.site.assets.iter().enumerate() {
            if matches!(asset.kind, Kind::Load(_)) {
                continue;
            }
            for up in [true, false] {
                let mut open: Option<(f64, Binding)> = None;
                for t in 0..self.known.len() {
                    let o = self.obstacle(ix, 0, t, up).filter(|o| o.hard && o.worth.is_some_and(|w| w > WORTH));
                    let Some(o) = o else {
                        list.extend(open.take());
                        continue;
                    };
                    let (worth, gain) =
                        (o.worth.unwrap_or_default(), o.worth.unwrap_or_default() * self.known.hours[t]);
                    match &mut open {
                        Some((sum, b)) if b.limit == o.limit => {
                            *sum += gain;
                            b.to = t + 1;
                            b.worth = b.worth.map(|w| w.max(worth));
                        }
                        _ => {
                            list.extend(open.take());
                            open = Some((gain, o.binding(t, t + 1)));
                        }
                    }
                }
                list.extend(open);
            }
        }
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        list.truncate(BINDINGS);
        list.into_iter().map(|(_, b)| b).collect()
    }
}

fn near(value: f64, bound: f64) -> bool {
    bound.is_finite() && (value - bound).abs() <= AT * (1.0 + bound.abs())
}
