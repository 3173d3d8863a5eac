//! The four elements that the formulation knows: source, sink, store, converter.

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
