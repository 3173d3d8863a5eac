//! What is to come over the horizon of the dispatch: load, PV, wind, prices.
//!
//! [`horizon`] always answers with finite numbers of the right sign and within nameplate. What is not known is
//! replaced by what is (a profile without a measurement, a measurement without a profile), and at last by its worst
//! case by direction; the less is known, the wider are the quantiles.
//!
//! A [`History`] learns from what is measured, scores its own forecasts by their outcomes, and listens to those of
//! others ([`External`]), which go before its own for as long as they have not expired.

mod external;
mod forecasters;
mod grid;
mod history;
mod horizon;
mod model;
mod offer;
mod outlook;
mod score;
mod signal;
mod slot;
mod sun;
mod ticket;

pub use external::{External, Refusal};
pub use grid::QUARTER_S;
pub use history::{History, Means};
pub use horizon::{Horizon, Interval, Quantiles, TimeGrid};
pub use offer::{Offer, Refused, Subject, check};
pub use outlook::{Judged, Outlook, outlook};
pub use score::{Lead, Score};

use forecasters::Desk;

use crate::site::{AssetIx, Site};
use crate::state::SiteState;
use crate::units::Park;

/// The horizon over `grid` as seen from `state`.
///
/// While wall time is not synchronised the hour of the day is unknown: import then costs the tariff's highest price
/// throughout, the worst case, and [`Horizon::flat_price`] says so; nor can it be known of which time others speak.
#[must_use]
pub fn horizon(site: &Site, state: &SiteState, history: &History, grid: TimeGrid) -> Horizon {
    let flat_price = !state.now.synchronised;
    let sight = history.sight(site, state);
    let desk = Desk::new(site, history, &sight, &grid, !flat_price);
    let (assets, quantiles) = (0..site.assets.len()).map(|ix| desk.forecast(AssetIx(ix))).unzip();
    let outdoor_c = desk.outdoor();
    let tariff = import_prices(site, &grid, flat_price);
    let n = grid.intervals.len();
    let told = |subject, own: Vec<f64>| {
        if flat_price {
            return own;
        }
        let said = grid.intervals.iter().map(|i| history.external().price(site, subject, i, state.now.park));
        said.zip(own).map(|(said, own)| said.map_or(own, |s| own + s.share * (s.value - own))).collect()
    };
    let import_price = told(Subject::ImportPrice, tariff);
    let export_price = told(Subject::ExportPrice, vec![site.tariff.export_per_kwh; n]);
    let co2_kg_per_kwh = told(Subject::Co2, vec![site.grid_co2_kg_per_kwh(); n]);
    // An open breaker says nothing of when it closes; the mode decides, and it is told to the dispatch apart.
    let open = state.pcc_closed == Ok(false);
    Horizon {
        assets,
        quantiles,
        import_price,
        export_price,
        grid_available: vec![!open; n],
        co2_kg_per_kwh,
        outdoor_c,
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
