//! Batches, rooms and heat from outside: small sites with an answer known by hand.

use hexad::dispatch::Plan;
use hexad::site::Reason;
use hexad::solver::InProcess;
use hexad::state::Availability;
use hexad::units::{Energy, Park};

use crate::checker_stores::begins;
use crate::dispatch_park::{Case, ix};
use crate::stores_and_sinks::{NOON, case, drawn, near, plan_by_rules, power, price, session, solved};

const KILN: &str = r#"
[[batch]]
id = "kiln"
device = "kiln-relay"
bus = "elec"
rated_kw = 60.0
run_min = 90
earliest_h = 13.0
deadline_h = 20.0
skipped_cost = 100.0
"#;

const SUPPLY: &str = r#"
[[heat_supply]]
id = "district"
bus = "heat"
max_kw = 400.0
price_per_kwh = 0.3
co2_kg_per_kwh = 0.2
"#;

const ROOM: &str = r#"
[[room]]
id = "hall"
bus = "heat"
rated_kw = 60.0
kwh_per_k = 10.0
loss_kw_per_k = 1.0
comfort_c = [20.0, 24.0]
discomfort_per_k_h = 50.0
"#;

fn outdoor(case: &mut Case, c: f64) {
    case.horizon.outdoor_c = Some(vec![c; case.horizon.grid.intervals.len()]);
}

fn slack(plan: &Plan, what: &str) -> f64 {
    plan.slacks.iter().filter(|s| s.what == what).map(|s| s.amount).sum()
}

#[test]
fn a_batch_runs_once_and_whole_when_it_is_cheapest() {
    let mut c = case(&[KILN], 100.0, 0.0);
    price(&mut c, 15.0, 16.5, 0.2, 0.8);
    let plan = solved(&c);
    near(drawn(&c, &plan, "kiln", 3.0, 4.5), 90.0);
    near(drawn(&c, &plan, "kiln", 0.0, 24.0), 90.0);
    near(plan.cost.unwrap(), 100.0 * (22.5 * 0.8 + 1.5 * 0.2) + 90.0 * 0.2);
    let on = &plan.assets[ix(&c, "kiln")].on;
    let (first, after) =
        (begins(&plan, Park::from_unix(NOON + 3 * 3600)), begins(&plan, Park::from_unix(NOON + 16_200)));
    assert!(on[first..after].iter().all(|v| *v) && on.iter().filter(|v| **v).count() == after - first, "{on:?}");
    // Nobody with foresight: as early as it may.
    let rules = plan_by_rules(&c);
    near(drawn(&c, &rules, "kiln", 1.0, 2.5), 90.0);
    // And with the plan before it as a start, the same again.
    let again = hexad::dispatch::plan(&c.inputs(Some(&plan)), &mut InProcess);
    near(drawn(&c, &again, "kiln", 3.0, 4.5), 90.0);
}

#[test]
fn a_batch_that_costs_more_than_it_is_worth_is_skipped_and_said_so() {
    let c = case(&[&KILN.replace("skipped_cost = 100.0", "skipped_cost = 30.0")], 100.0, 0.0);
    let plan = solved(&c);
    near(drawn(&c, &plan, "kiln", 0.0, 24.0), 0.0);
    near(slack(&plan, "kiln: skipped"), 90.0);
    near(plan.cost.unwrap(), 100.0 * 24.0 * 0.5 + 30.0);
}

