//! What one device has been told, what it acknowledged, and what must be said again. Pure; the drivers only ask what
//! to write now and report what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::profile::{Profile, Rule, Source};
use crate::site::{Mismatch, Point, Reason, Setpoint, Target, Write, WriteReport};
use crate::units::Mono;

/// Share of the reversion time after which a command is written again: well before half, so that one lost attempt
/// is no fallback.
const REFRESH_SHARE: f64 = 0.4;
/// A command that reads back otherwise is written again this often where nothing refreshes it.
const REASSERT: Duration = Duration::from_secs(10);
/// A write that failed is tried again after this.
const RETRY: Duration = Duration::from_millis(300);
/// What the device will not take is offered again this often: a refusal may be of the moment (local operation, a full
/// store), and a command that does not change would else never be taken.
const OFFER_AGAIN: Duration = Duration::from_secs(60);
/// Attempts before a failing write counts as refused.
const TRIES: u32 = 3;
/// Read-backs in a row that differ before it counts.
const MISSES: u32 = 2;
/// Read-back tolerance, canonical unit: finer than any device's step.
const SAME: f64 = 1e-3;
const DAY_S: f64 = 86_400.0;

/// A value the device acknowledged.
#[derive(Clone, Debug)]
struct Standing {
    target: Target,
    /// As the device holds it, rounded to its step.
    held: f64,
    /// What it was to hold before: a read-back may lag by one write.
    before: Option<f64>,
    at: Mono,
    confirmed: bool,
    misses: u32,
    got: f64,
    /// The device says that the command is not in force, whatever its number.
    lapsed: bool,
}

/// A value the device did not take.
#[derive(Clone, Debug)]
struct Trouble {
    target: Target,
    reason: Reason,
    tries: u32,
    retry_at: Mono,
    refused: bool,
}

impl Trouble {
    /// Whether it stands against `target`: a register that does not exist takes no other value either.
    fn concerns(&self, target: &Target) -> bool {
        let missing = self.reason == Reason::IllegalAddress && self.target.point == target.point;
        missing || same(&self.target, target)
    }

    /// The connection broke over it: it is known only from the connection before.
    const fn broke_the_line(&self) -> bool {
        matches!(self.reason, Reason::DeviceTimeout | Reason::Disconnected)
    }
}

/// Writes left today for a flash register.
#[derive(Clone, Debug)]
struct Budget {
    point: Point,
    per_day: f64,
    left: f64,
    at: Mono,
    /// What is written can be read back.
    readback: bool,
}

/// The commands of one device.
#[derive(Debug)]
pub struct Orders {
    refresh: Option<Duration>,
    timer: Option<Target>,
    safe: Vec<Target>,
    budgets: Vec<Budget>,
    current: Option<Arc<Setpoint>>,
    commanded: bool,
    standing: Vec<Standing>,
    troubles: Vec<Trouble>,
    applied: Option<(u64, Mono)>,
}

impl Orders {
    /// No commands yet.
    pub fn new(profile: &Profile) -> Self {
        let refresh = profile.reversion().seconds().map(|s| Duration::from_secs(s.into()).mul_f64(REFRESH_SHARE));
        let timer = match profile.reversion {
            Rule::Register { point, s } => Some(Target { point, value: f64::from(s) }),
            _ => None,
        };
        let budgets = profile.points.iter().filter_map(|p| match &p.source {
            Source::Register(r) if r.write == Write::Flash => {
                let per_day = f64::from(r.writes_per_day?);
                Some(Budget { point: p.point, per_day, left: per_day, at: Mono(0), readback: p.readback })
            }
            _ => None,
        });
        Self {
            refresh,
            timer,
            safe: in_order(profile.safe_values().map(|(point, value)| Target { point, value }).collect()),
            budgets: budgets.collect(),
            current: None,
            commanded: false,
            standing: Vec::new(),
            troubles: Vec::new(),
            applied: None,
        }
    }

    /// A new decision.
    pub fn take(&mut self, setpoint: &Option<Arc<Setpoint>>) {
        self.commanded |= setpoint.is_some();
        self.current.clone_from(setpoint);
    }

    /// The device may have forgotten everything: it was away. Flash does not forget, and each write wears it: what stands
    /// there is read back before it is written again.
    pub fn forget(&mut self) {
        let flash = |p: Point| self.budgets.iter().any(|b| b.point == p && b.readback);
        self.standing.retain(|s| flash(s.target.point));
        for s in &mut self.standing {
            (s.confirmed, s.before, s.misses) = (false, None, 0);
        }
        self.troubles.retain(Trouble::broke_the_line);
    }

    /// The fallback values, in the order they are to be written.
    pub fn safe(&self) -> &[Target] {
        &self.safe
    }

