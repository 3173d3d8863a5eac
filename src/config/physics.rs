//! What no single number shows: windows, curves, levels and the conservation of energy.

mod consumer;
mod curve;
mod linked;

pub(super) use linked::check as linked;

use super::assets::Draft;
use super::document::{Document, Place};
use super::site_file::BusTable;
use crate::site::kinds::{Battery, Wind};
use crate::site::{Bus, Carrier, Kind};

/// Supply and return of a bus fit its carrier.
pub(super) fn bus_levels(doc: &mut Document<'_>, bus: &BusTable, at: &Place) {
    let thermal = matches!(bus.carrier, Carrier::Heat | Carrier::Cooling);
    for (key, value) in [("supply_c", bus.supply_c), ("return_c", bus.return_c)] {
        let name = bus.carrier.name();
        if thermal && value.is_none() {
            doc.mistake(&at.key(key), format!("a {name} bus needs `{key}`"), format!("add `{key} = <degC>`"));
        } else if !thermal && value.is_some() {
            doc.mistake(&at.key(key), format!("a bus of {name} has no temperature"), "remove it");
        }
    }
    let (Some(supply), Some(back)) = (bus.supply_c, bus.return_c) else { return };
    if bus.carrier == Carrier::Heat && supply <= back {
        let message = format!("heat is supplied at {supply} degC, not above its return at {back} degC");
        doc.mistake(&at.key("supply_c"), message, "write the hotter temperature here");
    }
    if bus.carrier == Carrier::Cooling && supply >= back {
        let message = format!("cold is supplied at {supply} degC, not below its return at {back} degC");
        doc.mistake(&at.key("supply_c"), message, "write the colder temperature here");
    }
}

/// What the numbers of one asset say together.
pub(super) fn check(doc: &mut Document<'_>, draft: &Draft, buses: &[Bus]) {
    let at = &draft.at;
    match &draft.kind {
        Kind::Battery(k) => battery(doc, at, k),
        Kind::HeatTank(k) => tank(doc, at, k.t_min_c, k.t_max_c),
        Kind::ColdTank(k) => tank(doc, at, k.t_min_c, k.t_max_c),
        Kind::Wind(k) => wind(doc, at, k),
        Kind::EvCharger(k) => consumer::ev_charger(doc, at, k),
        Kind::Batch(k) => consumer::batch(doc, at, k),
        Kind::Room(k) => consumer::room(doc, at, k, buses),
        Kind::HydrogenOfftake(k) => consumer::hydrogen_offtake(doc, at, k),
        Kind::Co2Hub(k) => consumer::co2_hub(doc, at, k),
        Kind::WasteHeat(k) => {
            let supply = buses.iter().find(|b| b.id == k.bus).and_then(|b| b.supply_c);
            if let Some(supply) = supply.filter(|supply| *supply > k.temperature_c) {
                let message = format!("heat of {} degC does not flow into a bus of {supply} degC", k.temperature_c);
                doc.mistake(&at.key("bus"), message, "name a bus that is no hotter; a heat pump lifts what is colder");
            }
        }
        Kind::Grid(k) => {
            if k.reactive_kvar >= k.transformer_kva {
                let message = format!("{} kvar leave no active power in {} kVA", k.reactive_kvar, k.transformer_kva);
                doc.mistake(&at.key("reactive_kvar"), message, format!("write less than {}", k.transformer_kva));
            }
            if k.over_contract_per_kw_month.is_some() && k.contracted_kw.is_none() {
                let message = "a price for exceeding a contract that is not given";
                doc.mistake(&at.key("over_contract_per_kw_month"), message, "add `contracted_kw`, or remove it");
            }
            for (key, kw) in [("import_max_kw", k.import_max_kw), ("export_max_kw", k.export_max_kw)] {
                if kw > k.transformer_kva {
                    let message = format!("{kw} kW do not pass a transformer of {} kVA", k.transformer_kva);
                    doc.mistake(&at.key(key), message, format!("write {} or less", k.transformer_kva));
                }
            }
        }
        Kind::HeatExchanger(k) => {
            let supply = |id: &str| buses.iter().find(|b| b.id == id).and_then(|b| b.supply_c);
            if let (Some(high), Some(low)) = (supply(&k.from_bus), supply(&k.to_bus))
                && high <= low
            {
                let message = format!("heat does not flow from {high} degC to {low} degC");
                doc.mistake(
                    &at.key("from_bus"),
                    message,
                    "name the hotter bus here; heat rises only through a heat pump",
                );
            }
        }
        _ => {}
    }
}

fn battery(doc: &mut Document<'_>, at: &Place, k: &Battery) {
    if k.soc_min >= k.soc_max {
        let message = format!("the window from {} to {} holds nothing", k.soc_min, k.soc_max);
        doc.mistake(&at.key("soc_min"), message, "write a soc_min below soc_max");
    }
    curve::check(doc, at, k);
}

fn tank(doc: &mut Document<'_>, at: &Place, low: f64, high: f64) {
    if low >= high {
        let message = format!("the window from {low} to {high} degC holds nothing");
        doc.mistake(&at.key("t_min_c"), message, "write a t_min_c below t_max_c");
    }
}

fn wind(doc: &mut Document<'_>, at: &Place, k: &Wind) {
    let at = at.key("curve");
    if k.curve.len() < 2 {
        doc.mistake(&at, "a curve needs at least two points", "write [[m/s, kW], [m/s, kW], ...]");
    }
    for (i, ([v0, _], [v1, _])) in k.curve.iter().zip(k.curve.iter().skip(1)).enumerate() {
        if v1 <= v0 {
            let message = format!("the curve goes back from {v0} to {v1} m/s");
            doc.mistake(&at.item(i + 1), message, "write its points in ascending wind speed");
        }
    }
    for (i, [_, kw]) in k.curve.iter().enumerate() {
        if *kw > k.rated_kw {
            let message = format!("{kw} kW is above the rated {} kW", k.rated_kw);
            doc.mistake(&at.item(i), message, "lower the point or raise rated_kw");
        }
    }
}
