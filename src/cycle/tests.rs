//! Proposals through whole cycles: the sample's devices do at once what they are told and acknowledge it.

use std::sync::Arc;
use std::time::Duration;

use super::{Inputs, Memory, step};
use crate::site::sample::{BATTERY, GRID, LOAD, PV, frames, now, site};
use crate::site::{
    AlarmKind, Answer, Ask, AssetIx, Cause, Class, Done, Limiter, Link, Order, Outcome, Point, ProposalId, Reason,
    Refusal, STANDING_MAX, Site,
};
use crate::snapshot::Snapshot;
use crate::state::Availability;

struct Bench {
    site: Site,
    memory: Memory,
    seconds: f64,
    battery_kw: f64,
    load_kw: f64,
    applied: Option<u64>,
    battery_up: bool,
    refused: Option<(Point, Reason)>,
}

impl Bench {
    /// Past the time in which a restart holds what stands: by rules, without a plan.
    fn new() -> Self {
        let mut bench = Self {
            site: site(),
            memory: Memory::default(),
            seconds: 0.0,
            battery_kw: 0.0,
            load_kw: -150.0,
            applied: None,
            battery_up: true,
            refused: None,
        };
        bench.cycle(vec![]);
        bench.seconds = 100.0;
        bench.cycle(vec![]);
        bench
    }

    fn cycle(&mut self, orders: Vec<Order>) -> Snapshot {
        self.seconds += 1.0;
        let at = now(self.seconds);
        let mut powers = [0.0; 4];
        (powers[LOAD], powers[PV], powers[BATTERY]) = (self.load_kw, 50.0, self.battery_kw);
        powers[GRID] = -powers.iter().sum::<f64>();
        let mut frames = frames(at, powers, 50.0);
        let pcs = Arc::make_mut(&mut frames[BATTERY]);
        pcs.write.applied_cycle = self.applied;
        pcs.write.refused = self.refused;
        if !self.battery_up {
            pcs.link = Link::Down(Reason::DeviceTimeout);
        }
        let seen = step(&mut self.memory, &self.site, Inputs { now: at, frames, plan: None, orders, reports: vec![] });
        let told = seen.setpoints.iter().find(|s| s.asset.0 == BATTERY);
        if let Some(told) = told.filter(|_| self.refused.is_none()) {
            self.battery_kw = told.target(Point::WSet).expect("WSet");
            self.applied = Some(told.cycle);
        }
        seen
    }

    fn run(&mut self, cycles: u32) -> Snapshot {
        (1..cycles).for_each(|_| drop(self.cycle(vec![])));
        self.cycle(vec![])
    }

