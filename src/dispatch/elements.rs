//! From the kinds of asset to the four elements of the formulation. A new kind is a mapping here, nothing else.

use super::Inputs;
use super::known::Known;
use super::values::Worth;
use crate::site::kinds::{Battery, Chp, Commitment, Grid, Load, Tier};
use crate::site::{Asset, AssetIx, Carrier, Kind, Point};
use crate::state::{AssetState, Availability};

/// Share of the PCC's limits and of the transformer's rating that the plan uses as active power: forecast errors,
/// reactive power and meters need the rest. The cycle keeps the same margin.
const LIMIT_MARGIN: f64 = 0.95;
/// Share of its window that a battery keeps while it has to hold an island: what closes a balance must be able to,
/// however the forecast errs.
const ISLAND_RESERVE: f64 = 0.1;
/// Import above its limit costs so many times the normal tier's lost load: such load is shed before the limit
/// gives way, critical load is not.
const OVER_LIMIT: f64 = 1.5;

/// One element at one asset; `port` counts the asset's ports.
#[derive(Debug)]
pub(super) enum Element {
    Source(Source),
    Sink(Sink),
    Store(Store),
    Converter(Converter),
}

/// Injects between floor and cap.
#[derive(Debug)]
pub(super) struct Source {
    pub port: usize,
    /// Must run at least so, kW.
    pub floor: Vec<f64>,
    /// Can run at most so, kW.
    pub cap: Vec<f64>,
    /// Currency per kWh.
    pub cost: Vec<f64>,
    /// Price above `cost` at which the cap gives way, and what that is called.
    pub over: Option<(f64, String)>,
    /// The demand charge is on this source.
    pub demand: bool,
}

/// Takes energy.
#[derive(Debug)]
pub(super) struct Sink {
    pub port: usize,
    /// What is wanted, kW (positive).
    pub want: Vec<f64>,
    /// Never less than this, kW.
    pub floor: Vec<f64>,
    pub terms: Terms,
}

/// What taking less than wanted means.
#[derive(Debug)]
pub(super) enum Terms {
    /// Optional: each kWh taken earns this.
    Earns(Vec<f64>),
    /// Withheld at this cost per kWh.
    Withheld { cost: f64, alarm: bool },
    /// Delayed at this cost per kWh, to be made up for within the rating.
    Delayed { cost: f64, rated: f64, lost: f64 },
    /// Not steered: what is missing is a slack of the bus at this value per kWh.
    Unserved(f64),
}

/// Holds energy.
#[derive(Debug)]
pub(super) struct Store {
    pub port: usize,
    /// Now, kWh.
    pub energy: f64,
    /// Window, kWh.
    pub low: f64,
    pub high: f64,
    /// Left in store for what forecasts miss, kWh, and the price of a kWh below it for an hour.
    pub reserve: (f64, f64),
    /// Largest powers at the bus, kW, along the grid.
    pub charge: Vec<f64>,
    pub discharge: Vec<f64>,
    pub charge_efficiency: f64,
    pub discharge_efficiency: f64,
    pub loss_per_h: f64,
    /// Currency per kWh discharged.
    pub wear: f64,
    /// Value of a kWh left at the end.
    pub end_value: f64,
    /// Price of a kWh outside the window for an hour.
    pub outside: f64,
    /// Charging and discharging at once could pay at some interval: needs a binary there.
    pub exclusive: Vec<bool>,
}

/// Turns energy of one bus into energy of another; every port is affine in the principal one.
#[derive(Debug)]
pub(super) struct Converter {
    /// Per port: (per kW of the principal port, while on), kW.
    pub ports: Vec<(f64, f64)>,
    /// Principal power while on, kW.
    pub min: f64,
    pub max: f64,
    /// Currency per kWh of the principal port.
    pub wear: f64,
    pub commitment: Option<Commit>,
}

/// On/off behaviour with the state carried in.
#[derive(Debug)]
pub(super) struct Commit {
    pub start_cost: f64,
    pub min_up_h: f64,
    pub min_down_h: f64,
    /// It runs now; `None` where not known.
    pub was_on: Option<bool>,
    /// It must stay as it is for so many hours.
    pub held_h: f64,
}

