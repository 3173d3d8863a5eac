//! Machines on small sites where the answer can be told by hand: part load, starts, ramps.

use hexad::dispatch::{Effort, Plan, plan_with, problem};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Reason;
use hexad::solver::InProcess;
use hexad::state::Running;
use hexad::units::Park;

use crate::dispatch_park::{Case, ix};
use crate::{checker, checker_machines, park};

/// Noon by the site's calendar (UTC), 2026-07-14: twelve hours of today are left.
pub const NOON: i64 = 1_784_030_400;
/// Intervals of the first four hours, where commitments are whole.
const WHOLE: usize = 16;
/// Intervals of an hour.
pub const HOUR: usize = 4;

const SITE: &str = r#"
[tariff]
export_per_kwh = 0.1
demand_window_min = 15
[[tariff.period]]
name = "all"
price_per_kwh = 0.5
[[bus]]
id = "elec"
carrier = "electricity"
[[bus]]
id = "exhaust"
carrier = "heat"
supply_c = 150.0
[[bus]]
id = "heat"
carrier = "heat"
supply_c = 80.0
[[bus]]
id = "low"
carrier = "heat"
supply_c = 30.0
[[bus]]
id = "cold"
carrier = "cooling"
supply_c = 7.0
[[bus]]
id = "gas"
carrier = "gas"
[[bus]]
id = "hydrogen"
carrier = "hydrogen"
[[grid]]
id = "grid"
bus = "elec"
import_max_kw = 1000.0
export_max_kw = 1000.0
transformer_kva = 2000.0
[[gas_supply]]
id = "gas_supply"
bus = "gas"
max_kw = 2000.0
price_per_kwh = 0.3
co2_kg_per_kwh = 0.2
"#;

fn load(bus: &str) -> String {
    format!("[[load]]\nid = \"load_{bus}\"\nbus = \"{bus}\"\nrated_kw = 500.0\n")
}

pub fn boiler(more: &str, commitment: &str) -> String {
    format!(
        "[[boiler]]\nid = \"boiler\"\ndevice = \"b\"\nheat_bus = \"heat\"\ngas_bus = \"gas\"\nrated_kw = 200.0\n\
         efficiency = 0.9\nramp_kw_per_s = 5.0\n{more}\ncommitment = {{ {commitment} }}\n"
    )
}

/// A site of these tables at noon, with constant loads by bus.
pub fn case(tables: &[&str], loads: &[(&str, f64)]) -> Case {
    let loaded: String = loads.iter().map(|(bus, _)| load(bus)).collect();
    let site = park::site(&format!("{SITE}{}{loaded}", tables.concat()));
    let state = park::state(&site, Park::from_unix(NOON), 0.0, 0.0, 0.5);
    let mut h = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    for (a, f) in site.assets.iter().zip(&mut h.assets) {
        if let Some((_, kw)) = loads.iter().find(|(bus, _)| a.id == format!("load_{bus}")) {
            f.clear();
            f.resize(h.grid.intervals.len(), -kw);
        }
    }
    Case { site, state, horizon: h }
}

/// Sets the load of a bus along the grid.
pub fn shape(case: &mut Case, bus: &str, kw: impl Fn(usize) -> f64) {
    let at = ix(case, &format!("load_{bus}"));
    for (t, v) in case.horizon.assets[at].iter_mut().enumerate() {
        *v = -kw(t);
    }
}

pub fn run(case: &mut Case, id: &str, on: bool, minutes: f64, kw: f64) {
    let at = ix(case, id);
    let since = case.state.now.park.plus_s(-60.0 * minutes);
    case.state.assets[at].running = Some(Running { on, since, starts: 1 });
    case.state.assets[at].ports[0].measured = Ok(kw);
}

