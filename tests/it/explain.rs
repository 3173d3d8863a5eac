//! What a plan says of itself: which limits conflict and why, what relief is worth, how near to the best it is.

use hexad::dispatch::{Conflict, Effort, Inputs, Plan, Request, Solution, Solve, SolveError, plan, plan_with};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Reason;
use hexad::solver::InProcess;
use hexad::state::{Availability, Running};
use hexad::units::{Park, Power};

use crate::dispatch_park::{Case, SUMMER, ix, reference};
use crate::{checker, park};

pub const SITE: &str = r#"
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
id = "heat"
carrier = "heat"
[[bus]]
id = "gas"
carrier = "gas"
[[grid]]
id = "grid"
bus = "elec"
import_max_kw = 500.0
export_max_kw = 100.0
transformer_kva = 1000.0
[[gas_supply]]
id = "gas_supply"
bus = "gas"
max_kw = 2000.0
price_per_kwh = 0.4
[[load]]
id = "load"
bus = "elec"
rated_kw = 900.0
[[chp]]
id = "chp"
device = "engine"
electric_bus = "elec"
heat_bus = "heat"
gas_bus = "gas"
rated_kw = 400.0
heat_kw = 450.0
heat_kw_min_load = 260.0
electric_efficiency = 0.4
electric_efficiency_min_load = 0.36
wear_per_kwh = 0.02
ramp_kw_per_s = 5.0
start_s = 60.0
commitment = { min_load = 0.5, start_cost = 10.0, min_up_min = 60, min_down_min = 30 }
[[dump_cooler]]
id = "cooler"
device = "cooler"
heat_bus = "heat"
rated_kw = 600.0
[[battery]]
id = "battery"
device = "pcs"
bus = "elec"
charge_max_kw = 100.0
discharge_max_kw = 150.0
capacity_kwh = 200.0
soc_min = 0.0
soc_max = 1.0
charge_efficiency = 0.95
discharge_efficiency = 0.95
wear_per_kwh = 0.02
ramp_kw_per_s = 50.0
"#;

/// At a whole hour, with `load` kW throughout and the battery at `charge` of its capacity.
fn case(load: f64, charge: f64) -> Case {
    of(park::site(SITE), load, charge)
}

fn of(site: hexad::site::Site, load: f64, charge: f64) -> Case {
    let mut state = park::state(&site, Park::from_unix(1_784_030_400), 0.0, 0.0, charge);
    state.window.peak = Power::ZERO;
    let mut h = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    let at = site.asset("load").unwrap().0;
    h.assets[at].fill(-load);
    Case { site, state, horizon: h }
}

fn out(case: &mut Case, id: &str) {
    let at = ix(case, id);
    case.state.assets[at].availability = Availability::Out(Reason::DeviceTimeout);
    for port in &mut case.state.assets[at].ports {
        port.measured = Err(Reason::DeviceTimeout);
    }
}

fn conflict<'a>(plan: &'a Plan, what: &str) -> &'a Conflict {
    let found = plan.conflicts.iter().find(|c| c.what.starts_with(what));
    found.unwrap_or_else(|| panic!("no conflict of {what}: {:#?}", plan.conflicts))
}

fn reasons(c: &Conflict) -> Vec<String> {
    c.because.iter().map(|b| b.limit.clone()).collect()
}

#[test]
fn load_not_served_is_explained_by_who_could_serve_it_and_why_each_does_not() {
    let mut case = case(555.0, 0.0);
    out(&mut case, "chp");
    let plan = case.plan(&mut InProcess);
    let c = conflict(&plan, "load: not served");
    let n = plan.grid.intervals.len();
    assert_eq!((c.from, c.to, c.unit.as_str(), c.price), (0, n, "kW", 40.0), "one conflict for all of the day: {c:?}");
    assert!((c.amount - 80.0).abs() < 1e-3, "{c:?}");
    let grid = c.because.iter().find(|b| b.limit == "grid: import limit (import_max_kw 500)").unwrap();
    assert!((grid.at - 475.0).abs() < 1e-3 && grid.unit == "kW", "{grid:?}");
    assert!((grid.worth.unwrap() - 39.5).abs() < 1e-3, "lost load at 40 against import at 0.5: {grid:?}");
    let why = reasons(c);
    assert!(why.contains(&"chp: out (device_timeout)".to_owned()), "{why:?}");
    assert!(why.contains(&"battery: empty".to_owned()), "{why:?}");
    assert_eq!(grid.to_string(), "grid: import limit (import_max_kw 500) at 475 kW (one kW more is worth 39.50/kWh)");
}

