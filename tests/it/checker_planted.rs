//! The independent checker is worth something only if it sees what is wrong: one number of a valid plan, or one number of
//! the site it was made for, is changed, and it must say so.

use hexad::dispatch::{GridLimit, Inputs, Plan, PlanStatus, end_values};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::kinds::Commitment;
use hexad::site::{Class, Kind};
use hexad::solver::InProcess;
use hexad::state::Availability;
use hexad::units::Park;

use crate::properties::case::{Case, Length, draw};
use crate::properties::solve::{daemon, exact};
use crate::{checker, checker_duties, dispatch_park, park};

/// Changes one thing, or finds nothing to change.
type Spoil = fn(&mut Case, &mut Plan) -> bool;

/// How many sites each fault is planted in, if so many can bear it.
const SITES: usize = 3;

fn reference(at: i64, level: f64) -> Case {
    let made = dispatch_park::reference(at, level, 0.5);
    Case { seed: 0, site: made.site, state: made.state, horizon: made.horizon, islanded: false, limits: vec![] }
}

fn commitment(kind: &mut Kind) -> Option<&mut Commitment> {
    match kind {
        Kind::Chp(k) => Some(&mut k.commitment),
        Kind::Genset(k) => Some(&mut k.commitment),
        Kind::Boiler(k) => Some(&mut k.commitment),
        Kind::HeatPump(k) => Some(&mut k.commitment),
        Kind::Chiller(k) => Some(&mut k.commitment),
        Kind::AbsorptionChiller(k) => Some(&mut k.commitment),
        Kind::Electrolyser(k) => Some(&mut k.commitment),
        Kind::FuelCell(k) => Some(&mut k.commitment),
        _ => None,
    }
}

/// The first asset for which `change` finds something.
fn first(c: &mut Case, p: &mut Plan, mut change: impl FnMut(&mut Case, &mut Plan, usize) -> bool) -> bool {
    (0..c.site.assets.len()).any(|ix| c.state.assets[ix].availability == Availability::Available && change(c, p, ix))
}

/// A whole interval in which the principal port of `ix` is at more than `kw`.
fn busy(p: &Plan, ix: usize, kw: f64) -> Option<usize> {
    (0..whole(p)).find(|t| p.assets[ix].power_kw[0][*t].abs() > kw)
}

fn whole(p: &Plan) -> usize {
    let begin = p.grid.intervals[0].start;
    p.grid.intervals.iter().take_while(|i| i.start.seconds_since(begin) < 3.9 * 3600.0).count()
}

/// Moves one port of the first asset of a kind in an interval where it is busy.
fn port(c: &mut Case, p: &mut Plan, of: fn(&Kind) -> bool, port: usize, by: f64) -> bool {
    first(c, p, |c, p, ix| {
        let Some(t) = busy(p, ix, 2.0).filter(|_| of(&c.site.assets[ix].kind)) else { return false };
        let Some(list) = p.assets[ix].power_kw.get_mut(port) else { return false };
        list[t] += by;
        true
    })
}

/// The switches of the plan within the hours that are whole: (asset, comes on).
fn switch(c: &mut Case, p: &mut Plan, on: bool, then: fn(&mut Commitment)) -> bool {
    first(c, p, |c, p, ix| {
        let list = &p.assets[ix].on;
        let known = c.state.assets[ix].running.is_some_and(|r| list.first() == Some(&r.on));
        let switches = !list.is_empty() && known && (1..whole(p)).any(|t| list[t - 1] != on && list[t] == on);
        let Some(own) = commitment(&mut c.site.assets[ix].kind).filter(|_| switches) else { return false };
        then(own);
        true
    })
}

