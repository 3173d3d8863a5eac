//! A random case: a site, what is believed of it, and what is to come.

use hexad::dispatch::{GridLimit, Inputs};
use hexad::forecast::{Horizon, Interval, Quantiles, TimeGrid};
use hexad::site::{AssetIx, Class, Kind, Reason, Site};
use hexad::state::{Availability, SiteState};
use hexad::units::{Energy, Park, Power};

use super::dice::Dice;
use super::sites;
use crate::park;

/// 2026-01-01, and how many seconds of the year cases are spread over.
const YEAR: (f64, f64) = (1_767_225_600.0, 31_000_000.0);

#[derive(Clone)]
pub struct Case {
    pub seed: u64,
    pub site: Site,
    pub state: SiteState,
    pub horizon: Horizon,
    pub islanded: bool,
    pub limits: Vec<GridLimit>,
}

/// How long a horizon may be: the whole commitment of many intervals takes its time to prove.
#[derive(Clone, Copy)]
pub enum Length {
    /// Four to ten even intervals.
    Short,
    /// Any, the daemon's own grid among them.
    Any,
}

impl Case {
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            site: &self.site,
            state: &self.state,
            horizon: &self.horizon,
            last: None,
            id: 1,
            islanded: self.islanded,
            limits: &self.limits,
        }
    }
    pub fn len(&self) -> usize {
        self.horizon.grid.intervals.len()
    }
    /// The same without one asset.
    fn without(&self, ix: usize) -> Self {
        let mut less = self.clone();
        less.site.assets.remove(ix);
        less.state.assets.remove(ix);
        less.horizon.assets.remove(ix);
        less.horizon.quantiles.remove(ix);
        for bus in &mut less.site.buses {
            for closed in [&mut bus.closed_by, &mut bus.closed_by_islanded] {
                *closed = match *closed {
                    Some(AssetIx(a)) if a == ix => None,
                    Some(AssetIx(a)) if a > ix => Some(AssetIx(a - 1)),
                    other => other,
                };
            }
        }
        less
    }
    fn shorter(&self) -> Self {
        let mut less = self.clone();
        let n = less.len() - 1;
        less.horizon.grid.intervals.truncate(n);
        let h = &mut less.horizon;
        h.assets.iter_mut().for_each(|v| v.truncate(n));
        h.quantiles.iter_mut().for_each(|q| {
            q.p10.truncate(n);
            q.p90.truncate(n);
        });
        for list in [&mut h.import_price, &mut h.export_price, &mut h.co2_kg_per_kwh] {
            list.truncate(n);
        }
        h.grid_available.truncate(n);
        h.outdoor_c.iter_mut().for_each(|v| v.truncate(n));
        less
    }
    /// Cases with one thing less, for a failure to be told in the fewest words.
    pub fn simpler(&self) -> Vec<Self> {
        let with = |change: &dyn Fn(&mut Self)| {
            let mut less = self.clone();
            change(&mut less);
            less
        };
        let mut list: Vec<Self> = (0..self.site.assets.len()).rev().map(|ix| self.without(ix)).collect();
        if self.len() > 1 {
            list.push(self.shorter());
        }
        if !self.limits.is_empty() {
            list.push(with(&|c| c.limits.clear()));
        }
        if self.site.reserve.is_some() {
            list.push(with(&|c| c.site.reserve = None));
        }
        if self.site.survival.is_some() {
            list.push(with(&|c| c.site.survival = None));
        }
        if self.site.co2 != Default::default() {
            list.push(with(&|c| c.site.co2 = Default::default()));
        }
        if self.islanded {
            list.push(with(&|c| c.islanded = false));
        }
        list
    }
    /// Everything that makes the case, for whoever has to find the fault.
    pub fn told(&self) -> String {
        use std::fmt::Write;
        let mut out = format!("at {:?}, islanded {}, limits {:?}\n", self.state.now.park, self.islanded, self.limits);
        let (s, h) = (&self.site, &self.horizon);
        let _ = writeln!(out, "{:?} {:?}\n{:?} {:?} {:?}", s.values, s.tariff, s.co2, s.reserve, s.survival);
        let _ = writeln!(out, "{:?} co2 today {}", self.state.window, self.state.co2_today_kg);
        for (ix, a) in s.assets.iter().enumerate() {
            let st = &self.state.assets[ix];
            let _ = writeln!(out, "{:?}", a.kind);
            let measured: Vec<_> = st.ports.iter().map(|p| p.measured).collect();
            let _ = writeln!(
                out,
                "   {:?} measured {measured:?} running {:?} energy {:?} [{}, {}] {:?}\n   forecast {:.3?}",
                st.availability, st.running, st.energy, st.min, st.max, st.today, h.assets[ix]
            );
        }
        let hours: Vec<f64> = h.grid.intervals.iter().map(|i| i.hours).collect();
        let _ = writeln!(out, "hours {hours:.3?}\nimport {:.3?}\nexport {:.3?}", h.import_price, h.export_price);
        let _ = writeln!(out, "grid {:?}\nco2 {:.3?} outdoor {:.1?}", h.grid_available, h.co2_kg_per_kwh, h.outdoor_c);
        out
    }
}