/// The elements of one asset; none where it cannot take part.
pub(super) fn elements(input: &Inputs<'_>, known: &Known, worth: &Worth, ix: AssetIx) -> Vec<Element> {
    let (asset, state) = (&input.site.assets[ix.0], &input.state.assets[ix.0]);
    let available = state.availability == Availability::Available;
    let signal = &known.signal[ix.0];
    match &asset.kind {
        Kind::Grid(k) => grid(input, known, k),
        Kind::GasSupply(k) => {
            let cost = k.price_per_kwh + k.co2_kg_per_kwh * input.site.values.co2_per_kg;
            vec![source(vec![0.0; known.len()], vec![k.max_kw; known.len()], vec![cost; known.len()])]
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
            let floor = if free { vec![0.0; signal.len()] } else { signal.clone() };
            let lost = if known.open_end { 0.0 } else { input.site.values.lost_load_sheddable_per_kwh };
            let rated = if free { asset.kind.rated().kw() } else { 0.0 };
            let terms = Terms::Delayed { cost: k.delay_per_kwh, rated, lost };
            vec![Element::Sink(Sink { port: 0, want: signal.clone(), floor, terms })]
        }
        Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) => match store(input, known, worth, ix) {
            Some(store) if available => vec![Element::Store(store)],
            _ => held(asset, state, known, true),
        },
        Kind::DumpCooler(k) if available => {
            let terms = Terms::Earns(vec![0.0; known.len()]);
            let floor = vec![0.0; known.len()];
            vec![Element::Sink(Sink { port: 0, want: vec![k.rated_kw; known.len()], floor, terms })]
        }
        // The exchanger closes the balance of its lower bus by its own valve: it serves whether we can read it or not.
        Kind::HeatExchanger(_) => vec![Element::Converter(converter(asset, state, input))],
        _ if available => vec![Element::Converter(converter(asset, state, input))],
        _ => held(asset, state, known, false),
    }
}

/// What a source could give, or what a steerable consumer wants (negative), along the grid; empty for all others.
pub(super) fn potential(input: &Inputs<'_>, known: &Known, ix: AssetIx) -> Vec<f64> {
    let asset = &input.site.assets[ix.0];
    let signal = &known.signal[ix.0];
    match &asset.kind {
        Kind::Pv(_) | Kind::Wind(_) => signal.clone(),
        Kind::FlexibleLoad(_) | Kind::EvCharger(_) => signal.iter().map(|w| -w).collect(),
        Kind::Load(k) if k.tier == Tier::Sheddable && commands(input, asset, &[Point::On]) => {
            signal.iter().map(|w| -w).collect()
        }
        _ => Vec::new(),
    }
}

fn source(floor: Vec<f64>, cap: Vec<f64>, cost: Vec<f64>) -> Element {
    Element::Source(Source { port: 0, floor, cap, cost, over: None, demand: false })
}

fn commands(input: &Inputs<'_>, asset: &Asset, points: &[Point]) -> bool {
    asset.device.is_some_and(|d| points.iter().any(|p| input.site.point(d, *p).is_some()))
}

fn grid(input: &Inputs<'_>, known: &Known, k: &Grid) -> Vec<Element> {
    let n = known.len();
    // A limit of nothing can still be exceeded, at its price; a grid that is not there cannot.
    let margin = if known.bare { 1.0 } else { LIMIT_MARGIN };
    let limit = |kw: f64, import: bool, t: usize| {
        let at = input.horizon.grid.intervals[t].start;
        (margin * input.at_pcc(kw.min(k.transformer_kva), import, at)).max(1e-3)
    };
    let open =
        |kw: f64, im: bool| (0..n).map(|t| if known.grid[t] { limit(kw, im, t) } else { 0.0 }).collect::<Vec<_>>();
    let per_kg = input.site.values.co2_per_kg;
    let cost: Vec<f64> = known.import_price.iter().zip(&known.co2_factor).map(|(p, f)| p + f * per_kg).collect();
    // Export above the import price would pay for a circle through the meter.
    let earns = cost.iter().zip(&known.export_price).map(|(c, e)| e.min(c - 1e-4)).collect();
    let over = OVER_LIMIT * input.site.values.lost_load_normal_per_kwh;
    vec![
        Element::Source(Source {
            port: 0,
            floor: vec![0.0; n],
            cap: open(k.import_max_kw, true),
            cost,
            over: Some((over, "import above its planned limit".to_owned())),
            demand: true,
        }),
        Element::Sink(Sink {
            port: 0,
            want: open(k.export_max_kw, false),
            floor: vec![0.0; n],
            terms: Terms::Earns(earns),
        }),
    ]
}

