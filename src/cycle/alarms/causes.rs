//! What is wrong at this moment, cause by cause: it names the thing, not the symptom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::control::Decision;
use crate::cycle::link::Paths;
use crate::dispatch::{Conflict, Plan, PlanStatus};
use crate::site::{
    AlarmKind, Asset, Device, DeviceFrame, Kind, Link, Point, Reason, Report, Reversion, RunState, Setpoint, Severity,
    Site,
};
use crate::state::{AssetState, Availability, Finding, SiteState};

/// A unit that is told a power and gives another for so long does not follow, seconds (monotonic).
const FOLLOW_S: f64 = 30.0;
/// ... by more than this share of its rating.
const FOLLOW_SHARE: f64 = 0.08;
/// A lost device is an alarm after this long without an answer: shorter gaps are ordinary reconnects.
const LOST_S: f64 = 5.0;
/// An alarm tells so many reasons; the plan has the rest.
const REASONS: usize = 3;

/// What the alarms are raised from.
pub(in crate::cycle) struct Seen<'a> {
    pub site: &'a Site,
    pub state: &'a SiteState,
    pub frames: &'a [Arc<DeviceFrame>],
    pub plan: Option<&'a Plan>,
    pub decision: &'a Decision,
    pub findings: &'a [Finding],
    pub reports: &'a [Report],
}

/// A cause that is true in this cycle.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raised {
    pub kind: AlarmKind,
    pub severity: Severity,
    pub subject: String,
    pub text: String,
    /// Devices (positions) without which it would not be so; if they are silent, it follows from that.
    pub of: Vec<usize>,
    pub members: Vec<String>,
    pub consequent: Vec<String>,
    /// How many members have joined it so far.
    pub joined: usize,
}

impl Raised {
    pub(super) fn new(kind: AlarmKind, severity: Severity, subject: impl Into<String>, text: String) -> Self {
        let (subject, of) = (subject.into(), Vec::new());
        Self { kind, severity, subject, text, of, members: Vec::new(), consequent: Vec::new(), joined: 0 }
    }

    fn of(self, of: impl IntoIterator<Item = usize>) -> Self {
        Self { of: of.into_iter().collect(), ..self }
    }
}

/// A device that is silent: since when by monotonic time, and for how long already enough to be an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Silent {
    pub device: usize,
    pub since_s: f64,
    pub lost: bool,
}

/// How long each device has been down, and each unit has not followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Causes {
    down_since: BTreeMap<usize, f64>,
    astray_since: BTreeMap<usize, f64>,
    unverified: Vec<String>,
    paths: Paths,
}

impl Causes {
    /// Devices whose last command is not verified, in words.
    pub(super) fn unverified(&self) -> Vec<String> {
        self.unverified.clone()
    }

    /// All causes that are true now.
    pub(super) fn raise(&mut self, seen: &Seen<'_>) -> Vec<Raised> {
        let mut raised = Vec::new();
        self.devices(seen, &mut raised);
        self.following(seen, &mut raised);
        balances(seen, &mut raised);
        plans(seen, &mut raised);
        limits(seen, &mut raised);
        let reports = seen.reports.iter().cloned();
        raised.extend(reports.map(|r| Raised::new(r.kind, r.severity, r.subject, r.text)));
        raised
    }

    /// Devices that say nothing at all. One that answers as another, or whose gateway answers for it, is not silent.
    pub(super) fn silent(&self, seen: &Seen<'_>) -> Vec<Silent> {
        let now_s = seen.state.now.mono.seconds();
        let down = seen.frames.iter().filter(|f| {
            matches!(f.link, Link::Down(r) if !matches!(r, Reason::IdentityMismatch | Reason::GatewayPath | Reason::Disabled))
        });
        down.filter_map(|f| {
            let since_s = *self.down_since.get(&f.device.0)?;
            Some(Silent { device: f.device.0, since_s, lost: now_s - since_s > LOST_S })
        })
        .collect()
    }

