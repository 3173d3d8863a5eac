//! What stored energy is worth where the horizon ends, so that stores are not simply emptied into it.
//!
//! The rule is replacement: a kWh left saves the cheapest purchase that would have to replace it. For a battery the
//! hours after the end are taken to cost what the same hours of the clock cost within the horizon; up to the next
//! dearest hour the cheapest one sets the price, and where the dearest hour comes first, the energy is sold into
//! it. For heat and cold it is the cheapest machine on the bus, at the horizon's mean prices, times [`CAUTION`]: a
//! plan must not run a boiler at its end just to leave a full tank. Hydrogen, CO2 and rooms have rules of their own below.

use super::Inputs;
use super::known::Known;
use super::mapping::rooms;
use crate::site::kinds::{Battery, Room, Tier};
use crate::site::{Asset, AssetIx, BusIx, Carrier, Kind};

/// Share of the replacement cost that heat and cold left over are worth.
const CAUTION: f64 = 0.8;

/// Values by place.
#[derive(Debug)]
pub(super) struct Worth {
    /// Per asset: value of a stored kWh at the end; 0 for all but stores.
    pub stored: Vec<f64>,
    /// Per bus: replacement cost of a kWh, currency.
    pub bus: Vec<f64>,
}

/// What a kWh on a bus can be worth at all: from the cost of a surplus that nothing absorbs to the value of critical load lost.
pub(super) fn bounded(input: &Inputs<'_>, bus: BusIx, per_kwh: f64) -> f64 {
    let values = &input.site.values;
    let most = values.lost(input.site.buses[bus.0].carrier, Tier::Critical);
    per_kwh.min(most).max(-values.surplus_per_kwh)
}

pub(super) fn worth(input: &Inputs<'_>, known: &Known) -> Worth {
    let bus: Vec<f64> = (0..input.site.buses.len()).map(|b| replacement(input, known, BusIx(b), 0)).collect();
    let stored = input
        .site
        .assets
        .iter()
        .enumerate()
        .map(|(i, a)| match &a.kind {
            Kind::Battery(k) => battery(&import_costs(input, known), &known.hours, k),
            Kind::HeatTank(_) | Kind::ColdTank(_) => CAUTION * bus[a.ports[0].bus.0],
            Kind::HydrogenTank(_) => CAUTION * hydrogen(input, known, a.ports[0].bus, bus[a.ports[0].bus.0]),
            Kind::Co2Buffer(_) => co2(input, a.ports[0].bus),
            Kind::Room(k) => room(input, known, AssetIx(i), k) * CAUTION * bus[a.ports[0].bus.0],
            _ => 0.0,
        })
        .collect();
    Worth { stored, bus }
}

fn import_costs(input: &Inputs<'_>, known: &Known) -> Vec<f64> {
    let per_kg = input.site.values.co2_per_kg;
    known.import_price.iter().zip(&known.co2_factor).map(|(p, f)| p + f * per_kg).collect()
}

/// What a kWh of import costs on the mean of the horizon.
fn replacement_of_import(input: &Inputs<'_>, known: &Known) -> f64 {
    let hours: f64 = known.hours.iter().sum();
    import_costs(input, known).iter().zip(&known.hours).map(|(p, h)| p * h).sum::<f64>() / hours.max(1e-9)
}