fn load(input: &Inputs<'_>, asset: &Asset, available: bool, k: &Load, want: &[f64]) -> Element {
    let values = &input.site.values;
    let carrier = input.site.buses[asset.ports[0].bus.0].carrier;
    let lost = match (carrier, k.tier) {
        (Carrier::Heat, _) => values.lost_heat_per_kwh,
        (Carrier::Cooling, _) => values.lost_cooling_per_kwh,
        (_, Tier::Critical) => values.lost_load_critical_per_kwh,
        (_, Tier::Normal) => values.lost_load_normal_per_kwh,
        (_, Tier::Sheddable) => values.lost_load_sheddable_per_kwh,
    };
    let shed = available && k.tier == Tier::Sheddable && commands(input, asset, &[Point::On]);
    let terms = if shed { Terms::Withheld { cost: lost, alarm: true } } else { Terms::Unserved(lost) };
    Element::Sink(Sink { port: 0, want: want.to_vec(), floor: vec![0.0; want.len()], terms })
}

/// Charging and discharging at once burns energy. It can pay only where energy on the bus has a negative price:
/// a negative tariff, or generation that cannot be curtailed and cannot leave.
fn exclusive(input: &Inputs<'_>, known: &Known) -> Vec<bool> {
    let stuck = input.site.assets.iter().enumerate().any(|(i, a)| {
        matches!(a.kind, Kind::Pv(_) | Kind::Wind(_) | Kind::Chp(_))
            && (input.state.assets[i].availability != Availability::Available
                || !commands(input, a, &[Point::WMax, Point::WSet]))
    });
    (0..known.len())
        .map(|t| known.import_price[t] < 0.0 || known.export_price[t] < 0.0 || (stuck && !known.grid[t]))
        .collect()
}

/// A kWh missing from a store's reserve for an hour costs this share of a kWh not delivered.
const RESERVE_SHARE: f64 = 0.1;

fn store(input: &Inputs<'_>, known: &Known, worth: &Worth, ix: AssetIx) -> Option<Store> {
    let (asset, state) = (&input.site.assets[ix.0], &input.state.assets[ix.0]);
    let energy = state.energy.and_then(Result::ok).filter(|e| e.is_finite())?;
    let capacity = asset.kind.capacity()?.kwh();
    let port = asset.ports.first()?;
    let n = known.len();
    // What the device reports as its limit holds for now; for later its nameplate is the better guess.
    let limits = |nameplate: f64, now: f64| {
        (0..n)
            .map(|t| if t == 0 && now.is_finite() { nameplate.min(now.max(0.0)) } else { nameplate })
            .collect::<Vec<_>>()
    };
    let base = Store {
        port: 0,
        energy,
        low: 0.0,
        high: capacity,
        reserve: (0.0, 0.0),
        charge: limits(-port.min.kw(), -state.min.kw()),
        discharge: limits(port.max.kw(), state.max.kw()),
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        loss_per_h: 0.0,
        wear: 0.0,
        end_value: worth.stored[ix.0],
        outside: input.site.values.lost_load_sheddable_per_kwh,
        exclusive: vec![false; n],
    };
    let values = &input.site.values;
    let bare = |s: Store| if known.bare { Store { reserve: (0.0, 0.0), ..s } } else { s };
    match &asset.kind {
        Kind::Battery(k) => {
            let forming = input.islanded && input.site.buses[port.bus.0].closed_by_islanded == Some(ix);
            let kept = k.soc_min + ISLAND_RESERVE * (k.soc_max - k.soc_min);
            let reserve =
                if forming { (kept * capacity, RESERVE_SHARE * values.lost_load_normal_per_kwh) } else { (0.0, 0.0) };
            Some(bare(Store { reserve, ..battery(base, k, capacity, exclusive(input, known)) }))
        }
        Kind::HeatTank(k) => {
            let reserve = (k.reserve * capacity, RESERVE_SHARE * values.lost_heat_per_kwh);
            Some(bare(Store { loss_per_h: k.loss_per_h, reserve, ..base }))
        }
        Kind::ColdTank(k) => {
            let reserve = (k.reserve * capacity, RESERVE_SHARE * values.lost_cooling_per_kwh);
            Some(bare(Store { loss_per_h: k.loss_per_h, reserve, ..base }))
        }
        _ => None,
    }
}

