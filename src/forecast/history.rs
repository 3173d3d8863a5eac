//! What has been: means per quarter of an hour of everything that is forecast, for a week and a day.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::grid::QUARTER_S;
use crate::site::kinds::Tier;
use crate::site::{AssetIx, Kind, Reason, Site, Value};
use crate::state::{AssetState, SiteState};

/// Quarters kept: 8 days, so that the same weekday of last week is still there.
const KEPT: usize = 8 * 96;
/// A quarter of which less than this share was known is a gap.
const KNOWN_SHARE: f64 = 0.5;

/// A sheddable load drawing less than this share of its nameplate may have been shed.
const OPEN_SHARE: f64 = 0.005;

/// Means of one signal, quarter by quarter; a gap is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Series {
    means: VecDeque<Option<f32>>,
    sum: f64,
    known: u32,
    seen: u32,
}

/// Quarter means per asset: for PV and wind what could be delivered, for flexible consumers what was wanted, for loads
/// what was drawn; as injections in kW. Other kinds keep nothing. Kept across restarts; while wall time is not
/// synchronised nothing is added, because nobody knows where it belongs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Asset names the series belong to: a changed site file starts anew.
    assets: Vec<String>,
    /// Quarter since the epoch that is being observed.
    quarter: Option<i64>,
    series: Vec<Series>,
}

impl Series {
    fn close(&mut self) {
        let whole = self.seen > 0 && f64::from(self.known) >= KNOWN_SHARE * f64::from(self.seen);
        self.push(whole.then(|| (self.sum / f64::from(self.known.max(1))) as f32));
        (self.sum, self.known, self.seen) = (0.0, 0, 0);
    }
    fn push(&mut self, mean: Option<f32>) {
        if self.means.len() == KEPT {
            self.means.pop_front();
        }
        self.means.push_back(mean);
    }
}

/// The signal of an asset that is worth forecasting, or why it is not known; `None` for kinds without a forecast.
pub(super) fn signal(kind: &Kind, state: &AssetState) -> Option<Value> {
    let drawn = || state.ports.first().map(|p| p.measured);
    match kind {
        // Uncurtailed where the device tells; else what was delivered is the best lower bound there is.
        Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => match state.potential {
            Some(Ok(kw)) => Some(Ok(kw)),
            _ => drawn(),
        },
        // A feeder that may have been opened tells nothing of what its consumers want.
        Kind::Load(k) if k.tier == Tier::Sheddable => drawn().map(|v| match v {
            Ok(kw) if kw.abs() < OPEN_SHARE * k.rated_kw => Err(Reason::NotMeasured),
            other => other,
        }),
        Kind::Load(_) => drawn(),
        _ => None,
    }
    .map(|v| v.and_then(|kw| if kw.is_finite() { Ok(kw) } else { Err(Reason::OutOfRange) }))
}

impl History {
    /// Takes one cycle into the means. Call it with every state, in order.
    pub fn observe(&mut self, site: &Site, state: &SiteState) {
        if !state.now.synchronised {
            return;
        }
        let same =
            self.assets.len() == site.assets.len() && self.assets.iter().zip(&site.assets).all(|(n, a)| *n == a.id);
        if !same {
            *self = Self {
                assets: site.assets.iter().map(|a| a.id.clone()).collect(),
                quarter: None,
                series: vec![Series::default(); site.assets.len()],
            };
        }
        self.advance((state.now.park.unix() / QUARTER_S as f64).floor() as i64);
        for ((series, asset), own) in self.series.iter_mut().zip(&site.assets).zip(&state.assets) {
            if let Some(value) = signal(&asset.kind, own) {
                series.seen = series.seen.saturating_add(1);
                if let Ok(kw) = value {
                    series.sum += kw;
                    series.known = series.known.saturating_add(1);
                }
            }
        }
    }

    /// Closes quarters up to `quarter`; what was slept through is a gap, a step back in time starts anew.
    fn advance(&mut self, quarter: i64) {
        let Some(current) = self.quarter.replace(quarter) else { return };
        if quarter < current || quarter - current > KEPT as i64 {
            for series in &mut self.series {
                *series = Series::default();
            }
            return;
        }
        for passed in 0..quarter - current {
            for series in &mut self.series {
                if passed == 0 { series.close() } else { series.push(None) }
            }
        }
    }

    /// Mean of an asset in a past quarter (number since the epoch), if known, kW.
    #[must_use]
    pub fn mean(&self, asset: AssetIx, quarter: i64) -> Option<f64> {
        let series = self.series.get(asset.0)?;
        let back = usize::try_from(self.quarter? - quarter).ok().filter(|b| *b >= 1)?;
        let at = series.means.len().checked_sub(back)?;
        series.means.get(at).copied().flatten().map(f64::from)
    }

    /// The newest quarter under observation (not yet a mean).
    #[must_use]
    pub fn quarter(&self) -> Option<i64> {
        self.quarter
    }

    /// Mean over all known quarters, kW.
    #[must_use]
    pub fn overall(&self, asset: AssetIx) -> Option<f64> {
        let known: Vec<f64> = self.series.get(asset.0)?.means.iter().flatten().map(|v| f64::from(*v)).collect();
        if known.is_empty() { None } else { Some(known.iter().sum::<f64>() / known.len() as f64) }
    }
}
