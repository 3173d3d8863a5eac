use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arbiter::{self, Room, Verdict};
use super::guard;
use super::wish::{Lever, Wish, injection, lever};
use super::{follow, rules};
use crate::dispatch::Plan;
use crate::site::{
    Asset, AssetIx, Cause, Class, DeviceFrame, DeviceIx, Kind, Limiter, Link, Mode, Point, Proposal, ProposalId, Range,
    Reading, Reason, RunState, Setpoint, Site, Target,
};
use crate::state::{AssetState, Availability, SiteState};
use crate::units::{Mono, Now, Park};

/// A setpoint ends this long after the cycle that gave it, unless the next renews it.
const LEASE: Duration = Duration::from_secs(10);
/// What stands is held until a plan knows of it, after a start and after a return, but not longer than this.
const HOLD: Duration = Duration::from_secs(90);
/// A device whose driver published nothing for so long is not renewed.
const PATH_FRESH: Duration = Duration::from_secs(5);

/// A wall clock is disciplined in steps up to this, seconds.
const CLOCK_SLACK_S: f64 = 60.0;

/// Time constant of the values of stored energy, park seconds.
const VALUE_SMOOTHING_S: f64 = 120.0;
/// No stored kWh is taken to be worth more: a slack's price in the plan must not empty or fill a store at once.
const STORED_VALUE_MAX: f64 = 3.0;

/// One command: power in kW as an injection, and run or rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Told {
    kw: Option<f64>,
    on: Option<bool>,
}

/// What control remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// What each asset was told in the last cycle; `None` where nothing stands that we gave.
    last: Vec<Option<Told>>,
    last_park: Option<Park>,
    /// Value of stored energy per asset, low-passed: duals are kinked and jump from plan to plan.
    stored_value: Vec<Option<f64>>,
    first_cycle: Option<Mono>,
    /// Which assets could not be judged in the last cycle, and since when each of the others can be again.
    out: Vec<bool>,
    back: Vec<Option<(Park, Mono)>>,
}

impl Control {
    /// A plan that was made while an asset was out says nothing of it: what stands in its device is held until the next.
    fn follow_returns(&mut self, state: &SiteState) {
        self.out.resize(state.assets.len(), false);
        self.back.resize(state.assets.len(), None);
        for ((own, out), back) in state.assets.iter().zip(&mut self.out).zip(&mut self.back) {
            let gone = own.availability != Availability::Available;
            if *out && !gone {
                *back = Some((state.now.park, state.now.mono));
            }
            *out = gone;
            // A clock that was set back must not hold it for ever.
            *back = back.filter(|(since, _)| *since <= state.now.park);
        }
    }

    /// Since when an asset is back of which `plan` says nothing.
    fn unknown_to(&self, plan: &Plan, asset: usize) -> Option<Mono> {
        self.back.get(asset).copied().flatten().filter(|(back, _)| plan.made_at < *back).map(|(_, mono)| mono)
    }

    /// A new process gave no commands yet: it takes over what the devices say stands.
    pub fn restarted(&mut self) {
        *self = Self::default();
    }

    fn follow_values(&mut self, plan: Option<(&Plan, usize)>, assets: usize, dt_s: f64) {
        self.stored_value.resize(assets, None);
        let Some((plan, i)) = plan else { return };
        for (slot, planned) in self.stored_value.iter_mut().zip(&plan.assets) {
            let Some(value) = planned.stored_value.get(i).copied().filter(|v| v.is_finite()) else { continue };
            let value = value.clamp(0.0, STORED_VALUE_MAX);
            let gain = (dt_s / VALUE_SMOOTHING_S).min(1.0);
            *slot = Some(slot.map_or(value, |old| old + gain * (value - old)));
        }
    }
}

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The site.
    pub site: &'a Site,
    /// What is believed.
    pub state: &'a SiteState,
    /// The process image, for what stands in the devices.
    pub image: &'a [Reading],
    /// What the drivers say of their paths.
    pub frames: &'a [Arc<DeviceFrame>],
    /// The plan picked up at this cycle.
    pub plan: Option<&'a Plan>,
    /// What is asked for from outside, in the order in which it rules ([`super::Proposals::standing`]).
    pub proposals: &'a [&'a Proposal],
    /// The mode.
    pub mode: Mode,
    /// Number of the cycle.
    pub cycle: u64,
}