/// What is planted in powers, switches, energies and what is told: name, the words it must be told with, and the change.
const IN_PLANS: &[(&str, &str, Spoil)] = &[
    ("power of the grid", "balance open", |c, p| port(c, p, |k| matches!(k, Kind::Grid(_)), 0, 1.0)),
    ("power of a load", "taken outside", |c, p| port(c, p, |k| matches!(k, Kind::Load(_)), 0, 1.0)),
    ("power of a dimmable load", "taken outside", |c, p| port(c, p, |k| matches!(k, Kind::FlexibleLoad(_)), 0, -1e3)),
    ("more sun than there is", "outside [", |c, p| port(c, p, |k| matches!(k, Kind::Pv(_)), 0, 1e3)),
    ("more wind than there is", "outside [", |c, p| port(c, p, |k| matches!(k, Kind::Wind(_)), 0, 1e3)),
    ("power of a battery", "by its powers", |c, p| port(c, p, |k| matches!(k, Kind::Battery(_)), 0, 1.5)),
    ("power beyond a nameplate", "outside [", |c, p| port(c, p, |k| matches!(k, Kind::Boiler(_)), 0, 1e5)),
    ("electricity of a heat pump", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::HeatPump(_)), 1, -1.0)),
    ("gas of an engine", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::Chp(_)), 2, 1.0)),
    ("heat of an engine", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::Chp(_)), 1, 1.0)),
    ("gas of a boiler", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::Boiler(_)), 1, 1.0)),
    ("electricity of a chiller", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::Chiller(_)), 1, 1.0)),
    ("heat of an exchanger", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::HeatExchanger(_)), 1, 1.0)),
    ("hydrogen of an electrolyser", "instead of", |c, p| port(c, p, |k| matches!(k, Kind::Electrolyser(_)), 1, 1.0)),
    ("off while it gives", "while off", |c, p| {
        first(c, p, |_, p, ix| {
            let Some(t) = busy(p, ix, 2.0).filter(|t| p.assets[ix].on.get(*t) == Some(&true)) else { return false };
            p.assets[ix].on[t] = false;
            true
        })
    }),
    ("energy in store", "by its powers", |c, p| {
        first(c, p, |c, p, ix| {
            let energies = !p.assets[ix].energy_kwh.is_empty() && !matches!(c.site.assets[ix].kind, Kind::Room(_));
            if energies {
                p.assets[ix].energy_kwh[0] += 5.0 + 2e-4 * c.site.assets[ix].kind.capacity().unwrap().kwh();
            }
            energies
        })
    }),
    ("a price that is no number", "prices", |_, p| {
        p.buses[0].price[0] = f64::NAN;
        true
    }),
    ("a price too few", "prices", |_, p| p.buses[0].price.pop().is_some()),
    ("an interval too few", "wrong shape", |_, p| p.assets[0].power_kw[0].pop().is_some()),
    ("a cost that is no number", "gap or cost", |_, p| {
        p.cost = Some(f64::INFINITY);
        true
    }),
    ("slacks not told", "is not named", |_, p| {
        let some = p.slacks.iter().any(|s| s.amount > 5.0 && s.what.contains("not served"));
        p.slacks.clear();
        some
    }),
];

