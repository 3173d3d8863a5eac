//! What the numbers of one machine say together: part load, performance, starts, and heat that is not there.

use super::assets::Draft;
use super::document::{Document, Place};
use crate::site::kinds::{AbsorptionChiller, Chp, Commitment, Electrolyser, FuelCell, Genset, HeatPump};
use crate::site::{Bus, Kind};

/// A nominal efficiency and a curve's value at the rating may differ by so much: two decimals of a data sheet.
const ROUNDED: f64 = 0.02;

/// Checks one machine; nothing for other kinds.
pub(super) fn check(doc: &mut Document<'_>, draft: &Draft, buses: &[Bus]) {
    let at = &draft.at;
    if let Some(commitment) = draft.kind.commitment() {
        long_rest(doc, &at.key("commitment"), commitment);
    }
    match &draft.kind {
        Kind::Chp(k) => chp(doc, at, k),
        Kind::Genset(k) => genset(doc, at, k),
        Kind::Boiler(k) => {
            part_load(doc, at, &k.efficiency_curve, &k.commitment, |x, e| x / e);
            agrees(doc, at, ("efficiency", k.efficiency), &k.efficiency_curve, 1.0);
        }
        Kind::HeatPump(k) => heat_pump(doc, at, k, buses),
        Kind::Chiller(k) => performance(doc, &at.key("eer_curve"), &k.eer_curve, 20.0),
        Kind::AbsorptionChiller(k) => absorption(doc, at, k),
        Kind::Electrolyser(k) => electrolyser(doc, at, k),
        Kind::FuelCell(k) => fuel_cell(doc, at, k),
        _ => {}
    }
}

/// Points of a curve go forward; tells whether they do.
fn ascending(doc: &mut Document<'_>, at: &Place, curve: &[[f64; 2]]) -> bool {
    let mut good = true;
    for (i, ([x0, _], [x1, _])) in curve.iter().zip(curve.iter().skip(1)).enumerate() {
        if x1 <= x0 {
            good = false;
            let message = format!("the curve goes back from {x0} to {x1}");
            doc.mistake(&at.item(i + 1), message, "write its points in ascending order of their first number");
        }
    }
    good
}

/// A curve of efficiency goes forward, and `flow` (what the share `x` of the rating takes or makes) rises with load.
fn part_load(
    doc: &mut Document<'_>,
    at: &Place,
    curve: &[[f64; 2]],
    commitment: &Commitment,
    flow: impl Fn(f64, f64) -> f64,
) {
    let at = at.key("efficiency_curve");
    if !ascending(doc, &at, curve) {
        return;
    }
    for (i, [x, _]) in curve.iter().enumerate() {
        if *x > 1.0 || *x <= 0.0 {
            doc.mistake(&at.item(i), format!("{x} is no share of the rating"), "write shares above 0, up to 1");
        }
    }
    for (i, ([x0, e0], [x1, e1])) in curve.iter().zip(curve.iter().skip(1)).enumerate() {
        if *x1 > commitment.min_load && flow(*x1, *e1) <= flow(*x0, *e0) {
            let message = format!("from {x0} to {x1} of the rating the load rises and its fuel or product does not");
            doc.mistake(&at.item(i + 1), message, "check the two efficiencies");
        }
    }
}

/// The curve says at `x` of the rating what the one number says.
fn agrees(doc: &mut Document<'_>, at: &Place, (key, nominal): (&str, f64), curve: &[[f64; 2]], x: f64) {
    let Some(last) = curve.last() else { return };
    let says = between(curve, x).unwrap_or(last[1]);
    if (says - nominal).abs() > ROUNDED {
        let message = format!("efficiency_curve gives {says:.3} at {x} of the rating, `{key}` says {nominal}");
        doc.mistake(&at.key(key), message, "make the two agree");
    }
}

/// Value of a curve, level beyond its points.
fn between(curve: &[[f64; 2]], x: f64) -> Option<f64> {
    let first = curve.first()?;
    let pair = curve.iter().zip(curve.iter().skip(1)).find(|(_, b)| x <= b[0]);
    Some(match pair {
        _ if x <= first[0] => first[1],
        Some((a, b)) => a[1] + (x - a[0]) / (b[0] - a[0]).max(1e-9) * (b[1] - a[1]),
        None => curve.last()?[1],
    })
}

