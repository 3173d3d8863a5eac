use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::balance::{Finding, Suspicion, ports_of};
use super::demand::Demand;
use super::today::{Day, Today};
use super::withheld::Withheld;
use super::{AssetState, Availability, Believed, BusState, Running, SiteState, Weather};
use crate::site::{
    Asset, BusIx, DeviceFrame, DeviceIx, Kind, Link, Point, Port, Reading, Reason, RunState, Site, Value,
};
use crate::units::{Now, Park, Power};

/// What the state remembers from cycle to cycle, and across restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    running: Vec<Option<Running>>,
    suspicion: Vec<Suspicion>,
    findings: Vec<Finding>,
    demand: Demand,
    #[serde(default)]
    day: Day,
    last_mono_s: Option<f64>,
    #[serde(skip)]
    withheld: Withheld,
}

/// What must be on disk soon after it changes.
pub type Survivors = (Vec<Option<Running>>, i64);

impl Belief {
    /// On/off histories, and the month's peak in whole kW.
    #[must_use]
    pub fn survivors(&self) -> Survivors {
        (self.running.clone(), self.demand.peak_kw())
    }

    /// What the balances say, parallel to the site's buses.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is remembered of each machine belongs to the assets of another site file.
    pub fn forget_machines(&mut self) {
        self.running.clear();
        self.day = Day::default();
    }

    /// Monotonic time starts anew with each process: evidence that counts in it does not survive.
    pub fn restarted(&mut self) {
        self.last_mono_s = None;
        self.suspicion.clear();
        self.findings.clear();
        self.withheld = Withheld::default();
    }
}

/// One image with its devices, read with the site's meaning.
struct Reader<'a> {
    site: &'a Site,
    image: &'a [Reading],
    frames: &'a [Arc<DeviceFrame>],
    withheld: &'a Withheld,
    now: Now,
}

/// What we believe of the site, from one image.
pub fn believe(
    memory: &mut Belief,
    site: &Site,
    image: &[Reading],
    frames: &[Arc<DeviceFrame>],
    now: Now,
) -> SiteState {
    memory.withheld.see(frames, now.mono.seconds());
    let withheld = &memory.withheld.clone();
    let reader = Reader { site, image, frames, withheld, now };
    let dt_s = memory.last_mono_s.map_or(0.0, |last| (now.mono.seconds() - last).clamp(0.0, 5.0));
    memory.last_mono_s = Some(now.mono.seconds());

    let raw: Vec<Vec<(Value, f64)>> =
        site.assets.iter().map(|a| a.ports.iter().map(|p| reader.flow(p)).collect()).collect();
    let mut flows: Vec<Vec<Value>> = raw.iter().map(|a| a.iter().map(|(v, _)| *v).collect()).collect();
    derive_residuals(site, &mut flows);
    let buses = weigh_buses(memory, site, &flows, dt_s);
    // Doubted only after weighing: the evidence must not vanish with what it doubts.
    doubt(&memory.findings, &mut flows);

    memory.running.resize(site.assets.len(), None);
    let mut assets = Vec::with_capacity(site.assets.len());
    for (((asset, flow), ages), running) in site.assets.iter().zip(&flows).zip(&raw).zip(&mut memory.running) {
        let ports = asset.ports.iter().zip(flow).zip(ages).map(|((p, v), (_, age))| believed(p, *v, *age)).collect();
        assets.push(reader.asset(asset, ports, running));
    }
    derive_pcc(site, &flows, &mut assets);
    let (import, counter) = reader.demand_inputs(&assets);
    let window = memory.demand.advance(site, now, import, counter);
    let co2_today_kg = memory.day.advance(site, now, &mut assets);
    SiteState { now, assets, buses, pcc_closed: reader.pcc_closed(), weather: reader.weather(), window, co2_today_kg }
}

fn weigh_buses(memory: &mut Belief, site: &Site, flows: &[Vec<Value>], dt_s: f64) -> Vec<BusState> {
    memory.suspicion.resize(site.buses.len(), Suspicion::default());
    memory.findings.clear();
    let mut buses = Vec::with_capacity(site.buses.len());
    for (i, suspicion) in memory.suspicion.iter_mut().enumerate() {
        let (residual, finding) = suspicion.weigh(site, BusIx(i), flows, dt_s);
        memory.findings.push(finding);
        buses.push(BusState { residual });
    }
    buses
}

fn doubt(findings: &[Finding], flows: &mut [Vec<Value>]) {
    for finding in findings {
        if let Finding::Reversed { asset, port, .. } = finding
            && let Some(slot) = flows.get_mut(*asset).and_then(|f| f.get_mut(*port))
        {
            *slot = Err(Reason::Implausible);
        }
    }
}