    fn valid(&self, now: Mono) -> Option<&Arc<Setpoint>> {
        self.current.as_ref().filter(|s| now < s.lease_until)
    }

    /// What is to stand now. Without a lease nothing is: the device reverts by itself, or, if it cannot, is told its
    /// fallback values. It is told nothing else while it cannot.
    fn wanted(&self, now: Mono) -> Vec<Target> {
        let reverts = !self.unarmed();
        match self.valid(now) {
            Some(s) if reverts => in_order(s.targets.clone()),
            _ if self.commanded && !(reverts && self.refresh.is_some()) => self.safe.clone(),
            _ => Vec::new(),
        }
    }

    fn is_timer(&self, point: Point) -> bool {
        self.timer.is_some_and(|own| own.point == point)
    }

    /// The device has not taken its timer, or does not hold it: nothing would end what it is told.
    fn unarmed(&self) -> bool {
        self.troubles.iter().any(|t| t.refused && self.is_timer(t.target.point)) || self.timer_lost().is_some()
    }

    fn timer_lost(&self) -> Option<&Standing> {
        self.standing.iter().find(|s| s.misses >= MISSES && self.is_timer(s.target.point))
    }

    /// Forgets what no longer has a lease, and refills the budgets of writes.
    pub fn settle(&mut self, now: Mono) {
        let wanted = self.wanted(now);
        let keeps = |p: Point| wanted.iter().chain(&self.timer).any(|t| t.point == p);
        self.standing.retain(|s| keeps(s.target.point));
        // By point: a value that changes with each cycle must not hide that none of them is taken.
        self.troubles.retain(|t| keeps(t.target.point));
        for b in &mut self.budgets {
            b.left = (b.left + b.per_day * now.since(b.at).as_secs_f64() / DAY_S).min(b.per_day);
            b.at = now;
        }
    }

    /// What to write now, in this order.
    pub fn due(&self, now: Mono) -> Vec<Target> {
        let renew = self.renew_at(now).is_some_and(|at| at <= now);
        let mut out: Vec<_> = self.timer.iter().filter(|t| self.wants(t, now)).copied().collect();
        // A timer that is still being tried holds up all that it is to end.
        let tried = self.troubles.iter().any(|t| self.is_timer(t.target.point));
        let may = |t: &Target| !tried || self.safe.contains(t);
        out.extend(
            self.wanted(now).into_iter().filter(|t| may(t) && (self.wants(t, now) || (renew && self.stands(t)))),
        );
        out
    }

    /// When [`Orders::due`] is next worth asking.
    pub fn next_due(&self, now: Mono) -> Option<Mono> {
        if !self.due(now).is_empty() {
            return Some(now);
        }
        let lease = self.valid(now).filter(|_| !self.standing.is_empty()).map(|s| s.lease_until);
        let retries = self.troubles.iter().map(|t| t.retry_at);
        let again = self.standing.iter().filter(|s| self.doubted(s)).map(|s| s.at + REASSERT);
        lease.into_iter().chain(self.renew_at(now)).chain(retries).chain(again).filter(|at| *at > now).min()
    }

    /// When the reversion timer must be renewed, if it may be.
    fn renew_at(&self, now: Mono) -> Option<Mono> {
        let setpoint = self.valid(now).filter(|s| s.renew)?;
        let refresh = self.refresh?;
        let oldest = self.standing.iter().filter(|s| setpoint.target(s.target.point).is_some()).map(|s| s.at).min()?;
        Some(oldest + refresh)
    }

    fn stands(&self, target: &Target) -> bool {
        self.standing.iter().any(|s| same(&s.target, target))
    }

    fn wants(&self, target: &Target, now: Mono) -> bool {
        if let Some(t) = self.troubles.iter().find(|t| t.concerns(target)) {
            return t.retry_at <= now;
        }
        match self.standing.iter().find(|s| same(&s.target, target)) {
            None => true,
            // Refreshing writes it again anyway; what nothing refreshes is asserted now and then.
            Some(s) => {
                let unrefreshed = self.refresh.is_none() || self.timer.is_some_and(|t| t.point == target.point);
                unrefreshed && self.doubted(s) && now.since(s.at) >= REASSERT
            }
        }
    }

    /// It reads back otherwise, or its echo never came: it may have been lost on the way. Flash is read, not worn.
    fn doubted(&self, s: &Standing) -> bool {
        s.misses >= MISSES || !(s.confirmed || self.budgets.iter().any(|b| b.point == s.target.point))
    }

