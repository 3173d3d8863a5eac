//! Machines on small sites where the answer can be told by hand: part load, starts, ramps, performance, drives, standby.

use hexad::dispatch::{Effort, Inputs, Plan, Solve, plan, plan_with, problem};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Reason;
use hexad::solver::InProcess;
use hexad::state::Running;
use hexad::units::{Energy, Park};

use crate::dispatch_park::{Case, ix};
use crate::{checker, checker_machines, park};

/// Noon by the site's calendar (UTC), 2026-07-14: twelve hours of today are left.
const NOON: i64 = 1_784_030_400;
/// Intervals of the first four hours, where commitments are whole.
const WHOLE: usize = 16;
/// Intervals of an hour.
const HOUR: usize = 4;

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

fn boiler(more: &str, commitment: &str) -> String {
    format!(
        "[[boiler]]\nid = \"boiler\"\ndevice = \"b\"\nheat_bus = \"heat\"\ngas_bus = \"gas\"\nrated_kw = 200.0\n\
         efficiency = 0.9\nramp_kw_per_s = 5.0\n{more}\ncommitment = {{ {commitment} }}\n"
    )
}

fn heat_pump(more: &str, commitment: &str) -> String {
    format!(
        "[[heat_pump]]\nid = \"hp\"\ndevice = \"h\"\nheat_bus = \"heat\"\nelectric_bus = \"elec\"\nrated_kw = 200.0\n\
         cop = 4.0\nramp_kw_per_s = 5.0\n{more}\ncommitment = {{ {commitment} }}\n"
    )
}

fn electrolyser(more: &str, commitment: &str) -> String {
    format!(
        "[[electrolyser]]\nid = \"el\"\ndevice = \"e\"\nelectric_bus = \"elec\"\nhydrogen_bus = \"hydrogen\"\n\
         rated_kw = 100.0\nefficiency = 0.6\nramp_kw_per_s = 5.0\n{more}\ncommitment = {{ {commitment} }}\n"
    )
}

const GENSET: &str = r#"
[[genset]]
id = "genset"
device = "g"
bus = "elec"
rated_kw = 100.0
efficiency = 0.4
efficiency_min_load = 0.3
fuel_price_per_kwh = 1.0
fuel_co2_kg_per_kwh = 0.25
ramp_kw_per_s = 5.0
start_s = 10.0
commitment = { min_load = 0.25, start_cost = 3.0, min_up_min = 60 }
wear_per_kwh = 0.02
"#;

/// A site of these tables at noon, with constant loads by bus.
fn case(tables: &[&str], loads: &[(&str, f64)]) -> Case {
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
fn shape(case: &mut Case, bus: &str, kw: impl Fn(usize) -> f64) {
    let at = ix(case, &format!("load_{bus}"));
    for (t, v) in case.horizon.assets[at].iter_mut().enumerate() {
        *v = -kw(t);
    }
}

fn run(case: &mut Case, id: &str, on: bool, minutes: f64, kw: f64) {
    let at = ix(case, id);
    let since = case.state.now.park.plus_s(-60.0 * minutes);
    case.state.assets[at].running = Some(Running { on, since, starts: 1 });
    case.state.assets[at].ports[0].measured = Ok(kw);
}

/// Solved to the end, all commitments whole.
fn exact(case: &Case) -> Plan {
    let effort = Effort { whole_h: f64::INFINITY, relative_gap: 1e-7, node_limit: None };
    let plan = plan_with(&case.inputs(None), &effort, &mut InProcess);
    assert_eq!(plan.status.name(), "optimal", "{}", plan.note);
    sound(case, &plan, f64::INFINITY);
    plan
}

fn sound(case: &Case, plan: &Plan, whole_h: f64) {
    let mut faults = checker::faults(&case.inputs(None), plan, whole_h);
    faults.extend(checker_machines::faults(&case.inputs(None), plan, whole_h));
    assert_eq!(faults, Vec::<String>::new());
}

fn port<'a>(case: &Case, plan: &'a Plan, id: &str, port: usize) -> &'a [f64] {
    &plan.assets[ix(case, id)].power_kw[port]
}

fn price(case: &Case, plan: &Plan, bus: &str) -> f64 {
    plan.buses[case.site.buses.iter().position(|b| b.id == bus).unwrap()].price[1]
}

fn near(is: f64, should: f64) {
    assert!((is - should).abs() < 0.01, "{is} instead of {should}");
}

fn whole_columns(case: &Case) -> usize {
    problem(&case.inputs(None)).columns.iter().filter(|c| c.integer).count()
}

