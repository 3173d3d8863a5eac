//! What the plant has come to: energies, machines, backlog, the month's peak; and the state that shows it.

use super::meter::Meter;
use super::series::Series;
use crate::dispatch::{AssetPlan, Plan};
use crate::site::{Carrier, Kind, Reason, RunState, Site};
use crate::state::{AssetState, Availability, Believed, BusState, Day, Running, SiteState, Today, Weather};
use crate::units::{Mono, Now, Park, Power};

/// The day's counters are shown the plant this often.
const COUNTED_S: f64 = 600.0;
/// Stores are half full when a run begins.
const FIRST_SHARE: f64 = 0.5;

#[derive(Clone, Debug)]
pub(super) struct Plant {
    /// Per asset: stored energy, kWh.
    pub energy: Vec<Option<f64>>,
    pub running: Vec<Option<Running>>,
    /// Per asset: wanted before and not delivered yet, kWh.
    pub backlog: Vec<f64>,
    pub meter: Meter,
    day: Day,
    /// Per asset: what counts by the day; and the day's CO2, kg.
    today: Vec<Today>,
    co2_today_kg: f64,
    /// Per asset: principal power of the last step, kW.
    power: Vec<f64>,
}

/// One step as it is seen from outside: what is wanted and available, per asset in kW, and whether the grid is there.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub signal: Vec<Option<f64>>,
    pub grid: bool,
    pub weather: Weather,
}

impl Plant {
    pub fn new(site: &Site, at: Park) -> Self {
        let first = |a: &crate::site::Asset| {
            let (low, high) = window(&a.kind)?;
            Some(low + FIRST_SHARE * (high - low))
        };
        let rest = Running { on: false, since: at.plus_s(-7.0 * 86400.0), starts: 0 };
        Self {
            energy: site.assets.iter().map(first).collect(),
            running: site.assets.iter().map(|a| a.kind.commitment().map(|_| rest)).collect(),
            backlog: vec![0.0; site.assets.len()],
            meter: Meter::new(site, at),
            day: Day::default(),
            today: vec![Today::default(); site.assets.len()],
            co2_today_kg: 0.0,
            power: vec![0.0; site.assets.len()],
        }
    }

    /// The state before anything was recorded.
    pub fn blank(&self, site: &Site, at: Park) -> SiteState {
        let weather = Weather {
            outdoor_c: Err(Reason::NotMeasured),
            ghi_w_m2: Err(Reason::NotMeasured),
            wind_m_s: Err(Reason::NotMeasured),
        };
        self.state(site, at, &Seen { signal: vec![None; site.assets.len()], grid: true, weather })
    }

    /// The state at `at` while the meters show `seen`.
    pub fn state(&self, site: &Site, at: Park, seen: &Seen) -> SiteState {
        let assets = site.assets.iter().enumerate().map(|(ix, a)| {
            let injects = a.ports.first().is_some_and(|p| p.max.kw() > 0.0);
            let signal = seen.signal.get(ix).copied().flatten().map(|kw| if injects { kw } else { -kw });
            let shown = |kw: f64| Believed { measured: Ok(kw), power: Power::from_kw(kw), age_s: 0.0 };
            // Machines and stores are not looked at port by port: what they do is decided anew each step.
            let unseen = Believed { measured: Err(Reason::NotMeasured), power: Power::ZERO, age_s: 0.0 };
            let port = match a.kind {
                // Whether it runs tells whether it may go on.
                Kind::Batch(_) => shown(self.power[ix]),
                _ if a.kind.commitment().is_some() => unseen,
                _ => shown(signal.map_or(0.0, |kw| kw)),
            };
            let running = self.running[ix];
            let on = running.is_some_and(|r| r.on);
            AssetState {
                ports: a.ports.iter().map(|_| port).collect(),
                availability: Availability::Available,
                run_state: running.map(|_| Ok(if on { RunState::On } else { RunState::Off })),
                running,
                energy: self.energy[ix].map(Ok),
                min: a.ports.first().map_or(Power::ZERO, |p| p.min),
                max: a.ports.first().map_or(Power::ZERO, |p| p.max),
                potential: signal.map(Ok),
                today: self.today[ix].clone(),
            }
        });
        SiteState {
            now: Now { mono: Mono(0), park: at, synchronised: true },
            assets: assets.collect(),
            buses: site.buses.iter().map(|_| BusState { residual: Ok(0.0) }).collect(),
            pcc_closed: Ok(seen.grid),
            weather: seen.weather,
            window: self.meter.window(site, at),
            co2_today_kg: self.co2_today_kg,
        }
    }

