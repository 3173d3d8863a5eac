//! What keeps one asset from giving or taking more, in the words of its kind.

use super::Binding;
use super::explain::{Stop, View, WORTH};
use super::pcc::{Crossing, limits, narrowest};
use crate::site::kinds::Grid;
use crate::site::{Asset, Kind};
use crate::state::Availability;

/// Powers below this are nothing, kW.
const NOTHING: f64 = 0.01;
/// A store nearer to an end of its window than this is at it, relative to its size.
const AT_END: f64 = 1e-6;

/// One thing in the way.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub limit: String,
    pub at: f64,
    pub unit: &'static str,
    /// Currency per kWh; `None` where no number tells.
    pub worth: Option<f64>,
    /// A limit, not a decision of the plan or a device that is away.
    pub hard: bool,
}

impl Obstacle {
    pub fn binding(self, from: usize, to: usize) -> Binding {
        Binding { limit: self.limit, from, to, at: self.at, unit: self.unit.to_owned(), worth: self.worth }
    }
}

/// One port in one interval.
#[derive(Clone, Copy)]
struct Spot<'a> {
    asset: &'a Asset,
    ix: usize,
    port: usize,
    t: usize,
    up: bool,
    kw: f64,
    stop: Stop,
}

impl Spot<'_> {
    fn say(&self, what: &str, at: f64, worth: Option<f64>, hard: bool) -> Option<Obstacle> {
        Some(Obstacle { limit: format!("{}: {what}", self.asset.id), at, unit: "kW", worth, hard })
    }
    /// By its nameplate this port could help.
    fn able(&self) -> bool {
        let port = &self.asset.ports[self.port];
        if self.up { port.max.kw() > 0.0 } else { port.min.kw() < 0.0 }
    }
    fn limit(&self, what: &str) -> Option<Obstacle> {
        let worth = Some(self.stop.worth).filter(|w| *w > WORTH);
        self.stop.limit.then(|| self.say(what, self.kw.abs(), worth, true)).flatten()
    }
}

impl View<'_> {
    /// What keeps the port from injecting more (`up`) or less at `t`; `None` where nothing does or it is not asked to.
    pub fn obstacle(&self, ix: usize, port: usize, t: usize, up: bool) -> Option<Obstacle> {
        let asset = self.input.site.assets.get(ix)?;
        let expr = self.f.places[ix].ports.get(port)?.get(t)?;
        let kw = expr.value(&self.s.x);
        let s = Spot { asset, ix, port, t, up, kw, stop: self.stop(ix, expr, t, up) };
        let fixed = expr.terms.is_empty();
        match &asset.kind {
            Kind::Grid(k) => return self.pcc(&s, k),
            Kind::Load(_) => return None,
            Kind::HeatExchanger(_) => {}
            _ => {
                if let Availability::Out(reason) = self.input.state.assets[ix].availability
                    && (s.able() || (fixed && kw.abs() > NOTHING && (kw > 0.0) != up))
                {
                    return s.say(&format!("out ({reason})"), kw.abs(), None, false);
                }
            }
        }
        match &asset.kind {
            Kind::Pv(_) | Kind::Wind(_) if up => s.say("gives all there is", kw, None, false),
            Kind::Pv(_) | Kind::Wind(_) if fixed && kw > NOTHING => s.say("cannot be curtailed", kw, None, false),
            Kind::Pv(_) | Kind::Wind(_) | Kind::EvCharger(_) => None,
            Kind::FlexibleLoad(_) if up => s.limit("dimmed to its floor"),
            Kind::FlexibleLoad(_) => None,
            Kind::DumpCooler(_) if up => None,
            Kind::GasSupply(_) => s.limit("max_kw"),
            kind if kind.capacity().is_some() => self.store(&s),
            kind if kind.commitment().is_some() => self.machine(&s),
            _ => s.limit("its rating"),
        }
    }

    fn pcc(&self, s: &Spot<'_>, k: &Grid) -> Option<Obstacle> {
        if !self.known.grid[s.t] {
            return s.say("not connected", 0.0, None, false);
        }
        let (word, key, kw) = if s.up {
            ("import", "import_max_kw", k.import_max_kw)
        } else {
            ("export", "export_max_kw", k.export_max_kw)
        };
        let at = self.input.horizon.grid.intervals[s.t].start;
        let all = limits(self.input, k);
        let crossing = if s.up { Crossing::Import } else { Crossing::Export };
        let by = match narrowest(&all, crossing, at).map(|i| &all[i]) {
            Some(l) if l.class.is_some() => format!("{:.0} kW by {}", l.kw, l.by),
            Some(l) if l.kw < kw - 1e-6 => format!("transformer_kva {:.0}", k.transformer_kva),
            _ => format!("{key} {kw:.0}"),
        };
        s.limit(&format!("{word} limit ({by})"))
    }

    fn machine(&self, s: &Spot<'_>) -> Option<Obstacle> {
        let on = self.f.places[s.ix].on.get(s.t);
        let column = on.map(|c| self.f.problem.columns[c.0]);
        if on.is_some_and(|c| self.s.x[c.0] < 1e-6) {
            let held = column.is_some_and(|c| c.upper < 0.5);
            let least = s.asset.kind.commitment().map_or(0.0, |c| c.min_load) * s.asset.kind.rated().kw();
            return match (s.able(), held) {
                (true, true) => s.say("held off by its minimum rest", 0.0, None, false),
                (true, false) => s.say(&format!("off; it runs from {least:.0} kW"), 0.0, None, false),
                _ => None,
            };
        }
        let held = column.is_some_and(|c| c.lower > 0.5);
        match s.stop.rise {
            true => s.limit("its rating"),
            false if held => s.limit("its minimum load, held on by its minimum run"),
            false => s.limit("its minimum load"),
        }
    }

    fn store(&self, s: &Spot<'_>) -> Option<Obstacle> {
        let place = &self.f.places[s.ix];
        let col = place.energy.get(s.t)?;
        let (column, energy) = (&self.f.problem.columns[col.0], self.s.x[col.0]);
        let slack = AT_END * (1.0 + column.upper.abs());
        let held = |what: &str, worth: f64, hard: bool| {
            s.say(what, energy, Some(worth).filter(|w| *w > WORTH), hard).map(|o| Obstacle { unit: "kWh", ..o })
        };
        let full = energy >= column.upper - slack;
        let empty = energy <= column.lower + slack;
        let value = place.state.get(s.t).and_then(|r| self.s.duals.get(r.0)).map_or(0.0, |dual| -dual);
        // Both at once happens where neither end leaves room; the power then says less than the window.
        match s.up {
            // Either the window is what costs, or there is nothing left of what would be worth so much.
            true if empty && self.reduced[col.0] > WORTH => held("empty", self.reduced[col.0], true),
            true if empty => held("empty", value, false),
            false if full => held("full", -self.reduced[col.0], true),
            true if s.stop.limit => s.limit("its discharging power"),
            false if s.stop.limit => s.limit("its charging power"),
            true => held("kept for later", value, false),
            false => held("room kept for later", -value, false),
        }
    }
}
