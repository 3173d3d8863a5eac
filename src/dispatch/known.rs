//! The inputs of a plan, made whole: every number finite, of the right sign and within nameplate, and a note for each
//! that had to be replaced. A forecast that is missing or not finite becomes its worst case by direction: a consumer
//! at nameplate, a generator at 0, a price at the tariff's highest.

use super::Inputs;
use crate::site::Kind;

/// Inputs along the grid.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Lengths, hours.
    pub hours: Vec<f64>,
    /// Beginning of each interval, hours from now.
    pub begin: Vec<f64>,
    /// Import price without CO2, currency per kWh.
    pub import_price: Vec<f64>,
    /// Paid for export, currency per kWh.
    pub export_price: Vec<f64>,
    /// Emission factor of imported electricity, kg per kWh.
    pub co2_factor: Vec<f64>,
    /// Whether energy may cross the PCC.
    pub grid: Vec<bool>,
    /// Per asset: what a generator can deliver or a consumer wants, kW, never negative; empty for other kinds.
    pub signal: Vec<Vec<f64>>,
    /// What was replaced, in words.
    pub notes: Vec<String>,
    /// What physics and contracts allow, without the care that a plan takes for its errors (margins, reserves) and
    /// without the month's peak: the terms on which whole periods are settled and bounded.
    pub bare: bool,
    /// What is owed at the end is forgiven: a bound on one of several stretches.
    pub open_end: bool,
}

impl Known {
    pub fn of(input: &Inputs<'_>) -> Self {
        let intervals = &input.horizon.grid.intervals;
        let n = intervals.len();
        let mut known = Self { hours: intervals.iter().map(|i| i.hours.max(1e-3)).collect(), ..Self::default() };
        let mut begin = 0.0;
        for h in &known.hours {
            known.begin.push(begin);
            begin += h;
        }
        let dearest = input.site.tariff.period.iter().map(|p| p.price_per_kwh).fold(0.0, f64::max);
        let list = |values: &[f64], worst: f64, what: &str, notes: &mut Vec<String>| -> Vec<f64> {
            let whole: Vec<f64> =
                (0..n).map(|t| values.get(t).copied().filter(|v| v.is_finite()).unwrap_or(worst)).collect();
            let bad = (0..n).filter(|t| values.get(*t).is_none_or(|v| !v.is_finite())).count();
            if bad > 0 {
                notes.push(format!("{what}: {bad} of {n} values missing or not finite, {worst} taken"));
            }
            whole
        };
        let notes = &mut known.notes;
        known.import_price = list(&input.horizon.import_price, dearest, "import price", notes);
        known.export_price = list(&input.horizon.export_price, 0.0, "export price", notes);
        known.co2_factor =
            list(&input.horizon.co2_kg_per_kwh, input.site.grid_co2_kg_per_kwh(), "emission factor of the grid", notes);
        if input.horizon.flat_price {
            notes.push(format!("wall time is not synchronised: import priced at {dearest} throughout"));
        }
        known.grid =
            (0..n).map(|t| !input.islanded && input.horizon.grid_available.get(t).copied().unwrap_or(true)).collect();
        for (ix, asset) in input.site.assets.iter().enumerate() {
            let rated = asset.kind.rated().kw();
            let empty = Vec::new();
            let forecast = input.horizon.assets.get(ix).unwrap_or(&empty);
            let signal = match &asset.kind {
                Kind::Pv(_) | Kind::Wind(_) => list(forecast, 0.0, &format!("forecast of {}", asset.id), notes),
                Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => {
                    list(forecast, -rated, &format!("forecast of {}", asset.id), notes).iter().map(|v| -v).collect()
                }
                _ => Vec::new(),
            };
            known.signal.push(signal.iter().map(|v| v.clamp(0.0, rated.max(0.0))).collect());
        }
        known
    }

    pub fn len(&self) -> usize {
        self.hours.len()
    }
}