/// A curve of COP or EER over temperature.
fn performance(doc: &mut Document<'_>, at: &Place, curve: &[[f64; 2]], most: f64) {
    ascending(doc, at, curve);
    for (i, [c, value]) in curve.iter().enumerate() {
        if *value < 1.0 || *value > most {
            let message = format!("{value} at {c} degC is not between 1 and {most}");
            doc.mistake(&at.item(i), message, "write [degC, kW out per kW of electricity]");
        }
    }
}

/// Longer rests cost more.
fn long_rest(doc: &mut Document<'_>, at: &Place, c: &Commitment) {
    let (mut after_min, mut cost) = (0, c.start_cost);
    for (i, rest) in c.long_rest.iter().enumerate() {
        let at = at.key("long_rest").item(i);
        if rest.after_min <= after_min {
            let message = format!("a rest of {} min is not longer than the one of {after_min} min", rest.after_min);
            doc.mistake(&at.key("after_min"), message, "write the rests in ascending length");
        }
        if rest.start_cost < cost {
            let message = format!("a start at {} after a longer rest is cheaper than at {cost}", rest.start_cost);
            doc.mistake(&at.key("start_cost"), message, "write costs that rise with the rest");
        }
        (after_min, cost) = (rest.after_min, rest.start_cost);
    }
}

fn chp(doc: &mut Document<'_>, at: &Place, k: &Chp) {
    let min_load = k.commitment.min_load;
    part_load(doc, at, &k.efficiency_curve, &k.commitment, |x, e| x / e);
    agrees(doc, at, ("electric_efficiency", k.electric_efficiency), &k.efficiency_curve, 1.0);
    if min_load > 0.0 {
        let low = ("electric_efficiency_min_load", k.electric_efficiency_min_load);
        agrees(doc, at, low, &k.efficiency_curve, min_load);
    }
    let loads = [
        ("heat_kw", "jacket_kw", 1.0, k.heat_kw, k.jacket_kw, k.electric_efficiency),
        (
            "heat_kw_min_load",
            "jacket_kw_min_load",
            min_load,
            k.heat_kw_min_load,
            k.jacket_kw_min_load,
            k.electric_efficiency_min_load,
        ),
    ];
    for (key, jacket_key, share, heat, jacket, efficiency) in loads {
        let electric = share * k.rated_kw;
        let fuel = electric / efficiency;
        if electric <= 0.0 || electric + heat + jacket <= fuel {
            continue;
        }
        let (key, both) = if jacket > 0.0 { (jacket_key, heat + jacket) } else { (key, heat) };
        let message = format!(
            "{electric} kW of electricity and {both} kW of heat from {fuel:.0} kW of gas is more than there is"
        );
        let most = fuel - electric - (both - if jacket > 0.0 { jacket } else { heat });
        doc.mistake(&at.key(key), message, format!("write {:.0} or less, or a lower efficiency", most.max(0.0)));
    }
    let pairs = [("heat_kw", k.heat_kw_min_load, k.heat_kw), ("jacket_kw", k.jacket_kw_min_load, k.jacket_kw)];
    for (key, low, rated) in pairs {
        if low > rated {
            let message = format!("more heat at minimum load ({low} kW) than at rated power ({rated} kW)");
            doc.mistake(&at.key(&format!("{key}_min_load")), message, "write the smaller number here");
        }
    }
    match &k.jacket_bus {
        None if k.jacket_kw > 0.0 => {
            doc.mistake(&at.key("jacket_kw"), "jacket heat that goes onto no bus", "add `jacket_bus`");
        }
        Some(_) if k.jacket_kw <= 0.0 => {
            doc.mistake(&at.key("jacket_bus"), "a bus for jacket heat and no such heat", "add `jacket_kw`");
        }
        Some(bus) if *bus == k.heat_bus => {
            let remedy = "leave `jacket_bus` out and write all heat as heat_kw";
            doc.mistake(&at.key("jacket_bus"), "jacket and exhaust heat on the same bus", remedy);
        }
        _ => {}
    }
}

fn genset(doc: &mut Document<'_>, at: &Place, k: &Genset) {
    if k.gas_bus.is_some() && k.fuel_price_per_kwh != 0.0 {
        let message = "fuel from a bus has the bus's price";
        doc.mistake(&at.key("fuel_price_per_kwh"), message, "remove it, or remove `gas_bus`");
    }
    if k.gas_bus.is_none() && k.fuel_price_per_kwh <= 0.0 {
        let message = "fuel of its own that costs nothing";
        doc.mistake(&at.key("fuel_price_per_kwh"), message, "add its price, or `gas_bus`");
    }
    let low = k.commitment.min_load;
    if low > 0.0 && low < 1.0 && low / k.efficiency_min_load >= 1.0 / k.efficiency {
        let message = "it would burn no more at rated power than at minimum load";
        doc.mistake(&at.key("efficiency_min_load"), message, "check the two efficiencies");
    }
}

