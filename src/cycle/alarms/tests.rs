//! Alarms through whole cycles of the sample site, in virtual time.

use std::sync::Arc;

use crate::cycle::{Inputs, Memory, step};
use crate::site::sample::{BATTERY, GRID, LOAD, PV, frames, now, site};
use crate::site::{
    Alarm, AlarmKind, AlarmState, DeviceFrame, Link, Mismatch, Order, Point, Reason, Refusal, Report, Severity, Site,
};

struct Bench {
    site: Site,
    memory: Memory,
    s: f64,
    /// Why each device is down.
    down: [Option<Reason>; 4],
    reports: Vec<Report>,
    mismatch: Option<usize>,
    import_kw: f64,
}

impl Bench {
    fn new() -> Self {
        Self {
            site: site(),
            memory: Memory::default(),
            s: 0.0,
            down: [None; 4],
            reports: vec![],
            mismatch: None,
            import_kw: 130.0,
        }
    }

    fn cycle(&mut self, orders: Vec<Order>) -> (Vec<Alarm>, Vec<crate::site::Answer>) {
        self.s += 1.0;
        let at = now(self.s);
        let noise = (self.s % 7.0) / 10.0;
        let mut all = frames(at, [self.import_kw + noise, -self.import_kw - 70.0 - noise, 70.0 + noise, noise], 50.0);
        for (frame, down) in all.iter_mut().zip(self.down) {
            if let Some(reason) = down {
                silence(frame, reason);
            }
        }
        if let Some(ix) = self.mismatch {
            Arc::make_mut(&mut all[ix]).write.mismatches = vec![Mismatch { point: Point::WSet, wanted: 1.0, got: 2.0 }];
        }
        let inputs = Inputs { now: at, frames: all, plan: None, orders, reports: self.reports.clone() };
        let seen = step(&mut self.memory, &self.site, inputs);
        (seen.alarms, seen.proposals.answers)
    }

    /// The alarms after so many seconds, those of this bench left out: there is no plan, and nothing does what it is told.
    fn after(&mut self, seconds: u32) -> Vec<Alarm> {
        for _ in 1..seconds {
            self.cycle(vec![]);
        }
        let alarms = self.cycle(vec![]).0;
        let ours = |a: &Alarm| !matches!(a.kind, AlarmKind::PlanFallback | AlarmKind::NotFollowing);
        alarms.into_iter().filter(ours).collect()
    }

    fn acknowledge(&mut self, alarm: &Alarm, note: &str) -> crate::site::Answer {
        let order = Order::Acknowledge { alarm: alarm.id, identity: "anna".into(), note: note.into() };
        self.cycle(vec![order]).1[0]
    }

    fn disk(&mut self, severity: Option<Severity>) {
        let report =
            |severity| Report { kind: AlarmKind::Disk, severity, subject: "journal".into(), text: "full".into() };
        self.reports = severity.map(report).into_iter().collect();
    }

    /// As after a crash: written down, read, and a new monotonic time.
    fn restart(&mut self) {
        let kept = serde_json::to_vec(&self.memory).unwrap();
        self.memory = serde_json::from_slice::<Memory>(&kept).unwrap().restarted(&self.site);
        self.s = 0.0;
    }
}

fn silence(frame: &mut Arc<DeviceFrame>, reason: Reason) {
    let frame = Arc::make_mut(frame);
    frame.link = Link::Down(reason);
    frame.readings.iter_mut().for_each(|r| r.value = Err(reason));
}

fn names(alarms: &[Alarm]) -> Vec<String> {
    alarms.iter().map(|a| format!("{} {}", a.kind.name(), a.subject)).collect()
}

const GONE: Option<Reason> = Some(Reason::DeviceTimeout);

