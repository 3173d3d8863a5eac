//! What is done without a plan: each machine by its own thermostat, the battery towards zero exchange.

use crate::site::{Asset, Cause, Kind, Site};
use crate::state::{AssetState, SiteState};

use super::wish::Wish;

/// Share of a tank's energy below which heat or cold is wanted, and above which it is not.
const LOW: f64 = 0.35;
/// See [`LOW`].
const HIGH: f64 = 0.85;

/// The wish of one asset by rule; the battery's planned power is 0 and moves by sharing.
pub(super) fn wish(site: &Site, state: &SiteState, asset: &Asset, own: &AssetState) -> Wish {
    let running = own.running.is_some_and(|r| r.on);
    let wanted = |bus_port: usize| hysteresis(site, state, asset, bus_port, running);
    let rated = asset.kind.rated().kw();
    let (power_kw, on) = match &asset.kind {
        Kind::Battery(_) => (Some(0.0), None),
        Kind::Chp(_) => (Some(rated), Some(wanted(1))),
        // The machine's own thermostat bounds it: release at full demand.
        Kind::Boiler(_) | Kind::HeatPump(_) | Kind::Chiller(_) => (Some(rated), Some(true)),
        Kind::AbsorptionChiller(_) => {
            (Some(rated), Some(wanted(0) && store_share(site, state, asset, 1).is_some_and(|s| s > LOW)))
        }
        Kind::DumpCooler(_) => (Some(0.0), None),
        Kind::Load(_) => (None, Some(true)),
        _ => (None, None),
    };
    Wish { power_kw, on, cause: Cause::Rules, by: None }
}

fn hysteresis(site: &Site, state: &SiteState, asset: &Asset, port: usize, running: bool) -> bool {
    match store_share(site, state, asset, port) {
        Some(share) if running => share < HIGH,
        Some(share) => share < LOW,
        None => running,
    }
}

/// How full the store is that closes the bus of this port; `None` if there is none or it is not known.
fn store_share(site: &Site, state: &SiteState, asset: &Asset, port: usize) -> Option<f64> {
    let bus = site.buses.get(asset.ports.get(port)?.bus.0)?;
    let store = bus.closed_by?;
    let capacity = site.assets.get(store.0)?.kind.capacity()?;
    let energy = state.assets.get(store.0)?.energy?.ok()?;
    Some(energy / capacity.kwh())
}