/// What was narrowed, for one asset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Narrowed {
    /// Which asset.
    pub asset: AssetIx,
    /// Which command.
    pub point: Point,
    /// What was wanted, kW or 0/1.
    pub wanted: f64,
    /// What was given.
    pub given: f64,
    /// By what.
    pub by: Limiter,
}

/// The outcome of one cycle.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// One per steered asset whose device answers.
    pub setpoints: Vec<Arc<Setpoint>>,
    /// What the guard narrowed.
    pub narrowed: Vec<Narrowed>,
    /// Import expected at the PCC, kW.
    pub import_kw: Option<f64>,
    /// The plan was followed (false: held, or by rules).
    pub planned: bool,
    /// What may cross the PCC, and who says so.
    pub pcc: Option<Range>,
    verdicts: Vec<(ProposalId, Verdict)>,
}

impl Decision {
    pub(super) fn verdict(&self, id: ProposalId) -> Verdict {
        self.verdicts.iter().find(|(of, _)| *of == id).map_or(Verdict::Free, |(_, v)| *v)
    }
}

impl Inputs<'_> {
    /// What may cross the PCC by its ratings and by the limits of `class` and above.
    fn pcc(&self, class: Class) -> Option<Range> {
        let heard: Vec<&Proposal> = self.proposals.iter().copied().filter(|p| p.ask.class <= class).collect();
        arbiter::pcc(self.site, &heard).map(|room| room.range)
    }

    /// What proposals leave of each asset; only those that outrank `above`, if given.
    pub(super) fn rooms(&self, above: Option<Class>) -> Vec<Room> {
        let heard = |p: &&&Proposal| above.is_none_or(|class| p.ask.class < class);
        let of = |ix: usize| self.proposals.iter().filter(heard).copied().filter(move |p| p.ask.asset.0 == ix);
        let switch = |asset: &Asset| lever(asset).is_some_and(|l| l.switch);
        let assets = self.site.assets.iter().enumerate();
        assets.map(|(ix, asset)| arbiter::arbitrate(arbiter::unbounded(), switch(asset), of(ix))).collect()
    }
}

