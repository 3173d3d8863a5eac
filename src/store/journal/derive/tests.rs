//! The journal of whole cycles of the sample site, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use super::Deriver;
use crate::cycle::{Inputs, Memory, step};
use crate::site::sample::{BATTERY, GRID, LOAD, PV, frames, now, site};
use crate::site::{
    AlarmKind, Ask, AssetIx, Class, Done, Limiter, Link, Mode, Order, Point, Reason, Report, Severity, Site,
};
use crate::snapshot::{Clip, Snapshot};
use crate::store::journal::{Book, Draft, EntryKind, Query};

type Change = Box<dyn Fn(&mut Snapshot, f64)>;

struct Bench {
    site: Site,
    memory: Memory,
    deriver: Deriver,
    book: Book,
    seconds: f64,
    battery_kw: f64,
    battery_down: bool,
    reports: Vec<Report>,
    /// Done to each snapshot before it is told.
    change: Change,
    said: Vec<Draft>,
}

impl Bench {
    fn new() -> Self {
        Self {
            site: site(),
            memory: Memory::default(),
            deriver: Deriver::default(),
            book: Book::new(None, 10_000),
            seconds: 0.0,
            battery_kw: 0.0,
            battery_down: false,
            reports: vec![],
            change: Box::new(|_, _| ()),
            said: vec![],
        }
    }

    /// Past the time in which a restart holds what stands; what was said until then is forgotten.
    fn settled() -> Self {
        let mut bench = Self::new();
        bench.run(1);
        bench.seconds = 100.0;
        bench.run(120);
        bench.said.clear();
        bench
    }

    fn cycle(&mut self, orders: Vec<Order>) -> Snapshot {
        self.seconds += 1.0;
        let at = now(self.seconds);
        let mut powers = [0.0; 4];
        (powers[LOAD], powers[PV], powers[BATTERY]) = (-150.0, 50.0, self.battery_kw);
        powers[GRID] = -powers.iter().sum::<f64>();
        // A live signal is never the same twice.
        let noise = (self.seconds % 7.0) / 100.0;
        let mut frames = frames(at, powers.map(|kw| kw + noise), 50.0);
        if self.battery_down {
            Arc::make_mut(&mut frames[BATTERY]).link = Link::Down(Reason::DeviceTimeout);
        }
        let inputs = Inputs { now: at, frames, plan: None, orders, reports: self.reports.clone() };
        let mut seen = step(&mut self.memory, &self.site, inputs);
        if let Some(told) = seen.setpoints.iter().find(|s| s.asset.0 == BATTERY) {
            self.battery_kw = told.target(Point::WSet).unwrap();
        }
        (self.change)(&mut seen, self.seconds);
        for draft in self.deriver.derive(&self.site, &seen) {
            self.book.add(draft.clone());
            self.said.push(draft);
        }
        seen
    }

    fn run(&mut self, cycles: u32) {
        (0..cycles).for_each(|_| drop(self.cycle(vec![])));
    }

    fn of(&self, kind: EntryKind) -> Vec<(&str, &str)> {
        self.said.iter().filter(|d| d.kind == kind).map(|d| (d.subject.as_str(), d.event.as_str())).collect()
    }

