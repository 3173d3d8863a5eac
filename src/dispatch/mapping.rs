//! From the kinds of asset to the four elements of the formulation. A new kind is a mapping here, nothing else.

pub(super) mod batches;
mod captures;
mod converters;
mod curves;
pub(super) mod rooms;
mod sinks;
mod sources;
pub(super) mod stays;
mod stores;

pub(super) use converters::flows;

use super::Inputs;
use super::elements::{Element, Sink, Source, Terms};
use super::known::Known;
use super::values::Worth;
use crate::site::kinds::Tier;
use crate::site::{Asset, AssetIx, Kind, Point};
use crate::state::Availability;
use captures::capture;
use converters::converter;
use rooms::room;
use sinks::{batch, co2_hub, ev_charger, hydrogen_offtake, load};
use sources::{grid, source, supply};
use stores::store;

/// The elements of one asset; none where it cannot take part.
pub(super) fn elements(input: &Inputs<'_>, known: &Known, worth: &Worth, ix: AssetIx) -> Vec<Element> {
    let (asset, state) = (&input.site.assets[ix.0], &input.state.assets[ix.0]);
    let available = state.availability == Availability::Available;
    let signal = &known.signal[ix.0];
    match &asset.kind {
        Kind::Grid(k) => grid(input, known, k),
        Kind::GasSupply(k) => vec![supply(known, k.max_kw, k.price_per_kwh, k.co2_kg_per_kwh)],
        Kind::HeatSupply(k) => vec![supply(known, k.max_kw, k.price_per_kwh, k.co2_kg_per_kwh)],
        Kind::WasteHeat(k) => {
            if !available && state.ports.first().is_none_or(|p| p.measured.is_err()) {
                return Vec::new();
            }
            vec![source(vec![0.0; signal.len()], signal.clone(), vec![k.price_per_kwh; signal.len()])]
        }
        Kind::Pv(_) | Kind::Wind(_) => {
            if !available && state.ports.first().is_none_or(|p| p.measured.is_err()) {
                return Vec::new();
            }
            let free = available && commands(input, asset, &[Point::WMax, Point::WSet]);
            let floor = if free { vec![0.0; signal.len()] } else { signal.clone() };
            vec![source(floor, signal.clone(), vec![0.0; signal.len()])]
        }
        Kind::Load(k) => vec![load(input, asset, available, k, signal)],
        Kind::FlexibleLoad(k) => {
            let floor = if available && commands(input, asset, &[Point::WMax, Point::WSet]) { k.floor } else { 1.0 };
            let floor = signal.iter().map(|w| w * floor).collect();
            let terms = Terms::Withheld { cost: k.discomfort_per_kwh, alarm: false };
            vec![Element::Sink(Sink { port: 0, want: signal.clone(), floor, terms })]
        }
        Kind::EvCharger(k) => {
            let free = available && commands(input, asset, &[Point::WMax, Point::WSet]);
            vec![ev_charger(input, known, ix, k, free)]
        }
        Kind::Batch(k) => vec![batch(input, known, ix, k, available, worth.bus[asset.ports[0].bus.0])],
        Kind::HydrogenOfftake(k) if available => vec![hydrogen_offtake(input, known, ix, k)],
        Kind::Co2Hub(k) if available => vec![co2_hub(input, k)],
        Kind::CarbonCapture(k) if available && commands(input, asset, &[Point::WMax]) => vec![capture(input, k)],
        Kind::Room(k) => match room(input, known, worth.stored[ix.0], ix, k) {
            Some(store) if available => vec![Element::Store(store)],
            // Without its temperature or the weather it is a load that goes on as it is.
            _ => held(input, known, ix, false),
        },
        Kind::HydrogenOfftake(_) | Kind::Co2Hub(_) | Kind::CarbonCapture(_) => held(input, known, ix, false),
        Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) | Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => {
            match store(input, known, worth, ix) {
                Some(store) if available => vec![Element::Store(store)],
                _ => held(input, known, ix, true),
            }
        }
        Kind::DumpCooler(k) if available => {
            let terms = Terms::Earns(vec![0.0; known.len()]);
            let floor = vec![0.0; known.len()];
            vec![Element::Sink(Sink { port: 0, want: vec![k.rated_kw; known.len()], floor, terms })]
        }
        // The exchanger closes the balance of its lower bus by its own valve: it serves whether we can read it or not.
        Kind::HeatExchanger(_) => vec![Element::Converter(converter(input, known, ix))],
        kind if kind.commitment().is_none() => Vec::new(),
        _ if available => vec![Element::Converter(converter(input, known, ix))],
        _ => held(input, known, ix, false),
    }
}

/// What a source could give, or what a steerable consumer wants (negative), along the grid; empty for all others.
pub(super) fn potential(input: &Inputs<'_>, known: &Known, ix: AssetIx) -> Vec<f64> {
    let asset = &input.site.assets[ix.0];
    let signal = &known.signal[ix.0];
    match &asset.kind {
        Kind::Pv(_) | Kind::Wind(_) | Kind::WasteHeat(_) => signal.clone(),
        Kind::EvCharger(k) if !k.session.is_empty() => {
            let drawable = stays::drawable(input, ix, &stays::stays(input, known, ix, k), known.len());
            drawable.iter().map(|kw| -kw).collect()
        }
        Kind::CarbonCapture(_) => vec![asset.ports[0].min.kw(); known.len()],
        Kind::FlexibleLoad(_) | Kind::EvCharger(_) => signal.iter().map(|w| -w).collect(),
        Kind::Load(k) if k.tier == Tier::Sheddable && commands(input, asset, &[Point::On]) => {
            signal.iter().map(|w| -w).collect()
        }
        _ => Vec::new(),
    }
}

fn commands(input: &Inputs<'_>, asset: &Asset, points: &[Point]) -> bool {
    asset.device.is_some_and(|d| points.iter().any(|p| input.site.point(d, *p).is_some()))
}

/// What cannot be steered but still measures goes on as it is (a store for the first interval only, then it would
/// run out); what does not measure is taken to rest, its safe value.
fn held(input: &Inputs<'_>, known: &Known, ix: AssetIx, store: bool) -> Vec<Element> {
    let (asset, state) = (&input.site.assets[ix.0], &input.state.assets[ix.0]);
    let measured = |i: usize| state.ports.get(i).and_then(|p| p.measured.ok()).filter(|v| v.is_finite());
    let principal = measured(0).filter(|p| p.abs() > 1e-3);
    let flows = flows(&asset.kind, known.performance(ix, 0));
    let mut list = Vec::new();
    for port in 0..asset.ports.len() {
        let derived = principal.and_then(|p| flows.get(port).map(|f| f.at(p.abs())));
        let Some(kw) = measured(port).or(derived) else { continue };
        let along: Vec<f64> = (0..known.len()).map(|t| if store && t > 0 { 0.0 } else { kw.abs() }).collect();
        let zero = vec![0.0; known.len()];
        list.push(if kw >= 0.0 {
            let (floor, cap) = (along.clone(), along);
            Element::Source(Source { port, floor, cap, cost: zero, co2: Vec::new(), over: None, import: false })
        } else {
            Element::Sink(Sink {
                port,
                want: along.clone(),
                floor: along,
                terms: Terms::Withheld { cost: 0.0, alarm: false },
            })
        });
    }
    list
}
