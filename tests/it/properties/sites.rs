//! Random sites: one to five buses, two to ten assets of every kind, every optional key now and then.

use hexad::site::kinds as k;
use hexad::site::{Co2Rules, Co2Step, Reserve, Survival, Tariff, TariffPeriod, Values, When};
use serde::Serialize;

use super::dice::Dice;

/// Which buses there are.
#[derive(Clone, Copy, Default)]
struct Buses {
    gas: bool,
    high: bool,
    low: bool,
    cold: bool,
    hydrogen: bool,
    co2: bool,
}

/// A site file in the making.
struct Draft {
    table: toml::Table,
    buses: Buses,
    count: usize,
    burners: Vec<String>,
}

impl Draft {
    fn put<T: Serialize>(&mut self, key: &str, value: &T) {
        let list = self.table.entry(key).or_insert_with(|| toml::Value::Array(Vec::new()));
        list.as_array_mut().unwrap().push(toml::Value::try_from(value).unwrap());
    }
    fn set<T: Serialize>(&mut self, key: &str, value: &T) {
        self.table.insert(key.into(), toml::Value::try_from(value).unwrap());
    }
    fn id(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }
    fn bus(&mut self, id: &str, carrier: &str, levels: Option<(f64, f64)>) {
        let mut bus = toml::Table::new();
        bus.insert("id".into(), id.into());
        bus.insert("carrier".into(), carrier.into());
        if let Some((supply, back)) = levels {
            bus.insert("supply_c".into(), supply.into());
            bus.insert("return_c".into(), back.into());
        }
        self.put("bus", &bus);
    }
}

/// The text of a random site file.
pub fn text(d: &mut Dice) -> String {
    let buses = Buses {
        gas: d.chance(0.6),
        high: d.chance(0.5),
        low: d.chance(0.3),
        cold: d.chance(0.35),
        hydrogen: d.chance(0.2),
        co2: d.chance(0.1),
    };
    let mut draft = Draft { table: toml::Table::new(), buses, count: 0, burners: Vec::new() };
    draft.bus("elec", "electricity", None);
    let levels = [
        (buses.gas, "gas", "gas", None),
        (buses.high, "high", "heat", Some((90.0, 70.0))),
        (buses.low, "low", "heat", Some((50.0, 40.0))),
        (buses.cold, "cold", "cooling", Some((7.0, 12.0))),
        (buses.hydrogen, "h2", "hydrogen", None),
        (buses.co2, "co2", "co2", None),
    ];
    for (there, id, carrier, level) in levels {
        if there {
            draft.bus(id, carrier, level);
        }
    }
    head(d, &mut draft);
    if d.chance(0.85) {
        grid(d, &mut draft);
    }
    if buses.gas && d.chance(0.95) {
        gas_supply(d, &mut draft);
    }
    let wanted = draft.count + d.int(2, 8) as usize;
    while draft.count < wanted {
        one(d, &mut draft);
    }
    toml::to_string(&draft.table).unwrap()
}

fn head(d: &mut Dice, draft: &mut Draft) {
    let mut site = toml::Table::new();
    site.insert("zone".into(), (*d.pick(&["UTC", "Asia/Shanghai", "Europe/Berlin"])).into());
    draft.set("site", &site);
    draft.set(
        "values",
        &Values {
            lost_load_critical_per_kwh: d.range(60.0, 120.0),
            lost_load_normal_per_kwh: d.range(20.0, 50.0),
            lost_load_sheddable_per_kwh: d.range(4.0, 10.0),
            lost_heat_per_kwh: d.range(5.0, 20.0),
            lost_cooling_per_kwh: d.range(5.0, 20.0),
            lost_hydrogen_per_kwh: d.range(5.0, 20.0),
            surplus_per_kwh: d.range(0.5, 3.0),
            co2_per_kg: if d.chance(0.5) { d.range(0.02, 0.3) } else { 0.0 },
        },
    );
    let price_per_kwh = d.range(0.3, 1.2);
    draft.set(
        "tariff",
        &Tariff {
            export_per_kwh: 0.2,
            demand_per_kw_month: if d.chance(0.6) { d.range(5.0, 60.0) } else { 0.0 },
            demand_window_min: *d.pick(&[15, 15, 30, 60]),
            period: vec![TariffPeriod { name: "all".into(), months: vec![], hours: vec![], price_per_kwh }],
        },
    );
    if d.chance(0.25) {
        let first = d.range(100.0, 3000.0);
        let mut step = vec![Co2Step { above_kg_per_day: first, per_kg: d.range(0.3, 0.6) }];
        if d.chance(0.5) {
            step.push(Co2Step { above_kg_per_day: first * 1.5, per_kg: d.range(0.7, 1.5) });
        }
        let budget = d.chance(0.5).then(|| d.range(200.0, 6000.0));
        let over = d.chance(0.6).then(|| d.range(1.0, 5.0));
        draft.set("co2", &Co2Rules { step, budget_kg_per_day: budget, over_budget_per_kg: over });
    }
    if d.chance(0.3) {
        draft.set(
            "reserve",
            &Reserve {
                fixed_kw: if d.chance(0.5) { d.range(5.0, 60.0) } else { 0.0 },
                load_share: if d.chance(0.5) { d.range(0.02, 0.2) } else { 0.0 },
                forecast_error: d.chance(0.5),
                largest_unit: d.chance(0.4),
                when: *d.pick(&[When::Islanded, When::Always]),
                shortfall_per_kwh: d.range(0.5, 8.0),
            },
        );
    }
    if d.chance(0.25) {
        draft.set("survival", &Survival { hours: d.range(0.5, 4.0), shortfall_per_kwh: d.range(0.5, 8.0) });
    }
}

