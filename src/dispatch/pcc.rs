//! What may cross the PCC: the connection, the transformer, and what each party outside allows. The narrowest counts;
//! all are shown.

use serde::{Deserialize, Serialize};

use super::{Inputs, Plan};
use crate::site::kinds::Grid;
use crate::site::{Class, Kind};
use crate::units::Park;

/// Share of the PCC's limits that the plan uses: forecast errors and meters need the rest. The cycle keeps the same
/// margin.
pub(super) const LIMIT_MARGIN: f64 = 0.95;
/// Import above its limit costs so many times the normal tier's lost load: such load is shed before the limit
/// gives way, critical load is not.
pub(super) const OVER_LIMIT: f64 = 1.5;
/// An exchange so near to its planned limit is at it, kW.
const AT_LIMIT_KW: f64 = 0.05;

/// A limit of the exchange at the PCC that a party outside has set for some time.
#[derive(Clone, Debug, PartialEq)]
pub struct GridLimit {
    /// Who set it.
    pub who: String,
    /// With what rank.
    pub class: Class,
    /// Highest import, kW; infinite where there is none.
    pub import_max_kw: f64,
    /// Highest export, kW; infinite where there is none.
    pub export_max_kw: f64,
    /// End of its lease.
    pub until: Park,
}

/// Which way energy crosses the PCC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Crossing {
    Import,
    Export,
}

impl Crossing {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
        }
    }
}

/// A limit at the PCC as a plan met it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitInForce {
    /// Who set it; `connection` and `transformer` are the site's own.
    pub by: String,
    /// Rank of who set it; `None` for the site's own.
    pub class: Option<Class>,
    /// Which way.
    pub crossing: Crossing,
    /// As set, kW; plans keep a twentieth of it free.
    pub kw: f64,
    /// End of its lease; `None` for the site's own.
    pub until: Option<Park>,
    /// Intervals in which no other is narrower.
    pub narrowest: Vec<usize>,
    /// Of these, the ones whose exchange is at it, or above.
    pub binding: Vec<usize>,
}

impl LimitInForce {
    /// What may be planned up to, kW. A limit of nothing can still be exceeded, at its price.
    pub(in crate::dispatch) fn planned_kw(&self) -> f64 {
        (LIMIT_MARGIN * self.kw).max(1e-3)
    }
    /// Whose it is, in words; empty for the connection's own.
    pub(super) fn whose(&self) -> String {
        match self.class {
            None if self.by == CONNECTION => String::new(),
            None => format!(" ({})", self.by),
            Some(class) => format!(" ({}, {})", self.by, class.name()),
        }
    }
}

const CONNECTION: &str = "connection";

/// All limits, those of the site first.
pub(super) fn limits(input: &Inputs<'_>, k: &Grid) -> Vec<LimitInForce> {
    let own = |by: &str, crossing: Crossing, kw: f64| (by.to_owned(), None, crossing, kw, None);
    let mut all = vec![
        own(CONNECTION, Crossing::Import, k.import_max_kw),
        own(CONNECTION, Crossing::Export, k.export_max_kw),
        own("transformer", Crossing::Import, k.transformer_kw()),
        own("transformer", Crossing::Export, k.transformer_kw()),
    ];
    for l in input.limits {
        for (crossing, kw) in [(Crossing::Import, l.import_max_kw), (Crossing::Export, l.export_max_kw)] {
            all.push((l.who.clone(), Some(l.class), crossing, kw, Some(l.until)));
        }
    }
    all.into_iter()
        .filter(|(_, _, _, kw, _)| kw.is_finite())
        .map(|(by, class, crossing, kw, until)| LimitInForce {
            by,
            class,
            crossing,
            kw: kw.max(0.0),
            until,
            narrowest: Vec::new(),
            binding: Vec::new(),
        })
        .collect()
}

/// Position of the narrowest limit at `at`; the first of equals.
pub(super) fn narrowest(limits: &[LimitInForce], crossing: Crossing, at: Park) -> Option<usize> {
    let standing = |l: &&LimitInForce| l.crossing == crossing && l.until.is_none_or(|until| at < until);
    let least = limits.iter().filter(standing).map(|l| l.kw).reduce(f64::min)?;
    limits.iter().position(|l| standing(&l) && l.kw <= least)
}

/// All limits with the intervals that they shape in `plan`.
pub(super) fn in_force(input: &Inputs<'_>, connected: &[bool], plan: &Plan) -> Vec<LimitInForce> {
    let pcc = input.site.pcc();
    let Some((ix, Kind::Grid(k))) = pcc.map(|ix| (ix, &input.site.assets[ix.0].kind)) else { return Vec::new() };
    let mut all = limits(input, k);
    for (t, interval) in plan.grid.intervals.iter().enumerate().filter(|(t, _)| connected[*t]) {
        let exchange = plan.assets[ix.0].power_kw.first().and_then(|p| p.get(t)).copied();
        for (crossing, sign) in [(Crossing::Import, 1.0), (Crossing::Export, -1.0)] {
            let Some(l) = narrowest(&all, crossing, interval.start).map(|i| &mut all[i]) else { continue };
            l.narrowest.push(t);
            if exchange.is_some_and(|kw| sign * kw >= LIMIT_MARGIN * l.kw - AT_LIMIT_KW) {
                l.binding.push(t);
            }
        }
    }
    all
}