    fn devices(&mut self, seen: &Seen<'_>, out: &mut Vec<Raised>) {
        self.unverified.clear();
        let now_s = seen.state.now.mono.seconds();
        for frame in seen.frames {
            let Some(device) = seen.site.devices.get(frame.device.0) else { continue };
            self.paths.see(frame);
            if frame.link == Link::Up {
                self.down_since.remove(&frame.device.0);
            } else {
                self.down_since.entry(frame.device.0).or_insert(now_s);
            }
            let lost = self.down_since.get(&frame.device.0).is_some_and(|from| now_s - from > LOST_S);
            if let (Link::Down(reason), true) = (frame.link, lost) {
                let others = seen.frames.iter().filter(|f| f.link == Link::Up);
                let mut others = others.filter_map(|f| seen.site.devices.get(f.device.0));
                let answer = others.any(|d| d.address == device.address);
                let lost = || self.paths.lost(device, frame, reason, answer);
                out.push(link_alarm(device, reason, lost).of([frame.device.0]));
            }
            self.writes(&device.id, frame, out);
            for (reading, spec) in
                frame.readings.iter().zip(seen.site.points.get(device.points.clone()).unwrap_or_default())
            {
                if reading.value == Err(Reason::IllegalAddress) {
                    let text = format!(
                        "{} has no {}: the device's map differs from profile {}; the point is disabled",
                        device.id,
                        spec.point.name(),
                        device.profile
                    );
                    let subject = format!("{}.{}", device.id, spec.point.name());
                    out.push(Raised::new(AlarmKind::PointRefused, Severity::Warning, subject, text));
                }
            }
            let commands =
                seen.site.points.get(device.points.clone()).unwrap_or_default().iter().any(|p| p.point.is_command());
            if device.reversion == Reversion::None && commands {
                let text =
                    format!("commands of {} do not end by themselves when the controller falls silent", device.id);
                out.push(Raised::new(AlarmKind::NoReversion, Severity::Notice, device.id.clone(), text));
            }
        }
        frozen(seen, out);
        faults(seen, out);
    }

    fn writes(&mut self, id: &str, frame: &DeviceFrame, out: &mut Vec<Raised>) {
        if let Some((point, reason)) = frame.write.refused {
            let text = format!("{id} refused {}: {reason}; the command does not stand", point.name());
            self.unverified.push(text.clone());
            out.push(Raised::new(AlarmKind::WriteRefused, Severity::Warning, id, text).of([frame.device.0]));
        }
        for m in &frame.write.mismatches {
            let text = format!(
                "{id}.{} was set to {:.1} and reads back {:.1}: another controller, or a write without effect",
                m.point.name(),
                m.wanted,
                m.got
            );
            self.unverified.push(text.clone());
            out.push(Raised::new(AlarmKind::ReadbackMismatch, Severity::Warning, id, text).of([frame.device.0]));
        }
    }

    /// A write that is acknowledged may still do nothing (F58): the effect is verified in watts.
    fn following(&mut self, seen: &Seen<'_>, out: &mut Vec<Raised>) {
        let now_s = seen.state.now.mono.seconds();
        let mut astray = BTreeMap::new();
        for setpoint in &seen.decision.setpoints {
            let ix = setpoint.asset.0;
            if let Some((wanted, got)) = gap(seen, setpoint) {
                let from = self.astray_since.get(&ix).copied().unwrap_or(now_s);
                astray.insert(ix, from);
                if now_s - from > FOLLOW_S {
                    let Some(asset) = seen.site.assets.get(ix) else { continue };
                    let text = format!("{} is told {wanted:.0} kW and gives {got:.0} kW", asset.id);
                    self.unverified.push(text.clone());
                    let raised = Raised::new(AlarmKind::NotFollowing, Severity::Warning, asset.id.clone(), text);
                    out.push(raised.of(devices_of(seen.site, asset)));
                }
            }
        }
        self.astray_since = astray;
    }
}

/// (told, given) of a unit that must hold its setpoint and does not.
fn gap(seen: &Seen<'_>, setpoint: &Setpoint) -> Option<(f64, f64)> {
    let asset = seen.site.assets.get(setpoint.asset.0)?;
    let own = seen.state.assets.get(setpoint.asset.0)?;
    let got = own.ports.first()?.measured.ok()?;
    let rated = asset.kind.rated().kw();
    let (wanted, astray) = match asset.kind {
        Kind::Battery(_) => {
            let wanted = setpoint.target(Point::WSet)?;
            (wanted, (got - wanted).abs() > FOLLOW_SHARE * rated)
        }
        // A cap is not followed only when it is exceeded.
        Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => {
            let cap = setpoint.target(Point::WMax)?;
            (cap, got.abs() - cap > FOLLOW_SHARE * rated)
        }
        _ => return None,
    };
    astray.then_some((wanted, got))
}

