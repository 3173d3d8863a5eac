//! Random machines with a commitment, and the exchanger.

use hexad::site::kinds as k;

use super::dice::Dice;
use super::sites::Face;

pub fn one(d: &mut Dice, mut f: Face<'_>) {
    let heat = f.heat(d);
    let (gas, cold) = (f.gas(), f.cold());
    match (d.int(0, 9), heat) {
        (0 | 1, Some(heat)) if gas => chp(d, &mut f, heat),
        (2, Some(heat)) if gas => boiler(d, &mut f, heat),
        (3 | 4, Some(heat)) => heat_pump(d, &mut f, heat),
        (5, Some(heat)) if cold => absorption(d, &mut f, heat),
        (6, _) if f.both_heats() => exchanger(d, &mut f),
        (7, heat) if f.hydrogen() => hydrogen(d, &mut f, heat),
        (8, heat) if f.co2() && !f.burners().is_empty() => capture(d, &mut f, heat),
        _ if cold && d.chance(0.6) => chiller(d, &mut f),
        _ => genset(d, &mut f),
    }
}

fn commitment(d: &mut Dice) -> k::Commitment {
    let start_cost = if d.chance(0.7) { d.range(1.0, 60.0) } else { 0.0 };
    let long_rest = if d.chance(0.3) {
        vec![
            k::LongRest { after_min: 60 * d.int(1, 3), start_cost: start_cost + d.range(1.0, 30.0) },
            k::LongRest { after_min: 60 * d.int(4, 10), start_cost: start_cost + d.range(30.0, 90.0) },
        ]
    } else {
        vec![]
    };
    k::Commitment {
        min_load: if d.chance(0.8) { d.range(0.1, 0.7) } else { 0.0 },
        start_cost,
        long_rest,
        min_up_min: if d.chance(0.6) { 15 * d.int(0, 16) } else { 0 },
        min_down_min: if d.chance(0.6) { 15 * d.int(0, 12) } else { 0 },
        starts_per_day: d.chance(0.25).then(|| d.int(1, 4)),
    }
}

/// Mostly far above what an interval can show, now and then slower: kW per second.
fn ramp(d: &mut Dice, rated_kw: f64) -> f64 {
    if d.chance(0.3) { rated_kw / d.range(600.0, 7200.0) } else { rated_kw / 60.0 }
}

/// Three points of an efficiency along the share of the rating, falling or rising towards full load.
fn curve(d: &mut Dice, full: f64, least: f64) -> Vec<[f64; 2]> {
    let middle = (1.0 + least) / 2.0;
    let factor = |d: &mut Dice| full * d.range(0.8, 1.1);
    vec![[least.max(0.05), factor(d)], [middle, factor(d)], [1.0, full]]
}

fn chp(d: &mut Dice, f: &mut Face<'_>, heat_bus: String) {
    let id = f.id("chp");
    f.burns(&id);
    let rated_kw = d.range(40.0, 250.0);
    let mut commitment = commitment(d);
    commitment.min_load = commitment.min_load.max(0.3);
    let efficiency = d.range(0.36, 0.42);
    let heat_kw = rated_kw * d.range(0.7, 1.2);
    let share = commitment.min_load * d.range(1.0, 1.2);
    let jacket = (f.both_heats() && d.chance(0.4)).then(|| "low".to_owned());
    let heat_bus = if jacket.is_some() { "high".to_owned() } else { heat_bus };
    let jacket_kw = if jacket.is_some() { rated_kw * 0.3 } else { 0.0 };
    let chp = k::Chp {
        device: f.device(d, &id),
        id,
        electric_bus: "elec".into(),
        heat_bus,
        gas_bus: "gas".into(),
        rated_kw,
        heat_kw,
        heat_kw_min_load: heat_kw * share.min(1.0),
        electric_efficiency: efficiency,
        electric_efficiency_min_load: efficiency * d.range(0.8, 1.0),
        efficiency_curve: if d.chance(0.25) { curve(d, efficiency, commitment.min_load) } else { vec![] },
        jacket_bus: jacket,
        jacket_kw,
        jacket_kw_min_load: jacket_kw * commitment.min_load,
        ramp_kw_per_s: ramp(d, rated_kw),
        start_s: 120.0,
        commitment,
        wear_per_kwh: if d.chance(0.7) { d.range(0.01, 0.1) } else { 0.0 },
        ..Default::default()
    };
    f.put("chp", &chp);
}