/// Solved to the end, all commitments whole.
pub fn exact(case: &Case) -> Plan {
    let effort = Effort { whole_h: f64::INFINITY, relative_gap: 1e-7, node_limit: None };
    let plan = plan_with(&case.inputs(None), &effort, &mut InProcess);
    assert_eq!(plan.status.name(), "optimal", "{}", plan.note);
    sound(case, &plan, f64::INFINITY);
    plan
}

pub fn sound(case: &Case, plan: &Plan, whole_h: f64) {
    let mut faults = checker::faults(&case.inputs(None), plan, whole_h);
    faults.extend(checker_machines::faults(&case.inputs(None), plan, whole_h));
    assert_eq!(faults, Vec::<String>::new());
}

pub fn port<'a>(case: &Case, plan: &'a Plan, id: &str, port: usize) -> &'a [f64] {
    &plan.assets[ix(case, id)].power_kw[port]
}

pub fn price(case: &Case, plan: &Plan, bus: &str) -> f64 {
    plan.buses[case.site.buses.iter().position(|b| b.id == bus).unwrap()].price[1]
}

pub fn near(is: f64, should: f64) {
    assert!((is - should).abs() < 0.01, "{is} instead of {should}");
}

pub fn whole_columns(case: &Case) -> usize {
    problem(&case.inputs(None)).columns.iter().filter(|c| c.integer).count()
}

pub fn has(plan: &Plan, what: &str) -> bool {
    plan.slacks.iter().any(|s| s.what.contains(what))
}

#[test]
fn a_convex_part_load_curve_needs_no_binaries_and_prices_heat_by_its_slope() {
    // Gas at 100, 150 and 200 kW: 105.3, 163.0, 222.2: ever more per kW.
    let curve = "efficiency_curve = [[0.5, 0.95], [0.75, 0.92], [1.0, 0.9]]";
    let case_of = |more: &str| case(&[&boiler(more, "min_load = 0.5")], &[("heat", 175.0)]);
    let curved = case_of(curve);
    assert_eq!(whole_columns(&curved), whole_columns(&case_of("")), "only on and off");
    let plan = curved.plan(&mut InProcess);
    sound(&curved, &plan, 4.0);
    let slope = (200.0 / 0.9 - 150.0 / 0.92) / 50.0;
    near(port(&curved, &plan, "boiler", 1)[1], -(150.0 / 0.92 + 25.0 * slope));
    near(price(&curved, &plan, "heat"), 0.3 * slope);
}

#[test]
fn a_part_load_curve_that_is_not_convex_gives_no_heat_for_nothing() {
    // Gas at 100, 150 and 200 kW: 142.9, 200, 222.2: the second half is cheap, and can only be had after the first.
    let curve = "efficiency_curve = [[0.5, 0.7], [0.75, 0.75], [1.0, 0.9]]";
    let mut case = case(&[&boiler(curve, "min_load = 0.5")], &[("heat", 125.0)]);
    let plan = case.plan(&mut InProcess);
    sound(&case, &plan, 4.0);
    let slope = (200.0 - 100.0 / 0.7) / 50.0;
    for t in 0..WHOLE {
        near(port(&case, &plan, "boiler", 1)[t], -(100.0 / 0.7 + 25.0 * slope));
    }
    near(price(&case, &plan, "heat"), 0.3 * slope);
    // With the last plan at hand the same again, and every load between is on the curve.
    let again = hexad::dispatch::plan(&case.inputs(Some(&plan)), &mut InProcess);
    assert!((again.cost.unwrap() - plan.cost.unwrap()).abs() < 0.006 * plan.cost.unwrap());
    shape(&mut case, "heat", |t| 100.0 + 6.0 * t as f64);
    exact(&case);
}

#[test]
fn a_level_curve_or_one_of_a_single_point_is_the_plain_efficiency() {
    let cost = |more: &str| {
        let case = case(&[&boiler(more, "min_load = 0.5, start_cost = 2.0")], &[("heat", 130.0)]);
        exact(&case).cost.unwrap()
    };
    let plain = cost("");
    near(cost("efficiency_curve = [[0.2, 0.9], [0.7, 0.9], [1.0, 0.9]]"), plain);
    near(cost("efficiency_curve = [[0.6, 0.9]]"), plain);
}

