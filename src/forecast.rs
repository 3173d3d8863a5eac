//! What is to come over the horizon of the dispatch: load, PV, wind, prices.
//!
//! [`horizon`] always answers with finite numbers of the right sign and within nameplate. What is not known is
//! replaced by what is (a profile without a measurement, a measurement without a profile), and at last by its worst
//! case by direction.

mod forecasters;
mod grid;
mod history;
mod horizon;
mod sun;

pub use grid::QUARTER_S;
pub use history::History;
pub use horizon::{Horizon, Interval, Quantiles, TimeGrid};

use forecasters::Desk;

use crate::site::{AssetIx, Site};
use crate::state::SiteState;
use crate::units::Park;

/// The horizon over `grid` as seen from `state`.
///
/// While wall time is not synchronised the hour of the day is unknown: import then costs the tariff's highest price
/// throughout, the worst case, and [`Horizon::flat_price`] says so.
#[must_use]
pub fn horizon(site: &Site, state: &SiteState, history: &History, grid: TimeGrid) -> Horizon {
    let desk = Desk::new(site, state, history, &grid);
    let assets = (0..site.assets.len()).map(|ix| desk.forecast(AssetIx(ix))).collect();
    let flat_price = !state.now.synchronised;
    let import_price = import_prices(site, &grid, flat_price);
    // An open breaker says nothing of when it closes; the mode decides, and it is told to the dispatch apart.
    let open = state.pcc_closed == Ok(false);
    let n = grid.intervals.len();
    Horizon {
        assets,
        import_price,
        export_price: vec![site.tariff.export_per_kwh; n],
        grid_available: vec![!open; n],
        quantiles: vec![Quantiles::default(); site.assets.len()],
        co2_kg_per_kwh: vec![site.grid_co2_kg_per_kwh(); n],
        outdoor_c: state.weather.outdoor_c.ok().map(|c| vec![c; n]),
        flat_price,
        grid,
    }
}

fn import_prices(site: &Site, grid: &TimeGrid, flat: bool) -> Vec<f64> {
    let dearest = site.tariff.period.iter().map(|p| p.price_per_kwh).fold(0.0, f64::max);
    let price = |quarter: i64| {
        let at = Park::from_unix(quarter * QUARTER_S);
        if flat { dearest } else { site.tariff.import_per_kwh(at, &site.zone).unwrap_or(dearest) }
    };
    grid.intervals.iter().map(|i| i.quarters().into_iter().map(|(q, share)| share * price(q)).sum()).collect()
}