fn battery(base: Store, k: &Battery, capacity: f64, exclusive: Vec<bool>) -> Store {
    Store {
        low: k.soc_min * capacity,
        high: k.soc_max * capacity,
        charge_efficiency: k.charge_efficiency,
        discharge_efficiency: k.discharge_efficiency,
        wear: k.wear_per_kwh,
        exclusive,
        ..base
    }
}

/// Port powers of a machine as affine functions of its principal port: (per kW, while on).
pub(super) fn affine(kind: &Kind) -> Vec<(f64, f64)> {
    let proportional = |factors: &[f64]| {
        let mut list = vec![(1.0, 0.0)];
        list.extend(factors.iter().map(|f| (*f, 0.0)));
        list
    };
    match kind {
        Kind::Chp(k) => engine(k),
        Kind::Boiler(k) => proportional(&[-1.0 / k.efficiency]),
        Kind::HeatPump(k) => proportional(&[-1.0 / k.cop]),
        Kind::Chiller(k) => proportional(&[-1.0 / k.eer]),
        Kind::AbsorptionChiller(k) => proportional(&[-1.0 / k.cop, -k.auxiliary_kw_per_kw]),
        Kind::HeatExchanger(k) => proportional(&[-1.0 / k.efficiency]),
        _ => vec![(1.0, 0.0)],
    }
}

/// Heat and fuel through the two points the site file gives: minimum load and rating.
fn engine(k: &Chp) -> Vec<(f64, f64)> {
    let low = k.commitment.min_load * k.rated_kw;
    let through = |at_low: f64, at_rated: f64| {
        let span = k.rated_kw - low;
        if span < 1e-6 * k.rated_kw || low <= 0.0 {
            return (at_rated / k.rated_kw, 0.0);
        }
        let slope = (at_rated - at_low) / span;
        (slope, at_rated - slope * k.rated_kw)
    };
    let fuel = through(low / k.electric_efficiency_min_load, k.rated_kw / k.electric_efficiency);
    vec![(1.0, 0.0), through(k.heat_kw_min_load, k.heat_kw), (-fuel.0, -fuel.1)]
}

fn converter(asset: &Asset, state: &AssetState, input: &Inputs<'_>) -> Converter {
    let commitment = asset.kind.commitment();
    let max = asset.kind.rated().kw();
    Converter {
        ports: affine(&asset.kind),
        min: commitment.map_or(0.0, |c| c.min_load * max),
        max,
        wear: if let Kind::Chp(k) = &asset.kind { k.wear_per_kwh } else { 0.0 },
        commitment: commitment.map(|c| commit(c, state, input)),
    }
}

fn commit(c: &Commitment, state: &AssetState, input: &Inputs<'_>) -> Commit {
    let (min_up_h, min_down_h) = (f64::from(c.min_up_min) / 60.0, f64::from(c.min_down_min) / 60.0);
    let held_h = state.running.map_or(0.0, |r| {
        let passed = (input.state.now.park.seconds_since(r.since) / 3600.0).max(0.0);
        if r.on { min_up_h - passed } else { min_down_h - passed }
    });
    Commit { start_cost: c.start_cost, min_up_h, min_down_h, was_on: state.running.map(|r| r.on), held_h }
}

/// What cannot be steered but still measures goes on as it is (a store for the first interval only, then it would
/// run out); what does not measure is taken to rest, its safe value.
fn held(asset: &Asset, state: &AssetState, known: &Known, store: bool) -> Vec<Element> {
    let measured = |i: usize| state.ports.get(i).and_then(|p| p.measured.ok()).filter(|v| v.is_finite());
    let principal = measured(0).filter(|p| p.abs() > 1e-3);
    let ratios = affine(&asset.kind);
    let mut list = Vec::new();
    for port in 0..asset.ports.len() {
        let derived = principal.and_then(|p| ratios.get(port).map(|(slope, offset)| slope * p + offset));
        let Some(kw) = measured(port).or(derived) else { continue };
        let along: Vec<f64> = (0..known.len()).map(|t| if store && t > 0 { 0.0 } else { kw.abs() }).collect();
        let zero = vec![0.0; known.len()];
        list.push(if kw >= 0.0 {
            Element::Source(Source { port, floor: along.clone(), cap: along, cost: zero, over: None, demand: false })
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