/// Cheapest way to put a kWh onto a bus, following converters at most two buses far.
fn replacement(input: &Inputs<'_>, known: &Known, bus: BusIx, depth: usize) -> f64 {
    if input.site.buses[bus.0].carrier == Carrier::Electricity {
        return replacement_of_import(input, known);
    }
    let feed = |port: usize, ratio: f64, asset: &Asset| {
        let from = asset.ports.get(port).filter(|_| depth < 2)?;
        Some(replacement(input, known, from.bus, depth + 1) / ratio)
    };
    let ways = input.site.assets.iter().enumerate().filter_map(|(ix, a)| {
        // Power comes in at an electrolyser's principal port, and hydrogen out at the other.
        if let Kind::Electrolyser(k) = &a.kind {
            let wear = k.wear_per_kwh / k.efficiency;
            return (a.ports.get(1)?.bus == bus).then(|| feed(0, k.efficiency, a).map(|price| price + wear))?;
        }
        if a.ports.first()?.bus != bus {
            return None;
        }
        let performance = || mean(&known.performance[ix], &known.hours);
        match &a.kind {
            Kind::GasSupply(k) => Some(k.price_per_kwh + k.co2_kg_per_kwh * input.site.values.co2_per_kg),
            Kind::HeatSupply(k) => Some(k.price_per_kwh + k.co2_kg_per_kwh * input.site.values.co2_per_kg),
            Kind::Boiler(k) => feed(1, k.efficiency, a),
            Kind::HeatPump(k) => {
                let cop = performance();
                let source = k.source_bus.as_ref().and_then(|_| feed(2, cop / (cop - 1.0).max(1e-9), a));
                Some(feed(1, cop, a)? + source.unwrap_or(0.0))
            }
            Kind::Chiller(_) => feed(1, performance(), a),
            Kind::AbsorptionChiller(k) => {
                let second = k.second_cop.and_then(|cop| feed(3, cop, a));
                Some(feed(1, k.cop, a)?.min(second.unwrap_or(f64::INFINITY)))
            }
            Kind::HeatExchanger(k) => feed(1, k.efficiency, a),
            _ => None,
        }
    });
    let cheapest = ways.fold(f64::INFINITY, f64::min);
    if cheapest.is_finite() { cheapest } else { 0.0 }
}

/// Mean of values along the grid.
fn mean(values: &[f64], hours: &[f64]) -> f64 {
    values.iter().zip(hours).map(|(v, h)| v * h).sum::<f64>() / hours.iter().sum::<f64>().max(1e-9)
}

/// Hydrogen is worth what it replaces, but no more than what anyone gives for it: a buyer, or a fuel cell's electricity.
fn hydrogen(input: &Inputs<'_>, known: &Known, bus: BusIx, replaced: f64) -> f64 {
    let electricity = replacement_of_import(input, known);
    let gives =
        input.site.assets.iter().filter(|a| a.ports.iter().any(|p| p.bus == bus)).filter_map(|a| match &a.kind {
            Kind::HydrogenOfftake(k) => Some(k.price_per_kwh),
            Kind::FuelCell(k) => Some(k.efficiency * (electricity - k.wear_per_kwh)),
            Kind::Load(_) => Some(input.site.values.lost_hydrogen_per_kwh),
            _ => None,
        });
    let sold = gives.fold(0.0, f64::max);
    if replaced > 0.0 { replaced.min(sold) } else { sold }
}

/// A kg of CO2 left in a buffer is still to be handed over, or let go; what is earned by either later counts a little
/// less than now, what it costs a little more.
fn co2(input: &Inputs<'_>, bus: BusIx) -> f64 {
    let let_go = -input.site.values.co2_per_kg;
    let hubs = input
        .site
        .assets
        .iter()
        .filter(|a| a.ports.first().is_some_and(|p| p.bus == bus))
        .filter_map(|a| if let Kind::Co2Hub(k) = &a.kind { Some(k.price_per_kg) } else { None });
    let best = hubs.fold(let_go, f64::max);
    if best >= 0.0 { CAUTION * best } else { (best / CAUTION).max(let_go) }
}

/// 1 where the room needs its heat or cold at the mean weather of the horizon, else 0: what is left then helps nobody.
fn room(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &Room) -> f64 {
    let Some(drift) = rooms::drift(input, known, ix, k) else { return 0.0 };
    let drained = drift.iter().zip(&known.hours).map(|(kw, h)| kw * h).sum::<f64>() < 0.0;
    if drained { 1.0 } else { 0.0 }
}

fn battery(cost: &[f64], hours: &[f64], k: &Battery) -> f64 {
    // The horizon is about a day long: what follows its end costs what its beginning costs, shifted by the excess.
    let total: f64 = hours.iter().sum();
    let mut skip = total - 24.0;
    let ahead: Vec<f64> = cost
        .iter()
        .zip(hours)
        .filter(|(_, h)| {
            let keep = skip <= 1e-6;
            skip -= **h;
            keep
        })
        .map(|(c, _)| *c)
        .collect();
    let Some(dearest) = ahead.iter().copied().reduce(f64::max) else { return 0.0 };
    let sold = (dearest * k.discharge_efficiency - k.wear_per_kwh).max(0.0);
    let before = ahead.iter().copied().take_while(|c| *c < dearest - 1e-9).reduce(f64::min);
    before.map_or(sold, |cheap| (cheap / k.charge_efficiency).min(sold)).max(0.0)
}