/// Decides every setpoint of this cycle.
pub fn decide(memory: &mut Control, inputs: &Inputs<'_>) -> Decision {
    let Inputs { site, state, .. } = *inputs;
    let now = state.now;
    let dt_s = memory.last_park.map_or(0.0, |last| now.park.seconds_since(last).max(0.0));
    memory.last_park = Some(now.park);
    memory.last.resize(site.assets.len(), None);
    let started = *memory.first_cycle.get_or_insert(now.mono);

    let plan = inputs.plan.filter(|p| in_force(p, now.park)).and_then(|p| Some((p, p.interval_at(now.park)?)));
    memory.follow_values(plan, site.assets.len(), dt_s);
    memory.follow_returns(state);
    let holding = inputs.plan.is_none() && now.mono.since(started) < HOLD;
    let mut wishes: Vec<Option<Wish>> = site
        .assets
        .iter()
        .zip(&state.assets)
        .enumerate()
        .map(|(ix, (asset, own))| {
            let back = plan.and_then(|(p, _)| memory.unknown_to(p, ix));
            // A last plan that is only shifted may never know of it: then the house's rules do. In an island they would close
            // what is shed.
            let new = |at: Mono| now.mono.since(at) < HOLD || inputs.mode != Mode::GridConnected;
            let hold = holding || back.is_some_and(new);
            let last = memory.last.get(ix).copied().flatten();
            wish(inputs, plan.filter(|_| back.is_none()), hold, asset, ix, own, last)
        })
        .collect();
    let (rooms, pcc) = (inputs.rooms(None), arbiter::pcc(site, inputs.proposals));
    let judged = state.assets.iter().map(|own| own.availability == Availability::Available);
    for (((asset, room), wish), judged) in site.assets.iter().zip(&rooms).zip(&mut wishes).zip(judged) {
        // What cannot be judged is held or safe, whoever asks.
        if let (Some(lever), Some(wish), true) = (lever(asset), wish.as_mut(), judged) {
            room.apply(asset, lever, wish);
        }
    }
    let limits = pcc.as_ref().map(|room| room.range);
    let import_kw = match limits {
        Some(limits) if inputs.mode == Mode::GridConnected && !holding => {
            follow::balance(inputs, plan, &memory.stored_value, limits, &rooms, &mut wishes)
        }
        _ => None,
    };

    let at_pcc = pcc.into_iter().flat_map(|room| room.verdicts);
    let the_pcc = site.pcc();
    let others = rooms.iter().enumerate().filter(|(ix, _)| the_pcc != Some(AssetIx(*ix)));
    let verdicts = at_pcc.chain(others.flat_map(|(_, room)| room.verdicts.iter().copied())).collect();
    let mut decision = Decision { import_kw, planned: plan.is_some(), pcc: limits, verdicts, ..Decision::default() };
    let rows = site.assets.iter().zip(&state.assets).zip(wishes).zip(&mut memory.last).zip(&rooms).enumerate();
    for (ix, ((((asset, own), wish), last), room)) in rows {
        // A limit at the PCC does not move what outranks it; the PCC's own rating moves all.
        let limits = match room.class() {
            Some(class) => inputs.pcc(class),
            None => limits,
        };
        *last = wish.and_then(|w| issue(inputs, AssetIx(ix), asset, own, w, limits, *last, dt_s, &mut decision));
    }
    decision
}

/// A plan made in the future was made before the clock was set back: its end may be years away.
fn in_force(plan: &Plan, at: Park) -> bool {
    plan.made_at <= at.plus_s(CLOCK_SLACK_S) && at <= plan.valid_until
}

/// The device that steers an asset, if it answers and takes the lever's commands.
fn steered(inputs: &Inputs<'_>, asset: &Asset) -> Option<(DeviceIx, Lever)> {
    let (device, lever) = (asset.device?, lever(asset)?);
    let frame = inputs.frames.iter().find(|f| f.device == device)?;
    let takes = |p: Point| inputs.site.point(device, p).is_some();
    (frame.link == Link::Up && (lever.power.is_some_and(takes) || (lever.switch && takes(Point::On))))
        .then_some((device, lever))
}

fn wish(
    inputs: &Inputs<'_>,
    plan: Option<(&Plan, usize)>,
    hold: bool,
    asset: &Asset,
    ix: usize,
    own: &AssetState,
    last: Option<Told>,
) -> Option<Wish> {
    let (device, lever) = steered(inputs, asset)?;
    if own.availability != Availability::Available {
        // Nor is a feeder that an island has shed closed again because its meter is lost.
        let shed = inputs.mode != Mode::GridConnected && matches!(asset.kind, Kind::Load(_));
        return if awaited(own) || shed {
            held(inputs, device, lever, asset, last)
        } else {
            Some(safe(inputs, device, lever, asset, own))
        };
    }
    if hold {
        return held(inputs, device, lever, asset, last);
    }
    plan.and_then(|(p, i)| follow::wish(p, i, asset, ix, own, inputs.site, inputs.state))
        .or_else(|| Some(rules::wish(inputs.site, inputs.state, asset, own)))
}

/// After a start or a reconnect the second, agreeing sample is a moment away: no running machine is stopped for it.
fn awaited(own: &AssetState) -> bool {
    matches!(own.availability, Availability::Out(Reason::NeverRead | Reason::Unconfirmed))
}

