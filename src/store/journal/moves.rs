//! Setpoints and what the guard cuts: who moved what, and why. A setpoint is told again when its cause or its limiter
//! changes, or when it has moved by more than a dead band since it was last told; a cut when it begins and when it is over.

use std::collections::BTreeMap;

use super::derive::{Told, count, left};
use super::pace::{Bucket, Line, Rate, take};
use super::{EntryKind, Facts};
use crate::site::{Asset, Cause, Limiter, Setpoint, Site};
use crate::snapshot::{Clip, Snapshot};
use crate::units::Mono;

/// All setpoints and cuts: two a second in the long run.
const MOVES: Rate = Rate { burst: 300.0, per_s: 2.0 };
/// One asset.
const ASSET: Rate = Rate { burst: 12.0, per_s: 0.1 };
/// What somebody outside asks for is told among the events: a restless plan does not hide it.
const ASKED: Rate = Rate { burst: 20.0, per_s: 0.2 };
/// Dead band: this share of the rating ...
const BAND_SHARE: f64 = 0.02;
/// ... and at least so many kW.
const BAND_KW: f64 = 0.5;
/// A cut that comes again within this many seconds is the same.
const QUIET_S: f64 = 30.0;

/// What an asset is told.
#[derive(Clone, Debug, PartialEq)]
struct Command {
    kw: Option<f64>,
    on: Option<bool>,
    cause: Cause,
    by: Option<Limiter>,
}

/// A cut that goes on.
#[derive(Clone, Debug)]
struct Cut {
    by: Limiter,
    began: Mono,
    last: Mono,
    cycles: u64,
    /// The largest, in the command's unit.
    most: f64,
    said: bool,
}

/// What has been said of setpoints and cuts.
#[derive(Debug)]
pub(super) struct Moves {
    all: Bucket,
    setpoints: BTreeMap<usize, (Line<Option<Command>>, Bucket)>,
    cuts: BTreeMap<(String, &'static str), (Cut, Bucket)>,
}

impl Moves {
    pub(super) const fn new(now: Mono) -> Self {
        Self { all: Bucket::new(MOVES, now), setpoints: BTreeMap::new(), cuts: BTreeMap::new() }
    }

    /// Tells what is new; how many changes nobody will tell any more.
    pub(super) fn tell(&mut self, told: &mut Told<'_>, events: &mut Bucket) -> u64 {
        let unsaid = self.cuts(told);
        self.setpoints(told, events);
        unsaid
    }

    fn setpoints(&mut self, told: &mut Told<'_>, events: &mut Bucket) {
        let (site, seen, mono) = (told.site, told.seen, told.now().mono);
        for (ix, asset) in site.assets.iter().enumerate() {
            let setpoint = seen.setpoints.iter().find(|s| s.asset.0 == ix);
            let command = setpoint.map(|s| command(asset, s));
            if command.is_none() && !self.setpoints.contains_key(&ix) {
                continue;
            }
            let new = || (Line::new(ASSET, mono), Bucket::new(ASKED, mono));
            let (line, asked) = self.setpoints.entry(ix).or_insert_with(new);
            let band = (BAND_SHARE * asset.kind.rated().kw()).max(BAND_KW);
            let same = |a: &Option<Command>, b: &Option<Command>| alike(a.as_ref(), b.as_ref(), band);
            let matters = is_asked(command.as_ref()) || line.said.as_ref().is_some_and(|s| is_asked(s.as_ref()));
            let news = if matters {
                line.tell_by(asked, &command, same, events, mono)
            } else {
                line.tell(&command, same, &mut self.all, mono)
            };
            if let Some((old, missed)) = news {
                say(told, ix, asset, old.flatten().as_ref(), command.as_ref(), missed);
            }
        }
    }

    fn cuts(&mut self, told: &mut Told<'_>) -> u64 {
        let mono = told.now().mono;
        for clip in &told.seen.clips {
            let most = (clip.wanted - clip.given).abs();
            let key = (clip.asset.clone(), clip.point.name());
            let new = Cut { by: clip.by, began: mono, last: mono, cycles: 0, most, said: false };
            let (cut, bucket) = self.cuts.entry(key).or_insert_with(|| (new.clone(), Bucket::new(ASSET, mono)));
            if cut.cycles > 0 && (cut.by != clip.by || mono.since(cut.last).as_secs_f64() > QUIET_S) {
                *cut = new;
            }
            (cut.last, cut.cycles, cut.most) = (mono, cut.cycles + 1, cut.most.max(most));
            if !cut.said && take(bucket, &mut self.all, mono) {
                cut.said = true;
                let (text, facts) = begun(told.seen, clip);
                told.say(EntryKind::Clip, &clip.asset, "begun", text, facts);
            }
        }
        let mut unsaid = 0;
        let over: Vec<_> = self
            .cuts
            .iter()
            .filter(|(_, (cut, _))| mono.since(cut.last).as_secs_f64() > QUIET_S)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            let Some((cut, mut bucket)) = self.cuts.remove(&key) else { continue };
            if !(cut.said && take(&mut bucket, &mut self.all, mono)) {
                unsaid += 1;
                continue;
            }
            let (by, seconds) = (told.seen.proposals.limiter(cut.by), cut.last.since(cut.began).as_secs_f64());
            let text = format!(
                "{} of {} is no longer cut by {by}: {} cycles in {seconds:.0} s, by {} at most",
                key.1,
                key.0,
                cut.cycles,
                tenths(cut.most)
            );
            let facts = Facts { limited_by: Some(by), count: Some(cut.cycles), ..Facts::default() };
            told.say(EntryKind::Clip, &key.0, "ended", text, facts);
        }
        unsaid
    }
}

