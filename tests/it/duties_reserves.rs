//! Reserves and CO2 on small sites whose answer is known by hand, and all duties at once on random ones.

use hexad::dispatch::{GridLimit, Inputs, Plan, plan};
use hexad::forecast::{Quantiles, TimeGrid};
use hexad::site::{Class, Reason};
use hexad::solver::InProcess;
use hexad::state::Availability;
use hexad::units::{Energy, Park, Power};

use crate::checker_duties;
use crate::dispatch_park::{Case, ix};
use crate::duties::{ENGINE, NOON, PLAIN, PV, case, near, power, set, short, solved, text};
use crate::park::BATTERY;

fn islanded(case: &mut Case) {
    case.horizon.grid_available.fill(false);
}

const SPINNING: &str = "spinning reserve";

#[test]
fn spinning_reserve_is_headroom_of_what_runs_and_of_batteries() {
    let reserve = |fixed: f64, when: &str| {
        format!("{ENGINE}{BATTERY}\n[reserve]\nfixed_kw = {fixed}\nwhen = \"{when}\"\nshortfall_per_kwh = 5.0\n")
    };
    // Engine and battery can give 170 kW, the load takes 100: 70 are left, however they share it.
    for (fixed, expected) in [(60.0, 0.0), (80.0, 10.0)] {
        let mut case = case(&text(PLAIN, &reserve(fixed, "islanded")), NOON, &[0.25, 0.25]);
        assert!(solved(&case).slacks.is_empty(), "connected, the utility holds it");
        islanded(&mut case);
        near(short(&solved(&case), SPINNING, 0), expected);
    }
    // The grid counts up to its limit: 190 - 100, and the battery's 50; the engine rests.
    let always = case(&text(PLAIN, &reserve(150.0, "always")), NOON, &[0.25]);
    let plan = solved(&always);
    assert!(plan.slacks.is_empty() || plan.assets[ix(&always, "chp")].on[0], "{:?}", plan.slacks);
    let mut dear = case(&text(PLAIN, &reserve(130.0, "always")), NOON, &[0.25]);
    dear.horizon.import_price.fill(0.2);
    let plan = solved(&dear);
    assert!(plan.slacks.is_empty() && !plan.assets[ix(&dear, "chp")].on[0], "{:?}", plan.slacks);
}

#[test]
fn a_battery_is_reserve_only_as_long_as_its_energy_lasts() {
    let more = format!("{BATTERY}\n[reserve]\nfixed_kw = 45.0\nwhen = \"always\"\nshortfall_per_kwh = 5.0\n");
    let mut case = case(&text(PLAIN, &more).replace("import_max_kw = 200.0", "import_max_kw = 105.264"), NOON, &[0.25]);
    case.horizon.import_price.fill(0.2);
    let at = ix(&case, "battery");
    // 100 kW of import are planned and loaded. 10 kWh at 0.9 give 36 kW for a quarter of an hour.
    case.state.assets[at].energy = Some(Ok(10.0));
    near(short(&solved(&case), SPINNING, 0), 45.0 - 36.0);
    case.state.assets[at].energy = Some(Ok(90.0));
    assert!(solved(&case).slacks.is_empty());
}

#[test]
fn reserve_covers_what_forecasts_miss_by_their_quantiles_or_by_default() {
    let more = format!("{ENGINE}{PV}\n[reserve]\nforecast_error = true\nshortfall_per_kwh = 1.0\n");
    let mut case = case(&text(PLAIN, &more), NOON, &[0.25, 0.25]);
    islanded(&mut case);
    set(&mut case, "load", -150.0);
    set(&mut case, "pv", 50.0);
    case.horizon.quantiles.fill(Quantiles::default());
    // The engine gives 100 of its 120 kW: 20 are left. By default the sun may miss 15 and the load exceed 15.
    near(short(&solved(&case), SPINNING, 0), 10.0);
    let (pv, load) = (ix(&case, "pv"), ix(&case, "load"));
    case.horizon.quantiles[pv] = Quantiles { p10: vec![20.0; 2], p90: vec![60.0; 2] };
    case.horizon.quantiles[load] = Quantiles { p10: vec![-151.0; 2], p90: vec![-140.0; 2] };
    near(short(&solved(&case), SPINNING, 0), 30.0 + 1.0 - 20.0);
}

