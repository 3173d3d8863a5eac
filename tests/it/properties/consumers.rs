//! Random consumers.

use hexad::site::kinds as k;

use super::dice::Dice;
use super::sites::Face;

pub fn one(d: &mut Dice, mut f: Face<'_>) {
    let heat = f.heat(d);
    match d.int(0, 9) {
        0 | 1 => load(d, &mut f, "elec"),
        2 if heat.is_some() => load(d, &mut f, heat.as_deref().unwrap()),
        3 if f.cold() => load(d, &mut f, "cold"),
        4 => flexible(d, &mut f),
        5 => charger(d, &mut f),
        6 => batch(d, &mut f),
        7 if heat.is_some() => room(d, &mut f, heat.unwrap(), [20.0, 23.0]),
        8 if f.cold() => room(d, &mut f, "cold".into(), [22.0, 25.0]),
        9 if heat.is_some() => {
            let cooler = k::DumpCooler {
                id: f.id("cooler"),
                heat_bus: heat.unwrap(),
                rated_kw: d.range(20.0, 300.0),
                ..Default::default()
            };
            f.put("dump_cooler", &cooler);
        }
        _ => load(d, &mut f, "elec"),
    }
}

fn load(d: &mut Dice, f: &mut Face<'_>, bus: &str) {
    let id = f.id("load");
    let load = k::Load {
        device: f.device(d, &id),
        id,
        bus: bus.into(),
        rated_kw: d.range(20.0, 350.0),
        tier: *d.pick(&[k::Tier::Critical, k::Tier::Normal, k::Tier::Normal, k::Tier::Sheddable]),
        ..Default::default()
    };
    f.put("load", &load);
}

fn flexible(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("light");
    let load = k::FlexibleLoad {
        device: f.device(d, &id),
        id,
        bus: "elec".into(),
        rated_kw: d.range(5.0, 100.0),
        floor: d.range(0.0, 0.9),
        discomfort_per_kwh: d.range(0.3, 3.0),
        ..Default::default()
    };
    f.put("flexible_load", &load);
}

fn days(d: &mut Dice) -> k::Days {
    *d.pick(&[k::Days::All, k::Days::All, k::Days::Workdays, k::Days::Weekends])
}

fn charger(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("ev");
    let (count, charger_kw) = (d.int(1, 10), *d.pick(&[7.0, 11.0, 22.0]));
    let sessions = if d.chance(0.5) { d.int(1, 3) } else { 0 };
    let session = (0..sessions).map(|_| {
        let arrive_h = d.int(0, 95) as f64 / 4.0;
        let stay_h = d.range(1.0, 10.0);
        let max_kw = charger_kw * f64::from(d.int(1, count));
        let depart_h = (arrive_h + stay_h) % 24.0;
        k::EvSession { arrive_h, depart_h, energy_kwh: max_kw * stay_h * d.range(0.1, 1.1), max_kw, days: days(d) }
    });
    let session = session.collect();
    let ev = k::EvCharger {
        device: f.device(d, &id),
        id,
        bus: "elec".into(),
        count,
        charger_kw,
        delay_per_kwh: d.range(0.01, 0.3),
        session,
        ..Default::default()
    };
    f.put("ev_charger", &ev);
}

fn batch(d: &mut Dice, f: &mut Face<'_>) {
    let id = f.id("batch");
    let earliest_h = d.int(0, 47) as f64 / 2.0;
    let run_min = 15 * d.int(1, 16);
    let deadline_h = (earliest_h + f64::from(run_min) / 60.0 + d.range(0.0, 6.0)) % 24.0;
    let batch = k::Batch {
        device: f.device(d, &id),
        id,
        bus: "elec".into(),
        rated_kw: d.range(5.0, 100.0),
        run_min,
        earliest_h,
        deadline_h,
        days: days(d),
        skipped_cost: d.range(20.0, 500.0),
        ..Default::default()
    };
    f.put("batch", &batch);
}

fn room(d: &mut Dice, f: &mut Face<'_>, bus: String, comfort_c: [f64; 2]) {
    let id = f.id("room");
    let room = k::Room {
        device: f.device(d, &id),
        id,
        bus,
        rated_kw: d.range(20.0, 100.0),
        kwh_per_k: d.range(10.0, 80.0),
        loss_kw_per_k: d.range(0.2, 3.0),
        gains_kw: d.range(0.0, 15.0),
        comfort_c,
        discomfort_per_k_h: d.range(0.5, 5.0),
        ..Default::default()
    };
    f.put("room", &room);
}