fn link_alarm(device: &Device, reason: Reason, lost: impl FnOnce() -> String) -> Raised {
    let Device { id, address, .. } = device;
    let (kind, text) = match reason {
        Reason::IdentityMismatch => (
            AlarmKind::IdentityMismatch,
            format!("another device answers at {address} than the profile of {id} expects: nothing is written to it"),
        ),
        _ => (AlarmKind::DeviceLost, lost()),
    };
    Raised::new(kind, Severity::Warning, id.clone(), text)
}

/// Devices that steer or measure an asset.
fn devices_of(site: &Site, asset: &Asset) -> BTreeSet<usize> {
    let meters = asset.ports.iter().flat_map(|p| &p.measured);
    let measured = meters.filter_map(|m| site.spec(m.point)).map(|s| s.device.0);
    asset.device.map(|d| d.0).into_iter().chain(measured).collect()
}

fn frozen(seen: &Seen<'_>, out: &mut Vec<Raised>) {
    for (asset, own) in seen.site.assets.iter().zip(&seen.state.assets) {
        for (port, believed) in asset.ports.iter().zip(&own.ports) {
            if believed.measured == Err(Reason::Frozen) {
                let meter = port.measured.first();
                let point = meter.map(|m| seen.site.point_name(m.point)).unwrap_or_default();
                let text = format!(
                    "{point} repeats the same value to the last bit: the meter of {} is frozen; planning with {}",
                    asset.id, believed.power
                );
                let of = meter.and_then(|m| seen.site.spec(m.point)).map(|s| s.device.0);
                out.push(Raised::new(AlarmKind::Frozen, Severity::Warning, point, text).of(of));
            }
        }
    }
}

fn faults(seen: &Seen<'_>, out: &mut Vec<Raised>) {
    for (asset, own) in seen.site.assets.iter().zip(&seen.state.assets) {
        if own.run_state == Some(Ok(RunState::Fault)) {
            let text = format!("{} has locked itself out; it is left out of the plan", asset.id);
            out.push(Raised::new(AlarmKind::DeviceFault, Severity::Warning, asset.id.clone(), text));
        } else if let Some(reason) = withheld(seen, asset, own) {
            let text = format!(
                "{} is read well and does not take its commands ({reason}); it is left out of the plan and given its safe \
                 values, and is tried again a minute after the last refusal",
                asset.id
            );
            let raised = Raised::new(AlarmKind::WriteRefused, Severity::Warning, asset.id.clone(), text);
            out.push(raised.of(asset.device.map(|d| d.0)));
        }
    }
}

/// Why an asset is out though everything of it is known.
fn withheld(seen: &Seen<'_>, asset: &Asset, own: &AssetState) -> Option<Reason> {
    let Availability::Out(reason) = own.availability else { return None };
    let answers = seen.frames.iter().any(|f| Some(f.device) == asset.device && f.link == Link::Up);
    let measured = own.ports.first().is_some_and(|p| p.measured.is_ok());
    (answers && measured && own.energy.is_none_or(|e| e.is_ok())).then_some(reason)
}

fn balances(seen: &Seen<'_>, out: &mut Vec<Raised>) {
    for (ix, (bus, finding)) in seen.site.buses.iter().zip(seen.findings).enumerate() {
        match finding {
            Finding::Closed => {}
            Finding::Open { residual_kw } => {
                let text = format!(
                    "the injections on {} do not add up: {residual_kw:.0} kW left over; a meter is wrong or something is not metered",
                    bus.id
                );
                let on_bus = seen.site.assets.iter().filter(|a| a.ports.iter().any(|p| p.bus.0 == ix));
                let of = on_bus.flat_map(|a| devices_of(seen.site, a));
                out.push(Raised::new(AlarmKind::BalanceOpen, Severity::Warning, bus.id.clone(), text).of(of));
            }
            Finding::Reversed { asset, port, residual_kw } => {
                let (id, device) = seen
                    .site
                    .assets
                    .get(*asset)
                    .map(|a| {
                        (
                            a.id.clone(),
                            a.ports
                                .get(*port)
                                .and_then(|p| p.measured.first())
                                .map(|m| seen.site.point_name(m.point))
                                .unwrap_or_default(),
                        )
                    })
                    .unwrap_or_default();
                let text = format!(
                    "{} is {residual_kw:.0} kW out of balance, and closes if {device} ({id}) is reversed: its sign is flipped (current transformer or profile)",
                    bus.id
                );
                out.push(Raised::new(AlarmKind::SignFlipped, Severity::Critical, device, text));
            }
        }
    }
}