#[test]
fn an_alarm_begins_ends_and_waits_to_be_noted() {
    let mut bench = Bench::new();
    assert_eq!(names(&bench.after(20)), [] as [&str; 0]);
    bench.down[BATTERY] = GONE;
    let first = bench.after(8).remove(0);
    assert_eq!((first.kind, first.subject.as_str()), (AlarmKind::DeviceLost, "d-battery"));
    assert_eq!((first.state(), first.since), (AlarmState::Unacknowledged, now(27.0).park));
    bench.down[BATTERY] = None;
    let soon = bench.after(8).remove(0);
    assert_eq!((soon.state(), soon.last), (AlarmState::Unacknowledged, first.last), "away for too short a time");
    let ended = bench.after(10).remove(0);
    assert_eq!((ended.id, ended.state(), ended.last), (first.id, AlarmState::Ended, first.last));
    assert!(bench.acknowledge(&ended, " fuse ").is_ok());
    assert_eq!(bench.after(1), []);
    assert_eq!(bench.acknowledge(&ended, ""), Err(Refusal::NoAlarm));
}

#[test]
fn what_is_acknowledged_ends_with_its_cause_and_the_next_is_new() {
    let mut bench = Bench::new();
    bench.disk(Some(Severity::Warning));
    let first = bench.after(1).remove(0);
    assert!(bench.acknowledge(&first, "ordered a new one").is_ok());
    let noted = bench.after(1).remove(0);
    let by = noted.acknowledged.clone().unwrap();
    assert_eq!(
        (noted.state(), by.by.as_str(), by.note.as_str()),
        (AlarmState::Acknowledged, "anna", "ordered a new one")
    );
    // The first who took note stays.
    bench.cycle(vec![Order::Acknowledge { alarm: first.id, identity: "ben".into(), note: "me too".into() }]);
    assert_eq!(bench.after(1)[0].acknowledged, noted.acknowledged);
    bench.disk(None);
    assert_eq!(bench.after(12), [], "known, and over");
    bench.disk(Some(Severity::Warning));
    let second = bench.after(1).remove(0);
    assert!(
        second.id > first.id && second.acknowledged.is_none(),
        "an acknowledgement does not outlive its occurrence"
    );
}

#[test]
fn what_grows_worse_must_be_noted_anew_and_a_notice_needs_none() {
    let mut bench = Bench::new();
    bench.disk(Some(Severity::Warning));
    let first = bench.after(1).remove(0);
    assert!(bench.acknowledge(&first, "").is_ok());
    bench.disk(Some(Severity::Critical));
    let worse = bench.after(1).remove(0);
    assert_eq!((worse.id, worse.state()), (first.id, AlarmState::Unacknowledged));
    bench.disk(Some(Severity::Warning));
    bench.after(1);
    bench.disk(None);
    assert_eq!(bench.after(12)[0].severity, Severity::Critical, "as bad as it was");
    let mut bench = Bench::new();
    bench.disk(Some(Severity::Notice));
    assert_eq!(bench.after(1).len(), 1);
    bench.disk(None);
    assert_eq!(bench.after(12), []);
}

#[test]
fn a_chattering_cause_is_one_alarm() {
    let mut bench = Bench::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        bench.disk(Some(Severity::Warning));
        seen.extend(bench.after(2).iter().map(|a| a.id));
        bench.disk(None);
        seen.extend(bench.after(20).iter().map(|a| a.id));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    bench.disk(Some(Severity::Warning));
    let alarm = bench.after(1).remove(0);
    // Away for 20 s: longer than the delay only until it was doubled.
    assert!((1..=2).contains(&alarm.returned), "{}", alarm.returned);
}

#[test]
fn the_ended_are_bounded_in_number_and_time() {
    let mut bench = Bench::new();
    for i in 0..100 {
        let subject = format!("part-{i}");
        bench.reports =
            vec![Report { kind: AlarmKind::Disk, severity: Severity::Warning, subject, text: String::new() }];
        bench.after(1);
    }
    bench.reports.clear();
    let left = bench.after(15);
    assert_eq!(left.len(), super::ENDED_MAX);
    assert!(left.iter().all(|a| a.ended) && left.iter().any(|a| a.subject == "part-99"));
    bench.s += super::ENDED_S;
    bench.cycle(vec![]);
    assert_eq!(bench.after(1), []);
}

