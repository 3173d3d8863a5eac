//! What a person or a program is shown of a snapshot, in a stable order. Unknown is `null`, never a number.

use hexad::proto::v1;
use hexad::proto::v1::value::Kind;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// One cycle.
#[derive(Serialize)]
pub(crate) struct Figures {
    pub time: Option<Timestamp>,
    pub mode: String,
    pub cycle: u64,
    pub plan: PlanHead,
    pub assets: Vec<AssetFigures>,
    pub buses: Vec<BusFigures>,
    pub alarms: Vec<AlarmFigures>,
    pub health: HealthFigures,
    pub demand: DemandFigures,
    pub clips: Vec<ClipFigures>,
    pub devices: Vec<DeviceFigures>,
    pub clock_synchronised: bool,
    /// Cycles this reader missed just before this one.
    pub skipped: u64,
}

#[derive(Serialize)]
pub(crate) struct PlanHead {
    pub age_s: Option<f64>,
    pub status: String,
    pub gap: Option<f64>,
    pub bound: Option<f64>,
    pub cost: Option<f64>,
    pub id: Option<u64>,
    pub solve_ms: Option<f64>,
    pub note: String,
}

#[derive(Serialize)]
pub(crate) struct AssetFigures {
    pub id: String,
    pub kind: String,
    pub group: String,
    pub power_kw: Option<f64>,
    pub heat_kw: Option<f64>,
    pub cool_kw: Option<f64>,
    pub gas_kw: Option<f64>,
    pub setpoint_kw: Option<f64>,
    pub on: Option<bool>,
    pub reason: String,
    pub quality: String,
    pub run_state: Option<String>,
    pub energy_kwh: Option<f64>,
    pub available: Option<bool>,
    /// Of its oldest reading.
    pub age_s: f64,
}

#[derive(Serialize)]
pub(crate) struct BusFigures {
    pub id: String,
    pub carrier: String,
    pub balance_kw: Option<f64>,
    pub price_per_kwh: Option<f64>,
}

#[derive(Serialize)]
pub(crate) struct AlarmFigures {
    pub kind: String,
    pub severity: String,
    pub subject: String,
    pub text: String,
    pub since: Option<Timestamp>,
    pub id: String,
    pub state: String,
    pub last: Option<Timestamp>,
    pub returned: u32,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<Timestamp>,
    pub note: Option<String>,
    pub members: Vec<String>,
    pub consequent: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct HealthFigures {
    pub good: bool,
    pub unread: Vec<String>,
    pub planned: bool,
    pub unverified: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct DemandFigures {
    pub window_start: Option<Timestamp>,
    pub imported_kwh: Option<f64>,
    pub peak_kw: Option<f64>,
}

#[derive(Serialize)]
pub(crate) struct ClipFigures {
    pub asset: String,
    pub point: String,
    pub wanted: f64,
    pub given: f64,
    pub by: String,
}

#[derive(Serialize)]
pub(crate) struct DeviceFigures {
    pub id: String,
    pub link: String,
    pub connects: u32,
    pub errors: u32,
    pub writes_verified: bool,
}

impl From<v1::Snapshot> for Figures {
    fn from(s: v1::Snapshot) -> Self {
        Self {
            time: time(s.time),
            mode: s.mode,
            cycle: s.cycle,
            plan: plan_head(s.plan),
            assets: s.assets.into_iter().map(asset).collect(),
            buses: s.buses.into_iter().map(bus).collect(),
            alarms: s.alarms.into_iter().map(alarm).collect(),
            health: health(s.health.unwrap_or_default()),
            demand: demand(s.demand),
            clips: s.clips.into_iter().map(clip).collect(),
            devices: s.devices.into_iter().map(device).collect(),
            clock_synchronised: s.clock_synchronised,
            skipped: s.skipped,
        }
    }
}

/// A number, if it is known.
pub(crate) fn number(value: Option<&v1::Value>) -> Option<f64> {
    match value?.kind.as_ref()? {
        Kind::Value(number) => Some(*number),
        Kind::Reason(_) => None,
    }
}

/// An instant, if it is one.
pub(crate) fn time(at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|t| Timestamp::new(t.seconds, t.nanos).ok())
}

/// The zone of the site's clocks.
pub(crate) fn zone(site: &v1::Site) -> TimeZone {
    TimeZone::get(&site.zone).unwrap_or(TimeZone::UTC)
}

/// `none` has no age: nothing is unknown about a plan that is, all about one that is not.
pub(crate) fn plan_head(plan: Option<v1::PlanSummary>) -> PlanHead {
    let plan = plan.unwrap_or_else(|| v1::PlanSummary { status: "none".to_owned(), ..Default::default() });
    let is = plan.status != "none";
    PlanHead {
        age_s: is.then_some(plan.age_s),
        status: plan.status,
        gap: plan.gap,
        bound: plan.bound,
        cost: plan.cost,
        id: is.then_some(plan.id),
        solve_ms: is.then_some(plan.solve_ms),
        note: plan.note,
    }
}

fn asset(a: v1::AssetState) -> AssetFigures {
    let flow = |carrier: &str| a.flows.iter().find(|f| f.carrier == carrier).and_then(|f| number(f.power_kw.as_ref()));
    AssetFigures {
        power_kw: flow("electricity"),
        heat_kw: flow("heat"),
        cool_kw: flow("cooling"),
        gas_kw: flow("gas"),
        age_s: a.flows.iter().map(|f| f.age_s).fold(0.0, f64::max),
        energy_kwh: number(a.energy_kwh.as_ref()),
        id: a.id,
        kind: a.kind,
        group: a.group,
        setpoint_kw: a.setpoint_kw,
        on: a.commanded_on,
        reason: a.reason,
        quality: a.quality,
        run_state: Some(a.run_state).filter(|s| !s.is_empty()),
        available: a.available,
    }
}

fn bus(b: v1::BusState) -> BusFigures {
    let balance_kw = number(b.balance_kw.as_ref());
    BusFigures { id: b.id, carrier: b.carrier, balance_kw, price_per_kwh: b.price_per_kwh }
}

/// One alarm.
pub(crate) fn alarm(a: v1::Alarm) -> AlarmFigures {
    AlarmFigures {
        kind: a.kind,
        severity: a.severity,
        subject: a.subject,
        text: a.text,
        since: time(a.since),
        id: a.id,
        state: a.state,
        last: time(a.last),
        returned: a.returned,
        acknowledged_by: said(a.acknowledged_by),
        acknowledged_at: time(a.acknowledged_at),
        note: said(a.note),
        members: a.members,
        consequent: a.consequent,
    }
}

/// A text, if there is one.
pub(crate) fn said(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

fn health(h: v1::Health) -> HealthFigures {
    HealthFigures { good: h.good, unread: h.unread, planned: h.planned, unverified: h.unverified }
}

fn demand(d: Option<v1::Demand>) -> DemandFigures {
    DemandFigures {
        imported_kwh: d.as_ref().map(|d| d.imported_kwh),
        peak_kw: d.as_ref().map(|d| d.peak_kw),
        window_start: time(d.and_then(|d| d.window_start)),
    }
}

fn clip(c: v1::Clip) -> ClipFigures {
    ClipFigures { asset: c.asset, point: c.point, wanted: c.wanted, given: c.given, by: c.by }
}

fn device(d: v1::DeviceState) -> DeviceFigures {
    DeviceFigures { id: d.id, link: d.link, connects: d.connects, errors: d.errors, writes_verified: d.writes_verified }
}
