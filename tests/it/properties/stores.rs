//! Random stores, and what trades the gases that they hold.

use hexad::site::kinds as k;

use super::dice::Dice;
use super::sites::Face;

pub fn one(d: &mut Dice, mut f: Face<'_>) {
    let heat = f.heat(d);
    match d.int(0, 3) {
        1 if heat.is_some() => tank(d, &mut f, heat.unwrap()),
        2 if f.cold() => cold_tank(d, &mut f),
        3 if f.hydrogen() || f.co2() => gases(d, f),
        _ => battery(d, &mut f),
    }
}

fn battery(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("battery");
    let power = d.range(10.0, 250.0);
    let (low, wear) = (d.range(0.0, 0.3), d.chance(0.6));
    let lossless = d.chance(0.1);
    let mut efficiency = || if lossless { 1.0 } else { d.range(0.88, 0.99) };
    let (charge_efficiency, discharge_efficiency) = (efficiency(), efficiency());
    let taper = d.chance(0.3).then(|| vec![[0.0, 1.0], [d.range(0.5, 0.8), 1.0], [1.0, d.range(0.05, 0.5)]]);
    let start = d.chance(0.2).then(|| vec![[0.0, d.range(0.05, 0.4)], [d.range(0.2, 0.4), 1.0], [1.0, 1.0]]);
    let battery = k::Battery {
        device: f.device(d, &id),
        id,
        bus: "elec".into(),
        charge_max_kw: power,
        discharge_max_kw: power * d.range(0.8, 1.2),
        capacity_kwh: power * d.range(0.5, 4.0),
        soc_min: low,
        soc_max: d.range(0.7, 1.0),
        charge_efficiency,
        discharge_efficiency,
        charge_curve: taper.unwrap_or_default(),
        discharge_curve: start.unwrap_or_default(),
        wear_per_kwh: if wear { d.range(0.01, 0.15) } else { 0.0 },
        ramp_kw_per_s: power,
        ..Default::default()
    };
    f.put("battery", &battery);
}

fn tank(d: &mut Dice, f: &mut Face<'_>, bus: String) {
    let id = f.id("tank");
    let (t_min_c, t_max_c) = if bus == "high" { (65.0, 92.0) } else { (38.0, 55.0) };
    let tank = k::HeatTank {
        device: f.device(d, &id),
        id,
        bus,
        volume_m3: d.range(2.0, 60.0),
        t_min_c,
        t_max_c,
        charge_max_kw: d.range(20.0, 300.0),
        discharge_max_kw: d.range(20.0, 300.0),
        loss_per_h: if d.chance(0.8) { d.range(0.002, 0.05) } else { 0.0 },
        reserve: if d.chance(0.6) { d.range(0.0, 0.3) } else { 0.0 },
        ..Default::default()
    };
    f.put("heat_tank", &tank);
}

fn cold_tank(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("ice");
    let tank = k::ColdTank {
        device: f.device(d, &id),
        id,
        bus: "cold".into(),
        volume_m3: d.range(5.0, 80.0),
        t_min_c: 6.0,
        t_max_c: 13.0,
        charge_max_kw: d.range(20.0, 200.0),
        discharge_max_kw: d.range(20.0, 200.0),
        loss_per_h: if d.chance(0.8) { d.range(0.002, 0.05) } else { 0.0 },
        reserve: if d.chance(0.6) { d.range(0.0, 0.3) } else { 0.0 },
        ..Default::default()
    };
    f.put("cold_tank", &tank);
}

/// Hydrogen and CO2 at rest and on their way out.
pub fn gases(d: &mut Dice, mut f: Face<'_>) {
    match (f.hydrogen(), f.co2()) {
        (true, false) => hydrogen(d, &mut f),
        (false, true) => co2(d, &mut f),
        (true, true) if d.chance(0.5) => hydrogen(d, &mut f),
        (true, true) => co2(d, &mut f),
        (false, false) => battery(d, &mut f),
    }
}

fn hydrogen(d: &mut Dice, f: &mut Face<'_>) {
    if d.chance(0.5) {
        let id = f.id("vessel");
        let tank = k::HydrogenTank {
            device: f.device(d, &id),
            id,
            bus: "h2".into(),
            capacity_kwh: d.range(50.0, 1000.0),
            charge_max_kw: d.range(20.0, 200.0),
            discharge_max_kw: d.range(20.0, 200.0),
            reserve: if d.chance(0.3) { d.range(0.0, 0.2) } else { 0.0 },
            ..Default::default()
        };
        f.put("hydrogen_tank", &tank);
    } else {
        let id = f.id("offtake");
        let owes = d.chance(0.5);
        let offtake = k::HydrogenOfftake {
            device: f.device(d, &id),
            id,
            bus: "h2".into(),
            max_kw: d.range(20.0, 150.0),
            price_per_kwh: d.range(0.2, 2.0),
            kwh_per_day: if owes { d.range(50.0, 1500.0) } else { 0.0 },
            shortfall_per_kwh: if owes { d.range(0.5, 3.0) } else { 0.0 },
            hourly_matching: d.chance(0.3),
            ..Default::default()
        };
        f.put("hydrogen_offtake", &offtake);
    }
}

fn co2(d: &mut Dice, f: &mut Face<'_>) {
    if d.chance(0.5) {
        let id = f.id("buffer");
        let buffer = k::Co2Buffer {
            device: f.device(d, &id),
            id,
            bus: "co2".into(),
            capacity_kg: d.range(50.0, 1000.0),
            charge_max_kg_per_h: d.range(20.0, 150.0),
            discharge_max_kg_per_h: d.range(20.0, 150.0),
            ..Default::default()
        };
        f.put("co2_buffer", &buffer);
    } else {
        let id = f.id("hub");
        let max = d.range(20.0, 200.0);
        let flow = |d: &mut Dice| max * d.range(0.1, 0.9);
        let nomination = if d.chance(0.7) {
            vec![
                k::Nomination { hours: vec![[6, 18]], kg_per_h: flow(d) },
                k::Nomination { hours: vec![], kg_per_h: flow(d) },
            ]
        } else {
            vec![]
        };
        let hub = k::Co2Hub {
            device: f.device(d, &id),
            id,
            bus: "co2".into(),
            max_kg_per_h: max,
            price_per_kg: d.range(-0.1, 0.2),
            tolerance: d.range(0.0, 0.2),
            deviation_per_kg: d.range(0.05, 0.5),
            nomination,
            ..Default::default()
        };
        f.put("co2_hub", &hub);
    }
}
