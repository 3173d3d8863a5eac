//! What a site owes beyond serving its loads, on small sites whose answer is known by hand.

use hexad::dispatch::{Crossing, GridLimit, Inputs, Plan, plan};
use hexad::forecast::{History, Interval, TimeGrid, horizon};
use hexad::site::Class;
use hexad::solver::InProcess;
use hexad::state::Running;
use hexad::units::{Energy, Park, Power};

use crate::dispatch_park::{Case, ix};
use crate::park::BATTERY;
use crate::{checker, checker_duties, park};

/// 2026-07-14 12:00 UTC: 18 days of the month are left.
pub const NOON: i64 = 1_784_030_400;

/// A grid, a load, and what `more` adds; in UTC.
pub fn text(grid: &str, more: &str) -> String {
    format!(
        r#"
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
import_max_kw = 200.0
export_max_kw = 100.0
{grid}
[[load]]
id = "load"
bus = "elec"
tier = "critical"
rated_kw = 500.0
{more}
"#
    )
}

pub const PLAIN: &str = "transformer_kva = 1000.0";

/// An engine of 120 kW on gas, whose heat goes to a cooler.
pub const ENGINE: &str = r#"
[[gas_supply]]
id = "gas_supply"
bus = "gas"
max_kw = 1000.0
price_per_kwh = 0.3
co2_kg_per_kwh = 0.2
[[dump_cooler]]
id = "cooler"
heat_bus = "heat"
rated_kw = 900.0
[[chp]]
id = "chp"
device = "c"
electric_bus = "elec"
heat_bus = "heat"
gas_bus = "gas"
rated_kw = 120.0
heat_kw = 120.0
heat_kw_min_load = 40.0
electric_efficiency = 0.4
electric_efficiency_min_load = 0.3
ramp_kw_per_s = 4.0
start_s = 360.0
commitment = { min_load = 0.3, start_cost = 5.0, min_up_min = 60, min_down_min = 15 }
"#;

pub const PV: &str = r#"
[[pv]]
id = "pv"
device = "p"
bus = "elec"
rated_kw = 300.0
tilt_deg = 10.0
azimuth_deg = 180.0
"#;

/// `text` at `start`, over steps of so many hours, with 100 kW of load, no sun, and stores half full.
pub fn case(text: &str, start: i64, steps: &[f64]) -> Case {
    let site = park::site(text);
    let state = park::state(&site, Park::from_unix(start), 0.0, 0.0, 0.5);
    let mut begin = state.now.park;
    let intervals = steps.iter().map(|hours| {
        let interval = Interval { start: begin, hours: *hours };
        begin = interval.end();
        interval
    });
    let horizon = horizon(&site, &state, &History::default(), TimeGrid { intervals: intervals.collect() });
    let mut case = Case { site, state, horizon };
    set(&mut case, "load", -100.0);
    case
}

pub fn set(case: &mut Case, id: &str, kw: f64) {
    if let Some(ix) = case.site.asset(id) {
        case.horizon.assets[ix.0].fill(kw);
    }
}

pub fn solved(case: &Case) -> Plan {
    checked(&case.inputs(None))
}

pub fn checked(inputs: &Inputs<'_>) -> Plan {
    let plan = plan(inputs, &mut InProcess);
    assert_eq!(plan.status.name(), "optimal", "{}", plan.note);
    assert_eq!(checker::faults(inputs, &plan, 4.0), Vec::<String>::new());
    assert_eq!(checker_duties::faults(inputs, &plan), Vec::<String>::new());
    plan
}

pub fn power<'a>(case: &Case, plan: &'a Plan, id: &str) -> &'a [f64] {
    &plan.assets[ix(case, id)].power_kw[0]
}

/// Sum of the slacks so named at an interval.
pub fn short(plan: &Plan, what: &str, t: usize) -> f64 {
    plan.slacks.iter().filter(|s| s.what.contains(what) && s.interval == t).map(|s| s.amount).sum()
}

