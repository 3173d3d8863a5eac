//! In which order buses are closed, so that what one draws on is closed after it.

use crate::site::{AssetIx, BusIx, Carrier, Kind, Site};

/// The machine serves its principal port's bus as that bus is closed. Engines follow heat; what makes electricity for
/// want of better, and what eats its surplus, have rules of their own.
pub(super) const fn serves(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Boiler(_) | Kind::HeatPump(_) | Kind::Chiller(_) | Kind::AbsorptionChiller(_) | Kind::HeatExchanger(_)
    )
}

/// Cold, then heat from the lowest level up, CO2, electricity, hydrogen, gas; but none before what draws on it.
pub(super) fn closing(site: &Site) -> Vec<BusIx> {
    let rank = |b: &usize| {
        let bus = &site.buses[*b];
        let class = match bus.carrier {
            Carrier::Cooling => 0,
            Carrier::Heat => 1,
            Carrier::Co2 => 2,
            Carrier::Electricity => 3,
            Carrier::Hydrogen => 4,
            Carrier::Gas => 5,
        };
        (class, bus.supply_c.map_or(0, |c| (c * 10.0) as i64))
    };
    let mut open: Vec<usize> = (0..site.buses.len()).collect();
    open.sort_by_key(rank);
    let draws: Vec<(BusIx, BusIx)> = (0..site.assets.len()).flat_map(|a| draws(site, AssetIx(a))).collect();
    let mut order = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let drawn = |bus: usize| draws.iter().any(|(by, on)| on.0 == bus && by.0 != bus && open.contains(&by.0));
        // Where two draw on each other, as by exchanger and heat pump, the lower goes first.
        let next = open.iter().position(|b| !drawn(*b)).unwrap_or(0);
        order.push(BusIx(open.remove(next)));
    }
    order
}

/// (bus that decides on the machine, bus it then draws on).
fn draws(site: &Site, asset: AssetIx) -> Vec<(BusIx, BusIx)> {
    let asset = &site.assets[asset.0];
    let bus = |port: usize| asset.ports.get(port).map(|p| p.bus);
    let (by, on): (Vec<usize>, Vec<usize>) = match &asset.kind {
        Kind::Chp(_) => (vec![1, 3], vec![0, 2]),
        Kind::AbsorptionChiller(_) => (vec![0], vec![1, 2, 3]),
        kind if serves(kind) => (vec![0], vec![1, 2]),
        Kind::Genset(_) | Kind::FuelCell(_) | Kind::Electrolyser(_) => (vec![0], vec![1]),
        _ => return Vec::new(),
    };
    by.iter().flat_map(|b| on.iter().filter_map(move |o| Some((bus(*b)?, bus(*o)?)))).collect()
}
