//! The dispatch on small sites where the answer is known, and what serves when there is no solution.

use hexad::dispatch::{GridLimit, Inputs, Plan, Solve, plan};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Class;
use hexad::solver::InProcess;
use hexad::units::Park;

use crate::dispatch_park::{Case, SUMMER, ix, reference};
use crate::park::BATTERY;
use crate::{checker, park};

const SMALL: &str = r#"
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
transformer_kva = 1000.0
[[gas_supply]]
id = "gas_supply"
bus = "gas"
max_kw = 1000.0
price_per_kwh = 0.3
[[load]]
id = "load"
bus = "elec"
rated_kw = 500.0
[[load]]
id = "heat_load"
bus = "heat"
rated_kw = 300.0
"#;

const BOILER: &str = r#"
[[boiler]]
id = "boiler"
device = "b"
heat_bus = "heat"
gas_bus = "gas"
rated_kw = 200.0
efficiency = 0.9
ramp_kw_per_s = 5.0
commitment = { min_load = 0.5, start_cost = 7.0, min_up_min = 60, min_down_min = 60 }
"#;

/// `text` at a whole hour, with `load` kW of electricity and `heat` kW of heat throughout.
fn small(text: &str, load: f64, heat: f64) -> Case {
    let site = park::site(text);
    let mut state = park::state(&site, Park::from_unix(1_784_030_400), 0.0, 0.0, 0.5);
    state.window.peak = hexad::units::Power::from_kw(0.0);
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

fn power<'a>(case: &Case, plan: &'a Plan, id: &str) -> &'a [f64] {
    &plan.assets[ix(case, id)].power_kw[0]
}

fn bus(case: &Case, id: &str) -> usize {
    case.site.buses.iter().position(|b| b.id == id).unwrap()
}

#[test]
fn a_bare_load_is_imported_at_the_tariff() {
    let case = small(SMALL, 120.0, 0.0);
    let plan = case.plan(&mut InProcess);
    assert!(power(&case, &plan, "grid").iter().all(|v| (v - 120.0).abs() < 1e-6));
    assert!(plan.buses[bus(&case, "elec")].price.iter().all(|p| (p - 0.5).abs() < 1e-6));
    assert!((plan.cost.unwrap() - 120.0 * 0.5 * plan.grid.hours()).abs() < 1e-3);
    assert!(plan.slacks.is_empty() && plan.note.is_empty());
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
}

#[test]
fn a_price_is_what_one_more_kwh_costs() {
    let mut case = reference(SUMMER + 1800, 0.8, 0.5);
    let base = case.plan(&mut InProcess);
    let load = ix(&case, "load_normal");
    for t in [0, 3, 20] {
        let h = base.grid.intervals[t].hours;
        let price = base.buses[0].price[t];
        let step = 0.01;
        let before = case.horizon.assets[load][t];
        case.horizon.assets[load][t] = before - step;
        let more = plan(&case.inputs(Some(&base)), &mut Fixed(&base));
        case.horizon.assets[load][t] = before + step;
        let less = plan(&case.inputs(Some(&base)), &mut Fixed(&base));
        case.horizon.assets[load][t] = before;
        let up = (more.cost.unwrap() - fixed_cost(&case, &base)) / (step * h);
        let down = (fixed_cost(&case, &base) - less.cost.unwrap()) / (step * h);
        // A dual lies between the one-sided derivatives, which differ only at a kink.
        assert!(price <= up + 1e-3 && price >= down - 1e-3, "interval {t}: {price} outside [{down}, {up}]");
    }
}

fn fixed_cost(case: &Case, base: &Plan) -> f64 {
    plan(&case.inputs(Some(base)), &mut Fixed(base)).cost.unwrap()
}

/// Solves with all commitments fixed to those of a plan (they are the start that is handed in).
struct Fixed<'a>(&'a Plan);

impl Solve for Fixed<'_> {
    fn solve(
        &mut self,
        request: &hexad::dispatch::Request<'_>,
    ) -> Result<hexad::dispatch::Solution, hexad::dispatch::SolveError> {
        assert_eq!(self.0.status.name(), "optimal");
        let mut problem = request.problem.clone();
        let mut start = request.start.unwrap().iter();
        for column in problem.columns.iter_mut().filter(|c| c.integer) {
            let value = *start.next().unwrap();
            (column.lower, column.upper, column.integer) = (value, value, false);
        }
        InProcess.solve(&hexad::dispatch::Request { problem: &problem, start: None, ..request.clone() })
    }
}