    /// Whether the budget of writes allows one more; if not, it counts as refused. One is kept for the fallback value:
    /// what is told must not stand beyond its lease because the budget is spent.
    pub fn afford(&mut self, target: Target, now: Mono) -> bool {
        let Some(b) = self.budgets.iter().find(|b| b.point == target.point) else { return true };
        let least: f64 = if self.safe.iter().any(|t| same(t, &target)) { 1.0 } else { 2.0 };
        if b.left >= least.min(b.per_day) {
            return true;
        }
        let wait = Duration::from_secs_f64(DAY_S / b.per_day.max(1.0));
        self.trouble(Trouble { target, reason: Reason::Disabled, tries: 0, retry_at: now + wait, refused: true });
        false
    }

    /// The device took `target` and holds it as `held`; `confirmed` unless an echo is still to come.
    pub fn acked(&mut self, target: Target, held: f64, confirmed: bool, now: Mono) {
        self.troubles.retain(|t| t.target.point != target.point);
        self.spend(target.point);
        let old = self.standing.iter().find(|s| s.target.point == target.point);
        // Neither writing the same again nor writing another value is proof that anything stands.
        let (misses, got, lapsed) = old.map_or((0, held, false), |s| (s.misses, s.got, s.lapsed));
        let again = old.filter(|s| same(&s.target, &target));
        let before = again.map_or_else(|| old.map(|s| s.held), |s| s.before);
        let confirmed = confirmed || again.is_some_and(|s| s.confirmed);
        self.standing.retain(|s| s.target.point != target.point);
        self.standing.push(Standing { target, held, before, at: now, confirmed, misses, got, lapsed });
    }

    /// The device will not take `target`: tried again when it changes (or not even then, where the register does not
    /// exist), and now and then.
    pub fn refused(&mut self, target: Target, reason: Reason, now: Mono) {
        self.trouble(Trouble { target, reason, tries: 0, retry_at: now + OFFER_AGAIN, refused: true });
    }

    fn spend(&mut self, point: Point) {
        for b in self.budgets.iter_mut().filter(|b| b.point == point) {
            b.left -= 1.0;
        }
    }

    /// The device could not take `target` now: tried again a few times, then now and then.
    pub fn failed(&mut self, target: Target, reason: Reason, now: Mono) {
        if !matches!(reason, Reason::DeviceFailure | Reason::DeviceBusy) {
            // Nothing was said to it: it may well have been written.
            self.spend(target.point);
        }
        let tries = 1 + self.troubles.iter().find(|t| t.target.point == target.point).map_or(0, |t| t.tries);
        let refused = tries >= TRIES;
        let wait = if refused { REASSERT } else { RETRY };
        self.trouble(Trouble { target, reason, tries, retry_at: now + wait, refused });
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.troubles.retain(|t| t.target.point != trouble.target.point);
        self.standing.retain(|s| s.target.point != trouble.target.point);
        self.troubles.push(trouble);
    }

    /// A command register reads `got`.
    pub fn read_back(&mut self, point: Point, got: f64) {
        let Some(s) = self.standing.iter_mut().find(|s| s.target.point == point) else { return };
        (s.got, s.lapsed) = (got, false);
        let is = |held: f64| (got - held).abs() <= SAME + 1e-6 * held.abs();
        if is(s.held) {
            (s.misses, s.confirmed) = (0, true);
        } else if !s.before.take().is_some_and(is) {
            s.misses = s.misses.saturating_add(1);
        }
    }

    /// The refusal to show: without its timer a device keeps what it is told for ever, so that one goes first; then what
    /// no other value would mend.
    fn worst(&self) -> Option<&Trouble> {
        let refused = self.troubles.iter().filter(|t| t.refused);
        refused
            .min_by_key(|t| (!self.is_timer(t.target.point), matches!(t.reason, Reason::OutOfRange | Reason::Disabled)))
    }

    /// The device says that a command is not in force.
    pub fn lapsed(&mut self, point: Point) {
        if let Some(s) = self.standing.iter_mut().find(|s| s.target.point == point) {
            (s.misses, s.lapsed) = (s.misses.saturating_add(1), true);
        }
    }

    /// For the frame.
    pub fn report(&mut self, now: Mono) -> WriteReport {
        let mismatches: Vec<_> = self
            .standing
            .iter()
            .filter(|s| s.misses >= MISSES && !s.lapsed)
            .map(|s| Mismatch { point: s.target.point, wanted: s.held, got: s.got })
            .collect();
        if let Some(setpoint) = self.valid(now) {
            let held: Vec<_> = setpoint
                .targets
                .iter()
                .filter_map(|t| self.standing.iter().find(|s| same(&s.target, t) && s.confirmed && s.misses < MISSES))
                .collect();
            if held.len() == setpoint.targets.len() {
                let at = held.iter().map(|s| s.at).max();
                self.applied = at.map(|at| (setpoint.cycle, at)).or(self.applied);
            }
        }
        let disabled = |s: &Standing| (s.target.point, Reason::Disabled);
        let refused = self.timer_lost().map(disabled).or_else(|| self.worst().map(|t| (t.target.point, t.reason)));
        let lapsed = self.standing.iter().find(|s| s.misses >= MISSES && s.lapsed);
        WriteReport {
            applied_cycle: self.applied.map(|(cycle, _)| cycle),
            acked_at: self.applied.map(|(_, at)| at),
            mismatches,
            refused: refused.or_else(|| lapsed.map(disabled)),
        }
    }
}