/// What is not metered is the balance of all others on its bus.
fn derive_residuals(site: &Site, flows: &mut [Vec<Value>]) {
    for bus in 0..site.buses.len() {
        let ports = ports_of(site, BusIx(bus));
        let is_residual =
            |(a, p): &(usize, usize)| site.assets.get(*a).and_then(|x| x.ports.get(*p)).is_some_and(|x| x.residual);
        let Some(own) = ports.iter().copied().find(is_residual) else { continue };
        let others: Value = sum_of(ports.iter().filter(|p| **p != own), flows);
        if let Some(slot) = flows.get_mut(own.0).and_then(|f| f.get_mut(own.1)) {
            *slot = others.map(|v| -v);
        }
    }
}

fn sum_of<'a>(ports: impl Iterator<Item = &'a (usize, usize)>, flows: &[Vec<Value>]) -> Value {
    let mut sum = 0.0;
    for (a, p) in ports {
        match flows.get(*a).and_then(|f| f.get(*p)) {
            Some(Ok(v)) => sum += v,
            _ => return Err(Reason::InputUnknown),
        }
    }
    Ok(sum)
}

/// Without its meter the PCC is still the balance of all others, if they are known (F27): good enough to steer by,
/// not good enough to be called measured.
fn derive_pcc(site: &Site, flows: &[Vec<Value>], assets: &mut [AssetState]) {
    let Some(pcc) = site.pcc() else { return };
    let Some(bus) = site.assets.get(pcc.0).and_then(|a| a.ports.first()).map(|p| p.bus) else { return };
    let Some(slot) = assets.get_mut(pcc.0).and_then(|a| a.ports.first_mut()) else { return };
    if slot.measured.is_ok() {
        return;
    }
    if let Ok(sum) = sum_of(ports_of(site, bus).iter().filter(|p| **p != (pcc.0, 0)), flows) {
        slot.power = Power::from_kw(-sum);
    }
}

/// The worst case by direction: a consumer draws its nameplate, a producer gives nothing.
fn believed(port: &Port, measured: Value, age_s: f64) -> Believed {
    let worst = if port.max > Power::ZERO { Power::ZERO.max(port.min) } else { port.min };
    Believed { measured, power: measured.map_or(worst, Power::from_kw), age_s }
}

