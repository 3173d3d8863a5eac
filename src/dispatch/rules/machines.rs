//! Machines without foresight: what serves its bus, engines by their heat, the electrolyser on what is left over,
//! gensets and then fuel cells where nothing else is left.

use super::{CLOSED, Step};
use crate::dispatch::flow::Flow;
use crate::dispatch::mapping::flows;
use crate::site::kinds::HeatPump;
use crate::site::{AssetIx, BusIx, Carrier, Kind};

/// A hydrogen tank above this share takes no more.
const TANK_FULL: f64 = 0.9;

impl Step<'_> {
    fn flows(&self, asset: AssetIx) -> Vec<Flow> {
        flows(&self.site_asset(asset).kind, self.known.performance(asset, self.t))
    }

    fn all(&self) -> impl Iterator<Item = AssetIx> + use<> {
        (0..self.input.site.assets.len()).map(AssetIx)
    }

    /// Serves the need of the principal port's bus with this machine.
    pub(super) fn run(&mut self, asset: AssetIx, bus: BusIx, tank_low: bool) {
        // The exchanger closes the balance of its lower bus by its own valve.
        if self.available(asset) || matches!(self.site_asset(asset).kind, Kind::HeatExchanger(_)) {
            self.at(asset, -self.net[bus.0], tank_low);
        }
    }

    /// Engines whose heat goes onto this bus, heat-led; one with two heat buses by the needier, as the first is closed.
    pub(super) fn engines(&mut self, bus: BusIx, tank_low: bool) {
        for ix in self.all() {
            let asset = self.site_asset(ix);
            let heats = |p: &usize| asset.ports.get(*p).is_some_and(|p| p.bus == bus);
            if !matches!(asset.kind, Kind::Chp(_)) || !self.available(ix) || !([1, 3].iter().any(heats)) {
                continue;
            }
            let flows = self.flows(ix);
            let need = |port: usize| flows.get(port)?.load(-self.net[asset.ports.get(port)?.bus.0]);
            let wanted = need(1).into_iter().chain(need(3)).fold(f64::NEG_INFINITY, f64::max);
            self.at(ix, wanted, tank_low);
        }
    }

    /// Electrolysers on what is left over, while their hydrogen has somewhere to go.
    pub(super) fn surplus(&mut self, bus: BusIx) {
        for ix in self.led_by(bus, |kind| matches!(kind, Kind::Electrolyser(_))) {
            let hydrogen = self.site_asset(ix).ports[1].bus;
            let full = self.tanks(hydrogen).any(|tank| self.share(tank).is_some_and(|s| s > TANK_FULL));
            self.at(ix, if full { 0.0 } else { self.net[bus.0] }, false);
        }
    }

    /// Gensets, then fuel cells, for what the grid does not give.
    pub(super) fn shortage(&mut self, bus: BusIx) {
        for ix in self.led_by(bus, |kind| matches!(kind, Kind::Genset(_))) {
            self.at(ix, -self.net[bus.0], true);
        }
        for ix in self.led_by(bus, |kind| matches!(kind, Kind::FuelCell(_))) {
            let (flows, hydrogen) = (self.flows(ix), self.site_asset(ix).ports[1].bus);
            let stored: f64 = self.tanks(hydrogen).filter_map(|tank| self.energy[tank.0]).sum();
            let feeds = flows[1].load(-stored / self.known.hours[self.t]).unwrap_or(0.0);
            let short = -self.net[bus.0];
            let least = self.site_asset(ix).kind.commitment().map_or(0.0, |c| c.min_load) * self.rated(ix);
            self.at(ix, if feeds < least { 0.0 } else { short.min(feeds) }, true);
        }
    }

    fn led_by(&self, bus: BusIx, of: impl Fn(&Kind) -> bool) -> Vec<AssetIx> {
        let here = |a: &AssetIx| self.site_asset(*a).ports.first().is_some_and(|p| p.bus == bus);
        self.all().filter(|a| here(a) && of(&self.site_asset(*a).kind) && self.available(*a)).collect()
    }

    fn tanks(&self, bus: BusIx) -> impl Iterator<Item = AssetIx> {
        let hydrogen = self.input.site.buses[bus.0].carrier == Carrier::Hydrogen;
        self.all().filter(move |a| {
            let asset = self.site_asset(*a);
            hydrogen && asset.kind.capacity().is_some() && asset.ports.first().is_some_and(|p| p.bus == bus)
        })
    }

    fn rated(&self, asset: AssetIx) -> f64 {
        self.site_asset(asset).kind.rated().kw()
    }

    /// Runs the machine for `wanted` kW of its principal power, within its range and its minimum times.
    fn at(&mut self, asset: AssetIx, wanted: f64, even_below_least: bool) {
        if std::mem::replace(&mut self.decided[asset.0], true) {
            return;
        }
        let kind = &self.site_asset(asset).kind;
        let max = self.rated(asset);
        let min = kind.commitment().map_or(0.0, |c| c.min_load * max);
        let called = wanted > CLOSED && (wanted >= min || even_below_least);
        if !self.held_state(asset).unwrap_or(called) {
            return;
        }
        let power = match kind {
            Kind::HeatPump(HeatPump { steps, .. }) if !steps.is_empty() => {
                let enough = steps.iter().map(|s| s * max).find(|kw| *kw >= wanted - CLOSED);
                enough.or(steps.last().map(|s| s * max)).unwrap_or(max)
            }
            _ => wanted.clamp(min, max.max(min)),
        };
        for (port, flow) in self.flows(asset).iter().enumerate() {
            self.inject(asset, port, flow.at(power));
        }
        if let Some(on) = self.plan.assets[asset.0].on.get_mut(self.t) {
            *on = true;
        }
    }
}