/// The case of this seed.
pub fn draw(seed: u64, length: Length) -> Case {
    let mut d = Dice::new(seed);
    let mut site = park::site(&sites::text(&mut d));
    not_yet(&mut site);
    let at = Park::from_unix((YEAR.0 + YEAR.1 * d.roll()) as i64 / 60 * 60);
    let grid = grid(&mut d, at, length);
    let mut state = park::state(&site, at, 0.5, 0.5, 0.5);
    state.now.synchronised = d.chance(0.95);
    believed(&mut d, &site, &mut state);
    let horizon = horizon(&mut d, &site, &state, grid);
    let islanded = d.chance(0.12);
    if islanded || d.chance(0.2) {
        let battery = site.assets.iter().position(|a| matches!(a.kind, Kind::Battery(_)));
        site.buses[0].closed_by_islanded = battery.map(AssetIx);
    }
    let count = if d.chance(0.2) { d.int(1, 2) } else { 0 };
    let limit = |d: &mut Dice| if d.chance(0.7) { d.range(0.0, 300.0) } else { f64::INFINITY };
    let limits = (0..count).map(|_| GridLimit {
        who: "operator".into(),
        class: Class::GridOperator,
        import_max_kw: limit(&mut d),
        export_max_kw: limit(&mut d),
        until: at.plus_s(d.range(600.0, 30_000.0)),
    });
    let limits = limits.collect();
    Case { seed, site, state, horizon, islanded, limits }
}

/// Duties that the checker's account has no price for: they have a checker and random cases of their own.
fn not_yet(site: &mut Site) {
    site.co2 = Default::default();
    site.reserve = None;
    site.survival = None;
    for a in &mut site.assets {
        if let Kind::Grid(k) = &mut a.kind {
            (k.contracted_kw, k.reactive_kvar) = (None, 0.0);
        }
    }
}

fn grid(d: &mut Dice, at: Park, length: Length) -> TimeGrid {
    if matches!(length, Length::Any) && d.chance(0.3) {
        return TimeGrid::new(at);
    }
    let hours = *d.pick(&[0.25, 0.25, 0.5, 1.0, 1.0]);
    let n = if matches!(length, Length::Any) { d.int(1, 24) } else { d.int(4, 10) };
    let first = if d.chance(0.5) { hours } else { (hours * 60.0 * d.range(0.3, 1.0)).round() / 60.0 };
    let mut start = at;
    let intervals = (0..n).map(|t| {
        let i = Interval { start, hours: if t == 0 { first } else { hours } };
        start = i.end();
        i
    });
    TimeGrid { intervals: intervals.collect() }
}