/// The plan stays; the site it was made for had another number.
const IN_SITES: &[(&str, &str, Spoil)] = &[
    ("minimum time on", "switched after", |c, p| switch(c, p, false, |k| k.min_up_min = 900_000)),
    ("minimum time off", "switched after", |c, p| switch(c, p, true, |k| k.min_down_min = 900_000)),
    ("starts of a day", "starts", |c, p| {
        c.state.assets.iter_mut().for_each(|a| a.today.starts = 0);
        switch(c, p, true, |k| k.starts_per_day = Some(0))
    }),
    ("minimum load", "below its minimum load", |c, p| {
        first(c, p, |c, p, ix| {
            let kind = &mut c.site.assets[ix].kind;
            let rated = kind.rated().kw();
            let Some(t) = busy(p, ix, 2.0) else { return false };
            let part = p.assets[ix].power_kw[0][t].abs() < 0.9 * rated && !matches!(kind, Kind::Electrolyser(_));
            let Some(own) = commitment(kind).filter(|_| part) else { return false };
            own.min_load = 0.95;
            true
        })
    }),
    ("ramp", "its ramp allows", |c, p| {
        first(c, p, |c, p, ix| {
            let runs = |t: usize| p.assets[ix].on.get(t) == Some(&true);
            let power = &p.assets[ix].power_kw[0];
            let moves = (1..whole(p)).any(|t| runs(t - 1) && runs(t) && (power[t] - power[t - 1]).abs() > 5.0);
            let Kind::Chp(k) = &mut c.site.assets[ix].kind else { return false };
            k.ramp_kw_per_s = 1e-5;
            moves
        })
    }),
    ("COP", "instead of", |c, p| {
        first(c, p, |c, p, ix| {
            let busy = busy(p, ix, 5.0).is_some();
            let Kind::HeatPump(k) = &mut c.site.assets[ix].kind else { return false };
            k.cop += 0.7;
            k.cop_curve.iter_mut().for_each(|x| x[1] += 0.7);
            busy
        })
    }),
    ("window of a battery", "outside [", |c, p| {
        first(c, p, |c, p, ix| {
            let most = p.assets[ix].energy_kwh.iter().copied().fold(0.0, f64::max);
            let begin = c.state.assets[ix].energy.and_then(Result::ok);
            let Kind::Battery(k) = &mut c.site.assets[ix].kind else { return false };
            let Some(begin) = begin.filter(|e| most > e + 2.0) else { return false };
            k.soc_max = (0.5 * (most + begin)) / k.capacity_kwh;
            true
        })
    }),
    ("efficiency of a battery", "by its powers", |c, p| {
        first(c, p, |c, p, ix| {
            let most = p.assets[ix].power_kw[0].iter().take(whole(p)).fold(0.0_f64, |m, v| m.min(*v));
            let Kind::Battery(k) = &mut c.site.assets[ix].kind else { return false };
            k.charge_efficiency *= 0.7;
            most < -20.0
        })
    }),
    ("curve of a battery", " kW at ", |c, p| {
        first(c, p, |c, p, ix| {
            let busy = busy(p, ix, 5.0).is_some();
            let Kind::Battery(k) = &mut c.site.assets[ix].kind else { return false };
            k.charge_curve = vec![[0.0, 0.001], [1.0, 0.001]];
            k.discharge_curve = vec![[0.0, 0.001], [1.0, 0.001]];
            busy
        })
    }),
    ("loss of a tank", "by its powers", |c, p| {
        first(c, p, |c, p, ix| {
            let stored = p.assets[ix].energy_kwh.iter().take(whole(p)).any(|e| *e > 20.0);
            let Kind::HeatTank(k) = &mut c.site.assets[ix].kind else { return false };
            k.loss_per_h += 0.3;
            stored
        })
    }),
    ("limit of import", "import above its limit", |c, p| limited(c, p, true)),
    ("limit of export", "export of", |c, p| limited(c, p, false)),
    ("grid that is not there", "not there", |c, p| {
        let Some(pcc) = c.site.pcc() else { return false };
        let Some(t) = busy(p, pcc.0, 2.0) else { return false };
        c.horizon.grid_available[t] = false;
        true
    }),
    ("stays", "draws", |c, p| {
        first(c, p, |c, p, ix| {
            let busy = busy(p, ix, 2.0).is_some();
            let Kind::EvCharger(k) = &mut c.site.assets[ix].kind else { return false };
            k.session.iter_mut().for_each(|s| s.max_kw = 0.01);
            busy && !k.session.is_empty()
        })
    }),
    ("length of a batch", "in a run of", |c, p| {
        first(c, p, |c, p, ix| {
            // A run that an end of the horizon cuts may be of any length.
            let power = &p.assets[ix].power_kw[0];
            let inside = power[0].abs() < 0.01 && power.last().is_some_and(|v| v.abs() < 0.01);
            let busy = busy(p, ix, 2.0).is_some() && inside;
            let Kind::Batch(k) = &mut c.site.assets[ix].kind else { return false };
            k.run_min = k.run_min * 4 / 3;
            busy
        })
    }),
    ("loss of a room", "by its powers", |c, p| {
        first(c, p, |c, p, ix| {
            let Kind::Room(k) = &mut c.site.assets[ix].kind else { return false };
            k.gains_kw += 5.0 * k.kwh_per_k;
            !p.assets[ix].energy_kwh.is_empty()
        })
    }),
];