fn plans(seen: &Seen<'_>, out: &mut Vec<Raised>) {
    let site = seen.site.id.clone();
    match seen.plan {
        None => out.push(Raised::new(AlarmKind::PlanFallback, Severity::Notice, site, "no plan yet".to_owned())),
        Some(plan) if !seen.decision.planned => {
            let text = format!("plan {} has expired: the house's own rules steer", plan.id);
            out.push(Raised::new(AlarmKind::PlanFallback, Severity::Critical, site, text));
        }
        Some(plan) => {
            if let PlanStatus::Fallback(_) = plan.status {
                let text = format!("plan {} is a fallback ({}): {}", plan.id, plan.status.name(), plan.note);
                out.push(Raised::new(AlarmKind::PlanFallback, Severity::Warning, site, text));
            }
            for conflict in plan.conflicts.iter().filter(|c| c.from == 0) {
                out.push(conflicting(seen.site, conflict));
            }
        }
    }
    if !seen.state.now.synchronised {
        let text = "wall time is not synchronised: prices by time of day are unknown".to_owned();
        out.push(Raised::new(AlarmKind::ClockUnsynchronised, Severity::Warning, seen.site.id.clone(), text));
    }
}

/// "bus elec: what is in conflict", "battery: what is in conflict".
fn conflicting(site: &Site, c: &Conflict) -> Raised {
    let (subject, what) = c.what.split_once(": ").unwrap_or((&site.id, &c.what));
    let reasons: Vec<String> = c.because.iter().take(REASONS).map(ToString::to_string).collect();
    let because = if reasons.is_empty() { String::new() } else { format!(" because {}", reasons.join(" and ")) };
    let text =
        format!("{what}, by up to {:.1} {}{because}; a unit of relief is worth {:.2}", c.amount, c.unit, c.price);
    let subject = subject.trim_start_matches("bus ").to_owned();
    Raised::new(AlarmKind::LimitsInConflict, Severity::Warning, subject, text)
}

fn limits(seen: &Seen<'_>, out: &mut Vec<Raised>) {
    let (Some(pcc), Some(range)) = (seen.site.pcc(), seen.decision.pcc) else { return };
    let (Some(asset), Some(own)) = (seen.site.assets.get(pcc.0), seen.state.assets.get(pcc.0)) else { return };
    let Some(Ok(import)) = own.ports.first().map(|p| p.measured) else { return };
    let (text, over) = if import > range.high.kw {
        (format!("import is {import:.0} kW, limit {:.0} kW", range.high.kw), true)
    } else {
        (format!("export is {:.0} kW, limit {:.0} kW", -import, -range.low.kw), import < range.low.kw)
    };
    if over {
        out.push(Raised::new(AlarmKind::LimitExceeded, Severity::Critical, asset.id.clone(), text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Binding;

    #[test]
    fn limits_in_conflict_are_told_with_their_reasons_about_the_asset_they_are_of() {
        let binding = |limit: &str, at: f64, worth: Option<f64>| Binding {
            limit: limit.to_owned(),
            from: 0,
            to: 1,
            at,
            unit: "kW".to_owned(),
            worth,
        };
        let conflict = |what: &str| Conflict {
            what: what.to_owned(),
            from: 0,
            to: 4,
            amount: 80.0,
            unit: "kW".to_owned(),
            price: 40.0,
            because: vec![
                binding("chp: out (device_timeout)", 0.0, None),
                binding("grid: import limit (import_max_kw 500)", 475.0, Some(39.5)),
            ],
        };
        let site = crate::site::sample::site();
        let raised = conflicting(&site, &conflict("load: not served"));
        assert_eq!((raised.subject.as_str(), raised.kind), ("load", AlarmKind::LimitsInConflict));
        assert_eq!(
            raised.text,
            "not served, by up to 80.0 kW because chp: out (device_timeout) and grid: import limit (import_max_kw 500) at 475 kW \
             (one kW more is worth 39.50/kWh); a unit of relief is worth 40.00"
        );
        assert_eq!(conflicting(&site, &conflict("bus heat: more is injected than taken")).subject, "heat");
    }
}
