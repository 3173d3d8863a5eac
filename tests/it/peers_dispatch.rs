//! The dispatch against oemof.solph: the same small sites, formulated by others from the same site file, cost the same.
//!
//! Every case is drawn anew from ten seeds: that two programmes agree once may be luck.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use hexad::dispatch::{Effort, Inputs, Plan, PlanStatus, end_values, plan_with};
use hexad::forecast::{History, Interval, TimeGrid, horizon};
use hexad::solver::InProcess;
use hexad::units::{Park, Power};
use serde_json::{Value as Json, json};

use crate::dispatch_park::Case;
use crate::park;
use crate::peers::python;

/// 2026-04-10 00:00 UTC: 21 days are left of its month.
const START: i64 = 1_775_779_200;
const STEPS: usize = 24;
const SEEDS: u64 = 10;
/// What either side is asked to prove.
const GAP: f64 = 1e-6;

/// Draws of one variant (splitmix64).
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    fn minutes(&mut self, hours: u32) -> u32 {
        60 * (self.unit() * f64::from(hours + 1)) as u32
    }
    /// A day that is highest at `peak` o'clock, in `low..high`, with some noise.
    fn day(&mut self, low: f64, high: f64, peak: f64) -> Vec<f64> {
        let shape = |hour: usize| 0.5 + 0.5 * ((hour as f64 - peak) * std::f64::consts::TAU / 24.0).cos();
        (0..STEPS).map(|hour| low + (high - low) * (0.85 * shape(hour) + 0.15 * self.unit())).collect()
    }
    /// Import prices of three periods; no two hours cost the same, or plans of one cost would differ.
    fn prices(&mut self) -> Vec<f64> {
        let (valley, flat, peak) = (self.range(0.1, 0.3), self.range(0.4, 0.6), self.range(0.8, 1.3));
        let period = |hour: usize| match hour {
            0..=6 => valley,
            8..=10 | 17..=20 => peak,
            _ => flat,
        };
        (0..STEPS).map(|hour| period(hour) * self.range(0.97, 1.03)).collect()
    }
    fn exports(&mut self) -> Vec<f64> {
        let price = self.range(0.03, 0.08);
        (0..STEPS).map(|_| price * self.range(0.97, 1.03)).collect()
    }
    /// On/off behaviour of a machine that comes and goes.
    fn commitment(&mut self) -> String {
        let (min_load, down) = (self.range(0.3, 0.6), self.minutes(3));
        self.committed(min_load, down)
    }
    /// On/off behaviour of the machine that serves when no other can: the peer knows no slack.
    fn stand_by(&mut self) -> String {
        let min_load = self.range(0.15, 0.25);
        self.committed(min_load, 0)
    }
    fn committed(&mut self, min_load: f64, min_down_min: u32) -> String {
        format!(
            "{{ min_load = {min_load}, start_cost = {}, min_up_min = {}, min_down_min = {min_down_min} }}",
            self.range(2.0, 20.0),
            self.minutes(4),
        )
    }
}

/// One variant: the site and what it meets.
struct Variant {
    text: String,
    series: BTreeMap<&'static str, Vec<f64>>,
    import_price: Vec<f64>,
    export_price: Vec<f64>,
    peak_kw: f64,
    charge: f64,
}

const HEAD: &str = r#"
[[bus]]
id = "elec"
carrier = "electricity"
[[bus]]
id = "heat"
carrier = "heat"
[[bus]]
id = "cold"
carrier = "cooling"
[[bus]]
id = "gas"
carrier = "gas"
[[grid]]
id = "grid"
bus = "elec"
import_max_kw = 5000.0
export_max_kw = 5000.0
transformer_kva = 10000.0
co2_kg_per_kwh = 0.5
"#;

fn tariff(demand: f64) -> String {
    format!(
        "[tariff]\nexport_per_kwh = 0.05\ndemand_per_kw_month = {demand}\ndemand_window_min = 60\n\
         [[tariff.period]]\nname = \"all\"\nprice_per_kwh = 1.0\n{HEAD}"
    )
}

fn gas(draw: &mut Draw) -> String {
    let price = draw.range(0.2, 0.4);
    format!(
        "[[gas_supply]]\nid = \"gas_supply\"\nbus = \"gas\"\nmax_kw = 3000.0\nprice_per_kwh = {price}\nco2_kg_per_kwh = 0.2\n"
    )
}