    fn ask(
        &mut self,
        class: Class,
        identity: &str,
        asset: usize,
        kw: Option<f64>,
        max: Option<f64>,
        lease: u64,
    ) -> String {
        let ask = Ask {
            key: "k".into(),
            class,
            identity: identity.into(),
            asset: AssetIx(asset),
            min_kw: None,
            max_kw: max,
            preferred_kw: kw,
            on: None,
            lease: Duration::from_secs(lease),
            reason: format!("{identity}'s reason"),
        };
        match self.cycle(vec![Order::Submit(ask)]).proposals.answers[0] {
            Ok(Done::Proposal(id)) => id.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_moved_this_and_why() {
    let mut bench = Bench::settled();
    let rules_at = now(bench.seconds).park;
    let id = bench.ask(Class::Operator, "anna", BATTERY, Some(-50.0), None, 20);
    bench.run(10);
    let asked_at = now(bench.seconds).park;
    // The grid's limit leaves less to her.
    let limit = bench.ask(Class::GridOperator, "dso", GRID, None, Some(120.0), 5);
    bench.run(4);
    let limited_at = now(bench.seconds).park;
    bench.run(60);
    let story: Vec<_> = bench.of(EntryKind::Proposal).into_iter().filter(|(s, _)| *s == "battery").collect();
    assert_eq!(story.first(), Some(&("battery", "made")), "{story:?}");
    assert!(story.contains(&("battery", "limited_by")) && story.last() == Some(&("battery", "expired")), "{story:?}");
    let why = |at| bench.book.why("battery", Some("d-battery"), at).unwrap().unwrap();
    let (entry, chain) = why(asked_at);
    assert_eq!(entry.said.facts.proposal.as_ref(), Some(&id));
    assert_eq!(entry.said.facts.new_kw, Some(-50.0));
    let made = chain.iter().find(|e| e.said.event == "made").unwrap();
    assert_eq!(made.said.facts.identity.as_deref(), Some("anna"));
    assert_eq!(made.said.facts.reason.as_deref(), Some("anna's reason"));
    assert!(entry.said.text.contains("operator anna asks for it: \"anna's reason\""), "{}", entry.said.text);
    let (entry, chain) = why(limited_at);
    assert_eq!(entry.said.facts.limited_by.as_deref(), Some("grid_operator dso"), "{entry:?}");
    assert_eq!(entry.said.facts.limited_by_proposal.as_ref(), Some(&limit));
    assert!(chain.iter().any(|e| e.said.facts.identity.as_deref() == Some("dso")), "{chain:?}");
    for at in [rules_at, now(bench.seconds).park] {
        let entry = why(at).0;
        assert!(["rules", "balance"].contains(&entry.said.facts.cause.as_deref().unwrap()), "{entry:?}");
        assert!(entry.said.facts.proposal.is_none() && entry.said.text.contains("the house's own rules"), "{entry:?}");
    }
}

#[test]
fn a_calm_park_says_nothing() {
    let mut bench = Bench::settled();
    bench.run(600);
    let said: Vec<_> = bench.said.iter().map(|d| &d.text).collect();
    assert!(said.len() <= 2, "{said:?}");
}

#[test]
fn alarms_devices_and_modes_are_told_with_their_ends() {
    let mut bench = Bench::settled();
    bench.battery_down = true;
    bench.run(10);
    let alarm = bench.cycle(vec![]).alarms.into_iter().find(|a| a.kind == AlarmKind::DeviceLost).unwrap();
    let note = Order::Acknowledge { alarm: alarm.id, identity: "anna".into(), note: "fuse".into() };
    bench.cycle(vec![note]);
    bench.battery_down = false;
    bench.run(20);
    assert_eq!(bench.of(EntryKind::Device), [("d-battery", "down"), ("d-battery", "up")]);
    let lost: Vec<_> = bench.of(EntryKind::Alarm).into_iter().filter(|(s, _)| *s == "d-battery").collect();
    assert_eq!(lost, [("d-battery", "raised"), ("d-battery", "acknowledged"), ("d-battery", "ended")]);
    let noted = bench.said.iter().find(|d| d.event == "acknowledged").unwrap();
    assert_eq!((noted.facts.identity.as_deref(), noted.facts.reason.as_deref()), (Some("anna"), Some("fuse")));
    let setpoints = bench.of(EntryKind::Setpoint);
    assert!(
        setpoints.contains(&("battery", "withdrawn")) && setpoints.last() == Some(&("battery", "moved")),
        "{setpoints:?}"
    );
    bench.change = Box::new(|seen, _| seen.mode = Mode::UnplannedIslanding);
    bench.run(2);
    assert_eq!(bench.of(EntryKind::Mode), [("sample", "unplanned_islanding")]);
}

#[test]
fn one_that_is_noted_after_its_end_is_told_by_whom() {
    let mut bench = Bench::settled();
    let report = |severity| Report { kind: AlarmKind::Disk, severity, subject: "memory".into(), text: "full".into() };
    bench.reports = vec![report(Severity::Warning)];
    bench.run(2);
    bench.reports.clear();
    bench.run(12);
    let alarm = bench.cycle(vec![]).alarms.into_iter().find(|a| a.kind == AlarmKind::Disk).unwrap();
    assert!(alarm.ended);
    bench.cycle(vec![Order::Acknowledge { alarm: alarm.id, identity: "anna".into(), note: String::new() }]);
    bench.run(2);
    let disk: Vec<_> = bench.of(EntryKind::Alarm).into_iter().filter(|(s, _)| *s == "memory").collect();
    assert_eq!(disk, [("memory", "raised"), ("memory", "ended"), ("memory", "acknowledged")]);
}

#[test]
fn a_cut_is_told_when_it_begins_and_when_it_is_over() {
    fn cut(seen: &mut Snapshot, s: f64) {
        // Off and on within a minute, then over.
        seen.clips.clear();
        if s < 300.0 && s % 10.0 < 5.0 {
            let (asset, point) = ("battery".to_owned(), Point::WSet);
            seen.clips.push(Clip { asset, point, wanted: 80.0, given: 80.0 - s % 10.0, by: Limiter::Energy });
        }
    }
    let mut bench = Bench::settled();
    bench.change = Box::new(cut);
    bench.run(200);
    assert_eq!(bench.of(EntryKind::Clip), [("battery", "begun"), ("battery", "ended")]);
    let ended = bench.said.iter().find(|d| d.event == "ended" && d.kind == EntryKind::Clip).unwrap();
    assert!(ended.facts.count.unwrap() >= 35 && ended.text.contains("by 4.0 at most"), "{}", ended.text);
}

#[test]
fn a_restless_day_is_bounded_and_what_is_left_out_is_counted() {
    fn restless(seen: &mut Snapshot, s: f64) {
        for told in &mut seen.setpoints {
            let told = Arc::make_mut(told);
            for t in told.targets.iter_mut().filter(|t| t.point == Point::WSet || t.point == Point::WMax) {
                t.value = if s % 2.0 < 1.0 { 10.0 } else { 90.0 };
            }
        }
    }
    let mut bench = Bench::settled();
    bench.change = Box::new(restless);
    bench.run(3600);
    let moves: Vec<_> = bench.said.iter().filter(|d| d.kind == EntryKind::Setpoint && d.subject == "battery").collect();
    assert!(moves.len() <= 12 + 361, "{}", moves.len());
    let told = |d: &Draft| u64::from(d.facts.old_kw != d.facts.new_kw);
    let counted: u64 = moves.iter().map(|d| told(d) + d.facts.count.unwrap_or(0)).sum();
    assert!((3580..=3601).contains(&counted), "each of 3600 moves is told or counted: {counted}");
}

#[test]
fn a_flood_of_proposals_is_bounded_and_counted() {
    let mut bench = Bench::settled();
    for n in 0..600_u64 {
        let ask = |i: u64| Ask {
            key: format!("{n}-{i}"),
            class: Class::Market,
            identity: "flood".into(),
            asset: AssetIx(BATTERY),
            min_kw: None,
            max_kw: Some(50.0),
            preferred_kw: None,
            on: None,
            lease: Duration::from_secs(2),
            reason: "flood".into(),
        };
        bench.cycle((0..20).map(|i| Order::Submit(ask(i))).collect());
    }
    bench.run(120);
    assert!(bench.said.len() <= 2 * (500 + 360) + 100, "{}", bench.said.len());
    let left: u64 = bench.said.iter().filter(|d| d.event == "left_out").filter_map(|d| d.facts.count).sum();
    let last: Vec<_> = bench.said.iter().rev().take(5).map(|d| &d.text).collect();
    assert!(left > 5000, "{left} {last:#?} {}", bench.seconds);
    // An alarm or a mode finds its place again soon after.
    bench.change = Box::new(|seen, _| seen.mode = Mode::Islanded);
    bench.run(30);
    assert_eq!(bench.of(EntryKind::Mode), [("sample", "islanded")]);
}

#[test]
fn what_is_found_is_bounded_and_ordered() {
    let mut bench = Bench::settled();
    bench.run(5);
    let all = bench.book.find(&Query { limit: 1000, oldest_first: true, ..Query::default() }).unwrap();
    assert!(!all.more && all.entries.windows(2).all(|w| w[0].seq + 1 == w[1].seq));
    let last = bench.book.find(&Query { limit: 2, ..Query::default() }).unwrap();
    assert!(last.more && last.entries[0].seq == last.entries[1].seq + 1);
    assert_eq!(last.entries[0], *all.entries.last().unwrap());
    let some = Query { kinds: vec![EntryKind::Device], subject: Some("d-pv".into()), limit: 9, ..Query::default() };
    assert_eq!(bench.book.find(&some).unwrap().entries.len(), 1);
}