fn believed(d: &mut Dice, site: &Site, state: &mut SiteState) {
    let at = state.now.park;
    let length = i64::from(site.tariff.demand_window_min) * 60;
    state.window.start = Park::from_unix((at.unix() as i64).div_euclid(length) * length);
    state.window.imported = Energy::from_kwh(if d.chance(0.5) { d.range(0.0, 60.0) } else { 0.0 });
    state.window.peak = Power::from_kw(if d.chance(0.6) { d.range(0.0, 500.0) } else { 0.0 });
    state.window.unmeasured_s = if d.chance(0.1) { d.range(0.0, 500.0) } else { 0.0 };
    state.co2_today_kg = if d.chance(0.6) { d.range(0.0, 3000.0) } else { 0.0 };
    state.weather.outdoor_c = if d.chance(0.9) { Ok(d.range(-10.0, 35.0)) } else { Err(Reason::Stale) };
    for (a, s) in site.assets.iter().zip(&mut state.assets) {
        if d.chance(0.06) {
            s.availability = Availability::Out(Reason::DeviceTimeout);
        }
        let on = d.chance(0.5);
        let share = d.roll();
        if let Some(r) = &mut s.running {
            r.on = on;
            r.since = at.plus_s(-60.0 * f64::from(d.int(0, 720)));
            r.starts = d.int(0, 9);
            s.today.starts = d.int(0, 3).min(r.starts);
        }
        if s.running.is_some() && d.chance(0.05) {
            s.running = None;
        }
        let machine = a.kind.commitment().is_some();
        for (i, port) in s.ports.iter_mut().enumerate() {
            let (low, high) = (a.ports[i].min.kw(), a.ports[i].max.kw());
            let kw = match (&a.kind, machine) {
                (_, true) if !on => 0.0,
                (_, true) if high > -low => high * (0.5 + 0.5 * share),
                (_, true) => low * (0.5 + 0.5 * share),
                _ => low + (high - low) * share,
            };
            port.measured = if d.chance(0.9) { Ok(kw) } else { Err(Reason::Stale) };
            port.power = Power::from_kw(kw);
        }
        if let Some(e) = &mut s.energy {
            let capacity = a.kind.capacity().unwrap().kwh();
            *e = match d.int(0, 19) {
                0 => Err(Reason::Stale),
                1 => Ok(capacity * d.range(-0.05, 0.1)),
                2 => Ok(capacity * d.range(0.95, 1.1)),
                _ => Ok(capacity * d.range(0.2, 0.9)),
            };
        }
        if d.chance(0.15) {
            s.min = Power::from_kw(s.min.kw() * d.roll());
            s.max = Power::from_kw(s.max.kw() * d.roll());
        }
        let windows = a.kind.windows().len();
        let some = d.chance(0.4);
        s.today.windows = (0..windows).map(|_| Energy::from_kwh(if some { d.range(0.0, 60.0) } else { 0.0 })).collect();
        s.today.matched = Energy::from_kwh(if d.chance(0.5) { d.range(0.0, 200.0) } else { 0.0 });
        s.today.energy = Energy::from_kwh(if d.chance(0.5) { d.range(0.0, 800.0) } else { 0.0 });
    }
}

/// Which kinds a forecast is made for, and its sign.
fn sign(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::Pv(_) | Kind::Wind(_) | Kind::WasteHeat(_) => Some(1.0),
        Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => Some(-1.0),
        _ => None,
    }
}

fn horizon(d: &mut Dice, site: &Site, state: &SiteState, grid: TimeGrid) -> Horizon {
    let n = grid.intervals.len();
    let (mut assets, mut quantiles) = (Vec::new(), Vec::new());
    let told = d.chance(0.6);
    for a in &site.assets {
        let Some(sign) = sign(&a.kind) else {
            assets.push(Vec::new());
            quantiles.push(Quantiles::default());
            continue;
        };
        let rated = a.kind.rated().kw();
        let walk: Vec<f64> = d.walk(n).iter().map(|w| sign * w * rated).collect();
        let (low, high) = (d.range(0.0, 0.3) * rated, d.range(0.0, 0.3) * rated);
        let within = |kw: f64| if sign > 0.0 { kw.clamp(0.0, rated) } else { kw.clamp(-rated, 0.0) };
        quantiles.push(if told {
            Quantiles {
                p10: walk.iter().map(|v| within(v - low)).collect(),
                p90: walk.iter().map(|v| within(v + high)).collect(),
            }
        } else {
            Quantiles::default()
        });
        assets.push(walk);
    }
    let (base, negative) = (d.range(0.2, 1.0), d.chance(0.2));
    let import_price: Vec<f64> = d.walk(n).iter().map(|w| base * 2.0 * w - if negative { 0.3 } else { 0.0 }).collect();
    let share = d.range(0.0, 1.1);
    let export_price = import_price.iter().map(|p| (p * share).min(p + 0.1)).collect();
    let outage = d.chance(0.15);
    let grid_available = (0..n).map(|_| !(outage && d.chance(0.4))).collect();
    let factor = site.grid_co2_kg_per_kwh();
    let co2_kg_per_kwh = d.walk(n).iter().map(|w| factor * (0.5 + w)).collect();
    let outdoor_c = state.weather.outdoor_c.ok().map(|now| d.walk(n).iter().map(|w| now + 6.0 * (w - 0.5)).collect());
    Horizon {
        grid,
        assets,
        quantiles,
        import_price,
        flat_price: !state.now.synchronised,
        export_price,
        grid_available,
        co2_kg_per_kwh,
        outdoor_c,
    }
}