fn load(id: &str, bus: &str) -> String {
    format!("[[load]]\nid = \"{id}\"\nbus = \"{bus}\"\nrated_kw = 1000.0\n")
}

fn chp(draw: &mut Draw) -> String {
    let rated = draw.range(80.0, 150.0);
    let low = draw.range(0.4, 0.6);
    let heat = rated * draw.range(1.1, 1.4);
    format!(
        "[[chp]]\nid = \"chp\"\ndevice = \"engine\"\nelectric_bus = \"elec\"\nheat_bus = \"heat\"\ngas_bus = \"gas\"\nrated_kw = {rated}\n\
         heat_kw = {heat}\nheat_kw_min_load = {}\nelectric_efficiency = {}\nelectric_efficiency_min_load = {}\nramp_kw_per_s = 5.0\n\
         start_s = 60.0\nwear_per_kwh = {}\n\
         commitment = {{ min_load = {low}, start_cost = {}, min_up_min = {}, min_down_min = {} }}\n",
        heat * low * draw.range(1.0, 1.15),
        draw.range(0.37, 0.42),
        draw.range(0.31, 0.36),
        draw.range(0.01, 0.05),
        draw.range(5.0, 40.0),
        draw.minutes(6),
        draw.minutes(4),
    )
}

/// A machine with one output: kind, its buses, the name and span of its ratio, the span of its rating.
fn machine(draw: &mut Draw, kind: &str, buses: &str, ratio: (&str, f64, f64), rated: (f64, f64)) -> String {
    let (name, low, high) = ratio;
    let (value, rated) = (draw.range(low, high), draw.range(rated.0, rated.1));
    let commitment = if ["boiler", "chiller"].contains(&kind) { draw.stand_by() } else { draw.commitment() };
    format!(
        "[[{kind}]]\nid = \"{kind}\"\ndevice = \"d-{kind}\"\n{buses}\nrated_kw = {rated}\n{name} = {value}\nramp_kw_per_s = 5.0\n\
         commitment = {commitment}\n"
    )
}

fn boiler(draw: &mut Draw) -> String {
    machine(draw, "boiler", "heat_bus = \"heat\"\ngas_bus = \"gas\"", ("efficiency", 0.85, 0.95), (180.0, 260.0))
}

fn tank(draw: &mut Draw, kind: &str, bus: &str, span: (f64, f64)) -> String {
    let (volume, power, loss) = (draw.range(5.0, 20.0), draw.range(60.0, 150.0), draw.range(0.002, 0.01));
    format!(
        "[[{kind}]]\nid = \"{kind}\"\ndevice = \"d-{kind}\"\nbus = \"{bus}\"\nvolume_m3 = {volume}\nt_min_c = {}\nt_max_c = {}\n\
         charge_max_kw = {power}\ndischarge_max_kw = {power}\nloss_per_h = {loss}\nreserve = 0.0\n",
        span.0, span.1
    )
}

/// Engine, heat pump and boiler on one heat store.
fn cogeneration(draw: &mut Draw) -> Variant {
    let export_price = draw.exports();
    let pump_buses = "electric_bus = \"elec\"\nheat_bus = \"heat\"";
    let text = [
        tariff(0.0),
        gas(draw),
        load("load", "elec"),
        load("heat_load", "heat"),
        chp(draw),
        machine(draw, "heat_pump", pump_buses, ("cop", 2.8, 4.2), (50.0, 110.0)),
        boiler(draw),
        tank(draw, "heat_tank", "heat", (60.0, 90.0)),
    ];
    let series = [("load", draw.day(60.0, 220.0, 14.0)), ("heat_load", draw.day(70.0, 200.0, 6.0))];
    let (import_price, charge) = (draw.prices(), draw.range(0.2, 0.8));
    Variant { text: text.concat(), series: series.into(), import_price, export_price, peak_kw: 0.0, charge }
}