pub fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 5e-3, "{a} instead of {b}");
}

/// What a charge adds to the cost of a case without freedom.
fn charged(case: &mut Case, charge: &dyn Fn(&mut Case, bool)) -> f64 {
    charge(case, true);
    let with = solved(case).cost.unwrap();
    charge(case, false);
    with - solved(case).cost.unwrap()
}

/// One currency per kW over the 18 days that are left.
fn demand(case: &mut Case, on: bool) {
    case.site.tariff.demand_per_kw_month = if on { 18.0 } else { 0.0 };
}

#[test]
fn the_peak_is_that_of_windows_not_of_intervals() {
    let mut case = case(&text(PLAIN, ""), NOON, &[0.25, 0.25, 0.25, 0.25, 1.0]);
    let load = ix(&case, "load");
    case.horizon.assets[load] = vec![-40.0, -160.0, -40.0, -40.0, -50.0];
    near(charged(&mut case, &demand), 160.0);
    case.site.tariff.demand_window_min = 30;
    near(charged(&mut case, &demand), 100.0);
    case.site.tariff.demand_window_min = 60;
    near(charged(&mut case, &demand), 70.0);
    // An interval longer than the window bounds its mean.
    case.horizon.assets[load][4] = -90.0;
    near(charged(&mut case, &demand), 90.0);
    case.site.tariff.demand_window_min = 10;
    near(charged(&mut case, &demand), 160.0);
}

#[test]
fn windows_that_cross_intervals_are_summed_by_their_share() {
    // Ten-minute windows over quarters: the second window is half of the first quarter and half of the second.
    let mut case = case(&text(PLAIN, ""), NOON, &[0.25, 0.25, 0.5]);
    let load = ix(&case, "load");
    case.site.tariff.demand_window_min = 20;
    // 12:00-12:20 holds 15 min at 60 and 5 min at 120: 75; 12:20-12:40 holds 10 min at 120 and 10 min at 20: 70.
    case.horizon.assets[load] = vec![-60.0, -120.0, -20.0];
    near(charged(&mut case, &demand), 75.0);
}

#[test]
fn the_window_now_running_is_completed_and_the_peak_so_far_is_paid() {
    let mut case = case(&text(PLAIN, ""), NOON + 2400, &[1.0 / 3.0, 1.0]);
    case.site.tariff.demand_window_min = 60;
    let load = ix(&case, "load");
    case.horizon.assets[load] = vec![-30.0, -50.0];
    case.state.window.start = Park::from_unix(NOON);
    case.state.window.imported = Energy::from_kwh(60.0);
    near(charged(&mut case, &demand), 70.0);
    case.state.window.peak = Power::from_kw(65.0);
    near(charged(&mut case, &demand), 5.0);
    // Half of it measured: the other half ran alike.
    case.state.window.imported = Energy::from_kwh(30.0);
    case.state.window.unmeasured_s = 1200.0;
    near(charged(&mut case, &demand), 5.0);
    // Nothing measured, or the energy of a window that is over: it runs like what is to come.
    case.state.window.peak = Power::ZERO;
    case.state.window.unmeasured_s = 2400.0;
    near(charged(&mut case, &demand), 50.0);
    case.state.window.unmeasured_s = 0.0;
    case.state.window.start = Park::from_unix(NOON - 3600);
    near(charged(&mut case, &demand), 50.0);
}