/// A steerable asset that cannot be judged gets its device's safe values. A machine that is known to rest is not started for it.
fn safe(inputs: &Inputs<'_>, device: DeviceIx, lever: Lever, asset: &Asset, own: &AssetState) -> Wish {
    let of = |point: Point| inputs.site.point(device, point).and_then(|ix| inputs.site.spec(ix)).and_then(|s| s.safe);
    let power_kw = lever.power.and_then(of).map(|v| injection(asset, lever, v));
    let known = own.ports.first().is_some_and(|p| p.measured.is_ok())
        && !matches!(own.run_state, Some(Err(_) | Ok(RunState::Fault)));
    let rests = known && own.running.is_some_and(|r| !r.on);
    Wish { power_kw, on: of(Point::On).map(|v| v > 0.5 && !rests), cause: Cause::Unknown, by: None }
}

/// What was told last, or what the device says stands: a read-back that lags would make what is held swing between old values.
fn held(inputs: &Inputs<'_>, device: DeviceIx, lever: Lever, asset: &Asset, last: Option<Told>) -> Option<Wish> {
    let told = last.map(|t| Wish { power_kw: t.kw, on: t.on, cause: Cause::Hold, by: None });
    told.or_else(|| standing(inputs, device, lever, asset))
}

/// What the device says stands; `None` where it cannot be read, so that nothing is commanded blindly.
fn standing(inputs: &Inputs<'_>, device: DeviceIx, lever: Lever, asset: &Asset) -> Option<Wish> {
    let read = |p: Point| inputs.site.point(device, p).and_then(|ix| inputs.image.get(ix.0)).map(|r| r.value);
    let power = lever.power.and_then(read).transpose().ok()?;
    let on = if lever.switch { read(Point::On).transpose().ok()? } else { None };
    Some(Wish {
        power_kw: power.map(|v| injection(asset, lever, v)),
        on: on.map(|v| v > 0.5),
        cause: Cause::Hold,
        by: None,
    })
}

/// Ramps, guards and issues one asset's setpoint; returns what it was told.
#[allow(clippy::too_many_arguments)] // one row of the decision's table
fn issue(
    inputs: &Inputs<'_>,
    ix: AssetIx,
    asset: &Asset,
    own: &AssetState,
    wish: Wish,
    limits: Option<Range>,
    last: Option<Told>,
    dt_s: f64,
    out: &mut Decision,
) -> Option<Told> {
    let (device, lever) = steered(inputs, asset)?;
    // No wish on a cap lifts it: the rating is said, because "no instruction" is not "off", and the guard sees it.
    let uncapped = || injection(asset, lever, asset.kind.rated().kw());
    let wish = Wish { power_kw: wish.power_kw.or_else(|| lever.cap.then(uncapped)), ..wish };
    let from = last.and_then(|t| t.kw).or_else(|| standing(inputs, device, lever, asset).and_then(|w| w.power_kw));
    let gives = own.ports.first().and_then(|p| p.measured.ok());
    let ramped = wish.power_kw.map(|to| ramp(asset, from, gives, to, dt_s));
    let guarded = guard::narrow(inputs.site, inputs.state, limits, asset, own, ramped, wish.on);
    if awaited(own) && guarded.by.is_some() {
        // What narrows it is a limit not yet read twice, which counts as 0: nothing is said, and what stands goes on for as
        // long as its device lets it.
        return None;
    }
    record(ix, lever, ramped, wish.on, &guarded, out);
    let site = inputs.site;
    let mut targets = Vec::with_capacity(2);
    let has = |p: Point| site.point(device, p).is_some();
    if let (Some(point), Some(value)) = (lever.power.filter(|p| has(*p)), guarded.power_kw) {
        targets.push(Target { point, value: if lever.cap { value.abs() } else { value } });
    }
    if let Some(on) = guarded.on.filter(|_| has(Point::On)) {
        targets.push(Target { point: Point::On, value: f64::from(u8::from(on)) });
    }
    let limited_by = guarded.by.or_else(|| (ramped != wish.power_kw).then_some(Limiter::Ramp)).or(wish.by);
    out.setpoints.push(Arc::new(Setpoint {
        asset: ix,
        device,
        targets,
        cycle: inputs.cycle,
        lease_until: inputs.state.now.mono + LEASE,
        renew: path_healthy(inputs, device, inputs.state.now),
        cause: wish.cause,
        limited_by,
    }));
    Some(Told { kw: guarded.power_kw, on: guarded.on })
}

