//! The inputs of a plan, made whole: every number finite, of the right sign and within nameplate, and a note for each
//! that had to be replaced. A forecast that is missing or not finite becomes its worst case by direction: a consumer
//! at nameplate, a generator at 0, a price at the tariff's highest.

use super::Inputs;
use super::mapping::{batches, stays};
use crate::site::{AssetIx, Kind};

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
    /// Per asset: COP or EER along the grid; empty for other kinds.
    pub performance: Vec<Vec<f64>>,
    /// What was replaced, in words.
    pub notes: Vec<String>,
    /// What physics and contracts allow, without the care that a plan takes for its errors (margins, reserves) and
    /// without the month's peak: the terms on which whole periods are settled and bounded.
    pub bare: bool,
    /// What is owed at the end is forgiven: a bound on one of several stretches.
    pub open_end: bool,
    /// What began before the horizon is forgiven: a bound on one of several stretches.
    pub open_start: bool,
}

/// The weather is forecast for the whole horizon.
fn outdoor_known(input: &Inputs<'_>, n: usize) -> bool {
    let outdoor = input.horizon.outdoor_c.as_ref();
    outdoor.is_some_and(|c| c.len() >= n && c.iter().all(|c| c.is_finite()))
}

/// No way to make electricity emits more, kg per kWh.
const CO2_FACTOR: f64 = 10.0;

fn bounded(list: Vec<f64>, most: f64) -> Vec<f64> {
    list.into_iter().map(|v| v.min(most).max(-most)).collect()
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
        // Energy dearer than load lost is not bought; a number beyond it is no price.
        let most = input.site.values.lost_load_critical_per_kwh.max(dearest);
        known.import_price = bounded(list(&input.horizon.import_price, dearest, "import price", notes), most);
        known.export_price = bounded(list(&input.horizon.export_price, 0.0, "export price", notes), most);
        let factor =
            list(&input.horizon.co2_kg_per_kwh, input.site.grid_co2_kg_per_kwh(), "emission factor of the grid", notes);
        known.co2_factor = bounded(factor, CO2_FACTOR);
        if input.horizon.flat_price {
            notes.push(format!("wall time is not synchronised: import priced at {dearest} throughout"));
        }
        known.grid =
            (0..n).map(|t| !input.islanded && input.horizon.grid_available.get(t).copied().unwrap_or(true)).collect();
        let mut notes = std::mem::take(&mut known.notes);
        for (ix, asset) in input.site.assets.iter().enumerate() {
            let rated = asset.kind.rated().kw();
            let empty = Vec::new();
            let forecast = input.horizon.assets.get(ix).unwrap_or(&empty);
            let signal = match &asset.kind {
                Kind::Pv(_) | Kind::Wind(_) | Kind::WasteHeat(_) => {
                    list(forecast, 0.0, &format!("forecast of {}", asset.id), &mut notes)
                }
                // What is known by the calendar needs no forecast: drawn as early as it can be.
                Kind::EvCharger(k) if !k.session.is_empty() => {
                    let stays = stays::stays(input, &known, AssetIx(ix), k);
                    stays::uncapped(&known, &stays, rated)
                }
                Kind::Batch(k) => batches::uncapped(&batches::runs(input, &known, AssetIx(ix), k), rated),
                Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => {
                    list(forecast, -rated, &format!("forecast of {}", asset.id), &mut notes)
                        .iter()
                        .map(|v| -v)
                        .collect()
                }
                _ => Vec::new(),
            };
            let performance = super::performance::along(input, asset, n, &mut notes);
            known.performance.push(performance);
            known.signal.push(signal.iter().map(|v| v.clamp(0.0, rated.max(0.0))).collect());
            if !input.state.now.synchronised && !asset.kind.windows().is_empty() {
                notes
                    .push(format!("wall time is not synchronised: nothing is known of when {} has its turn", asset.id));
            }
            if matches!(asset.kind, Kind::Room(_)) && !outdoor_known(input, n) {
                notes.push(format!("outdoor temperature not known: {} is taken to go on as it is", asset.id));
            }
        }
        known.notes = notes;
        known
    }

    /// COP or EER; 1 for kinds that have none.
    pub fn performance(&self, asset: AssetIx, t: usize) -> f64 {
        self.performance.get(asset.0).and_then(|p| p.get(t)).copied().unwrap_or(1.0)
    }

    pub fn len(&self) -> usize {
        self.hours.len()
    }
}