#[test]
fn a_limit_from_outside_is_told_from_the_rating() {
    let case = case(700.0, 0.0);
    let until = case.state.now.park.plus_s(3600.0);
    let limits = [hexad::dispatch::GridLimit {
        who: "dso".to_owned(),
        class: hexad::site::Class::GridOperator,
        import_max_kw: 200.0,
        export_max_kw: f64::INFINITY,
        until,
    }];
    let plan = plan(&Inputs { limits: &limits, ..case.inputs(None) }, &mut InProcess);
    let c = conflict(&plan, "load: not served");
    assert_eq!((c.from, c.to), (0, 4), "while the limit stands: {c:?}");
    let why = reasons(c);
    assert!(why.contains(&"grid: import limit (200 kW by dso)".to_owned()), "{why:?}");
    assert!(why.contains(&"chp: its rating".to_owned()), "{why:?}");
}

#[test]
fn a_minimum_load_that_nothing_can_take_is_diagnosed_by_name() {
    // Without losses charging and discharging at once burns nothing, and wear keeps the surplus where it arises.
    let lossless = SITE.replace("efficiency = 0.95", "efficiency = 1.0");
    let mut case = of(park::site(&lossless), 120.0, 1.0);
    let at = ix(&case, "chp");
    case.state.assets[at].running = Some(Running { on: true, since: case.state.now.park.plus_s(-300.0), starts: 1 });
    let island = Inputs { islanded: true, ..case.inputs(None) };
    let plan = plan(&island, &mut InProcess);
    let c = conflict(&plan, "chp: ");
    assert_eq!(c.what, "chp: minimum load 200 kW on elec is more than the 120 kW that can be taken: 80 kW surplus");
    assert_eq!((c.from, c.to), (0, 4), "55 minutes are left of the minimum run: {c:?}");
    let why = reasons(c);
    for reason in ["chp: its minimum load, held on by its minimum run", "battery: full", "grid: not connected"] {
        assert!(why.contains(&reason.to_owned()), "{reason}: {why:?}");
    }
    assert_eq!(checker::faults(&island, &plan, 4.0), Vec::<String>::new());
}

#[test]
fn limits_that_hold_are_told_with_what_one_unit_more_is_worth() {
    let mut case = case(300.0, 0.0);
    for (t, p) in case.horizon.import_price.iter_mut().enumerate() {
        *p = if (12..24).contains(&t) { 1.6 } else { 0.3 };
    }
    let plan = case.plan(&mut InProcess);
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    let full = plan.binding.iter().find(|b| b.limit == "battery: full").unwrap();
    assert!(full.from < 12 && full.unit == "kWh" && (full.at - 200.0).abs() < 1e-3, "{full:?}");
    assert!(full.worth.unwrap() > 0.3, "bought at 0.3, used for more: {full:?}");
    assert!(plan.binding.len() <= 12 && plan.binding.iter().all(|b| b.worth.unwrap() > 0.0 && b.from < b.to));
    let slack = case_free().plan(&mut InProcess);
    assert!(slack.binding.iter().all(|b| !b.limit.starts_with("grid")), "{:?}", slack.binding);
}

fn case_free() -> Case {
    case(50.0, 0.5)
}

#[test]
fn a_plan_carries_a_bound_that_is_one() {
    let case = reference(SUMMER, 0.8, 0.5);
    let made = case.plan(&mut InProcess);
    let (cost, bound, gap) = (made.cost.unwrap(), made.bound.unwrap(), made.gap.unwrap());
    assert!(bound <= cost && (gap - (cost - bound) / cost.abs()).abs() < 1e-9, "{bound} {cost} {gap}");
    let with = |whole_h: f64, relative_gap: f64, node_limit: Option<u32>| {
        plan_with(&case.inputs(None), &Effort { whole_h, relative_gap, node_limit }, &mut InProcess)
    };
    let relaxed = with(0.0, 0.005, None);
    assert!(relaxed.gap.unwrap() < 1e-9, "a linear programme has no gap: {:?}", relaxed.gap);
    assert!(relaxed.cost.unwrap() <= bound + 1e-6 * cost.abs(), "what is relaxed costs least");
    // Commitments that are whole to the end cost no less than those that are relaxed far ahead are proven to.
    let whole = with(f64::INFINITY, 0.02, Some(50));
    assert!(whole.cost.unwrap() >= bound - 1e-6 * cost.abs(), "{:?} {bound}", whole.cost);
}

