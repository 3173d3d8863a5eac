//! Whatever comes in, a plan comes out: inputs spoilt at random, and a solver that fails in every way it can.
// Deadlines are what is measured here.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hexad::app::SolverChild;
use hexad::dispatch::{GridLimit, Inputs, Plan, Request, Solution, Solve, SolveError, SolveStatus, plan};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Reason;
use hexad::solver::InProcess;
use hexad::state::{Availability, Running};
use hexad::units::{Energy, Park, Power};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::dispatch_park::{Case, SUMMER, reference, typical};
use crate::explain::{self, prices_are_sane};
use crate::{park, soak};

/// Seeded: a failure names its case.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            dice.roll();
        }
        dice
    }
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
    fn one_in(&mut self, n: u32) -> bool {
        self.roll() * f64::from(n) < 1.0
    }
    fn below(&mut self, n: usize) -> usize {
        ((self.roll() * n as f64) as usize).min(n.saturating_sub(1))
    }
    /// A number that should not be there.
    fn bad(&mut self) -> f64 {
        let list =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e12, -1e9, -50.0, 0.0, f64::MIN_POSITIVE];
        list[self.below(list.len())]
    }
    fn spoil(&mut self, list: &mut Vec<f64>) {
        match self.below(4) {
            0 => list.clear(),
            1 => list.truncate(self.below(list.len() + 1)),
            2 => list.fill(self.bad()),
            _ => {
                for _ in 0..3 {
                    if !list.is_empty() {
                        let at = self.below(list.len());
                        list[at] = self.bad();
                    }
                }
            }
        }
    }
}

fn sound(dice: &mut Dice) -> Case {
    let at = SUMMER + (dice.roll() * 86400.0 * 150.0) as i64;
    if dice.one_in(12) {
        return reference(at, 0.2 + 0.9 * dice.roll(), dice.roll());
    }
    let site = park::site(explain::SITE);
    let state = park::state(&site, Park::from_unix(at), 0.5 * dice.roll(), 0.4, dice.roll());
    let horizon = typical(&site, &state, TimeGrid::new(state.now.park), dice.roll());
    Case { site, state, horizon }
}

fn spoil_horizon(dice: &mut Dice, case: &mut Case) {
    let h = &mut case.horizon;
    for list in &mut h.assets {
        if dice.one_in(4) {
            dice.spoil(list);
        }
    }
    for list in [&mut h.import_price, &mut h.export_price, &mut h.co2_kg_per_kwh] {
        if dice.one_in(4) {
            dice.spoil(list);
        }
    }
    if dice.one_in(6) {
        h.assets.truncate(dice.below(h.assets.len() + 1));
    }
    if dice.one_in(6) {
        h.quantiles.truncate(dice.below(h.quantiles.len() + 1));
        h.quantiles.iter_mut().for_each(|q| q.p10 = vec![f64::NAN; 3]);
    }
    if dice.one_in(6) {
        h.outdoor_c = Some(vec![dice.bad(); 2]);
    }
    if dice.one_in(4) {
        h.grid_available = (0..dice.below(50)).map(|_| dice.one_in(2)).collect();
    }
    match dice.below(24) {
        0 | 1 => h.grid.intervals.clear(),
        2 => h.grid.intervals.truncate(1),
        3 => {
            let at = dice.below(h.grid.intervals.len());
            h.grid.intervals[at].hours = dice.bad();
        }
        4 => h.grid.intervals.reverse(),
        // A clock that jumped: what was foreseen is of another time.
        5 | 6 => case.state.now.park = case.state.now.park.plus_s((dice.roll() - 0.5) * 4e5),
        7 => case.state.now.park = Park::from_unix(if dice.one_in(2) { i64::MAX } else { i64::MIN }),
        _ => {}
    }
}