fn command(asset: &Asset, told: &Setpoint) -> Command {
    let kw = told.principal_kw(asset).filter(|kw| kw.is_finite());
    Command { kw, on: told.on(), cause: told.cause, by: told.limited_by }
}

fn is_asked(command: Option<&Command>) -> bool {
    command.is_some_and(|c| c.cause.proposal().is_some() || c.by.and_then(Limiter::proposal).is_some())
}

fn alike(a: Option<&Command>, b: Option<&Command>, band_kw: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let near = match (a.kw, b.kw) {
                (Some(a), Some(b)) => (a - b).abs() <= band_kw,
                (a, b) => a == b,
            };
            near && (a.on, a.cause, a.by) == (b.on, b.cause, b.by)
        }
        (a, b) => a.is_none() == b.is_none(),
    }
}

fn begun(seen: &Snapshot, clip: &Clip) -> (String, Facts) {
    let by = seen.proposals.limiter(clip.by);
    let text = format!(
        "{} of {} is cut by {by}: {} wanted, {} given",
        clip.point.name(),
        clip.asset,
        tenths(clip.wanted),
        tenths(clip.given)
    );
    let id = clip.by.proposal().map(|id| id.to_string());
    (text, Facts { limited_by: Some(by), limited_by_proposal: id, ..Facts::default() })
}

fn say(told: &mut Told<'_>, ix: usize, asset: &Asset, old: Option<&Command>, new: Option<&Command>, missed: u64) {
    let seen = told.seen;
    let Some(new) = new else {
        let text = format!("{} is told nothing: it cannot be steered{}", asset.id, left(missed));
        let facts = Facts { old_kw: old.and_then(|o| o.kw).map(round), ..count(missed) };
        return told.say(EntryKind::Setpoint, &asset.id, "withdrawn", text, facts);
    };
    let planned = matches!(new.cause, Cause::Plan | Cause::Balance) && seen.health.planned;
    let plan = seen.plan.as_deref().filter(|_| planned);
    let now = plan.and_then(|p| p.interval_at(seen.now.park).map(|i| (p, i)));
    let bus = asset.ports.first().map(|p| p.bus.0);
    let price = now.and_then(|(p, i)| p.buses.get(bus?)?.price.get(i).copied()).filter(|p| p.is_finite());
    let stored = now.and_then(|(p, i)| p.assets.get(ix)?.stored_value.get(i).copied()).filter(|p| p.is_finite());
    let facts = Facts {
        old_kw: old.and_then(|o| o.kw).map(round),
        new_kw: new.kw.map(round),
        on: new.on,
        cause: Some(new.cause.name().to_owned()),
        proposal: new.cause.proposal().map(|id| id.to_string()),
        limited_by: new.by.map(|by| seen.proposals.limiter(by)),
        limited_by_proposal: new.by.and_then(Limiter::proposal).map(|id| id.to_string()),
        plan: plan.map(|p| p.id),
        plan_status: plan.map(|p| p.status.name().to_owned()),
        price_per_kwh: price.map(round),
        stored_per_kwh: stored.map(round),
        ..count(missed)
    };
    let facts = match new.cause.proposal().and_then(|id| seen.proposals.standing.iter().find(|s| s.proposal.id == id)) {
        Some(s) => {
            let ask = &s.proposal.ask;
            let (identity, reason) = (Some(ask.identity.clone()), Some(ask.reason.clone()));
            Facts { identity, class: Some(ask.class), reason, ..facts }
        }
        None => facts,
    };
    let text = words(told.site, asset, old, new, &facts) + &left(missed);
    told.say(EntryKind::Setpoint, &asset.id, "moved", text, facts);
}

fn words(site: &Site, asset: &Asset, old: Option<&Command>, new: &Command, facts: &Facts) -> String {
    let kw = |c: Option<&Command>| match (c.and_then(|c| c.kw), c.and_then(|c| c.on)) {
        (_, Some(false)) => "off".to_owned(),
        (Some(kw), _) => format!("{} kW", tenths(kw)),
        (None, Some(true)) => "on".to_owned(),
        (None, None) => "nothing".to_owned(),
    };
    let plan = match (facts.plan, &facts.plan_status) {
        (Some(id), Some(status)) => format!("plan {id} ({status})"),
        _ => "the house's own rules".to_owned(),
    };
    let why = match (new.cause, facts.class, &facts.identity, &facts.reason) {
        (Cause::Proposal(_), Some(class), Some(who), Some(reason)) => {
            format!("{} {who} asks for it: \"{reason}\"", class.name())
        }
        (Cause::Proposal(id), ..) => format!("proposal {id}"),
        (Cause::Plan, ..) => plan,
        (Cause::Balance, ..) => format!("moved from {plan} to keep the grid exchange where it must be"),
        (Cause::Hold, ..) => "what stood is held until a plan knows of it".to_owned(),
        (Cause::Rules, ..) => "no plan in force: the house's own rules".to_owned(),
        (Cause::Unknown, ..) => "its state is unknown: its safe value".to_owned(),
    };
    let money = &site.currency;
    let price = facts.price_per_kwh.map(|p| format!(", a kWh is worth {p:.3} {money}")).unwrap_or_default();
    let stored = facts.stored_per_kwh.map(|p| format!(", a stored one {p:.3}")).unwrap_or_default();
    let limited = facts.limited_by.as_ref().map(|by| format!("; limited by {by}")).unwrap_or_default();
    format!("{}: {} -> {}: {why}{price}{stored}{limited}", asset.id, kw(old), kw(Some(new)))
}

/// With one decimal, and nothing less than nothing: -0.0 is no power.
pub(super) fn tenths(value: f64) -> String {
    format!("{:.1}", (value * 10.0).round() / 10.0 + 0.0)
}

/// To what is worth reading: a thousandth.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0 + 0.0
}