#[test]
fn f44_at_a_limit_the_incumbent_is_published_with_its_gap() {
    let case = reference(SUMMER, 0.8, 0.5);
    let effort = Effort { relative_gap: 0.0, node_limit: Some(1), ..Effort::default() };
    let made = plan_with(&case.inputs(None), &effort, &mut InProcess);
    assert_eq!(made.status.name(), "feasible");
    let (cost, bound, gap) = (made.cost.unwrap(), made.bound.unwrap(), made.gap.unwrap());
    assert!(bound < cost && gap > 0.0 && gap < 0.2, "{bound} {cost} {gap}");
    assert_eq!(checker::faults(&case.inputs(None), &made, 4.0), Vec::<String>::new());
}

/// Every bus price and every value of stored energy within what a kWh can be worth at all.
pub fn prices_are_sane(input: &Inputs<'_>, plan: &Plan) -> Result<(), String> {
    use hexad::site::kinds::Tier;
    let values = &input.site.values;
    let within = |id: &str, carrier, list: &[f64]| {
        let (low, high) = (-values.surplus_per_kwh - 1e-9, values.lost(carrier, Tier::Critical) + 1e-9);
        let bad = list.iter().find(|p| !p.is_finite() || **p < low || **p > high);
        bad.map_or(Ok(()), |p| Err(format!("{id}: price {p} outside [{low}, {high}]")))
    };
    for (bus, p) in input.site.buses.iter().zip(&plan.buses) {
        within(&bus.id, bus.carrier, &p.price)?;
    }
    for (asset, p) in input.site.assets.iter().zip(&plan.assets) {
        let Some(port) = asset.ports.first() else { continue };
        within(&asset.id, input.site.buses[port.bus.0].carrier, &p.stored_value)?;
    }
    Ok(())
}

#[test]
fn prices_stay_within_what_a_kwh_can_be_worth_in_shortage_and_in_surplus() {
    for (load, charge, islanded) in [(900.0, 0.0, false), (900.0, 0.0, true), (0.0, 1.0, true), (120.0, 1.0, true)] {
        let mut case = case(load, charge);
        let at = ix(&case, "chp");
        case.state.assets[at].running = Some(Running { on: true, since: case.state.now.park, starts: 1 });
        // Far outside its window: its slacks add up over the intervals.
        let at = ix(&case, "battery");
        case.state.assets[at].energy = Some(Ok(if load > 0.0 { -150.0 } else { 390.0 }));
        let inputs = Inputs { islanded, ..case.inputs(None) };
        for made in
            [plan(&inputs, &mut InProcess), plan(&inputs, &mut Told(|_: &Request<'_>| Err(SolveError::Deadline)))]
        {
            assert_eq!(prices_are_sane(&inputs, &made), Ok(()), "{load} {islanded} {}", made.status.name());
        }
    }
}

/// Answers as it is told.
struct Told<F>(F);

impl<F: FnMut(&Request<'_>) -> Result<Solution, SolveError>> Solve for Told<F> {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        self.0(request)
    }
}

#[test]
fn an_answer_without_duals_is_a_plan_with_the_prices_of_the_rules() {
    let case = case(430.0, 0.5);
    let made = case.plan(&mut Told(|r: &Request<'_>| InProcess.solve(r).map(|s| Solution { duals: vec![], ..s })));
    assert_eq!(made.status.name(), "optimal");
    assert!(made.note.contains("no prices"), "{}", made.note);
    assert!(made.buses[0].price.iter().all(|p| (p - 0.5).abs() < 1e-9), "{:?}", made.buses[0].price);
    assert_eq!(checker::faults(&case.inputs(None), &made, 4.0), Vec::<String>::new());
}

#[test]
fn a_programme_without_a_solution_is_solved_with_its_limits_relaxed() {
    let case = case(430.0, 0.5);
    let mut asked = 0;
    let made = case.plan(&mut Told(|r: &Request<'_>| {
        asked += 1;
        if asked == 1 { Err(SolveError::Infeasible) } else { InProcess.solve(r) }
    }));
    assert_eq!((made.status.name(), asked, made.gap), ("optimal", 2, None));
    assert!(made.note.contains("infeasible; its limits were relaxed"), "{}", made.note);
    assert_eq!(checker::faults(&case.inputs(None), &made, 4.0), Vec::<String>::new());
    let mut asked = 0;
    let never = case.plan(&mut Told(|_: &Request<'_>| {
        asked += 1;
        Err(SolveError::Infeasible)
    }));
    assert_eq!((never.status.name(), asked), ("rules", 2), "asked twice at most");
}