fn spoil_state(dice: &mut Dice, case: &mut Case) {
    let now = case.state.now.park;
    let number = |dice: &mut Dice, of: f64| if dice.one_in(3) { dice.bad() } else { of * (3.0 * dice.roll() - 1.0) };
    for (asset, own) in case.site.assets.iter().zip(&mut case.state.assets) {
        let rated = asset.kind.rated().kw();
        if dice.one_in(5) {
            own.availability = Availability::Out(Reason::DeviceTimeout);
        }
        for port in &mut own.ports {
            if dice.one_in(6) {
                port.measured = if dice.one_in(2) { Err(Reason::Stale) } else { Ok(number(dice, rated)) };
                port.power = Power::from_kw(number(dice, rated));
            }
        }
        if dice.one_in(4) {
            own.energy = own.energy.map(|_| Ok(number(dice, asset.kind.capacity().map_or(1.0, |c| c.kwh()))));
        }
        // Capacities turned round, or none at all.
        if dice.one_in(4) {
            own.min = Power::from_kw(number(dice, rated));
            own.max = Power::from_kw(number(dice, rated));
        }
        if own.running.is_some() && dice.one_in(2) {
            let since = now.plus_s((dice.roll() - 0.8) * 10_000.0);
            own.running = (!dice.one_in(5)).then_some(Running { on: dice.one_in(2), since, starts: 7 });
        }
        if dice.one_in(8) {
            own.potential = Some(Ok(dice.bad()));
        }
        own.today.energy = Energy::from_kwh(if dice.one_in(8) { dice.bad() } else { 0.0 });
    }
    let w = &mut case.state.window;
    if dice.one_in(4) {
        w.peak = Power::from_kw(dice.bad());
        w.imported = Energy::from_kwh(dice.bad());
        w.unmeasured_s = dice.bad();
        w.start = now.plus_s((dice.roll() - 0.5) * 1e7);
    }
    case.state.co2_today_kg = if dice.one_in(6) { dice.bad() } else { 0.0 };
    case.state.now.synchronised = !dice.one_in(6);
    if dice.one_in(40) {
        case.state.assets.pop();
    }
    if dice.one_in(40) {
        case.state.assets[0].ports.clear();
    }
}

fn limits(dice: &mut Dice, now: Park) -> Vec<GridLimit> {
    let number = |dice: &mut Dice| if dice.one_in(3) { dice.bad() } else { 800.0 * (dice.roll() - 0.3) };
    let count = dice.below(4);
    (0..count)
        .map(|_| GridLimit {
            who: "someone".to_owned(),
            class: hexad::site::Class::GridOperator,
            import_max_kw: number(dice),
            export_max_kw: number(dice),
            until: now.plus_s((dice.roll() - 0.2) * 20_000.0),
        })
        .collect()
}

/// A solver that works in half of the cases and else fails in one of its many ways.
struct Moody<'a>(&'a mut Dice);

impl Solve for Moody<'_> {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        let dice = &mut *self.0;
        let (n, m) = (request.problem.columns.len(), request.problem.rows.len());
        let junk = |x: Vec<f64>, duals: Vec<f64>| {
            Ok(Solution { status: SolveStatus::Optimal, x, duals, objective: f64::NAN, bound: f64::NAN })
        };
        match dice.below(24) {
            0 => Err(SolveError::Deadline),
            1 => Err(SolveError::Infeasible),
            2 => Err(SolveError::Unbounded),
            3 => Err(SolveError::NoIncumbent),
            4 => Err(SolveError::Failed("the solver's process broke off: killed".to_owned())),
            5 => Err(SolveError::Malformed("torn".to_owned())),
            6 => junk(vec![], vec![]),
            7 => junk(vec![0.0; n], vec![0.0; m]),
            8 => junk((0..n).map(|_| dice.bad()).collect(), vec![0.0; m]),
            9 => junk((0..n).map(|_| 1e3 * dice.roll()).collect(), (0..m).map(|_| dice.bad()).collect()),
            10 => InProcess.solve(request).map(|s| Solution { duals: vec![], bound: dice.bad(), ..s }),
            11 => InProcess.solve(request).map(|s| Solution { duals: s.duals.iter().map(|d| 1e9 * d).collect(), ..s }),
            _ => InProcess.solve(request),
        }
    }
}