fn same(a: &Target, b: &Target) -> bool {
    a.point == b.point && (a.value - b.value).abs() <= 1e-9
}

/// A cap stands before what it caps, and a machine is told how much before it is told to run.
fn in_order(mut targets: Vec<Target>) -> Vec<Target> {
    targets.sort_by_key(|t| match t.point {
        Point::WMax => 0,
        Point::On => 2,
        _ => 1,
    });
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::profile::ProfileStore;

    fn orders() -> Orders {
        Orders::new(ProfileStore::load(&[]).unwrap().get("ref-chp-400").unwrap())
    }
    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }
    fn told(orders: &mut Orders, s: u64) -> Target {
        let target = Target { point: Point::WSet, value: 200.0 + s as f64 };
        let setpoint = Setpoint {
            asset: crate::site::AssetIx(0),
            device: crate::site::DeviceIx(0),
            targets: vec![target],
            cycle: s,
            lease_until: at(s + 10),
            renew: true,
            cause: crate::site::Cause::Plan,
            limited_by: None,
        };
        orders.take(&Some(Arc::new(setpoint)));
        orders.settle(at(s));
        assert_eq!(orders.due(at(s)), [target], "each new value is tried at once");
        target
    }

    #[test]
    fn f69_writes_without_effect_are_noticed_though_the_value_changes_each_time() {
        let mut o = orders();
        for s in 1..6 {
            let target = told(&mut o, s);
            o.acked(target, target.value, true, at(s));
            o.read_back(Point::WSet, 0.0);
        }
        assert_eq!(o.report(at(6)).mismatches.len(), 1);
        // What is read back one write late is taken, only later.
        let mut o = orders();
        for s in 1..6 {
            let target = told(&mut o, s);
            o.acked(target, target.value, true, at(s));
            o.read_back(Point::WSet, if s == 1 { target.value } else { target.value - 1.0 });
        }
        assert_eq!(o.report(at(6)).mismatches, []);
    }

    #[test]
    fn f65_a_cap_is_written_before_the_setpoint_it_caps() {
        let target = |point, value| Target { point, value };
        let sorted = in_order(vec![target(Point::On, 1.0), target(Point::WSet, 9.0), target(Point::WMax, 5.0)]);
        assert_eq!(sorted.iter().map(|t| t.point).collect::<Vec<_>>(), [Point::WMax, Point::WSet, Point::On]);
    }

    #[test]
    fn a_command_the_device_turned_off_is_refused_until_it_reads_well_again() {
        let mut o = orders();
        let target = told(&mut o, 1);
        o.acked(target, target.value, true, at(1));
        o.lapsed(Point::WSet);
        o.lapsed(Point::WSet);
        let report = o.report(at(2));
        assert_eq!((report.refused, report.mismatches), (Some((Point::WSet, Reason::Disabled)), vec![]));
        o.read_back(Point::WSet, target.value);
        let report = o.report(at(3));
        assert_eq!((report.refused, report.applied_cycle), (None, Some(1)));
    }

    #[test]
    fn f67_a_command_whose_echo_never_comes_is_given_again() {
        let mut o = Orders { refresh: None, timer: None, ..orders() };
        let target = told(&mut o, 1);
        o.acked(target, target.value, false, at(1));
        assert_eq!((o.due(at(10)), o.next_due(at(2))), (vec![], Some(at(11))));
        o.take(&Some(Arc::new(Setpoint { lease_until: at(99), ..o.current.as_deref().cloned().unwrap() })));
        assert_eq!(o.due(at(11)), [target]);
        o.acked(target, target.value, false, at(11));
        o.read_back(Point::WSet, target.value);
        assert_eq!(o.due(at(60)), []);
    }

    #[test]
    fn f70_a_device_that_fails_every_write_is_noticed_though_the_value_changes_each_time() {
        let mut o = orders();
        for s in 1..5 {
            let target = told(&mut o, s);
            o.failed(target, Reason::DeviceFailure, at(s));
        }
        assert_eq!(o.report(at(5)).refused, Some((Point::WSet, Reason::DeviceFailure)));
        let target = told(&mut o, 6);
        o.acked(target, target.value, true, at(6));
        assert_eq!(o.report(at(6)).refused, None);
    }
}