fn limited(c: &mut Case, p: &mut Plan, import: bool) -> bool {
    let Some(pcc) = c.site.pcc() else { return false };
    let sign = if import { 1.0 } else { -1.0 };
    let most = p.assets[pcc.0].power_kw[0].iter().take(whole(p)).fold(0.0_f64, |m, v| m.max(sign * v));
    let (half, none) = (0.5 * most, f64::INFINITY);
    c.limits.push(GridLimit {
        who: "operator".into(),
        class: Class::GridOperator,
        import_max_kw: if import { half } else { none },
        export_max_kw: if import { none } else { half },
        until: p.grid.end().unwrap(),
    });
    most > 5.0
}

/// Valid plans: the park in summer and in winter, and random sites.
fn valid() -> Vec<(String, Case, Plan)> {
    let parks = [(dispatch_park::SUMMER, 0.8), (dispatch_park::SUMMER + 15_800_000, 0.9)];
    let parks = parks.into_iter().map(|(at, level)| (format!("park at {at}"), reference(at, level)));
    let random = (1..=120).map(|seed| (format!("seed {seed}"), draw(seed, Length::Any)));
    let mut list = Vec::new();
    for (name, case) in parks.chain(random) {
        let plan = daemon(&case, &mut InProcess);
        assert!(plan.gap.is_some(), "{name}: {}", plan.note);
        assert_eq!(checker::faults(&case.inputs(), &plan, 4.0), Vec::<String>::new(), "{name}");
        list.push((name, case, plan));
    }
    list
}

#[test]
fn the_checker_reports_every_planted_fault_in_the_words_it_is_meant_for() {
    let valid = valid();
    let mut missed = Vec::new();
    for (what, words, spoil) in IN_PLANS.iter().chain(IN_SITES) {
        let mut planted = 0;
        for (name, case, plan) in &valid {
            let (mut case, mut plan) = (case.clone(), plan.clone());
            if planted == SITES || !spoil(&mut case, &mut plan) {
                continue;
            }
            planted += 1;
            let found = checker::faults(&case.inputs(), &plan, 4.0);
            if !found.iter().any(|f| f.contains(words)) {
                missed.push(format!("{what} in {name}: {found:?}"));
            }
        }
        println!("{what}: {planted}");
        if planted == 0 {
            missed.push(format!("{what}: nowhere to plant it"));
        }
    }
    assert!(missed.is_empty(), "{} missed\n{}", missed.len(), missed.join("\n"));
}

/// What costs otherwise than told.
const IN_MONEY: &[(&str, Spoil)] = &[
    ("the cost itself", |_, p| {
        p.cost = p.cost.map(|c| c + 1.0);
        true
    }),
    ("price of import", |c, p| {
        c.horizon.import_price.iter_mut().for_each(|v| *v += 0.1);
        c.site.pcc().is_some_and(|g| !c.islanded && p.assets[g.0].power_kw[0].iter().sum::<f64>() > 50.0)
    }),
    ("price of gas", |c, p| {
        first(c, p, |c, p, ix| {
            let busy = busy(p, ix, 20.0).is_some();
            let Kind::GasSupply(k) = &mut c.site.assets[ix].kind else { return false };
            k.price_per_kwh += 0.1;
            busy
        })
    }),
    ("price of CO2", |c, p| {
        c.site.values.co2_per_kg += 0.2;
        let burns = |ix: usize| matches!(c.site.assets[ix].kind, Kind::GasSupply(_));
        (0..p.assets.len()).any(|ix| burns(ix) && busy(p, ix, 20.0).is_some())
    }),
    ("cost of a start", |c, p| {
        switch(c, p, true, |k| {
            k.start_cost += 5.0;
            k.long_rest.iter_mut().for_each(|r| r.start_cost += 5.0);
        })
    }),
    ("wear of a battery", |c, p| {
        first(c, p, |c, p, ix| {
            let most = p.assets[ix].power_kw[0].iter().copied().fold(0.0, f64::max);
            let Kind::Battery(k) = &mut c.site.assets[ix].kind else { return false };
            k.wear_per_kwh += 0.3;
            most > 10.0
        })
    }),
    ("price of a new peak", |c, p| {
        c.site.tariff.demand_per_kw_month += 500.0;
        let above = c.state.window.peak.kw() + 50.0;
        c.site.pcc().is_some_and(|g| !c.islanded && p.assets[g.0].power_kw[0].iter().skip(1).any(|v| *v > 2.0 * above))
    }),
    ("value of what is not served", |c, p| {
        c.site.values.lost_load_critical_per_kwh *= 2.0;
        p.slacks.iter().any(|s| s.amount > 5.0 && s.what.contains("critical"))
    }),
];