#[test]
fn a_battery_moves_energy_from_the_cheap_hours_to_the_dear_ones() {
    let text = format!("{SMALL}{BATTERY}");
    let mut case = small(&text, 100.0, 0.0);
    let n = case.horizon.import_price.len();
    for t in 0..n {
        case.horizon.import_price[t] = if (8..20).contains(&t) { 1.2 } else { 0.3 };
    }
    let plan = case.plan(&mut InProcess);
    let p = power(&case, &plan, "battery");
    assert!(p[8..20].iter().sum::<f64>() > 0.0 && p[..8].iter().sum::<f64>() < 0.0, "{p:?}");
    // Full before the dear hours, empty after them.
    let e = &plan.assets[ix(&case, "battery")].energy_kwh;
    assert!((e[7] - 100.0).abs() < 0.1 && e[19] < 0.1, "{e:?}");
    // A stored kWh before the dear hours is worth what it sells for.
    let value = plan.assets[ix(&case, "battery")].stored_value[7];
    assert!((0.2..=1.2 * 0.9).contains(&value), "{value}");
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
}

#[test]
fn a_small_price_difference_does_not_cycle_the_battery() {
    let text = format!("{SMALL}{BATTERY}");
    let mut case = small(&text, 100.0, 0.0);
    for (t, p) in case.horizon.import_price.iter_mut().enumerate() {
        *p = if t % 2 == 0 { 0.50 } else { 0.52 };
    }
    let plan = case.plan(&mut InProcess);
    let p = power(&case, &plan, "battery");
    assert!(p.iter().all(|v| *v >= -1e-6), "no charging for 4 %: {p:?}");
}

#[test]
fn generation_that_cannot_leave_does_not_make_the_battery_burn_energy() {
    let pv = r#"
[[pv]]
id = "pv"
bus = "elec"
rated_kw = 300.0
tilt_deg = 10.0
azimuth_deg = 180.0
"#;
    let mut case = small(&format!("{SMALL}{BATTERY}{pv}"), 100.0, 0.0);
    case.horizon.grid_available.fill(false);
    let at = ix(&case, "pv");
    case.horizon.assets[at].fill(140.0);
    let plan = case.plan(&mut InProcess);
    let e = &plan.assets[ix(&case, "battery")];
    let mut before = 50.0;
    for (t, i) in plan.grid.intervals.iter().enumerate().take(16) {
        let v = e.power_kw[0][t];
        let change = i.hours * if v > 0.0 { -v / 0.9 } else { -v * 0.9 };
        assert!((e.energy_kwh[t] - before - change).abs() < 1e-4, "{t}: charging and discharging at once");
        before = e.energy_kwh[t];
    }
    assert!(plan.slacks.iter().any(|s| s.what == "bus elec: more is injected than taken"), "{:?}", plan.slacks);
}

#[test]
fn a_demand_charge_shaves_the_peak_and_counts_the_window_now_running() {
    let text = format!("{SMALL}{BATTERY}")
        .replace("demand_window_min = 15", "demand_window_min = 15\ndemand_per_kw_month = 60.0");
    let mut case = small(&text, 60.0, 0.0);
    let at = ix(&case, "load");
    case.horizon.assets[at][6] = -140.0;
    let shaved = case.plan(&mut InProcess);
    let peak = power(&case, &shaved, "grid").iter().copied().fold(0.0, f64::max);
    assert!(peak < 95.0, "battery cuts the peak: {peak}");
    case.state.window.peak = hexad::units::Power::from_kw(140.0);
    let paid = case.plan(&mut InProcess);
    let peak = power(&case, &paid, "grid").iter().copied().fold(0.0, f64::max);
    assert!(peak > shaved.assets[ix(&case, "grid")].power_kw[0].iter().copied().fold(0.0, f64::max) - 1e-6);
    // Ten minutes into a window that already imported 30 kWh at a peak of 140 kW: 5 kWh are left, 60 kW for 5 min.
    case.state = park::state(&case.site, Park::from_unix(1_784_030_400 + 600), 0.0, 0.0, 0.5);
    case.state.window.peak = hexad::units::Power::from_kw(140.0);
    case.state.window.imported = hexad::units::Energy::from_kwh(30.0);
    case.horizon = horizon(&case.site, &case.state, &History::default(), TimeGrid::new(case.state.now.park));
    case.horizon.assets[at].fill(-100.0);
    let rest = case.plan(&mut InProcess);
    assert!(power(&case, &rest, "grid")[0] <= 60.1, "{:?}", &power(&case, &rest, "grid")[..2]);
}