#[test]
fn a_window_energy_budget_is_spent_where_it_serves_best() {
    // 60-min window at a peak of 80 kW so far: 80 kWh for the hour, whatever its shape; the battery covers the rest.
    let mut case = case(&text(PLAIN, BATTERY), NOON, &[0.25, 0.25, 0.25, 0.25]);
    case.site.tariff.demand_window_min = 60;
    case.site.tariff.demand_per_kw_month = 1800.0;
    case.state.window.peak = Power::from_kw(80.0);
    let load = ix(&case, "load");
    case.horizon.assets[load] = vec![-160.0, -40.0, -100.0, -100.0];
    let plan = solved(&case);
    let import = power(&case, &plan, "grid");
    assert!(import.iter().map(|kw| kw * 0.25).sum::<f64>() <= 80.0 + 1e-3 && import[0] >= 110.0 - 1e-3, "{import:?}");
    // 100 kWh from the grid or out of the battery at about the same price, and nothing for the peak.
    assert!(plan.cost.unwrap() < 51.0, "{:?}", plan.cost);
}

#[test]
fn more_than_contracted_is_charged_on_the_months_highest_mean() {
    let grid = format!("{PLAIN}\ncontracted_kw = 100.0\nover_contract_per_kw_month = 36.0");
    let mut case = case(&text(&grid, ""), NOON, &[0.25, 1.0]);
    let load = ix(&case, "load");
    case.horizon.assets[load] = vec![-130.0, -60.0];
    // 130 kW at 1 per kW, and 30 kW at 2 per kW more.
    let energy = 0.5 * (130.0 * 0.25 + 60.0);
    demand(&mut case, true);
    near(solved(&case).cost.unwrap(), energy + 130.0 + 60.0);
    case.state.window.peak = Power::from_kw(120.0);
    near(solved(&case).cost.unwrap(), energy + 10.0 + 20.0);
    demand(&mut case, false);
    near(solved(&case).cost.unwrap(), energy + 20.0);
}

#[test]
fn a_contract_without_a_price_gives_way_only_before_critical_load() {
    let grid = format!("{PLAIN}\ncontracted_kw = 80.0");
    let mut served = case(&text(&grid, BATTERY), NOON, &[0.25, 0.25]);
    let plan = solved(&served);
    assert!(power(&served, &plan, "grid").iter().all(|kw| *kw <= 80.0 + 1e-6), "the battery covers it");
    assert!(plan.slacks.is_empty());
    served.state = park::state(&served.site, Park::from_unix(NOON + 600), 0.0, 0.0, 0.5);
    served.state.window.imported = Energy::from_kwh(40.0);
    let at = ix(&served, "battery");
    served.state.assets[at].energy = Some(Ok(0.0));
    served.horizon.grid.intervals = vec![
        Interval { start: served.state.now.park, hours: 1.0 / 12.0 },
        Interval { start: Park::from_unix(NOON + 900), hours: 0.25 },
    ];
    let plan = solved(&served);
    let what = "grid: import above the contracted 80 kW";
    // 40 kWh in ten minutes and 100 kW for five: 48.33 kWh in a quarter of an hour are 193.33 kW.
    near(short(&plan, what, 0), 193.333 - 80.0);
    near(short(&plan, what, 1), 20.0);
    assert!(plan.slacks.iter().all(|s| s.what == what), "{:?}", plan.slacks);
}

#[test]
fn a_transformer_keeps_room_for_reactive_power_both_ways() {
    let grid = "transformer_kva = 100.0\nreactive_kvar = 60.0";
    let mut case = case(&text(grid, PV), NOON, &[0.25, 0.25]);
    let plan = solved(&case);
    near(short(&plan, "grid: import above its planned limit of 76 kW (transformer)", 0), 100.0 - 76.0);
    set(&mut case, "pv", 290.0);
    let plan = solved(&case);
    near(power(&case, &plan, "grid")[0], -76.0);
    near(power(&case, &plan, "pv")[0], 176.0);
    assert!(plan.slacks.is_empty());
    let at = |by: &str, crossing| plan.limits.iter().find(|l| l.by == by && l.crossing == crossing).unwrap();
    near(at("transformer", Crossing::Export).kw, 80.0);
    assert_eq!(at("transformer", Crossing::Export).binding, [0, 1]);
    assert_eq!(
        (&at("connection", Crossing::Export).narrowest[..], at("connection", Crossing::Export).kw),
        (&[][..], 100.0)
    );
    assert!(at("transformer", Crossing::Import).binding.is_empty());
}