fn has(plan: &Plan, what: &str) -> bool {
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
    shape(&mut case, "heat", |t| if t < HOUR || t > 30 { 150.0 } else { 0.0 });
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

#[test]
fn a_heat_pump_follows_the_temperature_and_its_worst_where_that_is_not_known() {
    let curve = "cop_curve = [[-10.0, 2.0], [0.0, 3.0], [10.0, 4.0]]";
    let mut case = case(&[&heat_pump(curve, "min_load = 0.0")], &[("heat", 100.0)]);
    let n = case.horizon.import_price.len();
    case.horizon.outdoor_c = Some((0..n).map(|t| [-5.0, 4.0, 25.0, f64::NAN][t.min(3)]).collect());
    let plan = exact(&case);
    for (t, cop) in [2.5, 3.4, 4.0, 2.0].into_iter().enumerate() {
        near(port(&case, &plan, "hp", 1)[t], -100.0 / cop);
    }
    assert!(plan.note.contains("outdoor temperature for hp"), "{}", plan.note);
    case.horizon.outdoor_c = None;
    near(port(&case, &exact(&case), "hp", 1)[0], -50.0);
    // A source of its own temperature asks for no forecast.
    let text = format!("{curve}\nsource_c = 5.0");
    let ground = self::case(&[&heat_pump(&text, "min_load = 0.0")], &[("heat", 100.0)]);
    let plan = exact(&ground);
    near(port(&ground, &plan, "hp", 1)[0], -100.0 / 3.5);
    assert!(plan.note.is_empty(), "{}", plan.note);
}

#[test]
fn a_heat_pump_takes_low_grade_heat_from_its_source_bus() {
    let text = "source_bus = \"low\"\ncop_curve = [[20.0, 3.0], [40.0, 5.0]]";
    let source = boiler("", "min_load = 0.0").replace("\"boiler\"", "\"source\"").replace("\"heat\"", "\"low\"");
    let case = case(&[&heat_pump(text, "min_load = 0.0"), &source], &[("heat", 100.0)]);
    let plan = exact(&case);
    // At 30 degC of the source bus the COP is 4: three parts of heat, one of electricity.
    near(port(&case, &plan, "hp", 1)[0], -25.0);
    near(port(&case, &plan, "hp", 2)[0], -75.0);
    near(port(&case, &plan, "source", 0)[0], 75.0);
    near(price(&case, &plan, "heat"), 0.25 * 0.5 + 0.75 * 0.3 / 0.9);
}

#[test]
fn a_chiller_follows_the_temperature() {
    let chiller = r#"
[[chiller]]
id = "chiller"
device = "k"
electric_bus = "elec"
cool_bus = "cold"
rated_kw = 200.0
eer = 4.0
eer_curve = [[20.0, 5.0], [40.0, 3.0]]
ramp_kw_per_s = 5.0
commitment = { min_load = 0.2 }
"#;
    let mut case = case(&[chiller], &[("cold", 100.0)]);
    case.horizon.outdoor_c = Some(vec![35.0; case.horizon.import_price.len()]);
    near(port(&case, &exact(&case), "chiller", 1)[0], -100.0 / 3.5);
}

#[test]
fn low_grade_heat_of_a_day_is_a_budget_with_what_was_taken_today() {
    let pump = heat_pump("source_kwh_per_day = 300.0", "min_load = 0.0");
    let mut case = case(&[&pump, &boiler("", "min_load = 0.0")], &[("heat", 100.0)]);
    let at = ix(&case, "hp");
    case.state.assets[at].today.energy = Energy::from_kwh(200.0);
    let plan = exact(&case);
    let heat = |plan: &Plan, today: bool| -> f64 {
        let midnight = Park::from_unix(NOON + 12 * 3600);
        let intervals = plan.grid.intervals.iter().zip(&plan.assets[at].power_kw[0]);
        intervals.filter(|(i, _)| (i.start < midnight) == today).map(|(i, kw)| kw * i.hours).sum()
    };
    // Three of four kWh come from the source: 150 of today's 300 are used, 200 kWh of heat are left; tomorrow 400.
    near(heat(&plan, true), 200.0);
    near(heat(&plan, false), 400.0);
    assert!(plan.slacks.is_empty(), "{:?}", plan.slacks);
}

#[test]
fn a_budget_that_is_used_up_does_not_forbid_a_plan() {
    let pump = heat_pump("source_kwh_per_day = 300.0", "min_load = 0.5, min_up_min = 60");
    let mut case = case(&[&pump], &[("heat", 100.0)]);
    let at = ix(&case, "hp");
    case.state.assets[at].today.energy = Energy::from_kwh(500.0);
    run(&mut case, "hp", true, 30.0, 100.0);
    let plan = exact(&case);
    assert_eq!(plan.assets[at].on[..3], [true, true, false], "held for half an hour, then off");
    assert!(has(&plan, "hp: heat of its source beyond 300 kWh a day"), "{:?}", plan.slacks);
}

#[test]
fn a_machine_of_steps_runs_at_one_of_them() {
    let pump = heat_pump("steps = [0.25, 0.5, 1.0]", "min_load = 0.25");
    let mut case = case(&[&pump, &boiler("", "min_load = 0.0")], &[("heat", 130.0)]);
    let at = ix(&case, "hp");
    let plan = exact(&case);
    // 100 kW by the pump and the rest by the boiler: 200 kW would throw 70 kW away.
    assert!(
        plan.assets[at].power_kw[0].iter().all(|kw| (kw - 100.0).abs() < 1e-6),
        "{:?}",
        plan.assets[at].power_kw[0]
    );
    near(price(&case, &plan, "heat"), 0.3 / 0.9);
    let again = hexad::dispatch::plan(&case.inputs(Some(&plan)), &mut InProcess);
    sound(&case, &again, 4.0);
    shape(&mut case, "heat", |t| 20.0 * t as f64);
    sound(&case, &case.plan(&mut InProcess), 4.0);
    let rules = hexad::dispatch::plan(&case.inputs(None), &mut Broken);
    sound(&case, &rules, 4.0);
}

#[test]
fn jacket_heat_goes_its_own_way_and_its_surplus_to_the_cooler() {
    let chp = r#"
[[chp]]
id = "chp"
device = "c"
electric_bus = "elec"
heat_bus = "exhaust"
jacket_bus = "heat"
gas_bus = "gas"
rated_kw = 100.0
heat_kw = 50.0
heat_kw_min_load = 30.0
jacket_kw = 80.0
jacket_kw_min_load = 50.0
electric_efficiency = 0.4
electric_efficiency_min_load = 0.35
ramp_kw_per_s = 2.0
start_s = 60.0
commitment = { min_load = 0.5 }
[[dump_cooler]]
id = "cooler"
device = "d"
heat_bus = "heat"
rated_kw = 100.0
"#;
    let mut case = case(&[chp], &[("elec", 200.0), ("exhaust", 50.0), ("heat", 30.0)]);
    case.horizon.import_price.fill(2.0);
    let plan = exact(&case);
    near(port(&case, &plan, "chp", 1)[0], 50.0);
    near(port(&case, &plan, "chp", 3)[0], 80.0);
    near(port(&case, &plan, "cooler", 0)[0], -50.0);
    let rules = hexad::dispatch::plan(&case.inputs(None), &mut Broken);
    sound(&case, &rules, 0.0);
    near(port(&case, &rules, "chp", 3)[0], 80.0);
}

#[test]
fn an_absorption_chiller_mixes_its_two_drives() {
    let chiller = r#"
[[absorption_chiller]]
id = "absorption"
device = "a"
heat_bus = "heat"
second_heat_bus = "exhaust"
cool_bus = "cold"
electric_bus = "elec"
rated_kw = 150.0
cop = 0.7
second_cop = 1.2
auxiliary_kw_per_kw = 0.02
ramp_kw_per_s = 5.0
commitment = { min_load = 0.2 }
"#;
    let steam = boiler("", "min_load = 0.0")
        .replace("\"boiler\"", "\"steam\"")
        .replace("\"heat\"", "\"exhaust\"")
        .replace("rated_kw = 200.0", "rated_kw = 50.0");
    let mut case = case(&[chiller, &steam, &boiler("", "min_load = 0.0")], &[("cold", 100.0)]);
    let plan = exact(&case);
    // 50 kW of steam make 60 kW of cold, the other 40 kW come from 57.1 kW of hot water.
    near(port(&case, &plan, "absorption", 3)[0], -50.0);
    near(port(&case, &plan, "absorption", 1)[0], -40.0 / 0.7);
    near(port(&case, &plan, "absorption", 2)[0], -2.0);
    near(price(&case, &plan, "cold"), 0.3 / 0.9 / 0.7 + 0.02 * 0.5);
    // Both together are bound by the rating.
    shape(&mut case, "cold", |_| 170.0);
    let full = exact(&case);
    near(port(&case, &full, "absorption", 0)[0], 150.0);
}

#[test]
fn a_genset_burns_its_own_fuel_where_there_is_no_grid() {
    let mut case = case(&[GENSET], &[("elec", 80.0)]);
    case.site.values.co2_per_kg = 0.4;
    assert!(port(&case, &exact(&case), "genset", 0).iter().all(|kw| *kw < 1e-6), "the grid is cheaper");
    let island = Inputs { islanded: true, ..case.inputs(None) };
    let effort = Effort { whole_h: f64::INFINITY, relative_gap: 1e-7, node_limit: None };
    let alone = plan_with(&island, &effort, &mut InProcess);
    // Fuel from 25 kW / 0.3 to 100 kW / 0.4, at 1.0 and 0.25 kg of CO2 at 0.4.
    let slope = (250.0 - 25.0 / 0.3) / 75.0;
    let fuel = 250.0 - 20.0 * slope;
    near(alone.cost.unwrap(), (fuel * 1.1 + 80.0 * 0.02) * alone.grid.hours() + 3.0);
    near(price(&case, &alone, "elec"), slope * 1.1 + 0.02);
    assert!(alone.slacks.is_empty(), "{:?}", alone.slacks);
    // Without a solver it comes when the grid does not.
    let rules = plan(&island, &mut Broken);
    near(port(&case, &rules, "genset", 0)[0], 80.0);
    assert!(rules.slacks.is_empty(), "{:?}", rules.slacks);
    let connected = plan(&case.inputs(None), &mut Broken);
    near(port(&case, &connected, "genset", 0)[0], 0.0);
}

#[test]
fn a_start_of_one_plan_is_held_in_the_next() {
    let mut case = case(&[GENSET], &[("elec", 80.0)]);
    run(&mut case, "genset", true, 15.0, 80.0);
    let plan = exact(&case);
    let at = ix(&case, "genset");
    assert_eq!(plan.assets[at].on[..4], [true, true, true, false], "45 minutes are left of its hour");
    near(port(&case, &plan, "genset", 0)[0], 25.0);
}

#[test]
fn a_fuel_cell_serves_what_nothing_else_does() {
    let cell = r#"
[[fuel_cell]]
id = "cell"
device = "f"
electric_bus = "elec"
hydrogen_bus = "hydrogen"
heat_bus = "low"
rated_kw = 60.0
efficiency = 0.5
heat_share = 0.6
ramp_kw_per_s = 5.0
commitment = { min_load = 0.1 }
wear_per_kwh = 0.1
[[dump_cooler]]
id = "cooler"
device = "d"
heat_bus = "low"
rated_kw = 100.0
"#;
    let case = case(&[cell], &[("elec", 50.0)]);
    let island = Inputs { islanded: true, ..case.inputs(None) };
    let plan = plan(&island, &mut InProcess);
    // Hydrogen that is not there costs 10, electricity not served 40: the cell runs at 20, and says what it lacks.
    near(port(&case, &plan, "cell", 1)[0], -100.0);
    near(port(&case, &plan, "cell", 2)[0], 30.0);
    near(price(&case, &plan, "elec"), 20.1);
    assert!(has(&plan, "bus hydrogen"), "{:?}", plan.slacks);
}

#[test]
fn an_electrolyser_stands_by_where_a_start_would_cost_more() {
    let gap = HOUR..HOUR + 2;
    let plan_of = |start_cost: f64, standby_kw: f64| {
        let commitment = format!("min_load = 0.2, start_cost = {start_cost}");
        let standby = format!("standby_kw = {standby_kw}");
        let mut case = case(&[&electrolyser(&standby, &commitment)], &[("hydrogen", 30.0)]);
        run(&mut case, "el", true, 60.0, -50.0);
        shape(&mut case, "hydrogen", |t| if gap.contains(&t) { 0.0 } else { 30.0 });
        let plan = exact(&case);
        (case, plan)
    };
    let (case, warm) = plan_of(100.0, 2.0);
    for t in gap.clone() {
        near(port(&case, &warm, "el", 0)[t], -2.0);
        near(port(&case, &warm, "el", 1)[t], 0.0);
        assert!(warm.assets[ix(&case, "el")].on[t], "on, and told nothing to do");
    }
    near(port(&case, &warm, "el", 0)[0], -50.0);
    // Half an hour of 10 kW at 0.5 is 2.5: a start for 1 is cheaper.
    let (case, off) = plan_of(1.0, 10.0);
    for t in gap {
        near(port(&case, &off, "el", 0)[t], 0.0);
        assert!(!off.assets[ix(&case, "el")].on[t]);
    }
    // Carried in: it stands by now, and runs again at no cost; from rest the start is paid.
    let cost = |on: bool| {
        let text = electrolyser("standby_kw = 2.0", "min_load = 0.2, start_cost = 100.0");
        let mut case = self::case(&[&text], &[("hydrogen", 30.0)]);
        run(&mut case, "el", on, 60.0, if on { -2.0 } else { 0.0 });
        exact(&case).cost.unwrap()
    };
    near(cost(false) - cost(true), 100.0);
}

#[test]
fn an_electrolyser_follows_its_curve_also_where_it_is_paid_to_waste() {
    // Hydrogen at 20, 60 and 100 kW: 15, 42, 60.
    let text = "efficiency_curve = [[0.2, 0.75], [0.6, 0.7], [1.0, 0.6]]\nwear_per_kwh = 0.01";
    let mut case = case(&[&electrolyser(text, "min_load = 0.2")], &[("hydrogen", 33.0)]);
    let plain = self::case(&[&electrolyser("", "min_load = 0.2")], &[("hydrogen", 33.0)]);
    assert_eq!(whole_columns(&case), whole_columns(&plain), "a curve that falls needs no binaries");
    let plan = exact(&case);
    let slope = 27.0 / 40.0;
    near(port(&case, &plan, "el", 0)[0], -(20.0 + 18.0 / slope));
    near(price(&case, &plan, "hydrogen"), 0.51 / slope);
    case.horizon.import_price.fill(-1.2);
    case.horizon.export_price.fill(-1.3);
    let paid = exact(&case);
    // Beyond 60 kW a kWh is paid 1.2 and its hydrogen costs 0.9 to lose; before, 1.35: it must take both or none.
    near(port(&case, &paid, "el", 0)[0], -100.0);
    near(port(&case, &paid, "el", 1)[0], 60.0);
}

#[test]
fn without_a_solver_the_electrolyser_takes_what_is_left_over() {
    let pv = "[[pv]]\nid = \"pv\"\nbus = \"elec\"\nrated_kw = 300.0\ntilt_deg = 10.0\nazimuth_deg = 180.0\n";
    let mut case = case(&[&electrolyser("", "min_load = 0.2"), pv], &[("elec", 50.0), ("hydrogen", 5.0)]);
    let (pv, n) = (ix(&case, "pv"), case.horizon.import_price.len());
    case.horizon.assets[pv] = (0..n).map(|t| if t == 0 { 90.0 } else { 40.0 }).collect();
    let rules = plan(&case.inputs(None), &mut Broken);
    near(port(&case, &rules, "el", 0)[0], -40.0);
    near(port(&case, &rules, "el", 1)[0], 24.0);
    near(port(&case, &rules, "el", 0)[1], 0.0);
    near(port(&case, &rules, "grid", 0)[0], 0.0);
    sound(&case, &rules, 0.0);
}

struct Broken;
impl Solve for Broken {
    fn solve(
        &mut self,
        _: &hexad::dispatch::Request<'_>,
    ) -> Result<hexad::dispatch::Solution, hexad::dispatch::SolveError> {
        Err(hexad::dispatch::SolveError::Deadline)
    }
}

/// The checker is worth something only if it sees what is wrong.
#[test]
fn the_checker_of_machines_finds_planted_faults() {
    let pump = heat_pump("steps = [0.5, 1.0]", "min_load = 0.5, starts_per_day = 1");
    let curve = "efficiency_curve = [[0.5, 0.7], [0.75, 0.75], [1.0, 0.9]]";
    let slow = boiler(curve, "min_load = 0.5").replace("ramp_kw_per_s = 5.0", "ramp_kw_per_s = 0.02");
    let case = case(&[&pump, &slow], &[("heat", 220.0)]);
    let good = exact(&case);
    let planted = |spoil: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        spoil(&mut plan);
        checker_machines::faults(&case.inputs(None), &plan, 4.0)
    };
    let (hp, boiler) = (ix(&case, "hp"), ix(&case, "boiler"));
    assert!(planted(&|_| {}).is_empty());
    assert!(!planted(&|p| p.assets[boiler].power_kw[1][1] += 1.0).is_empty(), "gas off the curve");
    assert!(!planted(&|p| p.assets[boiler].power_kw[0][1] += 80.0).is_empty(), "a jump");
    assert!(!planted(&|p| p.assets[hp].power_kw[0][1] = 130.0).is_empty(), "between the steps");
    assert!(!planted(&|p| p.assets[hp].on[2] = false).is_empty(), "power while off");
    let flicker = |p: &mut Plan| {
        for t in [1, 3] {
            p.assets[hp].on[t] = false;
            p.assets[hp].power_kw.iter_mut().for_each(|port| port[t] = 0.0);
        }
    };
    assert!(!planted(&flicker).is_empty(), "three starts");
}