#[test]
fn a_boiler_keeps_its_minimum_load_and_the_tank_takes_the_rest() {
    let tank = r#"
[[heat_tank]]
id = "tank"
bus = "heat"
volume_m3 = 20.0
t_min_c = 60.0
t_max_c = 80.0
charge_max_kw = 200.0
discharge_max_kw = 200.0
loss_per_h = 0.01
"#;
    let mut case = small(&format!("{SMALL}{BOILER}{tank}"), 10.0, 40.0);
    let at = ix(&case, "tank");
    case.state.assets[at].energy = Some(Ok(60.0));
    let plan = case.plan(&mut InProcess);
    let p = power(&case, &plan, "boiler");
    let on = &plan.assets[ix(&case, "boiler")].on;
    for t in 0..15 {
        assert!(if on[t] { p[t] >= 100.0 - 1e-6 } else { p[t].abs() < 1e-6 }, "{t}: {}", p[t]);
    }
    assert!(on.iter().any(|v| *v));
    assert!(plan.slacks.is_empty(), "{:?}", plan.slacks);
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
}

#[test]
fn a_machine_just_started_or_stopped_stays_so_for_its_minimum_time() {
    let mut case = small(&format!("{SMALL}{BOILER}"), 10.0, 0.0);
    let (at, now) = (ix(&case, "boiler"), case.state.now.park);
    let running =
        |on: bool, minutes: f64| Some(hexad::state::Running { on, since: now.plus_s(-60.0 * minutes), starts: 1 });
    case.state.assets[at].running = running(true, 20.0);
    let held = case.plan(&mut InProcess);
    assert_eq!(held.assets[at].on[..5], [true, true, true, false, false], "no heat wanted, 40 min left");
    assert!(held.slacks.iter().any(|s| s.what == "bus heat: more is injected than taken"));
    assert_eq!(checker::faults(&case.inputs(None), &held, 4.0), Vec::<String>::new());
    let load = ix(&case, "heat_load");
    case.horizon.assets[load].fill(-150.0);
    case.state.assets[at].running = running(false, 20.0);
    let waits = case.plan(&mut InProcess);
    assert_eq!(waits.assets[at].on[..5], [false, false, false, true, true], "heat wanted, 40 min to wait");
    assert!(waits.slacks.iter().all(|s| s.what.starts_with("heat_load") || s.what.starts_with("bus heat")));
    assert_eq!(checker::faults(&case.inputs(None), &waits, 4.0), Vec::<String>::new());
}

#[test]
fn a_start_is_paid_once() {
    let mut case = small(&format!("{SMALL}{BOILER}"), 0.0, 150.0);
    let at = ix(&case, "boiler");
    let cold = case.plan(&mut InProcess).cost.unwrap();
    case.state.assets[at].running.as_mut().unwrap().on = true;
    let hot = case.plan(&mut InProcess).cost.unwrap();
    assert!((cold - hot - 7.0).abs() < 1e-3, "{cold} {hot}");
}

#[test]
fn limits_in_conflict_are_named() {
    let case = small(SMALL, 260.0, 30.0);
    let plan = case.plan(&mut InProcess);
    let has = |what: &str| plan.slacks.iter().any(|s| s.what == what && s.interval == 0);
    assert!(has("load: not served"), "60 kW above the import limit: {:?}", plan.slacks.first());
    assert!(has("heat_load: not served") || has("bus heat: more is taken than can be served"), "heat without a source");
    let critical = small(&SMALL.replace("id = \"load\"", "id = \"load\"\ntier = \"critical\""), 260.0, 0.0);
    let plan = critical.plan(&mut InProcess);
    let s = plan.slacks.first().unwrap();
    assert_eq!(s.what, "grid: import above its planned limit of 190 kW", "the limit gives way before critical load");
    assert!((s.amount - 70.0).abs() < 1e-6);
}