/// Everything that makes a plan unfit to be followed, told without the formulation's help.
fn unfit(input: &Inputs<'_>, plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    let (site, n) = (input.site, plan.grid.intervals.len());
    if n == 0 || plan.grid.intervals.iter().any(|i| !i.hours.is_finite() || i.hours <= 0.0) {
        out.push("no steps".to_owned());
    }
    // At the ends of the calendar there is no later.
    if plan.interval_at(input.state.now.park).is_none() && input.state.now.park < Park::from_unix(i64::MAX) {
        out.push("it says nothing of now".to_owned());
    }
    if plan.assets.len() != site.assets.len() || plan.buses.len() != site.buses.len() {
        return vec!["it is of another site".to_owned()];
    }
    for (asset, p) in site.assets.iter().zip(&plan.assets) {
        let rows = [&p.potential_kw, &p.energy_kwh, &p.stored_value];
        let shape = p.power_kw.len() == asset.ports.len()
            && p.power_kw.iter().all(|v| v.len() == n)
            && rows.iter().all(|v| v.is_empty() || v.len() == n)
            && (p.on.is_empty() || p.on.len() == n);
        if !shape {
            out.push(format!("{}: shape", asset.id));
            return out;
        }
        if p.power_kw.iter().chain(rows).flatten().any(|v| !v.is_finite()) {
            out.push(format!("{}: not finite", asset.id));
        }
    }
    for (b, bus) in site.buses.iter().enumerate() {
        if plan.buses[b].price.len() != n {
            out.push(format!("{}: shape of prices", bus.id));
        }
        for t in 0..n {
            let ports = site.assets.iter().zip(&plan.assets).flat_map(|(a, p)| a.ports.iter().zip(&p.power_kw));
            let sum: f64 = ports.filter(|(port, _)| port.bus.0 == b).map(|(_, v)| v[t]).sum();
            let at_bus = |what: &str| {
                what.starts_with(&format!("bus {}:", bus.id))
                    || site.assets.iter().any(|a| {
                        what == format!("{}: not served", a.id) && a.ports.first().is_some_and(|p| p.bus.0 == b)
                    })
            };
            let slacks = plan.slacks.iter().filter(|s| s.interval == t && at_bus(&s.what));
            let admitted: f64 = slacks.map(|s| s.amount).sum();
            if sum.abs() > 0.1 + admitted * (1.0 + 1e-6) {
                out.push(format!("{} {t}: open by {sum:.3} kW, {admitted:.3} admitted", bus.id));
                return out;
            }
        }
    }
    if let Err(text) = prices_are_sane(input, plan) {
        out.push(text);
    }
    let told = plan.conflicts.len() <= 20 && plan.binding.len() <= 12;
    let finite = plan
        .conflicts
        .iter()
        .flat_map(|c| &c.because)
        .chain(&plan.binding)
        .all(|b| b.at.is_finite() && b.worth.is_none_or(f64::is_finite) && b.from < b.to && b.to <= n);
    if !told || !finite {
        out.push("its reasons".to_owned());
    }
    if matches!(plan.status.name(), "shifted" | "rules") && !plan.note.starts_with("solver: ") {
        out.push("a fallback that does not say why".to_owned());
    }
    if plan.gap.is_some() != plan.bound.is_some() || plan.gap.is_some_and(|g| !(g.is_finite() && g >= 0.0)) {
        out.push(format!("gap {:?} bound {:?}", plan.gap, plan.bound));
    }
    out
}

#[test]
fn f45_whatever_comes_in_a_plan_or_a_named_fallback_comes_out() {
    let cases = soak::cases(300);
    let mut ended: BTreeMap<String, u64> = BTreeMap::new();
    let (mut noted, mut with_conflicts, mut longest_ms) = (0_u64, 0_u64, 0.0_f64);
    let mut last: Option<Plan> = None;
    for seed in 1..=cases {
        let mut dice = Dice::new(seed);
        let mut case = sound(&mut dice);
        if !dice.one_in(8) {
            spoil_horizon(&mut dice, &mut case);
        }
        if !dice.one_in(8) {
            spoil_state(&mut dice, &mut case);
        }
        let limits = limits(&mut dice, case.state.now.park);
        // The last plan may be of another site, of the future, or long expired.
        let inputs = Inputs { limits: &limits, islanded: dice.one_in(4), id: seed, ..case.inputs(last.as_ref()) };
        let started = Instant::now();
        let made = plan(&inputs, &mut Moody(&mut dice));
        longest_ms = longest_ms.max(started.elapsed().as_secs_f64() * 1e3);
        assert_eq!(unfit(&inputs, &made), Vec::<String>::new(), "seed {seed}: {} {}", made.status.name(), made.note);
        *ended.entry(made.status.name().to_owned()).or_default() += 1;
        noted += u64::from(!made.note.is_empty());
        with_conflicts += u64::from(!made.conflicts.is_empty());
        if dice.one_in(3) {
            last = None;
        } else if !dice.one_in(4) {
            last = Some(made);
        }
        if let Some(l) = &mut last {
            // As if it had been made a moment before the next case.
            l.made_at = Park::from_unix(0);
            l.valid_until = Park::from_unix(if dice.one_in(2) { 4_000_000_000 } else { 0 });
        }
    }
    let all: u64 = ended.values().sum();
    assert_eq!(all, cases);
    for status in ["optimal", "shifted", "rules"] {
        assert!(cases < 300 || ended.contains_key(status), "{status} is never reached: {ended:?}");
    }
    let found = serde_json::json!({
        "cases": cases, "ended": ended, "with_a_note": noted, "with_conflicts": with_conflicts, "longest_ms": longest_ms,
    });
    soak::report("dispatch_bad_inputs", found);
}

