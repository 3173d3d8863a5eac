//! The account of hydrogen that was made in hours of as much renewable generation of the park, for offtakes that take no
//! other. It counts titles, not molecules: what is in the tank is mixed.

use super::AssetState;
use crate::site::{Asset, BusIx, Kind, Site};
use crate::units::Energy;

/// The hydrogen bus of an offtake with hourly matching.
pub(super) fn bus(asset: &Asset) -> Option<BusIx> {
    match &asset.kind {
        Kind::HydrogenOfftake(k) if k.hourly_matching => asset.ports.first().map(|p| p.bus),
        _ => None,
    }
}

/// Per such bus: made less sold as such, over a step of `hours`. What is not measured was not made, and sold at its most.
pub(super) fn made(site: &Site, assets: &[AssetState], hours: f64) -> Vec<(BusIx, Energy)> {
    let mut buses: Vec<BusIx> = site.assets.iter().filter_map(bus).collect();
    buses.sort_unstable();
    buses.dedup();
    if buses.is_empty() {
        return Vec::new();
    }
    let measured =
        |own: &AssetState, port: usize| own.ports.get(port).and_then(|p| p.measured.ok()).unwrap_or_default();
    let all = || site.assets.iter().zip(assets);
    let renewable: f64 = all()
        .filter(|(a, _)| matches!(a.kind, Kind::Pv(_) | Kind::Wind(_)))
        .map(|(_, own)| measured(own, 0).max(0.0))
        .sum();
    let net = |on: BusIx| {
        let (mut hydrogen, mut efficiency, mut sold) = (0.0, f64::INFINITY, 0.0);
        for (asset, own) in all() {
            match &asset.kind {
                Kind::Electrolyser(k) if asset.ports.get(1).is_some_and(|p| p.bus == on) => {
                    hydrogen += measured(own, 1).max(0.0);
                    efficiency = k.least_efficiency().min(efficiency);
                }
                _ if bus(asset) == Some(on) => sold += own.ports.first().map_or(0.0, |p| p.power.kw().abs()),
                _ => {}
            }
        }
        hydrogen.min(if efficiency.is_finite() { efficiency * renewable } else { 0.0 }) - sold
    };
    buses.into_iter().map(|b| (b, Energy::from_kwh(net(b) * hours))).collect()
}