/// Sun and battery under a tariff with a charge on the month's peak.
fn self_supply(draw: &mut Draw) -> Variant {
    let export_price = draw.exports();
    let (power, capacity) = (draw.range(40.0, 100.0), draw.range(80.0, 300.0));
    let battery = format!(
        "[[battery]]\nid = \"battery\"\ndevice = \"pcs\"\nbus = \"elec\"\ncharge_max_kw = {power}\ndischarge_max_kw = {power}\n\
         capacity_kwh = {capacity}\nsoc_min = 0.1\nsoc_max = 0.95\ncharge_efficiency = {}\ndischarge_efficiency = {}\nwear_per_kwh = {}\n\
         ramp_kw_per_s = 10.0\n",
        draw.range(0.92, 0.98),
        draw.range(0.92, 0.98),
        draw.range(0.01, 0.06),
    );
    let pv = "[[pv]]\nid = \"pv\"\ndevice = \"inverter\"\nbus = \"elec\"\nrated_kw = 1000.0\ntilt_deg = 15.0\nazimuth_deg = 180.0\n";
    let text = [tariff(draw.range(20.0, 60.0)), load("load", "elec"), pv.to_owned(), battery];
    let sun = draw.day(-150.0, 250.0, 12.5).into_iter().map(|kw| kw.max(0.0)).collect();
    let series = [("load", draw.day(60.0, 220.0, 17.0)), ("pv", sun)];
    let (import_price, peak_kw, charge) = (draw.prices(), draw.range(60.0, 160.0), draw.range(0.2, 0.8));
    Variant { text: text.concat(), series: series.into(), import_price, export_price, peak_kw, charge }
}

/// Cooling by the engine's heat or by electricity.
fn trigeneration(draw: &mut Draw) -> Variant {
    let export_price = draw.exports();
    let auxiliary = draw.range(0.02, 0.05);
    let absorption =
        format!("heat_bus = \"heat\"\ncool_bus = \"cold\"\nelectric_bus = \"elec\"\nauxiliary_kw_per_kw = {auxiliary}");
    let text = [
        tariff(0.0),
        gas(draw),
        load("load", "elec"),
        load("heat_load", "heat"),
        load("cold_load", "cold"),
        chp(draw),
        boiler(draw),
        machine(draw, "absorption_chiller", &absorption, ("cop", 0.65, 0.8), (60.0, 120.0)),
        machine(draw, "chiller", "electric_bus = \"elec\"\ncool_bus = \"cold\"", ("eer", 3.0, 5.0), (150.0, 220.0)),
        tank(draw, "cold_tank", "cold", (6.0, 13.0)),
        "[[dump_cooler]]\nid = \"dump\"\nheat_bus = \"heat\"\nrated_kw = 200.0\n".to_owned(),
    ];
    let series = [
        ("load", draw.day(60.0, 220.0, 14.0)),
        ("heat_load", draw.day(20.0, 60.0, 6.0)),
        ("cold_load", draw.day(50.0, 140.0, 15.0)),
    ];
    let (import_price, charge) = (draw.prices(), draw.range(0.2, 0.8));
    Variant { text: text.concat(), series: series.into(), import_price, export_price, peak_kw: 0.0, charge }
}

const HYDROGEN: &str = r#"
[[bus]]
id = "hydrogen"
carrier = "hydrogen"
[[pv]]
id = "pv"
device = "inverter"
bus = "elec"
rated_kw = 1000.0
tilt_deg = 15.0
azimuth_deg = 180.0
"#;

/// A buyer with what is his alone.
fn offtake(draw: &mut Draw, id: &str, price: (f64, f64), own: &str) -> String {
    let (max, price) = (draw.range(30.0, 60.0), draw.range(price.0, price.1));
    format!(
        "[[hydrogen_offtake]]\nid = \"{id}\"\ndevice = \"d-{id}\"\nbus = \"hydrogen\"\nmax_kw = {max}\nprice_per_kwh = {price}\n{own}\n"
    )
}