#[test]
fn the_loss_of_the_largest_unit_keeps_a_second_one_running() {
    let second = ENGINE.split("[[chp]]").nth(1).unwrap();
    let second = format!("[[chp]]{}", second.replace("id = \"chp\"", "id = \"chp2\"").replace("\"c\"", "\"c2\""));
    let both = format!("{ENGINE}{second}");
    let mut one = case(&text(PLAIN, &both), NOON, &[0.25, 0.25, 0.5]);
    islanded(&mut one);
    let plan = solved(&one);
    let on = |case: &Case, plan: &Plan| ["chp", "chp2"].iter().filter(|id| plan.assets[ix(case, id)].on[0]).count();
    assert_eq!(on(&one, &plan), 1);
    let more = format!("{both}\n[reserve]\nlargest_unit = true\nshortfall_per_kwh = 5.0\n");
    let mut two = case(&text(PLAIN, &more), NOON, &[0.25, 0.25, 0.5]);
    islanded(&mut two);
    let plan = solved(&two);
    assert_eq!((on(&two, &plan), plan.slacks.len()), (2, 0), "{:?}", plan.slacks);
}

fn survival(hours: f64) -> String {
    format!("\n[survival]\nhours = {hours}\nshortfall_per_kwh = 2.0\n")
}

const SURVIVAL: &str = "survival reserve: too little energy";

#[test]
fn survival_reserve_keeps_what_critical_load_needs_at_every_interval() {
    let lowest = |more: &str| {
        let mut case = case(&text(PLAIN, more), NOON, &[0.5, 0.5, 1.0, 1.0, 1.0]);
        set(&mut case, "load", -20.0);
        case.horizon.import_price = vec![1.5, 1.5, 1.5, 0.3, 0.3];
        let plan = solved(&case);
        assert!(plan.slacks.is_empty(), "{:?}", plan.slacks);
        plan.assets[ix(&case, "battery")].energy_kwh.iter().copied().fold(f64::INFINITY, f64::min)
    };
    assert!(lowest(BATTERY) < 20.0, "dear hours empty it");
    near(lowest(&format!("{BATTERY}{}", survival(2.0))), 2.0 * 20.0 / 0.9);
}

#[test]
fn a_store_already_below_what_survival_needs_is_filled_and_the_shortfall_named() {
    let mut case = case(&text(PLAIN, &format!("{BATTERY}{}", survival(2.0))), NOON, &[0.25, 1.0]);
    set(&mut case, "load", -20.0);
    let at = ix(&case, "battery");
    case.state.assets[at].energy = Some(Ok(10.0));
    let plan = solved(&case);
    // A quarter of an hour at 50 kW: (10 + 50 / 4 * 0.9) * 0.9 = 19.125 of 40 kWh.
    near(short(&plan, SURVIVAL, 0), 40.0 - 19.125);
    near(short(&plan, SURVIVAL, 1), 0.0);
    // On an island there is nothing to survive but what is.
    islanded(&mut case);
    assert!(solved(&case).slacks.iter().all(|s| !s.what.starts_with("survival")));
}

/// A battery that can hardly be charged, with `stored` kWh, beside what `more` says; what is short of two hours of 20 kW.
fn short_beside(more: &str, stored: f64, spoil: &dyn Fn(&mut Case)) -> f64 {
    let battery = BATTERY
        .replace("charge_max_kw = 50.0", "charge_max_kw = 0.001")
        .replace("discharge_max_kw = 0.001", "discharge_max_kw = 50.0");
    let mut case = case(&text(PLAIN, &format!("{battery}{more}{}", survival(2.0))), NOON, &[0.25]);
    set(&mut case, "load", -20.0);
    let at = ix(&case, "battery");
    case.state.assets[at].energy = Some(Ok(stored));
    spoil(&mut case);
    let plan = solved(&case);
    (short(&plan, SURVIVAL, 0) * 100.0).round() / 100.0
}

#[test]
fn engines_take_over_once_they_have_started_if_they_have_fuel() {
    let nothing = |_: &mut Case| {};
    // Started after 0.1 h: 2 kWh are bridged.
    near(short_beside(ENGINE, 3.0, &nothing), 0.0);
    near(short_beside(ENGINE, 1.0, &nothing), 2.0 - 0.9);
    near(short_beside(&ENGINE.replace("start_s = 360.0", "start_s = 720.0"), 1.0, &nothing), 4.0 - 0.9);
    // No gas, no engine; the same without its device.
    let out = |id: &'static str| {
        move |case: &mut Case| {
            let at = ix(case, id);
            case.state.assets[at].availability = Availability::Out(Reason::Disconnected);
        }
    };
    near(short_beside(ENGINE, 1.0, &out("gas_supply")), 40.0 - 0.9);
    near(short_beside(ENGINE, 1.0, &out("chp")), 40.0 - 0.9);
    // Gas for 37.5 kW is an engine of 15 kW: 5 kW are left to the battery for 1.9 h.
    let thin = ENGINE.replace("max_kw = 1000.0", "max_kw = 37.5");
    near(short_beside(&thin, 1.0, &nothing), 2.0 + 9.5 - 0.9);
    let genset = r#"
