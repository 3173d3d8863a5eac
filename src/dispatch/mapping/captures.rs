//! What takes CO2 out of the exhaust of others.

use super::super::Inputs;
use super::super::elements::{Capture, Element};
use crate::site::kinds::CarbonCapture;
use crate::site::{AssetIx, BusIx, Kind, Point};

pub(super) fn capture(input: &Inputs<'_>, k: &CarbonCapture) -> Element {
    let mut ports = vec![-k.kwh_per_kg, 1.0];
    ports.extend(k.heat_bus.as_ref().map(|_| -k.heat_kwh_per_kg));
    Element::Capture(Capture {
        ports,
        min: k.min_load * k.rated_kg_per_h,
        max: k.rated_kg_per_h,
        exhaust: k.source.iter().filter_map(|id| exhaust(input, input.site.asset(id)?)).collect(),
        share: k.capture_share,
    })
}

/// The port of an asset that tells its emission, and kg per kWh of its injection.
fn exhaust(input: &Inputs<'_>, ix: AssetIx) -> Option<(AssetIx, usize, f64)> {
    let asset = &input.site.assets[ix.0];
    if let Some(port) = asset.port(Point::GasW) {
        return Some((ix, port, -factor(input, asset.ports[port].bus)?));
    }
    match &asset.kind {
        Kind::Genset(k) => Some((ix, 0, k.fuel_co2_kg_per_kwh / k.efficiency)),
        _ => None,
    }
}

/// The emission factor of the gas on a bus; of several supplies the lowest: there is at least so much in the exhaust.
fn factor(input: &Inputs<'_>, bus: BusIx) -> Option<f64> {
    let on_bus = input.site.assets.iter().filter(|a| a.ports.first().is_some_and(|p| p.bus == bus));
    let factors = on_bus.filter_map(|a| match &a.kind {
        Kind::GasSupply(k) => Some(k.co2_kg_per_kwh),
        _ => None,
    });
    factors.reduce(f64::min)
}