/// Hydrogen for two buyers: one who pays more and asks for as much sun in the hour it is made, one with a contract.
fn hydrogen(draw: &mut Draw) -> Variant {
    let export_price = draw.exports();
    let (rated, best) = (draw.range(80.0, 150.0), draw.range(0.62, 0.68));
    let electrolyser = format!(
        "[[electrolyser]]\nid = \"electrolyser\"\ndevice = \"stack\"\nelectric_bus = \"elec\"\nhydrogen_bus = \"hydrogen\"\n\
         heat_bus = \"heat\"\nheat_share = {}\nrated_kw = {rated}\nefficiency = {best}\nefficiency_curve = [[0.1, {best}], [1.0, {}]]\n\
         ramp_kw_per_s = 5.0\nwear_per_kwh = {}\ncommitment = {}\n",
        draw.range(0.1, 0.2),
        best - draw.range(0.03, 0.1),
        draw.range(0.01, 0.05),
        draw.commitment(),
    );
    let (capacity, power) = (draw.range(50.0, 400.0), draw.range(40.0, 100.0));
    let tank = format!(
        "[[hydrogen_tank]]\nid = \"hydrogen_tank\"\ndevice = \"vessel\"\nbus = \"hydrogen\"\ncapacity_kwh = {capacity}\n\
         charge_max_kw = {power}\ndischarge_max_kw = {power}\n"
    );
    let owed = format!("kwh_per_day = {}\nshortfall_per_kwh = {}", draw.range(200.0, 600.0), draw.range(0.3, 2.0));
    let text = [
        tariff(0.0),
        HYDROGEN.to_owned(),
        electrolyser,
        tank,
        offtake(draw, "green", (0.4, 1.2), "hourly_matching = true"),
        offtake(draw, "contract", (0.1, 0.5), &owed),
        load("load", "elec"),
        load("heat_load", "heat"),
        gas(draw),
        boiler(draw),
    ];
    let sun = draw.day(-150.0, 250.0, 12.5).into_iter().map(|kw| kw.max(0.0)).collect();
    let series = [("load", draw.day(20.0, 60.0, 14.0)), ("heat_load", draw.day(80.0, 120.0, 6.0)), ("pv", sun)];
    let (import_price, charge) = (draw.prices(), draw.range(0.2, 0.8));
    Variant { text: text.concat(), series: series.into(), import_price, export_price, peak_kw: 0.0, charge }
}

/// The case on 24 whole hours, with machines that rest since this moment.
fn case(variant: &Variant) -> Case {
    let mut site = park::site(&variant.text);
    site.values.co2_per_kg = 0.06;
    let start = Park::from_unix(START);
    let mut state = park::state(&site, start, 0.0, 0.0, variant.charge);
    state.window.peak = Power::from_kw(variant.peak_kw);
    for running in state.assets.iter_mut().filter_map(|a| a.running.as_mut()) {
        running.since = start;
    }
    let intervals = (0..STEPS).map(|t| Interval { start: start.plus_s(3600.0 * t as f64), hours: 1.0 }).collect();
    let mut horizon = horizon(&site, &state, &History::default(), TimeGrid { intervals });
    for (asset, forecast) in site.assets.iter().zip(&mut horizon.assets) {
        if let Some(series) = variant.series.get(asset.id.as_str()) {
            let sign = if asset.id == "pv" { 1.0 } else { -1.0 };
            *forecast = series.iter().map(|kw| sign * kw).collect();
        }
    }
    horizon.import_price.clone_from(&variant.import_price);
    horizon.export_price.clone_from(&variant.export_price);
    Case { site, state, horizon }
}

/// What the peer is told: the site file's words, and what is known of the day.
fn told(variant: &Variant, case: &Case, inputs: &Inputs<'_>) -> Json {
    let table: toml::Table = variant.text.parse().unwrap();
    let mut site = serde_json::to_value(table).unwrap();
    site["values"] = json!({ "co2_per_kg": case.site.values.co2_per_kg });
    let values = end_values(inputs);
    let assets = case.site.assets.iter().zip(&case.state.assets).zip(values);
    let stores: BTreeMap<&str, Json> = assets
        .filter_map(|((asset, state), end_value)| {
            let (capacity, energy) = (asset.kind.capacity()?, state.energy?.unwrap());
            let store = json!({ "capacity_kwh": capacity.kwh(), "energy_kwh": energy, "end_value": end_value });
            Some((asset.id.as_str(), store))
        })
        .collect();
    json!({
        "site": site, "start": "2026-04-10T00:00:00", "series": variant.series, "stores": stores, "gap": GAP,
        "import_price": variant.import_price, "export_price": variant.export_price,
        "peak_kw": variant.peak_kw,
    })
}