fn grid(d: &mut Dice, draft: &mut Draft) {
    let (import, export) = (d.range(40.0, 600.0), if d.chance(0.8) { d.range(20.0, 400.0) } else { 0.0 });
    let priced = d.chance(0.6);
    let contracted = d.chance(0.3);
    let g = k::Grid {
        id: draft.id("grid"),
        bus: "elec".into(),
        import_max_kw: import,
        export_max_kw: export,
        transformer_kva: import.max(export) * d.range(1.0, 1.3),
        reactive_kvar: if d.chance(0.3) { import * d.range(0.1, 0.7) } else { 0.0 },
        contracted_kw: contracted.then(|| import * d.range(0.4, 1.0)),
        over_contract_per_kw_month: (contracted && priced).then(|| d.range(20.0, 120.0)),
        co2_kg_per_kwh: if d.chance(0.7) { d.range(0.1, 0.8) } else { 0.0 },
        ..Default::default()
    };
    draft.put("grid", &g);
}

fn gas_supply(d: &mut Dice, draft: &mut Draft) {
    let g = k::GasSupply {
        id: draft.id("gas"),
        bus: "gas".into(),
        max_kw: d.range(100.0, 2000.0),
        price_per_kwh: d.range(0.15, 0.5),
        co2_kg_per_kwh: if d.chance(0.7) { 0.2 } else { 0.0 },
        ..Default::default()
    };
    draft.put("gas_supply", &g);
}

/// A further asset, of a kind that the buses can carry.
fn one(d: &mut Dice, draft: &mut Draft) {
    let b = draft.buses;
    match d.int(0, 9) {
        0 | 1 => super::consumers::one(d, draft_face(draft)),
        2 => super::stores::one(d, draft_face(draft)),
        3..=6 => super::machines::one(d, draft_face(draft)),
        7 => generator(d, draft),
        8 if b.hydrogen || b.co2 => super::stores::gases(d, draft_face(draft)),
        _ => supply(d, draft),
    }
}

/// What the other files see of a draft.
pub struct Face<'a> {
    draft: &'a mut Draft,
}

fn draft_face(draft: &mut Draft) -> Face<'_> {
    Face { draft }
}

impl Face<'_> {
    pub fn put<T: Serialize>(&mut self, key: &str, value: &T) {
        self.draft.put(key, value);
    }
    pub fn id(&mut self, kind: &str) -> String {
        self.draft.id(kind)
    }
    pub fn device(&mut self, d: &mut Dice, id: &str) -> Option<String> {
        d.chance(0.85).then(|| format!("d-{id}"))
    }
    pub fn gas(&self) -> bool {
        self.draft.buses.gas
    }
    pub fn heat(&self, d: &mut Dice) -> Option<String> {
        let b = self.draft.buses;
        match (b.high, b.low) {
            (true, true) => Some((*d.pick(&["high", "low"])).into()),
            (true, false) => Some("high".into()),
            (false, true) => Some("low".into()),
            _ => None,
        }
    }
    pub fn both_heats(&self) -> bool {
        self.draft.buses.high && self.draft.buses.low
    }
    pub fn cold(&self) -> bool {
        self.draft.buses.cold
    }
    pub fn hydrogen(&self) -> bool {
        self.draft.buses.hydrogen
    }
    pub fn co2(&self) -> bool {
        self.draft.buses.co2
    }
    /// Whose exhaust can be cleaned.
    pub fn burners(&self) -> Vec<String> {
        self.draft.burners.clone()
    }
    pub fn burns(&mut self, id: &str) {
        self.draft.burners.push(id.to_owned());
    }
}

fn generator(d: &mut Dice, draft: &mut Draft) {
    let rated_kw = d.range(20.0, 300.0);
    if d.chance(0.6) {
        let id = draft.id("pv");
        let device = d.chance(0.8).then(|| format!("d-{id}"));
        let pv = k::Pv {
            id,
            device,
            bus: "elec".into(),
            rated_kw,
            tilt_deg: 15.0,
            azimuth_deg: 180.0,
            ..Default::default()
        };
        draft.put("pv", &pv);
    } else {
        let id = draft.id("wind");
        let device = d.chance(0.8).then(|| format!("d-{id}"));
        let curve = vec![[3.0, 0.0], [12.0, rated_kw]];
        draft.put("wind", &k::Wind { id, device, bus: "elec".into(), rated_kw, curve, ..Default::default() });
    }
}

fn supply(d: &mut Dice, draft: &mut Draft) {
    let bus = match (draft.buses.high, draft.buses.low) {
        (true, _) => "high",
        (_, true) => "low",
        _ => return generator(d, draft),
    };
    if d.chance(0.5) {
        let s = k::HeatSupply {
            id: draft.id("steam"),
            bus: bus.into(),
            max_kw: d.range(20.0, 300.0),
            price_per_kwh: d.range(0.2, 0.6),
            co2_kg_per_kwh: d.range(0.0, 0.3),
            ..Default::default()
        };
        draft.put("heat_supply", &s);
    } else {
        let w = k::WasteHeat {
            id: draft.id("waste"),
            bus: bus.into(),
            rated_kw: d.range(20.0, 200.0),
            temperature_c: if bus == "high" { d.range(80.0, 110.0) } else { d.range(45.0, 70.0) },
            price_per_kwh: if d.chance(0.5) { d.range(0.02, 0.1) } else { 0.0 },
            ..Default::default()
        };
        draft.put("waste_heat", &w);
    }
}