impl Reader<'_> {
    fn reading(&self, device: Option<DeviceIx>, point: Point) -> Option<Reading> {
        self.image.get(self.site.point(device?, point)?.0).copied()
    }

    /// The value of a point, or why not; `None` if the device has no such point.
    fn value(&self, device: Option<DeviceIx>, point: Point) -> Option<Value> {
        self.reading(device, point).map(|r| r.value)
    }

    fn flow(&self, port: &Port) -> (Value, f64) {
        if port.measured.is_empty() {
            return (Err(Reason::NotMeasured), 0.0);
        }
        let (mut sum, mut age_s) = (Ok(0.0), 0.0_f64);
        for term in &port.measured {
            let Some(reading) = self.image.get(term.point.0) else { return (Err(Reason::NeverRead), 0.0) };
            age_s = age_s.max(self.now.mono.since(reading.at).as_secs_f64());
            sum = match (sum, reading.value) {
                (Ok(a), Ok(v)) => Ok(a + term.sign * v),
                (Err(e), _) | (_, Err(e)) => Err(e),
            };
        }
        (sum, age_s)
    }

    fn asset(&self, asset: &Asset, ports: Vec<Believed>, running: &mut Option<Running>) -> AssetState {
        let run_state = self
            .value(asset.device, Point::St)
            .map(|v| v.and_then(|c| RunState::from_code(c).ok_or(Reason::OutOfRange)));
        *running = asset.kind.commitment().map(|_| self.track_running(asset, running.take(), run_state, &ports));
        let (min, max) = self.bounds(asset);
        AssetState {
            availability: self.availability(asset, &ports, run_state),
            run_state,
            running: *running,
            energy: self.energy(asset),
            min,
            max,
            potential: self.potential(asset),
            today: Today::default(),
            ports,
        }
    }

    fn track_running(
        &self,
        asset: &Asset,
        before: Option<Running>,
        state: Option<Result<RunState, Reason>>,
        ports: &[Believed],
    ) -> Running {
        let on = match state {
            Some(Ok(RunState::Standby)) => Some(stands_by_warm(&asset.kind)),
            Some(Ok(s)) => Some(matches!(s, RunState::Starting | RunState::On)),
            Some(Err(_)) => None,
            None => ports.first().and_then(|p| p.measured.ok()).map(|kw| kw.abs() > 1.0),
        };
        let long_ago = Park::from_unix(0);
        let before = before.unwrap_or(Running { on: on.unwrap_or(false), since: long_ago, starts: 0 });
        match on {
            Some(on) if on != before.on => {
                Running { on, since: self.now.park, starts: before.starts.saturating_add(u32::from(on)) }
            }
            // A clock that was set back must not hold the machine until it has caught up.
            _ => Running { since: before.since.min(self.now.park), ..before },
        }
    }

    fn availability(&self, asset: &Asset, ports: &[Believed], state: Option<Result<RunState, Reason>>) -> Availability {
        if let Some(frame) = asset.device.and_then(|d| self.frames.iter().find(|f| f.device == d)) {
            match frame.link {
                Link::Down(reason) => return Availability::Out(reason),
                Link::Connecting => return Availability::Out(Reason::NeverRead),
                Link::Up => {}
            }
        }
        if let Some(reason) = asset.device.and_then(|d| self.withheld.of(d)) {
            return Availability::Out(reason);
        }
        if matches!(state, Some(Ok(RunState::Fault))) {
            return Availability::Out(Reason::DeviceFailure);
        }
        if let Some(Err(reason)) = ports.first().map(|p| p.measured) {
            return Availability::Out(reason);
        }
        match (&asset.kind, self.energy(asset)) {
            (_, Some(Err(reason))) => Availability::Out(reason),
            _ => Availability::Available,
        }
    }

    /// Stored energy in kWh: SoC of the capacity, or the mean temperature of a tank within its span.
    fn energy(&self, asset: &Asset) -> Option<Value> {
        let capacity = asset.kind.capacity()?.kwh();
        let mean_c = || -> Value {
            let sensors = [Point::TTop, Point::TMid, Point::TBot].map(|p| self.value(asset.device, p));
            let read: Vec<f64> = sensors.into_iter().flatten().collect::<Result<_, _>>()?;
            if read.is_empty() { Err(Reason::NotMeasured) } else { Ok(read.iter().sum::<f64>() / read.len() as f64) }
        };
        let share: Value = match &asset.kind {
            Kind::Battery(_) => {
                self.value(asset.device, Point::SoC).unwrap_or(Err(Reason::NotMeasured)).map(|p| p / 100.0)
            }
            Kind::HeatTank(k) => mean_c().map(|t| (t - k.t_min_c) / (k.t_max_c - k.t_min_c)),
            Kind::ColdTank(k) => mean_c().map(|t| (k.t_max_c - t) / (k.t_max_c - k.t_min_c)),
            Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => {
                self.value(asset.device, Point::Lvl).unwrap_or(Err(Reason::NotMeasured)).map(|p| p / 100.0)
            }
            // A room may be outside its band; how far is what brings it back.
            Kind::Room(k) => {
                let t = self.value(asset.device, Point::TRoom).unwrap_or(Err(Reason::NotMeasured));
                let cooled = asset.ports.first().is_some_and(|p| p.point == Point::CoolW);
                let above = |t: f64| if cooled { k.comfort_c[1] - t } else { t - k.comfort_c[0] };
                return Some(t.map(|t| above(t) * k.kwh_per_k));
            }
            _ => return None,
        };
        Some(share.map(|s| s.clamp(0.0, 1.0) * capacity))
    }

    /// What a source could give, or what a flexible consumer would draw, without a cap.
    fn potential(&self, asset: &Asset) -> Option<Value> {
        match asset.kind {
            Kind::Pv(_) | Kind::Wind(_) => self.value(asset.device, Point::WAvail),
            Kind::FlexibleLoad(_) | Kind::EvCharger(_) | Kind::CarbonCapture(_) => {
                self.value(asset.device, Point::WWanted)
            }
            _ => None,
        }
    }

    fn bounds(&self, asset: &Asset) -> (Power, Power) {
        let Some(port) = asset.ports.first() else { return (Power::ZERO, Power::ZERO) };
        if !matches!(asset.kind, Kind::Battery(_)) {
            return (port.min, port.max);
        }
        let limit = |point, nameplate: f64| match self.value(asset.device, point) {
            None => nameplate,
            Some(Ok(kw)) => kw.clamp(0.0, nameplate),
            Some(Err(_)) => 0.0,
        };
        (
            Power::from_kw(-limit(Point::WChaMax, -port.min.kw())),
            Power::from_kw(limit(Point::WDisChaMax, port.max.kw())),
        )
    }

    fn pcc_closed(&self) -> Result<bool, Reason> {
        let breaker = self.site.pcc().and_then(|ix| self.site.assets.get(ix.0)).and_then(|a| a.breaker);
        match self.value(breaker, Point::Closed) {
            Some(v) => v.map(|c| c > 0.5),
            None => Err(Reason::NotMeasured),
        }
    }

    fn demand_inputs(&self, assets: &[AssetState]) -> (Value, Option<Reading>) {
        let Some(ix) = self.site.pcc() else { return (Err(Reason::NotMeasured), None) };
        let import = assets.get(ix.0).and_then(|a| a.ports.first()).map_or(Err(Reason::NotMeasured), |p| p.measured);
        let device = self.site.assets.get(ix.0).and_then(|a| a.device);
        (import, self.reading(device, Point::TotWhImp))
    }

    fn weather(&self) -> Weather {
        let of = |p| self.value(self.site.weather, p).unwrap_or(Err(Reason::NotMeasured));
        Weather { outdoor_c: of(Point::TOut), ghi_w_m2: of(Point::GHI), wind_m_s: of(Point::WndSpd) }
    }
}

/// A machine that stands by warm runs on for its commitment: it starts no more. Others are merely ready.
fn stands_by_warm(kind: &Kind) -> bool {
    matches!(kind, Kind::Electrolyser(k) if k.standby_kw > 0.0)
}