fn ask(cases: &[Json]) -> Vec<Json> {
    let mut peer = python("dispatch_peer.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    peer.stdin.take().unwrap().write_all(serde_json::to_string(cases).unwrap().as_bytes()).unwrap();
    let out = peer.wait_with_output().unwrap();
    assert!(out.status.success(), "the peer ended with {}", out.status);
    serde_json::from_slice(&out.stdout).unwrap()
}

/// How far two numbers are apart, as a share of the larger; of one where both are small.
fn apart(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / ours.abs().max(theirs.abs()).max(1.0)
}

/// Costs and what the schedules amount to.
fn compare(name: &str, case: &Case, plan: &Plan, peer: &Json) -> f64 {
    // A contract that is dearer to keep than to break is no conflict.
    let conflict = plan.slacks.iter().find(|s| !s.what.contains("contract"));
    assert_eq!((plan.status, conflict), (PlanStatus::Optimal, None), "{name}: {}", plan.note);
    let (cost, gap) = (plan.cost.unwrap(), plan.gap.unwrap());
    let number = |key: &str| peer[key].as_f64().unwrap();
    let difference = apart(cost, number("objective"));
    let allowed = 2.0 * GAP;
    assert!(gap <= GAP, "{name}: {gap}");
    assert!(difference <= allowed, "{name}: {cost} here, {} there", number("objective"));
    // Neither found what the other has proven impossible.
    assert!(cost >= number("bound") - allowed * cost.abs(), "{name}: {cost} is below their bound {}", number("bound"));
    for (asset, planned) in case.site.assets.iter().zip(&plan.assets) {
        let id = asset.id.as_str();
        if let Some(theirs) = peer["energy_kwh"][id].as_f64() {
            let ours = planned.power_kw[0].iter().sum::<f64>().abs();
            assert!(apart(ours, theirs) < 1e-3, "{name}: {id} gives {ours} kWh here, {theirs} there");
        }
        if let Some(theirs) = peer["starts"][id].as_u64() {
            let before = std::iter::once(&false).chain(&planned.on);
            let ours = planned.on.iter().zip(before).filter(|(now, before)| **now && !**before).count() as u64;
            assert_eq!(ours, theirs, "{name}: starts of {id}");
        }
        // A vessel without losses does not care when it is filled.
        if let Some(theirs) = peer["stored_kwh"][id].as_f64().filter(|_| id != "hydrogen_tank") {
            let ours = planned.energy_kwh.iter().sum::<f64>() / STEPS as f64;
            assert!(apart(ours, theirs) < 1e-3, "{name}: {id} holds {ours} kWh here, {theirs} there");
        }
    }
    difference
}

/// All variants of a case; what must have happened in at least one of them, or the case shows nothing.
fn agree(what: &str, variant: fn(&mut Draw) -> Variant, happens: &[&str]) {
    let variants: Vec<Variant> = (1..=SEEDS).map(|seed| variant(&mut Draw(seed))).collect();
    let cases: Vec<Case> = variants.iter().map(case).collect();
    let orders: Vec<Json> = variants.iter().zip(&cases).map(|(v, c)| told(v, c, &c.inputs(None))).collect();
    let effort = Effort { whole_h: f64::INFINITY, relative_gap: GAP, node_limit: None };
    let answers = ask(&orders);
    let mut worst: f64 = 0.0;
    for ((case, peer), seed) in cases.iter().zip(&answers).zip(1..) {
        let plan = plan_with(&case.inputs(None), &effort, &mut InProcess);
        worst = worst.max(compare(&format!("{what}, seed {seed}"), case, &plan, peer));
    }
    println!("{what}: costs differ by at most {worst:.1e}");
    for id in happens {
        let energy = |peer: &Json| peer["energy_kwh"][id].as_f64().unwrap();
        assert!(answers.iter().any(|peer| energy(peer) > 1.0), "{what}: {id} never runs");
        let starts = |peer: &Json| peer["starts"].get(id).is_none_or(|n| n.as_u64() > Some(0));
        assert!(answers.iter().any(starts), "{what}: {id} never starts");
    }
}

#[test]
fn engine_heat_pump_boiler_and_store_cost_what_others_make_them_cost() {
    agree("cogeneration", cogeneration, &["chp", "heat_pump", "boiler"]);
}

#[test]
fn sun_and_battery_under_a_tariff_with_a_demand_charge_cost_what_others_make_them_cost() {
    agree("self-supply", self_supply, &[]);
}

#[test]
fn an_engine_that_cools_costs_what_others_make_it_cost() {
    agree("trigeneration", trigeneration, &["chp", "absorption_chiller", "chiller"]);
}

#[test]
fn an_electrolyser_with_two_buyers_earns_what_others_make_it_earn() {
    agree("hydrogen", hydrogen, &["electrolyser", "green", "contract"]);
}