#[test]
fn a_limit_of_the_grid_operator_shapes_the_plan_until_its_lease_ends() {
    let mut case = small(&format!("{SMALL}{BATTERY}"), 100.0, 0.0);
    let until = case.state.now.park.plus_s(3600.0);
    // Cheap while the limit stands, so that without it more would be imported, not less.
    for (i, price) in case.horizon.grid.intervals.iter().zip(&mut case.horizon.import_price) {
        *price = if i.start < until { 0.3 } else { 1.2 };
    }
    let limit = |import_max_kw| GridLimit {
        who: "grid-company".into(),
        class: Class::GridOperator,
        import_max_kw,
        export_max_kw: f64::INFINITY,
        until,
    };
    let limits = [limit(80.0), limit(f64::INFINITY), limit(f64::NAN), limit(150.0)];
    let inputs = Inputs { limits: &limits, ..case.inputs(None) };
    let highest = |p: &Plan, held: bool| {
        let import = p.grid.intervals.iter().zip(power(&case, p, "grid"));
        import.filter(|(i, _)| (i.start < until) == held).map(|(_, kw)| *kw).fold(0.0, f64::max)
    };
    for made in [plan(&inputs, &mut InProcess), plan(&inputs, &mut Broken)] {
        let (during, after) = (highest(&made, true), highest(&made, false));
        assert!(during <= 80.0 + 1e-6 && after > 99.0, "{}: {during} kW, then {after} kW", made.status.name());
    }
    assert!(highest(&case.plan(&mut InProcess), true) > 99.0, "without a limit the hour is not spared");
}

#[test]
fn a_store_outside_its_window_is_brought_back_and_said_so() {
    let mut case = small(&format!("{SMALL}{}", BATTERY.replace("soc_min = 0.0", "soc_min = 0.2")), 50.0, 0.0);
    let at = ix(&case, "battery");
    case.state.assets[at].energy = Some(Ok(5.0));
    let plan = case.plan(&mut InProcess);
    assert!(plan.slacks.iter().any(|s| s.what == "battery: stored energy below its window"));
    assert!(plan.assets[at].energy_kwh[3] >= 20.0 - 1e-6, "{:?}", plan.assets[at].energy_kwh);
}

#[test]
fn a_missing_machine_is_planned_without_or_held_as_it_measures() {
    use hexad::site::Reason;
    use hexad::state::Availability;
    let mut case = reference(SUMMER, 0.8, 0.5);
    let chp = ix(&case, "chp");
    case.state.assets[chp].availability = Availability::Out(Reason::Disconnected);
    for port in &mut case.state.assets[chp].ports {
        port.measured = Err(Reason::Disconnected);
    }
    let without = case.plan(&mut InProcess);
    assert!(without.assets[chp].power_kw.iter().flatten().all(|v| *v == 0.0));
    assert_eq!(checker::faults(&case.inputs(None), &without, 4.0), Vec::<String>::new());
    case.state.assets[chp].ports[0].measured = Ok(300.0);
    let held = case.plan(&mut InProcess);
    assert!(held.assets[chp].power_kw[0].iter().all(|v| (v - 300.0).abs() < 1e-9));
    assert!(held.assets[chp].power_kw[1][0] > 300.0 && held.assets[chp].power_kw[2][0] < -700.0);
    for id in ["battery", "hot_tank", "cold_tank"] {
        let at = ix(&case, id);
        case.state.assets[at].availability = Availability::Out(Reason::Stale);
        case.state.assets[at].energy = Some(Err(Reason::Stale));
        case.state.assets[at].ports[0].measured = Err(Reason::Stale);
    }
    let bare = case.plan(&mut InProcess);
    assert_eq!(bare.status.name(), "optimal");
    assert_eq!(checker::faults(&case.inputs(None), &bare, 4.0), Vec::<String>::new());
}