#[test]
fn a_batch_that_has_begun_goes_on_and_one_that_is_done_does_not_begin_again() {
    let mut c = case(&[&KILN.replace("earliest_h = 13.0", "earliest_h = 11.0")], 100.0, 0.0);
    let at = ix(&c, "kiln");
    price(&mut c, 15.0, 18.0, 0.1, 0.8);
    c.state.assets[at].today.windows = vec![Energy::from_kwh(30.0)];
    c.state.assets[at].ports[0].measured = Ok(-59.0);
    let goes_on = solved(&c);
    near(drawn(&c, &goes_on, "kiln", 0.0, 1.0), 60.0);
    near(drawn(&c, &goes_on, "kiln", 1.0, 22.0), 0.0);
    assert!(goes_on.assets[at].on[..4].iter().all(|v| *v) && !goes_on.assets[at].on[4]);
    c.state.assets[at].today.windows = vec![Energy::from_kwh(89.0)];
    c.state.assets[at].ports[0].measured = Ok(0.0);
    near(drawn(&c, &solved(&c), "kiln", 0.0, 22.0), 0.0);
    // Its relay is lost while it runs: it goes on. Before it began: nobody can begin it.
    c.state.assets[at].availability = Availability::Out(Reason::Disconnected);
    c.state.assets[at].today.windows = vec![Energy::from_kwh(30.0)];
    c.state.assets[at].ports[0].measured = Ok(-60.0);
    near(drawn(&c, &solved(&c), "kiln", 0.0, 24.0), 60.0);
    c.state.assets[at].today.windows = vec![];
    c.state.assets[at].ports[0].measured = Err(Reason::Disconnected);
    near(drawn(&c, &solved(&c), "kiln", 0.0, 24.0), 0.0);
}

#[test]
fn a_batch_whose_window_reaches_beyond_the_horizon_may_wait() {
    let late = KILN.replace("earliest_h = 13.0", "earliest_h = 11.0").replace("deadline_h = 20.0", "deadline_h = 10.5");
    let mut c = case(&[&late], 100.0, 0.0);
    let at = ix(&c, "kiln");
    c.state.assets[at].today.windows = vec![Energy::from_kwh(90.0)];
    price(&mut c, 11.0, 12.0, 3.0, 0.5);
    let plan = solved(&c);
    // Tomorrow's run may begin at 11:00, dear, or later at what energy costs on the mean.
    near(drawn(&c, &plan, "kiln", 0.0, 24.0), 0.0);
    assert!(plan.slacks.is_empty(), "{:?}", plan.slacks);
}

#[test]
fn a_room_is_held_at_the_edge_of_its_band() {
    let mut c = case(&[SUPPLY, ROOM], 0.0, 0.0);
    outdoor(&mut c, 0.0);
    let plan = solved(&c);
    // 1 kW per kelvin at 20 degC against 0.
    assert!(power(&c, &plan, "hall").iter().all(|p| (p + 20.0).abs() < 0.05), "{:?}", power(&c, &plan, "hall"));
    assert!(plan.slacks.is_empty());
    c.horizon.outdoor_c = None;
    let at = ix(&c, "hall");
    c.state.assets[at].ports[0].measured = Ok(-13.0);
    let blind = solved(&c);
    assert!(power(&c, &blind, "hall").iter().all(|p| (p + 13.0).abs() < 1e-6) && blind.note.contains("hall"));
}

#[test]
fn a_room_is_preheated_with_cheap_heat_and_no_further_than_its_band() {
    let pump = r#"
[[heat_pump]]
id = "pump"
device = "hp"
heat_bus = "heat"
electric_bus = "elec"
rated_kw = 200.0
cop = 4.0
ramp_kw_per_s = 10.0
commitment = { min_load = 0.0 }
"#;
    let mut c = case(&[pump, ROOM], 0.0, 0.0);
    outdoor(&mut c, 0.0);
    price(&mut c, 12.0, 14.0, 0.1, 2.0);
    let plan = solved(&c);
    let e = &plan.assets[ix(&c, "hall")].energy_kwh;
    near(e[7], 40.0);
    // Alone, 24 degC fall to 20 by an exponential: 10 h / 1 * ln(24 / 20) = 1.82 h.
    assert!(drawn(&c, &plan, "hall", 2.0, 3.75).abs() < 0.05 && drawn(&c, &plan, "hall", 3.75, 6.0) > 20.0);
    let held = plan_by_rules(&c);
    let at = ix(&c, "hall");
    assert!(held.assets[at].energy_kwh.iter().all(|e| (e - 8.0).abs() < 1e-6), "{:?}", held.assets[at].energy_kwh);
}