fn heat_pump(doc: &mut Document<'_>, at: &Place, k: &HeatPump, buses: &[Bus]) {
    performance(doc, &at.key("cop_curve"), &k.cop_curve, 12.0);
    if k.source_c.is_some() && k.cop_curve.is_empty() {
        let message = "a source temperature that nothing depends on";
        doc.mistake(&at.key("source_c"), message, "add `cop_curve = [[degC, COP], ...]`, or remove it");
    }
    if k.source_kwh_per_day.is_some() && k.cop <= 1.0 && k.cop_curve.is_empty() {
        doc.mistake(&at.key("source_kwh_per_day"), "a COP of 1 takes no heat from a source", "write a COP above 1");
    }
    let at_steps = at.key("steps");
    for (i, (a, b)) in k.steps.iter().zip(k.steps.iter().skip(1)).enumerate() {
        if b <= a {
            doc.mistake(&at_steps.item(i + 1), format!("the steps go back from {a} to {b}"), "write them ascending");
        }
    }
    if let Some(first) = k.steps.first().filter(|s| **s < k.commitment.min_load - 1e-9) {
        let message = format!("the step {first} lies below the minimum load {}", k.commitment.min_load);
        doc.mistake(&at_steps.item(0), message, "write the lowest step as min_load");
    }
    let supply = |id: &str| buses.iter().find(|b| b.id == id).and_then(|b| b.supply_c);
    if let Some(source) = &k.source_bus
        && let (Some(low), Some(high)) = (supply(source), supply(&k.heat_bus))
        && low >= high
    {
        let message = format!("heat of {low} degC need not be lifted to {high} degC");
        doc.mistake(&at.key("source_bus"), message, "name a colder bus, or use a heat_exchanger");
    }
}

fn absorption(doc: &mut Document<'_>, at: &Place, k: &AbsorptionChiller) {
    match (&k.second_heat_bus, k.second_cop) {
        (None, Some(_)) => {
            doc.mistake(&at.key("second_cop"), "a second COP without a second heat", "add `second_heat_bus`");
        }
        (Some(_), None) => {
            doc.mistake(&at.key("second_heat_bus"), "a second heat without a COP", "add `second_cop`");
        }
        (Some(bus), Some(_)) if *bus == k.heat_bus => {
            doc.mistake(&at.key("second_heat_bus"), "the second heat is the first", "name another heat bus");
        }
        _ => {}
    }
}

fn electrolyser(doc: &mut Document<'_>, at: &Place, k: &Electrolyser) {
    part_load(doc, at, &k.efficiency_curve, &k.commitment, |x, e| x * e);
    agrees(doc, at, ("efficiency", k.efficiency), &k.efficiency_curve, 1.0);
    let best = k.efficiency_curve.iter().map(|p| p[1]).fold(k.efficiency, f64::max);
    if best + k.heat_share > 1.0 {
        let message = format!("{best} of hydrogen and {} of heat is more than the electricity", k.heat_share);
        doc.mistake(&at.key("heat_share"), message, format!("write {:.2} or less", (1.0 - best).max(0.0)));
    }
    let least = k.commitment.min_load * k.rated_kw;
    if k.standby_kw > 0.0 && k.standby_kw >= least {
        let message = format!("standby draws {} kW, running at minimum load {least} kW", k.standby_kw);
        doc.mistake(&at.key("standby_kw"), message, "write less than the minimum load, or 0");
    }
}

fn fuel_cell(doc: &mut Document<'_>, at: &Place, k: &FuelCell) {
    if k.efficiency * (1.0 + k.heat_share) > 1.0 {
        let message = format!(
            "1 kW of electricity and {} kW of heat from {:.2} kW of hydrogen is more than there is",
            k.heat_share,
            1.0 / k.efficiency
        );
        let most = 1.0 / k.efficiency - 1.0;
        doc.mistake(&at.key("heat_share"), message, format!("write {most:.2} or less, per kW of electricity"));
    }
}
