//! Batteries with curves and vehicles' stays: small sites with an answer known by hand.

use hexad::dispatch::{Plan, Solve, plan};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::solver::InProcess;
use hexad::units::{Energy, Park};

use crate::checker_stores::{begins, faults};
use crate::dispatch_park::{Case, ix};
use crate::park::BATTERY;
use crate::{checker, park};

/// Tuesday, 2026-07-14 12:00 UTC: the plan's steps are quarters to 16:00, half hours to 20:00, then hours to noon.
pub const NOON: i64 = 1_784_030_400;

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
supply_c = 60.0
return_c = 40.0
[[bus]]
id = "cold"
carrier = "cooling"
[[grid]]
id = "grid"
bus = "elec"
import_max_kw = 500.0
export_max_kw = 100.0
transformer_kva = 1000.0
[[load]]
id = "load"
bus = "elec"
rated_kw = 500.0
[[load]]
id = "heat_load"
bus = "heat"
rated_kw = 300.0
"#;

const CHARGER: &str = r#"
[[ev_charger]]
id = "ev"
device = "ev-park"
bus = "elec"
count = 4
charger_kw = 22.0
delay_per_kwh = 0.9
"#;

pub fn session(arrive_h: f64, depart_h: f64, energy_kwh: f64, days: &str) -> String {
    format!(
        "{CHARGER}[[ev_charger.session]]\narrive_h = {arrive_h:?}\ndepart_h = {depart_h:?}\nenergy_kwh = {energy_kwh:?}\nmax_kw = 50.0\ndays = \"{days}\"\n"
    )
}

/// `parts` on the base site at noon, with `load` kW of electricity and `heat` kW of heat throughout; stores empty.
pub fn case(parts: &[&str], load: f64, heat: f64) -> Case {
    let site = park::site(&format!("{BASE}{}", parts.concat()));
    let mut state = park::state(&site, Park::from_unix(NOON), 0.0, 0.0, 0.0);
    for own in &mut state.assets {
        own.potential = None;
    }
    let mut h = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    for (a, f) in site.assets.iter().zip(&mut h.assets) {
        match a.id.as_str() {
            "load" => f.fill(-load),
            "heat_load" => f.fill(-heat),
            _ => {}
        }
    }
    Case { site, state, horizon: h }
}

/// Prices by the hour of the day: `inside` from `from` to `to`, `outside` else.
pub fn price(case: &mut Case, from: f64, to: f64, inside: f64, outside: f64) {
    for (i, p) in case.horizon.grid.intervals.iter().zip(&mut case.horizon.import_price) {
        let hour = (i.start.unix() / 3600.0).rem_euclid(24.0);
        *p = if (from..to).contains(&hour) { inside } else { outside };
    }
}

pub fn solved(case: &Case) -> Plan {
    let plan = case.plan(&mut InProcess);
    assert_eq!(plan.status.name(), "optimal", "{}", plan.note);
    assert_eq!(faults(&case.inputs(None), &plan), Vec::<String>::new());
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
    plan
}

pub fn power<'a>(case: &Case, plan: &'a Plan, id: &str) -> &'a [f64] {
    &plan.assets[ix(case, id)].power_kw[0]
}

/// Energy through an asset between two hours of the plan, kWh, positive where it is drawn.
pub fn drawn(case: &Case, plan: &Plan, id: &str, from_h: f64, to_h: f64) -> f64 {
    let begin = |i: &hexad::forecast::Interval| i.start.seconds_since(case.state.now.park) / 3600.0;
    let rows = plan.grid.intervals.iter().zip(power(case, plan, id));
    rows.filter(|(i, _)| begin(i) >= from_h - 1e-6 && begin(i) < to_h - 1e-6).map(|(i, p)| -p * i.hours).sum()
}

#[track_caller]
pub fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 0.05, "{a} instead of {b}");
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