#[test]
fn what_was_critical_is_not_pushed_out_by_what_was_not() {
    let mut bench = Bench::new();
    bench.disk(Some(Severity::Critical));
    let critical = bench.after(1).remove(0);
    let report = |i| Report {
        kind: AlarmKind::Disk,
        severity: Severity::Warning,
        subject: format!("part-{i}"),
        text: String::new(),
    };
    bench.reports = (0..100).map(report).collect();
    bench.after(1);
    bench.reports.clear();
    let left = bench.after(30);
    assert_eq!(left.len(), super::ENDED_MAX);
    assert!(left.iter().any(|a| a.id == critical.id), "{:?}", names(&left));
}

#[test]
fn an_acknowledgement_survives_a_restart() {
    let mut bench = Bench::new();
    bench.down[BATTERY] = GONE;
    let first = bench.after(10).remove(0);
    let taken = bench.memory.acknowledged();
    assert!(bench.acknowledge(&first, "known").is_ok());
    assert!(bench.memory.acknowledged() > taken, "it is written down at once");
    bench.restart();
    let after = bench.after(3).remove(0);
    assert_eq!((after.id, after.state()), (first.id, AlarmState::Acknowledged));
    assert_eq!(bench.after(60)[0].id, first.id);
    // Had it gone while nobody looked, it would have ended.
    bench.down[BATTERY] = None;
    bench.restart();
    assert_eq!(bench.after(200), []);
}

#[test]
fn a_single_loss_stays_single_and_two_unrelated_ones_stay_two() {
    let mut bench = Bench::new();
    bench.down[BATTERY] = GONE;
    assert_eq!(names(&bench.after(30)), ["device_lost d-battery"]);
    bench.after(10);
    bench.down[PV] = GONE;
    assert_eq!(names(&bench.after(30)), ["device_lost d-battery", "device_lost d-pv"]);
    // At the same time, but two of four behind two hosts: too few to be the park.
    let mut bench = Bench::new();
    bench.after(5);
    (bench.down[PV], bench.down[BATTERY]) = (GONE, GONE);
    assert_eq!(names(&bench.after(30)), ["device_lost d-battery", "device_lost d-pv"]);
}

#[test]
fn a_dead_switch_is_one_alarm_that_shrinks_and_ends() {
    let mut bench = Bench::new();
    bench.mismatch = Some(BATTERY);
    bench.after(20);
    // The slow ones are told later.
    (bench.down[GRID], bench.down[LOAD], bench.down[BATTERY]) = (GONE, GONE, Some(Reason::Disconnected));
    bench.after(4);
    for _ in 0..40 {
        let alarms = bench.after(1);
        let lost = alarms.iter().filter(|a| a.kind == AlarmKind::DeviceLost).count();
        assert_eq!(lost, 0, "{:?}", names(&alarms));
    }
    bench.down[PV] = GONE;
    let alarms = bench.after(10);
    assert_eq!(names(&alarms), ["devices_lost sample", "device_lost d-pv"], "not together: another cause");
    bench.down[PV] = None;
    bench.after(15);
    let group = bench.after(1).remove(0);
    assert_eq!((group.severity, group.members.len()), (Severity::Critical, 3));
    assert!(group.text.starts_with("3 of 4 devices are silent: switch, network or power?"), "{}", group.text);
    assert_eq!(group.consequent, ["readback_mismatch d-battery"]);
    (bench.down[GRID], bench.mismatch) = (None, None);
    let fewer = bench.after(2).remove(0);
    assert_eq!((fewer.id, fewer.members), (group.id, vec!["d-load".to_owned(), "d-battery".to_owned()]));
    assert!(fewer.text.contains("1 back"), "{}", fewer.text);
    bench.down = [None; 4];
    let ended = bench.after(30);
    assert!(ended.iter().all(|a| a.ended), "{ended:?}");
    assert!(ended.iter().any(|a| a.id == group.id) && ended.len() <= 2, "{:?}", names(&ended));
}

#[test]
fn devices_behind_one_host_are_one_alarm_unless_one_of_them_answers() {
    let mut bench = Bench::new();
    bench.site.devices[PV].address = "10.0.0.9:502".into();
    bench.site.devices[BATTERY].address = "10.0.0.9:503".into();
    bench.after(5);
    bench.down[PV] = GONE;
    assert_eq!(names(&bench.after(8)), ["device_lost d-pv"]);
    bench.down[BATTERY] = GONE;
    let group = bench.after(8);
    assert_eq!(names(&group), ["devices_lost 10.0.0.9"], "the single one is of it now");
    assert_eq!((group[0].severity, group[0].members.len()), (Severity::Warning, 2));
}

