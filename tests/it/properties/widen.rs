//! One thing made wider: what it allows is all that was allowed before, and more.

use hexad::site::Kind;
use hexad::units::Power;

use super::case::Case;
use super::dice::Dice;

/// A random change of the case, and what it is; none where the draw finds nothing to widen.
pub fn one(case: &Case) -> Option<(String, Case)> {
    let mut d = Dice::new(case.seed ^ 0xF1EB1E);
    (0..40).find_map(|_| {
        let mut wider = case.clone();
        let what = if d.chance(0.12) { around(&mut d, &mut wider) } else { asset(&mut d, &mut wider) };
        what.map(|what| (what, wider))
    })
}

/// Limits and duties of the site.
fn around(d: &mut Dice, case: &mut Case) -> Option<String> {
    if let Some(limit) = case.limits.first_mut() {
        limit.import_max_kw *= 1.3;
        limit.export_max_kw *= 1.3;
        return Some("limit at the PCC".into());
    }
    let _ = d;
    None
}

fn asset(d: &mut Dice, case: &mut Case) -> Option<String> {
    let ix = d.int(0, case.site.assets.len() as u32 - 1) as usize;
    let by = d.range(1.05, 2.0);
    let what = match d.int(0, 3) {
        0 => power(case, ix, by),
        1 => machine(d, case, ix),
        _ => nature(d, case, ix, by),
    };
    what.map(|what| format!("{}: {what} by {by}", case.site.assets[ix].id))
}

/// Larger powers at the principal port.
fn power(case: &mut Case, ix: usize, by: f64) -> Option<&'static str> {
    let asset = &mut case.site.assets[ix];
    let own = &mut case.state.assets[ix];
    let what = match &mut asset.kind {
        Kind::Grid(k) => {
            k.transformer_kva *= by;
            k.import_max_kw *= by;
            k.export_max_kw *= by;
            "grid"
        }
        Kind::GasSupply(k) => {
            k.max_kw *= by;
            "gas"
        }
        Kind::HeatSupply(k) => {
            k.max_kw *= by;
            "heat supply"
        }
        Kind::DumpCooler(k) => {
            k.rated_kw *= by;
            "cooler"
        }
        Kind::HeatExchanger(k) => {
            k.rated_kw *= by;
            "exchanger"
        }
        Kind::Battery(k) => {
            k.charge_max_kw *= by;
            k.discharge_max_kw *= by;
            "battery's power"
        }
        Kind::HeatTank(k) => {
            k.charge_max_kw *= by;
            k.discharge_max_kw *= by;
            "tank's power"
        }
        Kind::ColdTank(k) => {
            k.charge_max_kw *= by;
            k.discharge_max_kw *= by;
            "tank's power"
        }
        Kind::HydrogenTank(k) => {
            k.charge_max_kw *= by;
            k.discharge_max_kw *= by;
            "vessel's power"
        }
        _ => return None,
    };
    for (port, (_, _, _, min, max)) in asset.ports.iter_mut().zip(asset.kind.ports()) {
        (port.min, port.max) = (Power::from_kw(min), Power::from_kw(max));
    }
    (own.min, own.max) = (Power::from_kw(own.min.kw() * by), Power::from_kw(own.max.kw() * by));
    Some(what)
}

/// Less that a commitment asks for.
fn machine(d: &mut Dice, case: &mut Case, ix: usize) -> Option<&'static str> {
    let lower = d.roll();
    let which = d.int(0, 4);
    // Where two points make the curve, the lower one is at minimum load: it would be another machine.
    // And where the ramp is slow, a machine that starts lower comes less far in its first interval.
    let kind = &case.site.assets[ix].kind;
    let shortest = case.horizon.grid.intervals.iter().map(|i| i.hours).fold(f64::INFINITY, f64::min);
    let slow = kind.ramp_kw_per_s().is_some_and(|r| r * 1800.0 * shortest < kind.rated().kw());
    let fixed = slow || matches!(kind, Kind::Chp(_) | Kind::Genset(_));
    let c = match &mut case.site.assets[ix].kind {
        Kind::Chp(k) => &mut k.commitment,
        Kind::Genset(k) => &mut k.commitment,
        Kind::Boiler(k) => &mut k.commitment,
        Kind::HeatPump(k) if k.steps.is_empty() => &mut k.commitment,
        Kind::Chiller(k) => &mut k.commitment,
        Kind::AbsorptionChiller(k) => &mut k.commitment,
        Kind::Electrolyser(k) => &mut k.commitment,
        Kind::FuelCell(k) => &mut k.commitment,
        _ => return None,
    };
    Some(match which {
        0 if !fixed && c.min_load > 0.0 => {
            c.min_load *= lower;
            "minimum load"
        }
        1 if c.min_up_min > 0 => {
            c.min_up_min = (f64::from(c.min_up_min) * lower) as u32;
            "minimum up"
        }
        2 if c.min_down_min > 0 => {
            c.min_down_min = (f64::from(c.min_down_min) * lower) as u32;
            "minimum down"
        }
        3 if c.start_cost > 0.0 => {
            c.start_cost *= lower;
            c.long_rest.iter_mut().for_each(|r| r.start_cost *= lower);
            "start cost"
        }
        4 => {
            c.starts_per_day = c.starts_per_day.map(|s| s + 1);
            c.starts_per_day?;
            "starts per day"
        }
        _ => return None,
    })
}

fn nature(d: &mut Dice, case: &mut Case, ix: usize, by: f64) -> Option<&'static str> {
    let first = d.chance(0.5);
    let energy = case.state.assets[ix].energy.and_then(Result::ok);
    Some(match &mut case.site.assets[ix].kind {
        // Without a measured energy outside its window, or the wider window would be a lesser fault.
        Kind::Battery(k) if first => {
            k.soc_max = (k.soc_max * by).min(1.0);
            "soc_max"
        }
        Kind::Battery(k) => {
            k.soc_min /= by;
            "soc_min"
        }
        Kind::HeatTank(k) if energy.is_some() => {
            k.volume_m3 *= by;
            k.reserve /= by;
            "volume"
        }
        Kind::ColdTank(k) if energy.is_some() => {
            k.volume_m3 *= by;
            k.reserve /= by;
            "volume"
        }
        Kind::HydrogenTank(k) if energy.is_some() => {
            k.capacity_kwh *= by;
            k.reserve /= by;
            "capacity"
        }
        Kind::FlexibleLoad(k) => {
            k.floor /= by;
            "floor"
        }
        Kind::EvCharger(k) if first => {
            k.delay_per_kwh /= by;
            "price of delay"
        }
        Kind::EvCharger(k) if k.session.is_empty() => {
            k.count += 1;
            case.site.assets[ix].ports[0].min = -case.site.assets[ix].kind.rated();
            "charging point"
        }
        _ => return None,
    })
}