#[test]
fn an_engine_burns_fuel_along_its_curve() {
    let chp = r#"
[[chp]]
id = "chp"
device = "c"
electric_bus = "elec"
heat_bus = "heat"
gas_bus = "gas"
rated_kw = 100.0
heat_kw = 110.0
heat_kw_min_load = 60.0
electric_efficiency = 0.4
electric_efficiency_min_load = 0.3
efficiency_curve = [[0.5, 0.3], [0.8, 0.4], [1.0, 0.4]]
ramp_kw_per_s = 2.0
start_s = 60.0
commitment = { min_load = 0.5 }
"#;
    let mut case = case(&[chp], &[("elec", 200.0), ("heat", 90.0)]);
    case.horizon.import_price.fill(2.0);
    case.horizon.export_price.fill(0.0);
    let plan = exact(&case);
    // 90 kW of heat at 80 kW of electricity; 80 kW at 0.4 are 200 kW of gas.
    near(port(&case, &plan, "chp", 0)[2], 80.0);
    near(port(&case, &plan, "chp", 2)[2], -200.0);
}

#[test]
fn a_start_costs_by_the_length_of_the_rest_before_it() {
    let rests = "min_load = 0.5, start_cost = 5.0, \
                 long_rest = [{ after_min = 60, start_cost = 20.0 }, { after_min = 480, start_cost = 50.0 }]";
    let start_cost = |minutes: f64, on: bool| {
        let mut hot = case(&[&boiler("", rests)], &[("heat", 150.0)]);
        run(&mut hot, "boiler", on, minutes, if on { 150.0 } else { 0.0 });
        let mut free = case(&[&boiler("", "min_load = 0.5")], &[("heat", 150.0)]);
        run(&mut free, "boiler", on, minutes, if on { 150.0 } else { 0.0 });
        exact(&hot).cost.unwrap() - exact(&free).cost.unwrap()
    };
    for (minutes, on, cost) in [(30.0, false, 5.0), (90.0, false, 20.0), (24.0 * 60.0, false, 50.0), (30.0, true, 0.0)]
    {
        near(start_cost(minutes, on), cost);
    }
}

#[test]
fn a_rest_within_the_plan_makes_the_next_start_warm_or_hot() {
    let rests = "min_load = 0.5, start_cost = 5.0, \
                 long_rest = [{ after_min = 60, start_cost = 20.0 }, { after_min = 480, start_cost = 50.0 }]";
    // Heat in the first hour, none for `gap` quarters, heat again to the end; cold at the beginning.
    let cost = |commitment: &str, gap: usize| {
        let mut case = case(&[&boiler("", commitment)], &[("heat", 150.0)]);
        run(&mut case, "boiler", false, 24.0 * 60.0, 0.0);
        shape(&mut case, "heat", |t| if (HOUR..HOUR + gap).contains(&t) { 0.0 } else { 150.0 });
        exact(&case).cost.unwrap()
    };
    near(cost(rests, 8) - cost("min_load = 0.5", 8), 50.0 + 20.0);
    near(cost(rests, 3) - cost("min_load = 0.5", 3), 50.0 + 5.0);
}