fn exe() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_hexad"))
}

fn small() -> Case {
    let site = park::site(explain::SITE);
    let state = park::state(&site, Park::from_unix(SUMMER), 0.3, 0.0, 0.5);
    let horizon = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    Case { site, state, horizon }
}

/// What serves while the child does not: the last plan, and rules where there is none.
fn falls_back(case: &Case, last: &Plan, child: &mut SolverChild, why: &str) {
    for (last, status) in [(Some(last), "shifted"), (None, "rules")] {
        let inputs = case.inputs(last);
        let made = plan(&inputs, child);
        assert_eq!(made.status.name(), status, "{}", made.note);
        assert!(made.note.contains(why), "{why}: {}", made.note);
        assert_eq!(unfit(&inputs, &made), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn f43_a_killed_child_costs_one_plan_and_the_next_is_solved() {
    let case = small();
    let mut child = SolverChild::new(exe(), Duration::from_secs(20));
    let first = plan(&case.inputs(None), &mut child);
    assert_eq!(first.status.name(), "optimal", "{}", first.note);
    kill(Pid::from_raw(child.pid().unwrap() as i32), Signal::SIGKILL).unwrap();
    let second = plan(&case.inputs(Some(&first)), &mut child);
    assert_eq!(second.status.name(), "shifted", "{}", second.note);
    assert!(second.note.contains("solver's process broke off"), "{}", second.note);
    assert_eq!(plan(&case.inputs(Some(&second)), &mut child).status.name(), "optimal");
}

#[test]
fn f44_a_hanging_child_is_given_up_at_the_deadline_fallback_and_all() {
    let case = small();
    let deadline = Duration::from_secs(2);
    let mut child = SolverChild::new(exe(), deadline);
    let mut generous = SolverChild::new(exe(), Duration::from_secs(20));
    let first = plan(&case.inputs(None), &mut generous);
    for (last, status) in [(Some(&first), "shifted"), (None, "rules")] {
        // Spawns the child, whatever becomes of the solve on a busy machine.
        let _ = plan(&case.inputs(None), &mut child);
        while child.pid().is_none() {
            let _ = plan(&case.inputs(None), &mut child);
        }
        kill(Pid::from_raw(child.pid().unwrap() as i32), Signal::SIGSTOP).unwrap();
        let started = Instant::now();
        let made = plan(&case.inputs(last), &mut child);
        let took = started.elapsed();
        assert_eq!(made.status.name(), status, "{}", made.note);
        assert!(made.note.contains("deadline passed"), "{}", made.note);
        assert!(took >= deadline && took < deadline + Duration::from_secs(2), "{took:?}");
    }
}

#[test]
fn f43_a_child_that_talks_garbage_or_ends_at_once_is_named_and_replaced_by_a_fallback() {
    let case = small();
    let mut good = SolverChild::new(exe(), Duration::from_secs(20));
    let last = plan(&case.inputs(None), &mut good);
    // `echo` answers with what it is called with, `true` with nothing; neither reads its input.
    for program in ["/bin/echo", "/bin/true"] {
        let mut child = SolverChild::new(PathBuf::from(program), Duration::from_secs(20));
        falls_back(&case, &last, &mut child, "solver: solver failed");
    }
    let mut child = SolverChild::new(PathBuf::from("/nonexistent/hexad"), Duration::from_secs(20));
    falls_back(&case, &last, &mut child, "cannot start /nonexistent/hexad");
}

#[test]
fn f45_a_horizon_without_steps_is_replaced_by_the_usual_one() {
    let mut case = small();
    case.horizon.grid.intervals.clear();
    let made = case.plan(&mut InProcess);
    assert_eq!(made.status.name(), "optimal", "{}", made.note);
    assert!(made.note.contains("the horizon does not reach from now on"), "{}", made.note);
    assert!(made.grid.hours() >= 24.0);
    let load = case.site.asset("load").unwrap().0;
    assert!(made.assets[load].power_kw[0].iter().all(|kw| (kw + 900.0).abs() < 1e-6), "nothing known: nameplate");
    assert_eq!(unfit(&case.inputs(None), &made), Vec::<String>::new());
}
