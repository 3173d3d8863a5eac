//! Hydrogen and CO2: small sites with an answer known by hand.

use hexad::dispatch::Plan;
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::solver::InProcess;
use hexad::units::{Energy, Park};

use crate::checker_stores::faults;
use crate::dispatch_park::{Case, ix};
use crate::{checker, park};

/// Tuesday, 2026-07-14 12:00 UTC.
const NOON: i64 = 1_784_030_400;

const BASE: &str = r#"
[tariff]
export_per_kwh = 0.0
demand_window_min = 15
[[tariff.period]]
name = "all"
price_per_kwh = 0.5
[[bus]]
id = "elec"
carrier = "electricity"
[[bus]]
id = "heat"
carrier = "heat"
[[bus]]
id = "gas"
carrier = "gas"
[[bus]]
id = "h2"
carrier = "hydrogen"
[[bus]]
id = "co2"
carrier = "co2"
[values]
lost_load_critical_per_kwh = 100.0
lost_load_normal_per_kwh = 40.0
lost_load_sheddable_per_kwh = 8.0
lost_heat_per_kwh = 10.0
lost_cooling_per_kwh = 10.0
lost_hydrogen_per_kwh = 20.0
surplus_per_kwh = 2.0
co2_per_kg = 0.5
[[grid]]
id = "grid"
bus = "elec"
import_max_kw = 500.0
export_max_kw = 100.0
transformer_kva = 1000.0
[[gas_supply]]
id = "gas_supply"
bus = "gas"
max_kw = 1000.0
price_per_kwh = 0.3
co2_kg_per_kwh = 0.2
[[load]]
id = "heat_load"
bus = "heat"
rated_kw = 300.0
"#;

const TANK: &str = r#"
[[hydrogen_tank]]
id = "tank"
bus = "h2"
capacity_kwh = 500.0
charge_max_kw = 200.0
discharge_max_kw = 200.0
"#;

fn offtake(id: &str, price: f64, rest: &str) -> String {
    format!("[[hydrogen_offtake]]\nid = \"{id}\"\nbus = \"h2\"\nmax_kw = 50.0\nprice_per_kwh = {price:?}\n{rest}\n")
}

const BOILER: &str = r#"
[[boiler]]
id = "boiler"
device = "b"
heat_bus = "heat"
gas_bus = "gas"
rated_kw = 200.0
efficiency = 0.9
ramp_kw_per_s = 5.0
commitment = { min_load = 0.0 }
"#;

const CAPTURE: &str = r#"
[[carbon_capture]]
id = "capture"
device = "cc"
electric_bus = "elec"
co2_bus = "co2"
rated_kg_per_h = 40.0
kwh_per_kg = 0.3
source = ["boiler"]
capture_share = 0.9
"#;

const HUB: &str = r#"
[[co2_hub]]
id = "hub"
bus = "co2"
max_kg_per_h = 100.0
price_per_kg = 0.02
"#;

const BUFFER: &str = r#"
[[co2_buffer]]
id = "buffer"
bus = "co2"
capacity_kg = 100.0
charge_max_kg_per_h = 50.0
discharge_max_kg_per_h = 50.0
"#;

fn case(parts: &[&str], heat: f64) -> Case {
    let site = park::site(&format!("{BASE}{}", parts.concat()));
    let state = park::state(&site, Park::from_unix(NOON), 0.0, 0.0, 0.0);
    let mut h = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    let at = site.asset("heat_load").unwrap().0;
    h.assets[at].fill(-heat);
    Case { site, state, horizon: h }
}

fn solved(case: &Case) -> Plan {
    let plan = case.plan(&mut InProcess);
    assert_eq!(plan.status.name(), "optimal", "{}", plan.note);
    assert_eq!(faults(&case.inputs(None), &plan), Vec::<String>::new());
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
    plan
}

fn energy(case: &mut Case, id: &str, kwh: f64) {
    let at = ix(case, id);
    case.state.assets[at].energy = Some(Ok(kwh));
}