#[test]
fn the_checkers_account_tells_every_planted_difference_of_money() {
    let told = |case: &Case, plan: &Plan| {
        let audit = checker::audit(&case.inputs(), plan, f64::INFINITY, &end_values(&case.inputs()));
        let scale: f64 = audit.cost.values().map(|v| v.abs()).sum();
        let whole = audit.faults.is_empty() && !audit.cost.contains_key("not accounted");
        ((audit.total() - plan.cost.unwrap()).abs() < 0.02 + 1e-4 * scale, whole)
    };
    let mut planted = [0; IN_MONEY.len()];
    let mut missed = Vec::new();
    for seed in 1..=40 {
        let case = draw(seed, Length::Short);
        let plan = exact(&case).unwrap().plan;
        if plan.status != PlanStatus::Optimal || told(&case, &plan) != (true, true) {
            continue;
        }
        for ((what, spoil), count) in IN_MONEY.iter().zip(&mut planted) {
            let values = end_values(&case.inputs());
            let (mut case, mut plan) = (case.clone(), plan.clone());
            if *count == SITES || !spoil(&mut case, &mut plan) {
                continue;
            }
            *count += 1;
            let audit = checker::audit(&case.inputs(), &plan, f64::INFINITY, &values);
            let scale: f64 = audit.cost.values().map(|v| v.abs()).sum();
            if (audit.total() - plan.cost.unwrap()).abs() < 0.02 + 1e-4 * scale && audit.faults.is_empty() {
                missed.push(format!("{what}, seed {seed}"));
            }
        }
    }
    println!("{planted:?}");
    assert!(missed.is_empty(), "{missed:?}");
    assert!(planted.iter().filter(|n| **n > 0).count() >= 7, "{planted:?}");
}

/// Of the duties: a contract, a budget of CO2, and a grid that is not there.
#[test]
fn the_checker_of_duties_reports_every_duty_made_harder_than_it_was() {
    let mut site = park::reference();
    site.reserve = None;
    let state = park::state(&site, Park::from_unix(dispatch_park::SUMMER), 0.4, 0.4, 0.5);
    let horizon = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    let case = Case { seed: 0, site, state, horizon, islanded: false, limits: vec![] };
    let plan = daemon(&case, &mut InProcess);
    let found = |spoil: &dyn Fn(&mut Case)| {
        let mut case = case.clone();
        spoil(&mut case);
        let inputs: Inputs<'_> = case.inputs();
        checker_duties::faults(&inputs, &plan)
    };
    let says =
        |faults: Vec<String>, words: &str| assert!(faults.iter().any(|f| f.contains(words)), "{words}: {faults:?}");
    assert_eq!(found(&|_| {}), Vec::<String>::new());
    let pcc = case.site.pcc().unwrap().0;
    says(
        found(&|c| {
            let Kind::Grid(k) = &mut c.site.assets[pcc].kind else { unreachable!() };
            (k.contracted_kw, k.over_contract_per_kw_month) = (Some(1.0), None);
        }),
        "above 1 +",
    );
    says(found(&|c| c.site.co2.budget_kg_per_day = Some(1.0)), "kg today above");
    says(found(&|c| c.horizon.grid_available.fill(false)), "over an open PCC");
}