#[test]
fn starts_of_the_day_are_counted_in_and_give_way_only_to_lost_load() {
    let table = boiler("", "min_load = 0.5, starts_per_day = 1");
    let mut case = case(&[&table], &[("heat", 150.0)]);
    let at = ix(&case, "boiler");
    // Heat for an hour: 1500 lost against 8000 for a start beyond the limit.
    shape(&mut case, "heat", |t| if t < HOUR { 150.0 } else { 0.0 });
    assert!(exact(&case).assets[at].on[0], "the first start of the day");
    case.state.assets[at].today.starts = 1;
    let reached = exact(&case);
    assert!(reached.assets[at].on.iter().all(|on| !on), "no second start for an hour's heat");
    assert!(has(&reached, "heat"), "{:?}", reached.slacks);
    // Heat in one hour of today and one of tomorrow: tomorrow has a start of its own.
    shape(&mut case, "heat", |t| if (HOUR..=30).contains(&t) { 0.0 } else { 150.0 });
    let tomorrow = exact(&case);
    assert!(!tomorrow.assets[at].on[0] && tomorrow.assets[at].on.last().copied().unwrap());
    // Heat all day: the limit gives way, and is named.
    shape(&mut case, "heat", |_| 150.0);
    let beyond = exact(&case);
    assert!(beyond.assets[at].on[0] && has(&beyond, "boiler: more starts than 1 a day"), "{:?}", beyond.slacks);
}

#[test]
fn a_slow_machine_climbs_and_falls_by_its_ramp() {
    // 36 kW an hour: half a quarter from now to the first mean, then a quarter from mean to mean.
    let slow = boiler("", "min_load = 0.1").replace("ramp_kw_per_s = 5.0", "ramp_kw_per_s = 0.01");
    let mut case = case(&[&slow], &[("heat", 150.0)]);
    run(&mut case, "boiler", true, 120.0, 50.0);
    let plan = exact(&case);
    let p = port(&case, &plan, "boiler", 0);
    for (t, kw) in [54.5, 63.5, 72.5, 81.5].into_iter().enumerate() {
        near(p[t], kw);
    }
    // At rest it begins at its lowest load.
    run(&mut case, "boiler", false, 120.0, 0.0);
    let plan = exact(&case);
    near(port(&case, &plan, "boiler", 0)[0], 20.0 + 4.5);
    near(port(&case, &plan, "boiler", 0)[1], 20.0 + 4.5 + 9.0);
    // Not wanted any more: down, and off only from near its lowest load.
    run(&mut case, "boiler", true, 120.0, 50.0);
    shape(&mut case, "heat", |_| 0.0);
    let plan = exact(&case);
    let p = port(&case, &plan, "boiler", 0);
    for (t, kw) in [45.5, 36.5, 27.5, 20.0, 0.0].into_iter().enumerate() {
        near(p[t], kw);
    }
    assert!(!has(&plan, "ramp"), "{:?}", plan.slacks);
}

#[test]
fn a_power_from_which_no_ramp_leads_into_the_range_is_named_and_planned_from() {
    let slow = boiler("", "min_load = 0.1").replace("ramp_kw_per_s = 5.0", "ramp_kw_per_s = 0.01");
    let mut case = case(&[&slow], &[("heat", 150.0)]);
    run(&mut case, "boiler", true, 120.0, 300.0);
    let plan = case.plan(&mut InProcess);
    assert!(has(&plan, "boiler: faster than its ramp from its power now"), "{:?}", plan.slacks);
    near(port(&case, &plan, "boiler", 0)[0], 200.0);
    let at = ix(&case, "boiler");
    case.state.assets[at].ports[0].measured = Err(Reason::Stale);
    let unknown = case.plan(&mut InProcess);
    assert!(unknown.slacks.is_empty(), "{:?}", unknown.slacks);
}

#[test]
fn a_ramp_that_crosses_the_range_between_two_intervals_costs_no_row() {
    let rows = |ramp: &str| {
        let table = boiler("", "min_load = 0.1").replace("ramp_kw_per_s = 5.0", ramp);
        problem(&case(&[&table], &[("heat", 150.0)]).inputs(None)).rows.len()
    };
    assert_eq!(rows("ramp_kw_per_s = 0.5"), rows("ramp_kw_per_s = 500.0"));
    assert!(rows("ramp_kw_per_s = 0.05") > rows("ramp_kw_per_s = 500.0"));
}