#[test]
fn a_battery_tapers_as_it_fills() {
    let text = BATTERY.replace("soc_min", "charge_curve = [[0.5, 1.0], [1.0, 0.2]]\nsoc_min");
    let mut c = case(&[&text], 100.0, 0.0);
    let at = ix(&c, "battery");
    c.state.assets[at].energy = Some(Ok(50.0));
    price(&mut c, 12.0, 13.0, 0.1, 1.0);
    let plan = solved(&c);
    // An hour of cheap energy: each quarter's power fits the energy at its end, 50 kW less 0.8 kW for each kWh above 50.
    let mut energy = 50.0;
    for t in 0..4 {
        let kw = (50.0 - 0.8 * (energy - 50.0)) / (1.0 + 0.8 * 0.25 * 0.9);
        near(-power(&c, &plan, "battery")[t], kw);
        energy += 0.25 * 0.9 * kw;
        near(plan.assets[at].energy_kwh[t], energy);
    }
    let without = case(&[BATTERY], 100.0, 0.0);
    let mut without = Case { state: c.state.clone(), horizon: c.horizon.clone(), ..without };
    without.state.assets[at].energy = Some(Ok(50.0));
    assert!(solved(&without).cost.unwrap() < plan.cost.unwrap() - 1.0, "the taper costs something");
}

#[test]
fn a_battery_tapers_as_it_empties() {
    let text = BATTERY.replace("soc_min", "discharge_curve = [[0.0, 0.0], [0.4, 1.0]]\nsoc_min");
    let mut c = case(&[&text], 100.0, 0.0);
    let at = ix(&c, "battery");
    c.state.assets[at].energy = Some(Ok(40.0));
    price(&mut c, 12.0, 13.0, 2.0, 0.1);
    let plan = solved(&c);
    let mut energy = 40.0;
    for t in 0..4 {
        // 1.25 kW for each kWh that is left at the end.
        let kw = 1.25 * energy / (1.0 + 1.25 * 0.25 / 0.9);
        near(power(&c, &plan, "battery")[t], kw);
        energy -= 0.25 / 0.9 * kw;
    }
}

#[test]
fn a_battery_beyond_the_end_of_its_curve_rests() {
    let text = BATTERY
        .replace("soc_min", "charge_curve = [[0.5, 1.0], [0.9, 0.0]]\nsoc_min")
        .replace("soc_max = 1.0", "soc_max = 0.9");
    let mut c = case(&[&text], 100.0, 0.0);
    let at = ix(&c, "battery");
    c.state.assets[at].energy = Some(Ok(98.0));
    price(&mut c, 12.0, 13.0, 0.05, 0.06);
    let plan = c.plan(&mut InProcess);
    assert_eq!(plan.status.name(), "optimal");
    assert!(power(&c, &plan, "battery")[0] >= -1e-6, "{}", power(&c, &plan, "battery")[0]);
}

#[test]
fn a_negative_price_does_not_make_a_battery_with_curves_burn_energy() {
    let text = BATTERY.replace("soc_min", "charge_curve = [[0.5, 1.0], [1.0, 0.2]]\nsoc_min");
    let mut c = case(&[&text], 100.0, 0.0);
    let at = ix(&c, "battery");
    c.state.assets[at].energy = Some(Ok(95.0));
    price(&mut c, 12.0, 15.0, -0.5, 0.5);
    let plan = solved(&c);
    let mut before = 95.0;
    for (t, i) in plan.grid.intervals.iter().enumerate().take(16) {
        let v = power(&c, &plan, "battery")[t];
        let change = i.hours * if v > 0.0 { -v / 0.9 } else { -v * 0.9 };
        near(plan.assets[at].energy_kwh[t], before + change);
        before = plan.assets[at].energy_kwh[t];
    }
}

#[test]
fn vehicles_get_their_energy_while_they_stay_in_its_cheapest_hours() {
    let mut c = case(&[&session(14.0, 18.0, 100.0, "all")], 100.0, 0.0);
    price(&mut c, 16.0, 18.0, 0.2, 0.8);
    let plan = solved(&c);
    near(drawn(&c, &plan, "ev", 4.0, 6.0), 100.0);
    near(drawn(&c, &plan, "ev", 0.0, 24.0), 100.0);
    near(plan.cost.unwrap(), 100.0 * (22.0 * 0.8 + 2.0 * 0.2) + 100.0 * 0.2);
    let potential = &plan.assets[ix(&c, "ev")].potential_kw;
    let (before, within) = (begins(&plan, Park::from_unix(NOON)), begins(&plan, Park::from_unix(NOON + 7200)));
    assert_eq!((potential[before], potential[within]), (0.0, -50.0), "what they could draw");
    assert!(plan.slacks.is_empty());
}