fn genset(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("genset");
    let rated_kw = d.range(20.0, 250.0);
    let gas = f.gas() && d.chance(0.5);
    if gas {
        f.burns(&id);
    }
    let efficiency = d.range(0.33, 0.42);
    let genset = k::Genset {
        device: f.device(d, &id),
        id,
        bus: "elec".into(),
        gas_bus: gas.then(|| "gas".into()),
        rated_kw,
        efficiency,
        efficiency_min_load: efficiency * d.range(0.75, 1.0),
        fuel_price_per_kwh: if gas { 0.0 } else { d.range(0.3, 0.8) },
        fuel_co2_kg_per_kwh: if gas { 0.0 } else { 0.27 },
        ramp_kw_per_s: ramp(d, rated_kw),
        start_s: 15.0,
        commitment: commitment(d),
        wear_per_kwh: d.range(0.0, 0.1),
        ..Default::default()
    };
    f.put("genset", &genset);
}

fn boiler(d: &mut Dice, f: &mut Face<'_>, heat_bus: String) {
    let id = f.id("boiler");
    f.burns(&id);
    let (rated_kw, commitment, efficiency) = (d.range(30.0, 400.0), commitment(d), d.range(0.85, 0.96));
    let boiler = k::Boiler {
        device: f.device(d, &id),
        id,
        heat_bus,
        gas_bus: "gas".into(),
        rated_kw,
        efficiency,
        efficiency_curve: if d.chance(0.25) { curve(d, efficiency, commitment.min_load) } else { vec![] },
        ramp_kw_per_s: ramp(d, rated_kw),
        commitment,
        ..Default::default()
    };
    f.put("boiler", &boiler);
}

fn heat_pump(d: &mut Dice, f: &mut Face<'_>, heat_bus: String) {
    let id = f.id("pump");
    let (rated_kw, mut commitment, cop) = (d.range(30.0, 300.0), commitment(d), d.range(2.5, 4.5));
    let steps = if d.chance(0.25) { vec![d.range(0.3, 0.5), d.range(0.6, 0.8), 1.0] } else { vec![] };
    if let Some(least) = steps.first() {
        commitment.min_load = *least;
    }
    let source_bus = (heat_bus == "high" && f.both_heats() && d.chance(0.5)).then(|| "low".to_owned());
    let pump = k::HeatPump {
        device: f.device(d, &id),
        id,
        electric_bus: "elec".into(),
        heat_bus,
        rated_kw,
        cop,
        cop_curve: if d.chance(0.4) { vec![[-10.0, cop * 0.6], [7.0, cop * 0.9], [20.0, cop * 1.2]] } else { vec![] },
        source_c: d.chance(0.3).then(|| d.range(5.0, 30.0)),
        source_kwh_per_day: d.chance(0.25).then(|| rated_kw * d.range(1.0, 10.0)),
        source_bus,
        steps,
        ramp_kw_per_s: ramp(d, rated_kw),
        commitment,
        ..Default::default()
    };
    f.put("heat_pump", &pump);
}

fn chiller(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("chiller");
    let (rated_kw, eer) = (d.range(30.0, 300.0), d.range(3.0, 6.0));
    let chiller = k::Chiller {
        device: f.device(d, &id),
        id,
        electric_bus: "elec".into(),
        cool_bus: "cold".into(),
        rated_kw,
        eer,
        eer_curve: if d.chance(0.4) { vec![[15.0, eer * 1.2], [25.0, eer], [35.0, eer * 0.8]] } else { vec![] },
        ramp_kw_per_s: ramp(d, rated_kw),
        commitment: commitment(d),
        ..Default::default()
    };
    f.put("chiller", &chiller);
}