#[test]
fn a_room_that_cannot_be_held_is_named_and_a_cooled_one_counts_cold() {
    let mut c = case(&[SUPPLY, &ROOM.replace("rated_kw = 60.0", "rated_kw = 15.0")], 0.0, 0.0);
    outdoor(&mut c, 0.0);
    let plan = solved(&c);
    assert!(slack(&plan, "hall: stored energy below its window") > 0.0);
    assert!(power(&c, &plan, "hall").iter().all(|p| (p + 15.0).abs() < 0.05));
    let chiller = r#"
[[chiller]]
id = "chiller"
device = "ch"
cool_bus = "cold"
electric_bus = "elec"
rated_kw = 200.0
eer = 4.0
ramp_kw_per_s = 10.0
commitment = { min_load = 0.0 }
"#;
    let cooled = ROOM.replace("bus = \"heat\"", "bus = \"cold\"\ngains_kw = 5.0");
    let mut c = case(&[chiller, &cooled], 0.0, 0.0);
    outdoor(&mut c, 34.0);
    let plan = solved(&c);
    // At 24 degC: 10 kW through the walls and 5 kW of gains.
    assert!(power(&c, &plan, "hall").iter().all(|p| (p + 15.0).abs() < 0.05), "{:?}", power(&c, &plan, "hall"));
}

#[test]
fn district_heat_is_paid_with_its_emission() {
    let values = r#"
[values]
lost_load_critical_per_kwh = 100.0
lost_load_normal_per_kwh = 40.0
lost_load_sheddable_per_kwh = 8.0
lost_heat_per_kwh = 10.0
lost_cooling_per_kwh = 10.0
surplus_per_kwh = 2.0
co2_per_kg = 0.5
"#;
    let c = case(&[SUPPLY, values], 0.0, 100.0);
    let plan = solved(&c);
    near(plan.cost.unwrap(), 100.0 * 24.0 * (0.3 + 0.2 * 0.5));
    let heat = c.site.buses.iter().position(|b| b.id == "heat").unwrap();
    assert!(plan.buses[heat].price.iter().all(|p| (p - 0.4).abs() < 1e-6));
    near(drawn(&c, &plan_by_rules(&c), "district", 0.0, 24.0), -2400.0);
}

#[test]
fn waste_heat_is_taken_first_as_far_as_it_is_wanted() {
    let waste = r#"
[[waste_heat]]
id = "waste"
bus = "heat"
rated_kw = 80.0
temperature_c = 65.0
price_per_kwh = 0.05
"#;
    let mut c = case(&[SUPPLY, waste], 0.0, 100.0);
    let at = ix(&c, "waste");
    c.horizon.assets[at] = (0..c.horizon.grid.intervals.len()).map(|t| if t < 4 { 60.0 } else { 200.0 }).collect();
    for plan in [solved(&c), plan_by_rules(&c)] {
        near(power(&c, &plan, "waste")[0], 60.0);
        near(power(&c, &plan, "district")[0], 40.0);
        near(power(&c, &plan, "waste")[5], 80.0);
        assert_eq!(plan.assets[at].potential_kw[5], 80.0, "no more than its nameplate");
    }
    let load = ix(&c, "heat_load");
    c.horizon.assets[load].fill(-20.0);
    for plan in [solved(&c), plan_by_rules(&c)] {
        near(power(&c, &plan, "waste")[5], 20.0);
        assert!(plan.slacks.is_empty(), "what is left goes its own way: {:?}", plan.slacks);
    }
}

#[test]
fn while_wall_time_is_unknown_nobody_waits_for_an_hour_of_the_day() {
    let mut c = case(&[&session(14.0, 18.0, 100.0, "all"), KILN], 100.0, 0.0);
    c.state.now.synchronised = false;
    let plan = solved(&c);
    near(drawn(&c, &plan, "ev", 0.0, 24.0) + drawn(&c, &plan, "kiln", 0.0, 24.0), 0.0);
    assert!(
        plan.note.contains("when ev has its turn") && plan.note.contains("when kiln has its turn"),
        "{}",
        plan.note
    );
}