/// Taken from the bus between two hours of the plan.
fn taken(case: &Case, plan: &Plan, id: &str, from_h: f64, to_h: f64) -> f64 {
    let begin = |i: &hexad::forecast::Interval| i.start.seconds_since(case.state.now.park) / 3600.0;
    let rows = plan.grid.intervals.iter().zip(&plan.assets[ix(case, id)].power_kw[0]);
    rows.filter(|(i, _)| begin(i) >= from_h - 1e-6 && begin(i) < to_h - 1e-6).map(|(i, p)| -p * i.hours).sum()
}

fn slack(plan: &Plan, what: &str) -> f64 {
    plan.slacks.iter().filter(|s| s.what == what).map(|s| s.amount).sum()
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 0.05, "{a} instead of {b}");
}

#[test]
fn stored_hydrogen_is_sold_and_what_is_left_keeps_most_of_its_price() {
    let mut c = case(&[TANK, &offtake("sale", 3.0, "")], 0.0);
    energy(&mut c, "tank", 400.0);
    let plan = solved(&c);
    near(taken(&c, &plan, "sale", 0.0, 24.0), 400.0);
    near(plan.cost.unwrap(), -400.0 * 3.0 + 400.0 * 0.8 * 3.0);
    // Nobody buys: it stays.
    let mut idle = case(&[TANK], 0.0);
    energy(&mut idle, "tank", 400.0);
    let plan = solved(&idle);
    assert!(plan.assets[ix(&idle, "tank")].energy_kwh.iter().all(|e| (e - 400.0).abs() < 0.05));
}

#[test]
fn a_contract_by_the_day_counts_what_was_delivered_today() {
    let contract = offtake("sale", -0.01, "kwh_per_day = 240.0\nshortfall_per_kwh = 5.0");
    let mut c = case(&[TANK, &contract], 0.0);
    energy(&mut c, "tank", 400.0);
    let at = ix(&c, "sale");
    c.state.assets[at].today.energy = Energy::from_kwh(100.0);
    let plan = solved(&c);
    // 140 kWh are left for today; tomorrow's can all be delivered after noon.
    near(taken(&c, &plan, "sale", 0.0, 12.0), 140.0);
    near(taken(&c, &plan, "sale", 12.0, 24.0), 0.0);
    energy(&mut c, "tank", 90.0);
    let short = solved(&c);
    near(slack(&short, "sale: delivers less in the day than its contract"), 50.0);
    near(taken(&c, &short, "sale", 0.0, 12.0), 90.0);
}

#[test]
fn a_contract_that_tomorrow_afternoon_cannot_fulfil_alone_is_begun_in_the_morning() {
    let contract = offtake("sale", -0.01, "kwh_per_day = 800.0\nshortfall_per_kwh = 5.0");
    let mut c = case(&[TANK, &contract], 0.0);
    energy(&mut c, "tank", 500.0);
    let at = ix(&c, "sale");
    c.state.assets[at].today.energy = Energy::from_kwh(790.0);
    let plan = solved(&c);
    near(taken(&c, &plan, "sale", 0.0, 12.0), 10.0);
    near(taken(&c, &plan, "sale", 12.0, 24.0), 200.0);
}

#[test]
fn hydrogen_sold_as_renewable_is_drawn_from_an_account_of_its_own() {
    let mut c = case(&[TANK, &offtake("green", 3.0, "hourly_matching = true"), &offtake("any", 1.0, "")], 0.0);
    energy(&mut c, "tank", 200.0);
    let none = solved(&c);
    near(taken(&c, &none, "green", 0.0, 24.0), 0.0);
    let at = ix(&c, "green");
    c.state.assets[at].today.matched = Energy::from_kwh(60.0);
    let plan = solved(&c);
    near(taken(&c, &plan, "green", 0.0, 24.0), 60.0);
}