#[test]
fn f45_a_forecast_that_is_missing_or_not_finite_is_replaced_and_named() {
    let mut case = reference(SUMMER, 0.8, 0.5);
    let (pv, load) = (ix(&case, "pv"), ix(&case, "load_normal"));
    case.horizon.assets[pv].truncate(3);
    case.horizon.assets[load][2] = f64::NAN;
    case.horizon.import_price[1] = f64::INFINITY;
    let plan = case.plan(&mut InProcess);
    assert!(
        plan.note.contains("forecast of pv")
            && plan.note.contains("forecast of load_normal")
            && plan.note.contains("import price")
    );
    assert!(plan.assets[pv].power_kw[0][3..].iter().all(|v| *v == 0.0));
    assert!((plan.assets[load].power_kw[0][2] + 420.0).abs() < 1e-6, "worst case: nameplate");
    assert!(plan.assets.iter().flat_map(|a| a.power_kw.iter().flatten()).all(|v| v.is_finite()));
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
fn f43_without_a_solver_the_last_plan_is_shifted_and_then_the_rules_decide() {
    let first = reference(SUMMER, 0.8, 0.5);
    let made = first.plan(&mut InProcess);
    let later = reference(SUMMER + 600, 0.8, 0.5);
    let shifted = plan(&later.inputs(Some(&made)), &mut Broken);
    assert_eq!(shifted.status.name(), "shifted");
    assert_eq!(
        (shifted.made_at, shifted.valid_until),
        (made.made_at, made.valid_until),
        "it does not live on for ever"
    );
    let (a, t) = (ix(&first, "chp"), made.interval_at(later.state.now.park).unwrap());
    assert_eq!(shifted.assets[a].power_kw[0][0], made.assets[a].power_kw[0][t]);
    assert_eq!(shifted.assets[a].power_kw[0].len(), later.horizon.grid.intervals.len());
    assert!(shifted.note.contains("deadline"));
    let expired = reference(SUMMER + 1000, 0.8, 0.5);
    let rules = plan(&expired.inputs(Some(&made)), &mut Broken);
    assert_eq!(rules.status.name(), "rules");
    assert_eq!(checker::faults(&expired.inputs(None), &rules, 0.0), Vec::<String>::new());
}

#[test]
fn rules_keep_the_park_served_in_many_states() {
    for k in 0..8 {
        let case = reference(SUMMER + k * 3 * 3600, 0.3 + 0.08 * k as f64, 0.1 + 0.1 * k as f64);
        let rules = plan(&case.inputs(None), &mut Broken);
        assert_eq!(checker::faults(&case.inputs(None), &rules, 0.0), Vec::<String>::new(), "case {k}");
        let short: Vec<_> = rules.slacks.iter().filter(|s| s.what.contains("more is taken")).take(3).collect();
        assert!(short.is_empty(), "case {k}: {short:?}");
    }
}

#[test]
fn an_island_uses_no_grid_and_sheds_by_tier() {
    let case = reference(SUMMER + 15 * 3600, 0.9, 0.3);
    let island = Inputs { islanded: true, ..case.inputs(None) };
    let plan = plan(&island, &mut InProcess);
    assert!(power(&case, &plan, "grid").iter().all(|v| v.abs() < 1e-9));
    assert_eq!(checker::faults(&island, &plan, 4.0), Vec::<String>::new());
    let served = |id: &str| -> f64 { plan.slacks.iter().filter(|s| s.what.starts_with(id)).map(|s| s.amount).sum() };
    assert!(served("load_critical") < 1e-6, "{}", served("load_critical"));
}

#[test]
fn an_island_that_cannot_last_serves_the_first_hours_first() {
    let mut case = small(&format!("{SMALL}{BATTERY}"), 40.0, 0.0);
    case.horizon.grid_available.fill(false);
    let plan = case.plan(&mut InProcess);
    let p = power(&case, &plan, "battery");
    assert!(p[0] > 39.9 && p[p.len() - 1] < 0.1, "{p:?}");
    assert_eq!(checker::faults(&case.inputs(None), &plan, 4.0), Vec::<String>::new());
}

#[test]
fn highs_and_microlp_find_the_same_cost() {
    for (text, load, heat) in [(format!("{SMALL}{BATTERY}"), 150.0, 0.0), (format!("{SMALL}{BOILER}"), 20.0, 130.0)] {
        let mut case = small(&text, load, heat);
        for (t, p) in case.horizon.import_price.iter_mut().enumerate() {
            *p = 0.3 + 0.05 * ((t * 7) % 11) as f64;
        }
        let exact = |solve: &mut dyn Solve| {
            let problem = hexad::dispatch::problem(&case.inputs(None));
            let request = hexad::dispatch::Request {
                problem: &problem,
                start: None,
                relative_gap: 1e-9,
                node_limit: None,
                time_limit_s: None,
            };
            solve.solve(&request).unwrap()
        };
        let (a, b) = (exact(&mut InProcess), exact(&mut hexad::solver::Fallback));
        assert!(
            (a.objective - b.objective).abs() < 1e-4 * a.objective.abs().max(1.0),
            "{} {}",
            a.objective,
            b.objective
        );
    }
}

#[test]
fn a_re_solve_does_not_change_its_mind_without_a_reason() {
    let case = reference(SUMMER, 0.8, 0.5);
    let first = case.plan(&mut InProcess);
    let again = plan(&case.inputs(Some(&first)), &mut InProcess);
    for (a, b) in first.assets.iter().zip(&again.assets) {
        assert_eq!(a.on.first(), b.on.first());
    }
    let twice = plan(&case.inputs(Some(&first)), &mut InProcess);
    assert_eq!(again, twice, "the same inputs give the same plan");
}