fn absorption(d: &mut Dice, f: &mut Face<'_>, heat_bus: String) {
    let id = f.id("absorber");
    let rated_kw = d.range(30.0, 200.0);
    let double = f.both_heats() && d.chance(0.4);
    let second = if heat_bus == "high" { "low" } else { "high" };
    let absorber = k::AbsorptionChiller {
        device: f.device(d, &id),
        id,
        heat_bus,
        cool_bus: "cold".into(),
        electric_bus: "elec".into(),
        rated_kw,
        cop: d.range(0.65, 0.8),
        second_heat_bus: double.then(|| second.into()),
        second_cop: double.then(|| d.range(1.0, 1.3)),
        auxiliary_kw_per_kw: d.range(0.01, 0.05),
        ramp_kw_per_s: ramp(d, rated_kw),
        commitment: commitment(d),
        ..Default::default()
    };
    f.put("absorption_chiller", &absorber);
}

fn exchanger(d: &mut Dice, f: &mut Face<'_>) {
    let exchanger = k::HeatExchanger {
        id: f.id("exchanger"),
        from_bus: "high".into(),
        to_bus: "low".into(),
        rated_kw: d.range(30.0, 300.0),
        efficiency: d.range(0.93, 1.0),
        ..Default::default()
    };
    f.put("heat_exchanger", &exchanger);
}

fn hydrogen(d: &mut Dice, f: &mut Face<'_>, heat: Option<String>) {
    let heat_bus = heat.filter(|_| d.chance(0.5));
    let heat_share = if heat_bus.is_some() { d.range(0.1, 0.25) } else { 0.0 };
    let rated_kw = d.range(30.0, 250.0);
    let commitment = commitment(d);
    if d.chance(0.65) {
        let id = f.id("electrolyser");
        let efficiency = d.range(0.55, 0.7);
        let electrolyser = k::Electrolyser {
            device: f.device(d, &id),
            id,
            electric_bus: "elec".into(),
            hydrogen_bus: "h2".into(),
            heat_bus,
            rated_kw,
            efficiency,
            efficiency_curve: if d.chance(0.3) { curve(d, efficiency, commitment.min_load) } else { vec![] },
            heat_share,
            standby_kw: if d.chance(0.4) { rated_kw * d.range(0.01, 0.05) } else { 0.0 },
            ramp_kw_per_s: ramp(d, rated_kw),
            commitment,
            wear_per_kwh: if d.chance(0.5) { d.range(0.005, 0.05) } else { 0.0 },
            ..Default::default()
        };
        f.put("electrolyser", &electrolyser);
    } else {
        let id = f.id("cell");
        let cell = k::FuelCell {
            device: f.device(d, &id),
            id,
            electric_bus: "elec".into(),
            hydrogen_bus: "h2".into(),
            heat_bus,
            rated_kw,
            efficiency: d.range(0.45, 0.6),
            heat_share,
            ramp_kw_per_s: ramp(d, rated_kw),
            commitment,
            wear_per_kwh: if d.chance(0.5) { d.range(0.005, 0.05) } else { 0.0 },
            ..Default::default()
        };
        f.put("fuel_cell", &cell);
    }
}

fn capture(d: &mut Dice, f: &mut Face<'_>, heat: Option<String>) {
    let id = f.id("capture");
    let heat_bus = heat.filter(|_| d.chance(0.7));
    let mut source = f.burners();
    source.truncate(2);
    let capture = k::CarbonCapture {
        device: f.device(d, &id),
        id,
        electric_bus: "elec".into(),
        co2_bus: "co2".into(),
        rated_kg_per_h: d.range(20.0, 150.0),
        min_load: if d.chance(0.5) { d.range(0.1, 0.5) } else { 0.0 },
        kwh_per_kg: d.range(0.1, 0.3),
        heat_kwh_per_kg: if heat_bus.is_some() { d.range(0.5, 1.0) } else { 0.0 },
        heat_bus,
        source,
        capture_share: d.range(0.6, 0.95),
        ..Default::default()
    };
    f.put("carbon_capture", &capture);
}