[[genset]]
id = "genset"
device = "g"
bus = "elec"
rated_kw = 15.0
efficiency = 0.35
efficiency_min_load = 0.3
fuel_price_per_kwh = 2.0
ramp_kw_per_s = 5.0
start_s = 360.0
commitment = { min_load = 0.3, start_cost = 500.0, min_up_min = 15, min_down_min = 15 }
"#;
    near(short_beside(genset, 1.0, &nothing), 2.0 + 9.5 - 0.9);
}

#[test]
fn critical_load_above_all_power_is_said_however_full_the_stores() {
    let mut case = case(&text(PLAIN, &format!("{BATTERY}{}", survival(0.5))), NOON, &[0.25]);
    set(&mut case, "load", -80.0);
    let at = ix(&case, "battery");
    case.state.assets[at].energy = Some(Ok(100.0));
    let plan = solved(&case);
    near(short(&plan, "survival reserve: too little power", 0), 30.0);
    near(short(&plan, SURVIVAL, 0), 15.0);
}

/// Half a kg per kWh at 0.2 per kg.
fn emitting(more: &str) -> String {
    let head = "co2_kg_per_kwh = 0.5\ntransformer_kva = 1000.0";
    let values = r"
[values]
lost_load_critical_per_kwh = 100.0
lost_load_normal_per_kwh = 40.0
lost_load_sheddable_per_kwh = 8.0
lost_heat_per_kwh = 10.0
lost_cooling_per_kwh = 10.0
surplus_per_kwh = 2.0
co2_per_kg = 0.2
";
    text(head, &format!("{more}{values}"))
}

#[test]
fn co2_is_priced_in_steps_with_what_was_emitted_today() {
    let step = "[[co2.step]]\nabove_kg_per_day = 250.0\nper_kg = 0.5\n";
    let mut case = case(&emitting(step), NOON, &[1.0; 4]);
    // 400 kWh at 0.5, 200 kg at 0.2.
    let base = 200.0 + 40.0;
    near(solved(&case).cost.unwrap(), base);
    case.state.co2_today_kg = 100.0;
    near(solved(&case).cost.unwrap(), base + 50.0 * 0.3);
    case.state.co2_today_kg = 400.0;
    let plan = solved(&case);
    near(plan.cost.unwrap(), base + 200.0 * 0.3);
    let co2 = plan.co2.unwrap();
    near(co2.horizon_kg, 200.0);
    near(co2.today_kg, 600.0);
    // The dual of one more kWh holds the step.
    near(plan.buses[0].price[0], 0.5 + 0.5 * 0.5);
}

#[test]
fn a_co2_budget_is_of_the_local_day_and_gives_way_at_its_price() {
    let rules = "[co2]\nbudget_kg_per_day = 250.0\nover_budget_per_kg = 1.0\n";
    let mut day = case(&emitting(rules), NOON, &[1.0; 4]);
    day.state.co2_today_kg = 100.0;
    let plan = solved(&day);
    let what = "CO2 of 2026-07-14: above the budget of 250 kg";
    near(short(&plan, what, 0), 50.0);
    near(plan.cost.unwrap(), 240.0 + 50.0);
    // Over it already: only what comes on top is a cost, the whole of it a conflict.
    day.state.co2_today_kg = 400.0;
    let plan = solved(&day);
    near(short(&plan, what, 0), 350.0);
    near(plan.cost.unwrap(), 240.0 + 200.0);
    // Two hours before midnight the day ends in the horizon; of what is left each day has 100 kg.
    let mut night = case(&emitting(rules), NOON + 10 * 3600, &[1.0; 4]);
    night.state.co2_today_kg = 140.0;
    let plan = solved(&night);
    assert!(plan.slacks.is_empty());
    near(plan.co2.unwrap().today_kg, 240.0);
    // Eight hours ahead of UTC it is six in the morning: one day.
    night.site.zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    near(short(&solved(&night), "CO2 of 2026-07-15: above the budget", 0), 90.0);
    // No calendar: one day.
    night.site.zone = jiff::tz::TimeZone::UTC;
    night.state.now.synchronised = false;
    near(short(&solved(&night), "CO2 of today: above the budget", 0), 90.0);
}