    fn submit(&mut self, ask: Ask) -> ProposalId {
        match self.answer(Order::Submit(ask)) {
            Ok(Done::Proposal(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, order: Order) -> Answer {
        self.cycle(vec![order]).proposals.answers[0]
    }
}

fn ask(class: Class, identity: &str, asset: usize, lease_s: u64) -> Ask {
    Ask {
        key: "k".into(),
        class,
        identity: identity.into(),
        asset: AssetIx(asset),
        min_kw: None,
        max_kw: None,
        preferred_kw: None,
        on: None,
        lease: Duration::from_secs(lease_s),
        reason: "test".into(),
    }
}

fn charge(class: Class, identity: &str, lease_s: u64) -> Ask {
    Ask { preferred_kw: Some(-50.0), ..ask(class, identity, BATTERY, lease_s) }
}

fn import_limit(kw: f64, lease_s: u64) -> Ask {
    Ask { max_kw: Some(kw), ..ask(Class::GridOperator, "dso", GRID, lease_s) }
}

fn outcome(seen: &Snapshot, id: ProposalId) -> Outcome {
    seen.proposals.standing.iter().find(|s| s.proposal.id == id).expect("shown").outcome.clone()
}

fn told(seen: &Snapshot) -> (f64, Cause, Option<Limiter>) {
    let s = seen.setpoints.iter().find(|s| s.asset.0 == BATTERY).expect("told");
    (s.target(Point::WSet).expect("WSet"), s.cause, s.limited_by)
}

#[test]
fn a_proposal_is_ramped_applied_and_ended_by_its_lease() {
    let mut bench = Bench::new();
    bench.battery_kw = 30.0;
    let id = bench.submit(charge(Class::Operator, "anna", 10));
    let mut seen = vec![];
    let mut last = bench.cycle(vec![]);
    for _ in 0..11 {
        seen.extend(last.proposals.changed.iter().map(|(_, o)| o.name()));
        last = bench.cycle(vec![]);
        if outcome(&last, id) == Outcome::Applied {
            assert_eq!(told(&last), (-50.0, Cause::Proposal(id), None));
        }
    }
    assert_eq!(seen.last(), Some(&"expired"), "{seen:?}");
    assert!(seen.contains(&"applied"), "{seen:?}");
    assert_eq!(outcome(&last, id), Outcome::Expired);
    assert!(!matches!(told(&last).1, Cause::Proposal(_)), "nothing of it stands");
    let after = bench.run(70);
    assert!(after.proposals.standing.is_empty(), "what has ended is shown for a minute");
}

#[test]
fn a_grid_limit_moves_an_operators_battery_and_both_end_in_their_order() {
    let mut bench = Bench::new();
    let operator = bench.submit(charge(Class::Operator, "anna", 40));
    let calm = bench.run(4);
    assert_eq!((outcome(&calm, operator), told(&calm).0), (Outcome::Applied, -50.0));
    assert!((calm.proposals.pcc.expect("a PCC").high.kw - 400.0).abs() < 1e-9);

    let grid = bench.submit(import_limit(100.0, 15));
    let limited = bench.run(5);
    let (kw, cause, by) = told(&limited);
    assert!((kw - 5.0).abs() < 1.0, "150 kW of load, 50 of sun and 95 of import leave 5 to discharge: {kw}");
    assert_eq!((cause, by), (Cause::Balance, Some(Limiter::Proposal(grid))), "the setpoint names who limited it");
    assert_eq!(outcome(&limited, grid), Outcome::Applied);
    let Outcome::LimitedBy { by, wanted_kw, given_kw } = outcome(&limited, operator) else {
        panic!("{:?}", outcome(&limited, operator));
    };
    assert_eq!((by, wanted_kw), (Limiter::Proposal(grid), Some(-50.0)));
    assert!((given_kw.expect("known") - kw).abs() < 1.0);
    assert_eq!(limited.proposals.pcc.expect("a PCC").high.by, Limiter::Proposal(grid));

    let freed = bench.run(13);
    assert_eq!(outcome(&freed, grid), Outcome::Expired);
    assert_eq!((outcome(&freed, operator), told(&freed).0), (Outcome::Applied, -50.0));
    let over = bench.run(30);
    assert_eq!(outcome(&over, operator), Outcome::Expired);
}

#[test]
fn what_outranks_the_grid_limit_does_not_yield_to_it() {
    let mut bench = Bench::new();
    let safety = bench.submit(charge(Class::Safety, "fire", 60));
    let grid = bench.submit(import_limit(140.0, 60));
    bench.load_kw = -90.0;
    let seen = bench.run(6);
    assert_eq!((outcome(&seen, safety), told(&seen).0), (Outcome::Applied, -50.0));
    assert_eq!(outcome(&seen, grid), Outcome::Applied);
    bench.load_kw = -250.0;
    let seen = bench.run(6);
    assert_eq!((outcome(&seen, safety), told(&seen).0), (Outcome::Applied, -50.0));
    assert!(matches!(outcome(&seen, grid), Outcome::LimitedBy { by: Limiter::Pcc, .. }), "not kept, and said so");
}

#[test]
fn the_limit_of_the_site_itself_is_kept_against_every_proposal() {
    let mut bench = Bench::new();
    let id = bench.submit(Ask { preferred_kw: Some(-100.0), ..charge(Class::Protection, "relay", 60) });
    bench.load_kw = -400.0;
    let seen = bench.run(8);
    assert!(told(&seen).0 > -100.0, "{:?}", told(&seen));
    assert!(matches!(outcome(&seen, id), Outcome::LimitedBy { by: Limiter::Pcc, .. }), "{:?}", outcome(&seen, id));
}

#[test]
fn the_rating_limits_what_is_asked_for_and_is_named() {
    let mut bench = Bench::new();
    let id = bench.submit(Ask { preferred_kw: Some(-900.0), ..charge(Class::Operator, "anna", 60) });
    let seen = bench.run(6);
    assert_eq!(told(&seen).0, -100.0);
    let Outcome::LimitedBy { by, wanted_kw, given_kw } = outcome(&seen, id) else { panic!("{seen:?}") };
    assert!(matches!(by, Limiter::Rating | Limiter::Device), "{by:?}");
    assert_eq!((wanted_kw, given_kw), (Some(-900.0), Some(-100.0)));
}

#[test]
fn a_device_that_does_not_answer_is_said_and_comes_back() {
    let mut bench = Bench::new();
    let id = bench.submit(charge(Class::Operator, "anna", 60));
    bench.battery_up = false;
    let seen = bench.run(3);
    assert!(matches!(outcome(&seen, id), Outcome::LimitedBy { by: Limiter::Unavailable, .. }));
    bench.battery_up = true;
    bench.run(5);
    assert_eq!(outcome(&bench.run(3), id), Outcome::Applied);
}

#[test]
fn f02_a_value_the_device_refuses_is_not_applied_and_the_refusal_is_named() {
    let mut bench = Bench::new();
    bench.refused = Some((Point::WSet, Reason::OutOfRange));
    let id = bench.submit(charge(Class::Operator, "anna", 60));
    for _ in 0..5 {
        let seen = bench.cycle(vec![]);
        assert_ne!(outcome(&seen, id), Outcome::Applied);
    }
    let seen = bench.cycle(vec![]);
    let by = Limiter::Refused(Reason::OutOfRange);
    assert_eq!(outcome(&seen, id), Outcome::LimitedBy { by, wanted_kw: Some(-50.0), given_kw: None });
    assert!(seen.alarms.iter().any(|a| a.kind == AlarmKind::WriteRefused && a.text.contains("out_of_range")));
    assert!(!seen.health.good() && !seen.health.unverified.is_empty());
    assert_eq!(seen.state.assets[BATTERY].availability, Availability::Available, "the next value may be taken");
    bench.refused = None;
    assert_eq!(outcome(&bench.run(4), id), Outcome::Applied);
}

#[test]
fn f02_an_old_refusal_is_no_answer_to_a_new_wish() {
    let mut bench = Bench::new();
    bench.refused = Some((Point::WSet, Reason::OutOfRange));
    bench.run(3);
    let id = bench.submit(charge(Class::Operator, "anna", 60));
    let mut seen = bench.cycle(vec![]);
    while told(&seen).0 > -50.0 {
        assert!(!matches!(outcome(&seen, id), Outcome::LimitedBy { by: Limiter::Refused(_), .. }));
        seen = bench.cycle(vec![]);
    }
    assert_eq!((told(&seen).0, outcome(&seen, id)), (-50.0, Outcome::Accepted), "told, and not yet answered");
    assert!(matches!(outcome(&bench.run(2), id), Outcome::LimitedBy { by: Limiter::Refused(_), .. }));
}

#[test]
fn f03_f05_a_device_that_fails_its_writes_leaves_the_dispatch_and_is_given_another_chance_each_minute() {
    let failing = [
        (Point::WSet, Reason::DeviceFailure),
        (Point::WSet, Reason::IllegalAddress),
        (Point::WSet, Reason::DeviceTimeout),
        (Point::RvrtTms, Reason::OutOfRange),
    ];
    for refused in failing {
        let mut bench = Bench::new();
        let id = bench.submit(charge(Class::Operator, "anna", 600));
        assert_eq!(outcome(&bench.run(3), id), Outcome::Applied);
        bench.refused = Some(refused);
        let seen = bench.run(2);
        assert_eq!(seen.state.assets[BATTERY].availability, Availability::Out(refused.1));
        assert_eq!(told(&seen), (0.0, Cause::Unknown, None), "what cannot be steered is given its safe value");
        let Outcome::LimitedBy { by, .. } = outcome(&seen, id) else { panic!("{:?}", outcome(&seen, id)) };
        assert_eq!(by, Limiter::Refused(refused.1));
        let alarm = seen.alarms.iter().find(|a| a.kind == AlarmKind::WriteRefused && a.subject == "battery");
        assert!(alarm.is_some_and(|a| a.text.contains("left out of the plan")), "{:?}", seen.alarms);
        // The safe value is taken: that alone does not bring it back, or it would come and go with each plan.
        bench.refused = None;
        let seen = bench.run(50);
        assert_eq!(seen.state.assets[BATTERY].availability, Availability::Out(refused.1));
        let seen = bench.run(15);
        assert_eq!(seen.state.assets[BATTERY].availability, Availability::Available);
        assert_eq!(outcome(&bench.run(4), id), Outcome::Applied);
    }
}

#[test]
fn the_same_key_joins_and_renews_and_another_party_has_keys_of_its_own() {
    let mut bench = Bench::new();
    let id = bench.submit(charge(Class::Operator, "anna", 10));
    bench.run(8);
    assert_eq!(bench.submit(charge(Class::Operator, "anna", 10)), id);
    let seen = bench.run(5);
    assert_eq!(outcome(&seen, id), Outcome::Applied, "renewed, and applied all the time");
    let other = bench.submit(Ask { preferred_kw: Some(50.0), ..charge(Class::Operator, "ben", 10) });
    assert_ne!(other, id);
    let seen = bench.cycle(vec![]);
    assert_eq!(outcome(&seen, other), Outcome::Overridden { by: id });
    let changed = bench.submit(Ask { preferred_kw: Some(20.0), ..charge(Class::Operator, "anna", 10) });
    assert_eq!(changed, id);
    assert_eq!(told(&bench.run(3)).0, 20.0);
}

#[test]
fn only_who_made_it_releases_it() {
    let mut bench = Bench::new();
    let id = bench.submit(charge(Class::Operator, "anna", 60));
    let release = |identity: &str| Order::Release { id, identity: identity.into() };
    assert_eq!(bench.answer(release("ben")), Err(Refusal::NotYours));
    assert_eq!(bench.answer(release("anna")), Ok(Done::Proposal(id)));
    assert_eq!(bench.answer(release("anna")), Err(Refusal::NotStanding));
    assert_eq!(outcome(&bench.cycle(vec![]), id), Outcome::Released);
}

#[test]
fn so_many_stand_and_no_more() {
    let mut bench = Bench::new();
    let one = |n: usize| Order::Submit(Ask { key: n.to_string(), ..charge(Class::Market, "trader", 60) });
    let seen = bench.cycle((0..=STANDING_MAX).map(one).collect());
    let refused: Vec<_> = seen.proposals.answers.iter().filter(|a| a.is_err()).collect();
    assert_eq!(refused, [&Err(Refusal::TooMany)]);
    let mut ids: Vec<_> = seen.proposals.answers.iter().flatten().collect();
    ids.dedup();
    assert_eq!(ids.len(), STANDING_MAX);
    let nonsense = Ask { preferred_kw: Some(f64::NAN), ..charge(Class::Operator, "anna", 60) };
    assert_eq!(bench.answer(Order::Submit(nonsense)), Err(Refusal::NotFinite));
}

#[test]
fn a_restart_leaves_nothing_standing_and_ids_go_on() {
    let mut bench = Bench::new();
    let before = bench.submit(charge(Class::Operator, "anna", 600));
    let kept = serde_json::to_vec(&bench.memory).expect("written");
    bench.memory = serde_json::from_slice::<Memory>(&kept).expect("read").restarted(&bench.site);
    bench.seconds = 0.0;
    let seen = bench.cycle(vec![]);
    assert!(seen.proposals.standing.is_empty());
    assert!(bench.submit(charge(Class::Operator, "anna", 60)) > before);
}

#[test]
fn a_cap_is_an_upper_bound_of_injection() {
    let mut bench = Bench::new();
    let id = bench.submit(Ask { max_kw: Some(30.0), ..ask(Class::GridOperator, "dso", PV, 60) });
    let seen = bench.run(2);
    let pv = seen.setpoints.iter().find(|s| s.asset.0 == PV).expect("told");
    assert_eq!((pv.target(Point::WMax), pv.limited_by), (Some(30.0), Some(Limiter::Proposal(id))));
}