#[test]
fn every_limit_is_shown_with_whose_it_is_and_where_it_binds() {
    let mut case = case(&text(PLAIN, BATTERY), NOON, &[0.25, 0.25, 0.25, 0.25]);
    case.horizon.import_price = vec![0.3, 0.3, 1.2, 1.2];
    let at = |hours: f64| case.state.now.park.plus_s(3600.0 * hours);
    let limit = |who: &str, class, import_max_kw, export_max_kw, hours| GridLimit {
        who: who.into(),
        class,
        import_max_kw,
        export_max_kw,
        until: at(hours),
    };
    let free = f64::INFINITY;
    let limits = [
        limit("grid-company", Class::GridOperator, 90.0, free, 1.0),
        limit("relay", Class::Protection, 60.0, 0.0, 0.5),
        limit("trader", Class::Market, f64::NAN, 50.0, 0.25),
        limit("gone", Class::Operator, 10.0, free, 0.0),
    ];
    let plan = checked(&Inputs { limits: &limits, ..case.inputs(None) });
    let import = |by: &str| plan.limits.iter().find(|l| l.by == by && l.crossing == Crossing::Import).unwrap();
    assert_eq!((&import("relay").narrowest[..], &import("relay").binding[..]), (&[0, 1][..], &[0, 1][..]));
    assert_eq!(
        (&import("grid-company").narrowest[..], import("grid-company").class),
        (&[2, 3][..], Some(Class::GridOperator))
    );
    assert!(import("connection").narrowest.is_empty() && import("gone").narrowest.is_empty());
    let export = plan.limits.iter().filter(|l| l.crossing == Crossing::Export && l.by == "relay");
    assert_eq!(export.map(|l| l.narrowest.clone()).collect::<Vec<_>>(), [vec![0, 1]]);
    assert_eq!(plan.limits.len(), 4 + 5, "no limit of NaN or of nothing");
    near(power(&case, &plan, "grid")[0], 57.0);
}

#[test]
fn an_outside_limit_below_what_must_be_served_is_exceeded_at_its_price_and_named() {
    let case = case(&text(PLAIN, ""), NOON, &[0.25, 0.25]);
    let until = case.state.now.park.plus_s(900.0);
    let none =
        GridLimit { who: "relay".into(), class: Class::Protection, import_max_kw: 0.0, export_max_kw: 0.0, until };
    let plan = checked(&Inputs { limits: &[none], ..case.inputs(None) });
    near(short(&plan, "grid: import above its planned limit of 0 kW (relay, protection)", 0), 100.0);
    assert_eq!(plan.slacks.len(), 1);
}

#[test]
fn an_engine_started_now_is_held_for_its_minimum_run_though_prices_turn() {
    let mut day = case(&text(PLAIN, ENGINE), NOON, &[0.25; 12]);
    day.horizon.import_price.fill(2.0);
    let at = ix(&day, "chp");
    let mut last = solved(&day);
    assert!(last.assets[at].on[0], "worth its while at 2.0 per kWh");
    day.state.assets[at].running = Some(Running { on: true, since: day.state.now.park, starts: 1 });
    for minutes in (5..=75).step_by(5) {
        let now = Park::from_unix(NOON + 60 * minutes);
        let running = day.state.assets[at].running;
        let grid = TimeGrid::new(now);
        day.state = park::state(&day.site, now, 0.0, 0.0, 0.5);
        day.state.assets[at].running = running;
        day.horizon = horizon(&day.site, &day.state, &History::default(), grid);
        set(&mut day, "load", -100.0);
        day.horizon.import_price.fill(0.05);
        last = checked(&day.inputs(Some(&last)));
        assert_eq!(last.assets[at].on[0], minutes < 60, "{minutes} min after its start");
        if !last.assets[at].on[0] {
            return;
        }
    }
    panic!("never stopped");
}