    /// The plan's first interval has happened.
    pub fn advance(&mut self, site: &Site, series: &Series, step: usize, plan: &Plan) {
        let (from, seconds) = (series.time(step), series.step_s() as f64);
        for (ix, asset) in site.assets.iter().enumerate() {
            let Some(done) = plan.assets.get(ix) else { continue };
            if let (Some(energy), Some(kwh)) = (&mut self.energy[ix], done.energy_kwh.first()) {
                let capacity = asset.kind.capacity().map_or(0.0, |c| c.kwh());
                // A room may be outside its band; nothing else can hold less than nothing.
                *energy = if matches!(asset.kind, Kind::Room(_)) { *kwh } else { kwh.clamp(0.0, capacity) };
            }
            if let (Some(running), Some(on)) = (&mut self.running[ix], done.on.first())
                && *on != running.on
            {
                *running = Running { on: *on, since: from, starts: running.starts + u32::from(*on) };
            }
            if matches!(&asset.kind, Kind::EvCharger(k) if k.session.is_empty()) {
                let taken = -done.power_kw.first().and_then(|p| p.first()).copied().unwrap_or_default();
                let wanted = series.signal[ix].get(step).copied().unwrap_or_default();
                self.backlog[ix] = (self.backlog[ix] + (wanted - taken) * seconds / 3600.0).max(0.0);
            }
        }
        let import = site.pcc().and_then(|p| plan.assets.get(p.0)).and_then(|a| a.power_kw.first()?.first().copied());
        self.meter.take(site, from, seconds, import.unwrap_or_default().max(0.0));
        self.count(site, from, seconds, plan);
    }

    /// Shows the day's counters what flowed, in steps they take for seen.
    fn count(&mut self, site: &Site, from: Park, seconds: f64, plan: &Plan) {
        let weather = Weather {
            outdoor_c: Err(Reason::NotMeasured),
            ghi_w_m2: Err(Reason::NotMeasured),
            wind_m_s: Err(Reason::NotMeasured),
        };
        let seen = Seen { signal: vec![None; site.assets.len()], grid: true, weather };
        let mut assets = self.state(site, from, &seen).assets;
        for (own, done) in assets.iter_mut().zip(&plan.assets) {
            for (port, flow) in own.ports.iter_mut().zip(&done.power_kw) {
                let kw = flow.first().copied().unwrap_or_default();
                (port.measured, port.power) = (Ok(kw), Power::from_kw(kw));
            }
        }
        let steps = (seconds / COUNTED_S).ceil().max(1.0) as u32;
        for step in 0..=steps {
            let at = from.plus_s(seconds * f64::from(step) / f64::from(steps));
            let now = Now { mono: Mono(0), park: at, synchronised: true };
            self.co2_today_kg = self.day.advance(site, now, &mut assets);
        }
        let last = |done: &AssetPlan| done.power_kw.first().and_then(|p| p.first()).copied().unwrap_or_default();
        self.power = plan.assets.iter().map(last).collect();
        self.today = assets.into_iter().map(|a| a.today).collect();
    }
}

/// The energy a store may hold, kWh.
pub(super) fn window(kind: &Kind) -> Option<(f64, f64)> {
    let capacity = kind.capacity()?.kwh();
    Some(match kind {
        Kind::Battery(k) => (k.soc_min * capacity, k.soc_max * capacity),
        _ => (0.0, capacity),
    })
}

/// It does nothing unless a controller tells it to: a store of electricity, or a machine that makes electricity.
pub(super) fn needs_a_controller(site: &Site, ix: usize) -> bool {
    let asset = &site.assets[ix];
    let electric = |p: &crate::site::Port| site.buses[p.bus.0].carrier == Carrier::Electricity && p.max.kw() > 0.0;
    asset.ports.iter().any(electric) && (asset.kind.capacity().is_some() || asset.kind.commitment().is_some())
}
