//! The four elements that the formulation knows: source, sink, store, converter.

use super::flow::Flow;

/// One element at one asset; `port` counts the asset's ports.
#[derive(Debug)]
pub(super) enum Element {
    Source(Source),
    Sink(Sink),
    Store(Store),
    Converter(Converter),
    Capture(Capture),
}

/// Injects between floor and cap.
#[derive(Debug)]
pub(super) struct Source {
    pub port: usize,
    /// Must run at least so, kW.
    pub floor: Vec<f64>,
    /// Can run at most so, kW.
    pub cap: Vec<f64>,
    /// Currency per kWh, without its CO2.
    pub cost: Vec<f64>,
    /// Emitted per kWh, kg; empty = nothing.
    pub co2: Vec<f64>,
    /// Price above `cost` at which the cap gives way, and what that is called, by interval.
    pub over: Option<(f64, Vec<String>)>,
    /// It is what settles as import.
    pub import: bool,
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
    /// An energy by each departure; `want` is what can be drawn. A kWh missing then costs `lost`.
    Stays { stays: Vec<Stay>, lost: f64 },
    /// Runs without a break; `floor` is what runs already.
    Batch(BatchTerms),
    /// Earns `price` per kWh and owes an energy by the day.
    Contract { price: f64, owed: Vec<Owed> },
    /// Earns `price` per kg; outside the band (lowest, highest) of an interval each kg costs `deviation`.
    Nominated { price: f64, band: Vec<(f64, f64)>, deviation: f64 },
}

/// A stay of vehicles.
#[derive(Debug)]
pub(super) struct Stay {
    /// Largest mean power along the grid: 0 where they are not there.
    pub most: Vec<f64>,
    /// Wanted until they leave, kWh.
    pub need: f64,
}

/// What a batch has before it.
#[derive(Debug)]
pub(super) struct BatchTerms {
    /// Power while it runs, kW.
    pub rated: f64,
    pub due: Vec<Run>,
    /// What a run left out costs, currency.
    pub skipped: f64,
    /// Currency per kWh of what a run draws beyond the horizon.
    pub beyond: f64,
}

/// One run that has not begun.
#[derive(Debug)]
pub(super) struct Run {
    pub starts: Vec<Start>,
    pub hours: f64,
    /// Its window reaches so far beyond the horizon that it may begin there.
    pub later: bool,
}

/// One time at which a run may begin.
#[derive(Debug)]
pub(super) struct Start {
    /// Hours from now.
    pub at_h: f64,
    /// Share of each interval that it then covers.
    pub share: Vec<f64>,
    /// How much of it lies beyond the horizon, hours.
    pub beyond_h: f64,
}

/// What a contract asks of one day.
#[derive(Debug)]
pub(super) struct Owed {
    /// Share of each interval that lies in the day.
    pub share: Vec<f64>,
    /// Still to be delivered within the horizon, kWh.
    pub kwh: f64,
    /// Price of a kWh short of it.
    pub shortfall: f64,
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
    /// What flows into it by itself, kW along the grid (a room: gains less losses at its empty end).
    pub drift: Vec<f64>,
    /// For how many hours a kW counts by the end of an interval: its length, less where losses act at once.
    pub effect_h: Vec<f64>,
    /// Cuts of the power that it takes and gives by its energy: power <= slope * energy + offset.
    pub charge_cuts: Vec<(f64, f64)>,
    pub discharge_cuts: Vec<(f64, f64)>,
    /// The weather can push it out of its window at any time.
    pub exposed: bool,
    /// Currency per kWh discharged.
    pub wear: f64,
    /// Value of a kWh left at the end.
    pub end_value: f64,
    /// Price of a kWh outside the window for an hour.
    pub outside: f64,
    /// Charging and discharging at once could pay at some interval: needs a binary there.
    pub exclusive: Vec<bool>,
}

/// Turns energy of one bus into energy of another; every port follows the principal one.
#[derive(Debug)]
pub(super) struct Converter {
    /// Per interval and port; at most one port has a curve.
    pub flows: Vec<Vec<Flow>>,
    /// Per port: what a kW of principal power injects where another drive gives it.
    pub second: Option<Vec<f64>>,
    /// Principal power while running, kW.
    pub min: f64,
    pub max: f64,
    /// Loads it can run at, kW; empty = any between `min` and `max`.
    pub steps: Vec<f64>,
    /// Drawn at the principal port while it is on and does not run.
    pub standby_kw: f64,
    /// Currency per kWh of principal power, and per hour of running.
    pub cost: (f64, f64),
    /// Fuel of its own, kW, and kg of CO2 per kWh of it; its price is in `cost`.
    pub fuel: Option<(Flow, f64)>,
    /// Per interval: waste could pay, so that a curve is followed by binaries.
    pub exact: Vec<bool>,
    /// Ramp, kW per hour.
    pub ramp_kw_per_h: Option<f64>,
    /// Principal power at this moment, where it is known.
    pub now_kw: Option<f64>,
    pub commitment: Option<Commit>,
    /// Bound on the energy of a day.
    pub budget: Option<Budget>,
}

/// On/off behaviour with the state carried in.
#[derive(Debug)]
pub(super) struct Commit {
    pub start_cost: f64,
    /// (hours of rest, cost of a start from then on), ascending.
    pub long_rest: Vec<(f64, f64)>,
    /// So long it has rested, where it rests.
    pub rested_h: f64,
    pub min_up_h: f64,
    pub min_down_h: f64,
    /// It runs now; `None` where not known.
    pub was_on: Option<bool>,
    /// It must stay as it is for so many hours.
    pub held_h: f64,
    pub starts_per_day: Option<StartsPerDay>,
}

/// Most starts of a day.
#[derive(Debug)]
pub(super) struct StartsPerDay {
    pub most: f64,
    /// Today.
    pub so_far: f64,
    /// What one more costs.
    pub over: f64,
}

/// Energy that a day gives.
#[derive(Debug)]
pub(super) struct Budget {
    pub kwh_per_day: f64,
    /// Today.
    pub so_far_kwh: f64,
    /// Per interval: of it per kW of principal power.
    pub per_kw: Vec<f64>,
    /// What a kWh beyond it costs.
    pub over_per_kwh: f64,
}

/// Takes CO2 out of the exhaust of others for power and heat; its flow is in kg/h.
#[derive(Debug)]
pub(super) struct Capture {
    /// Per port: injection per kg/h.
    pub ports: Vec<f64>,
    /// Flow while running, kg/h.
    pub min: f64,
    pub max: f64,
    /// (asset, port, kg of CO2 per kWh of that port's injection) whose exhaust it takes.
    pub exhaust: Vec<(crate::site::AssetIx, usize, f64)>,
    /// Share of it that can be taken.
    pub share: f64,
}