#[test]
fn what_vehicles_have_received_already_is_not_delivered_again() {
    let mut c = case(&[&session(10.0, 18.0, 100.0, "all")], 100.0, 0.0);
    let at = ix(&c, "ev");
    c.state.assets[at].today.windows = vec![Energy::from_kwh(60.0)];
    let plan = solved(&c);
    // The next stay begins at 10:00: two of its eight hours lie within the horizon.
    near(drawn(&c, &plan, "ev", 0.0, 6.0), 40.0);
    near(drawn(&c, &plan, "ev", 22.0, 24.0), 25.0);
    near(drawn(&c, &plan, "ev", 0.0, 24.0), 65.0);
    c.state.assets[at].today.windows = vec![Energy::from_kwh(130.0)];
    near(drawn(&c, &solved(&c), "ev", 0.0, 6.0), 0.0);
    // At this moment no more than they want, where that is measured.
    c.state.assets[at].today.windows = vec![];
    c.state.assets[at].potential = Some(Ok(-7.0));
    price(&mut c, 12.0, 12.2, 0.1, 0.8);
    let wanted = solved(&c);
    near(power(&c, &wanted, "ev")[0], -7.0);
}

#[test]
fn a_night_of_charging_crosses_midnight() {
    let c = case(&[&session(22.0, 6.0, 80.0, "workdays")], 100.0, 0.0);
    let plan = solved(&c);
    near(drawn(&c, &plan, "ev", 10.0, 18.0), 80.0);
    near(drawn(&c, &plan, "ev", 0.0, 24.0), 80.0);
    let weekend = case(&[&session(22.0, 6.0, 80.0, "weekends")], 100.0, 0.0);
    near(drawn(&weekend, &solved(&weekend), "ev", 0.0, 24.0), 0.0);
}

#[test]
fn vehicles_that_leave_too_early_are_named_with_what_they_miss() {
    let c = case(&[&session(10.0, 12.5, 100.0, "all")], 100.0, 0.0);
    let plan = solved(&c);
    near(drawn(&c, &plan, "ev", 0.0, 0.5), 25.0);
    let today = plan.slacks.iter().find(|s| s.what == "ev: vehicles leave without their energy").unwrap();
    assert_eq!(today.interval, 1);
    near(today.amount, 75.0);
    near(today.price, 8.0);
}

#[test]
fn two_groups_of_vehicles_share_the_chargers() {
    let two = format!(
        "{}[[ev_charger.session]]\narrive_h = 13.0\ndepart_h = 15.0\nenergy_kwh = 90.0\nmax_kw = 60.0\n",
        session(13.0, 16.0, 100.0, "all")
    );
    let mut c = case(&[&two], 100.0, 0.0);
    price(&mut c, 13.0, 15.0, 0.1, 0.9);
    let plan = solved(&c);
    // 88 kW for two hours, what is left of 190 kWh in the third.
    near(drawn(&c, &plan, "ev", 1.0, 3.0), 176.0);
    near(drawn(&c, &plan, "ev", 3.0, 4.0), 14.0);
}

#[test]
fn chargers_that_cannot_be_steered_draw_at_once() {
    let c = case(&[&session(14.0, 18.0, 100.0, "all").replace("device = \"ev-park\"\n", "")], 100.0, 0.0);
    let plan = solved(&c);
    near(drawn(&c, &plan, "ev", 2.0, 4.0), 100.0);
    let rules = plan_by_rules(&c);
    near(drawn(&c, &rules, "ev", 2.0, 4.0), 100.0);
}

pub fn plan_by_rules(case: &Case) -> Plan {
    let made = plan(&case.inputs(None), &mut Broken);
    assert_eq!(made.status.name(), "rules");
    assert_eq!(checker::faults(&case.inputs(None), &made, 0.0), Vec::<String>::new());
    made
}