/// A machine that has not come to what it was told moves nowhere when it is told what it gives: only beyond that does the
/// ramp count. A battery is where it was told before its meter says so.
fn ramp(asset: &Asset, from: Option<f64>, gives: Option<f64>, to: f64, dt_s: f64) -> f64 {
    // Between rest and its lowest load a machine has no setpoint: it begins there, and refuses what lies below.
    let least = asset.kind.commitment().map_or(0.0, |c| c.min_load * asset.kind.rated().kw());
    let from = from.map(|from| match to {
        to if least > 0.0 && to >= least => from.max(least),
        to if least > 0.0 && to <= -least => from.min(-least),
        _ => from,
    });
    match (from, asset.kind.ramp_kw_per_s()) {
        (Some(from), Some(rate)) if to.is_finite() => {
            let gives = gives.filter(|_| asset.kind.commitment().is_some()).unwrap_or(from);
            to.min(from.max(gives) + rate * dt_s).max(from.min(gives) - rate * dt_s)
        }
        _ => to,
    }
}

fn record(
    ix: AssetIx,
    lever: Lever,
    wanted_kw: Option<f64>,
    wanted_on: Option<bool>,
    guarded: &guard::Guarded,
    out: &mut Decision,
) {
    let Some(by) = guarded.by else { return };
    let switch = |on: bool| f64::from(u8::from(on));
    if let (Some(point), Some(wanted), Some(given)) = (lever.power, wanted_kw, guarded.power_kw)
        && (wanted - given).abs() > 1e-9
    {
        out.narrowed.push(Narrowed { asset: ix, point, wanted, given, by });
    }
    if let (Some(wanted), Some(given)) = (wanted_on, guarded.on)
        && wanted != given
    {
        out.narrowed.push(Narrowed { asset: ix, point: Point::On, wanted: switch(wanted), given: switch(given), by });
    }
}

fn path_healthy(inputs: &Inputs<'_>, device: DeviceIx, now: Now) -> bool {
    inputs
        .frames
        .iter()
        .find(|f| f.device == device)
        .is_some_and(|f| f.link == Link::Up && now.mono.since(f.turn) < PATH_FRESH)
}

#[cfg(test)]
mod tests {
    use super::ramp;
    use crate::site::Kind;
    use crate::site::kinds::{Boiler, Commitment};
    use crate::site::sample::{BATTERY, site};

    #[test]
    fn a_machine_below_its_old_order_is_not_led_up_to_it_by_the_ramp() {
        let mut boiler = site().assets[BATTERY].clone();
        assert!((ramp(&boiler, Some(300.0), Some(0.0), 75.0, 1.0) - 250.0).abs() < 1e-9, "a battery: by its order");
        boiler.kind = Kind::Boiler(Boiler {
            id: "boiler".into(),
            heat_bus: "heat".into(),
            gas_bus: "gas".into(),
            rated_kw: 500.0,
            efficiency: 0.9,
            ramp_kw_per_s: 5.0,
            commitment: Commitment {
                min_load: 0.2,
                start_cost: 0.0,
                min_up_min: 0,
                min_down_min: 0,
                ..Default::default()
            },
            ..Default::default()
        });
        assert_eq!(ramp(&boiler, Some(300.0), Some(0.0), 75.0, 1.0), 75.0);
        assert_eq!(ramp(&boiler, Some(300.0), Some(290.0), 75.0, 1.0), 285.0);
        assert_eq!(ramp(&boiler, Some(100.0), Some(95.0), 300.0, 1.0), 105.0);
        assert_eq!(ramp(&boiler, Some(300.0), None, 75.0, 1.0), 295.0);
        assert_eq!(ramp(&boiler, Some(0.0), Some(0.0), 300.0, 1.0), 105.0, "it begins at its lowest load");
        assert_eq!(ramp(&boiler, Some(0.0), Some(0.0), -300.0, 1.0), -105.0, "what consumes likewise");
    }
}