#[test]
fn a_budget_without_a_price_gives_way_to_lost_load_alone() {
    let flexible = r#"
[[flexible_load]]
id = "lights"
device = "l"
bus = "elec"
rated_kw = 40.0
floor = 0.5
discomfort_per_kwh = 1.6
[[load]]
id = "fans"
device = "f"
bus = "elec"
tier = "sheddable"
rated_kw = 40.0
"#;
    let mut case = case(&emitting(&format!("{flexible}[co2]\nbudget_kg_per_day = 10.0\n")), NOON, &[1.0; 2]);
    set(&mut case, "lights", -40.0);
    set(&mut case, "fans", -40.0);
    let plan = solved(&case);
    assert!(power(&case, &plan, "lights").iter().all(|kw| (kw + 20.0).abs() < 1e-6), "dimmed to the floor");
    assert!(power(&case, &plan, "fans").iter().all(|kw| (kw + 40.0).abs() < 1e-6), "not shed");
    near(short(&plan, "CO2 of", 0), 160.0 * 2.0 * 0.5 - 10.0);
    assert_eq!(plan.slacks.len(), 1);
}

/// All duties at once, in states that already break some of them: there is a plan, and it keeps its word.
#[test]
fn plans_of_random_sites_keep_every_duty_or_name_what_is_short() {
    for seed in 1..=40_u64 {
        let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut roll = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) as f64 / (1_u64 << 53) as f64
        };
        let rules = format!(
            "[reserve]\nfixed_kw = {:.1}\nload_share = {:.2}\nforecast_error = {}\nlargest_unit = {}\nwhen = \"{}\"\n\
             shortfall_per_kwh = 3.0\n[survival]\nhours = {:.2}\nshortfall_per_kwh = 2.0\n\
             [co2]\nbudget_kg_per_day = {:.0}\n[[co2.step]]\nabove_kg_per_day = {:.0}\nper_kg = 0.4\n",
            50.0 * roll(),
            0.2 * roll(),
            roll() < 0.5,
            roll() < 0.5,
            if roll() < 0.5 { "always" } else { "islanded" },
            0.2 + 3.0 * roll(),
            1500.0 * roll(),
            1000.0 * roll(),
        );
        let grid = format!(
            "transformer_kva = 210.0\nreactive_kvar = {:.0}\ncontracted_kw = {:.0}\nco2_kg_per_kwh = 0.5",
            150.0 * roll(),
            60.0 + 100.0 * roll()
        );
        let start = NOON + (86_400.0 * roll()) as i64;
        let steps: Vec<f64> = TimeGrid::new(Park::from_unix(start)).intervals.iter().map(|i| i.hours).collect();
        let mut case = case(&text(&grid, &format!("{ENGINE}{BATTERY}{PV}{rules}")), start, &steps);
        case.site.tariff.demand_window_min = [10, 15, 30, 60][(roll() * 4.0) as usize];
        case.site.tariff.demand_per_kw_month = 40.0 * roll();
        set(&mut case, "load", -150.0 * roll());
        set(&mut case, "pv", 200.0 * roll());
        if roll() < 0.4 {
            islanded(&mut case);
        }
        case.state.co2_today_kg = 1200.0 * roll();
        case.state.window.imported = Energy::from_kwh(30.0 * roll());
        case.state.window.peak = Power::from_kw(150.0 * roll());
        let battery = ix(&case, "battery");
        case.state.assets[battery].energy = Some(Ok(100.0 * roll()));
        let limit = GridLimit {
            who: "grid-company".into(),
            class: Class::GridOperator,
            import_max_kw: 200.0 * roll(),
            export_max_kw: 100.0 * roll(),
            until: case.state.now.park.plus_s(7200.0 * roll()),
        };
        let inputs = Inputs { limits: &[limit], ..case.inputs(None) };
        let made = plan(&inputs, &mut InProcess);
        assert!(made.gap.is_some(), "seed {seed}: {}", made.note);
        assert_eq!(checker_duties::faults(&inputs, &made), Vec::<String>::new(), "seed {seed}");
    }
}