/// A switch that died; one device is still dead, the others have been back for so long.
fn one_left_of_a_dead_switch(seconds: u32) -> (Bench, Alarm) {
    let mut bench = Bench::new();
    bench.after(5);
    (bench.down[GRID], bench.down[LOAD], bench.down[BATTERY]) = (GONE, GONE, GONE);
    let group = bench.after(10).remove(0);
    assert!(bench.acknowledge(&group, "switch").is_ok());
    (bench.down[GRID], bench.down[BATTERY]) = (None, None);
    let left = bench.after(seconds).remove(0);
    assert_eq!((left.id, left.state()), (group.id, AlarmState::Acknowledged));
    assert_eq!((left.members.as_slice(), left.text.contains("2 back")), (["d-load".to_owned()].as_slice(), true));
    (bench, group)
}

#[test]
fn what_is_wrong_long_after_a_device_came_back_from_a_dead_switch_is_an_alarm_of_its_own() {
    let (mut bench, group) = one_left_of_a_dead_switch(20);
    bench.down[BATTERY] = GONE;
    assert_eq!(names(&bench.after(10)), ["devices_lost sample"], "soon after: of it");
    let (mut bench, other) = one_left_of_a_dead_switch(400);
    assert_eq!(group.subject, other.subject);
    bench.down[BATTERY] = GONE;
    assert_eq!(names(&bench.after(10)), ["devices_lost sample", "device_lost d-battery"]);
    let (mut bench, _) = one_left_of_a_dead_switch(400);
    bench.mismatch = Some(BATTERY);
    assert_eq!(names(&bench.after(10)), ["devices_lost sample", "readback_mismatch d-battery"]);
}

#[test]
fn who_took_note_of_some_has_not_taken_note_of_those_that_fall_silent_later() {
    for seconds in [20, 400] {
        let (mut bench, group) = one_left_of_a_dead_switch(seconds);
        (bench.down[GRID], bench.down[PV], bench.down[BATTERY]) = (GONE, GONE, GONE);
        let again = bench.after(10).remove(0);
        let expected = if seconds == 20 { AlarmState::Acknowledged } else { AlarmState::Unacknowledged };
        assert_eq!((again.id, again.state()), (group.id, expected), "{seconds} s");
    }
    // Within the first half minute, too.
    let mut bench = Bench::new();
    bench.after(5);
    (bench.down[GRID], bench.down[LOAD], bench.down[BATTERY]) = (GONE, GONE, GONE);
    let three = bench.after(10).remove(0);
    assert!(bench.acknowledge(&three, "").is_ok());
    bench.down[PV] = GONE;
    let four = bench.after(10).remove(0);
    assert_eq!((four.id, four.members.len(), four.state()), (three.id, 4, AlarmState::Unacknowledged));
}

#[test]
fn nothing_critical_is_hidden_behind_a_dead_switch() {
    let mut bench = Bench::new();
    bench.import_kw = 450.0;
    bench.after(5);
    (bench.down[PV], bench.down[LOAD], bench.down[BATTERY]) = (GONE, GONE, GONE);
    let alarms = names(&bench.after(20));
    assert!(alarms.contains(&"devices_lost sample".to_owned()), "{alarms:?}");
    assert!(alarms.contains(&"limit_exceeded grid".to_owned()), "{alarms:?}");
}

#[test]
fn who_takes_note_says_who_he_is() {
    let mut bench = Bench::new();
    bench.disk(Some(Severity::Warning));
    let alarm = bench.after(1).remove(0);
    let said = |bench: &mut Bench, identity: &str, note: String| {
        bench.cycle(vec![Order::Acknowledge { alarm: alarm.id, identity: identity.into(), note }]).1[0]
    };
    assert_eq!(said(&mut bench, " ", String::new()), Err(Refusal::NoIdentity));
    assert_eq!(said(&mut bench, "anna", "x".repeat(201)), Err(Refusal::TooLong));
    assert!(said(&mut bench, "anna", String::new()).is_ok());
}