#[test]
fn captured_co2_is_not_emitted_and_is_sold() {
    let c = case(&[BOILER, CAPTURE, HUB], 90.0);
    let plan = solved(&c);
    // 90 kW of heat from 100 kW of gas: 20 kg/h, of which 18 kg/h are captured for 5.4 kW.
    let hub = &plan.assets[ix(&c, "hub")].power_kw[0];
    assert!(hub.iter().all(|p| (p + 18.0).abs() < 0.01), "{hub:?}");
    let by_hour = 100.0 * 0.3 + 20.0 * 0.5 + 5.4 * 0.5 - 18.0 * (0.5 + 0.02);
    near(plan.cost.unwrap(), 24.0 * by_hour);
    assert_eq!(plan.assets[ix(&c, "capture")].potential_kw[0], -12.0, "what it could draw");
    // Heat is dearer by what its CO2 costs: the part that is not captured, and the capture.
    let heat = c.site.buses.iter().position(|b| b.id == "heat").unwrap();
    let kwh = (0.3 + 0.2 * 0.5 + 0.18 * (0.3 * 0.5 - 0.5 - 0.02)) / 0.9;
    assert!(plan.buses[heat].price.iter().all(|p| (p - kwh).abs() < 1e-4), "{:?}", plan.buses[heat].price);
}

#[test]
fn co2_that_nobody_takes_is_not_worth_capturing() {
    let c = case(&[BOILER, CAPTURE], 90.0);
    let plan = solved(&c);
    near(taken(&c, &plan, "capture", 0.0, 24.0), 0.0);
    // A plant that cannot run on so little exhaust rests.
    let coarse = case(&[BOILER, &CAPTURE.replace("source", "min_load = 0.5\nsource"), HUB], 90.0);
    let plan = solved(&coarse);
    near(taken(&coarse, &plan, "capture", 0.0, 4.0), 0.0);
    let enough = case(&[BOILER, &CAPTURE.replace("source", "min_load = 0.5\nsource"), HUB], 120.0);
    near(taken(&enough, &solved(&enough), "capture", 0.0, 4.0), 4.0 * 0.3 * 24.0);
}

#[test]
fn a_capture_that_nobody_steers_goes_on_and_what_it_frees_is_vented() {
    let mut c = case(&[BOILER, CAPTURE], 90.0);
    let at = ix(&c, "capture");
    c.state.assets[at].availability = hexad::state::Availability::Out(hexad::site::Reason::Stale);
    c.state.assets[at].ports[0].measured = Ok(-3.0);
    c.state.assets[at].ports[1].measured = Ok(10.0);
    let plan = c.plan(&mut InProcess);
    assert_eq!(checker::faults(&c.inputs(None), &plan, 4.0), Vec::<String>::new());
    let vented = plan.slacks.iter().find(|s| s.what == "bus co2: CO2 is vented").unwrap();
    near(vented.amount, 10.0);
    near(vented.price, 0.5);
}

#[test]
fn a_hub_is_delivered_what_it_nominated_from_the_buffer() {
    let nominated = format!(
        "{HUB}deviation_per_kg = 1.0\ntolerance = 0.1\nnomination = [{{ hours = [[14, 16]], kg_per_h = 30.0 }}, {{ kg_per_h = 0.0 }}]\n"
    );
    let mut c = case(&[BUFFER, &nominated], 0.0);
    energy(&mut c, "buffer", 60.0);
    let plan = solved(&c);
    near(taken(&c, &plan, "hub", 2.0, 4.0), 60.0);
    near(taken(&c, &plan, "hub", 0.0, 24.0), 60.0);
    let within = |t: usize| (26.99..=33.01).contains(&-plan.assets[ix(&c, "hub")].power_kw[0][t]);
    assert!((8..16).all(within) && plan.slacks.is_empty());
    energy(&mut c, "buffer", 24.0);
    let short = solved(&c);
    // 54 kg are the least of the band; 30 of them are missing.
    let missing: f64 = short
        .slacks
        .iter()
        .filter(|s| s.what == "hub: delivers less than nominated")
        .map(|s| s.amount * short.grid.intervals[s.interval].hours)
        .sum();
    near(missing, 30.0);
    near(short.cost.unwrap(), 30.0 - 24.0 * 0.02 + 24.0 * 0.8 * 0.02);
}

#[test]
fn a_buffer_whose_hub_charges_for_taking_is_emptied_all_the_same() {
    let mut c = case(&[BUFFER, &HUB.replace("price_per_kg = 0.02", "price_per_kg = -0.1")], 0.0);
    energy(&mut c, "buffer", 60.0);
    near(taken(&c, &solved(&c), "hub", 0.0, 24.0), 60.0);
}
