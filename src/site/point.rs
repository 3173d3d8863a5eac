use serde::{Deserialize, Serialize};

/// Canonical unit of a point's value inside the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Kilowatt.
    Kw,
    /// Kilovar.
    Kvar,
    /// Kilovolt-ampere.
    Kva,
    /// Kilowatt-hour.
    Kwh,
    /// Volt.
    V,
    /// Ampere.
    A,
    /// Hertz.
    Hz,
    /// Percent.
    Percent,
    /// Degree Celsius.
    C,
    /// Kilogram per hour.
    KgPerH,
    /// Watt per square metre.
    WPerM2,
    /// Metre per second.
    MPerS,
    /// Second.
    S,
    /// Count, boolean or enumeration.
    One,
}

impl Unit {
    /// Symbol for people.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Kw => "kW",
            Self::Kvar => "kvar",
            Self::Kva => "kVA",
            Self::Kwh => "kWh",
            Self::V => "V",
            Self::A => "A",
            Self::Hz => "Hz",
            Self::Percent => "%",
            Self::C => "degC",
            Self::KgPerH => "kg/h",
            Self::WPerM2 => "W/m2",
            Self::MPerS => "m/s",
            Self::S => "s",
            Self::One => "",
        }
    }
}

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident: $unit:ident),+ $(,)?) => {
        /// An addressable datum, by SunSpec's name where one exists. Values are in the point's canonical [`Unit`];
        /// power points are injections into their bus.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum Point { $($(#[$doc])* $name),+ }

        impl Point {
            /// Every point there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            /// Its name in files and on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
            /// Its canonical unit.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit),+ }
            }
        }
    };
}

points! {
    /// Active power.
    W: Kw,
    /// Reactive power.
    VAr: Kvar,
    /// Apparent power.
    VA: Kva,
    /// Power factor.
    PF: One,
    /// Frequency.
    Hz: Hz,
    /// Frequency on the utility's side of an open breaker.
    HzUpstream: Hz,
    /// Voltage, phase A to neutral.
    PhVphA: V,
    /// Voltage, phase B to neutral.
    PhVphB: V,
    /// Voltage, phase C to neutral.
    PhVphC: V,
    /// Current, phase A.
    AphA: A,
    /// Current, phase B.
    AphB: A,
    /// Current, phase C.
    AphC: A,
    /// Direct voltage.
    DCV: V,
    /// Energy drawn through the meter (counter).
    TotWhImp: Kwh,
    /// Energy delivered through the meter (counter).
    TotWhExp: Kwh,
    /// State of charge.
    SoC: Percent,
    /// State of health.
    SoH: Percent,
    /// Power that would be available without a cap (PV, wind).
    WAvail: Kw,
    /// Power a flexible consumer would draw uncapped (injection, so negative).
    WWanted: Kw,
    /// Largest charging power at this moment (magnitude).
    WChaMax: Kw,
    /// Largest discharging power at this moment (magnitude).
    WDisChaMax: Kw,
    /// Heat into (+) or out of (-) the asset's heat bus.
    HeatW: Kw,
    /// Heat taken from the source bus of a converter (negative).
    HeatInW: Kw,
    /// Cold into (+) or out of (-) the cooling bus.
    CoolW: Kw,
    /// Fuel into (+, a supply) or out of (-, a converter) the gas bus.
    GasW: Kw,
    /// Heat of an engine's jacket water into its own bus.
    JacketW: Kw,
    /// Hydrogen into (+) or out of (-) the hydrogen bus, by lower heating value.
    HydrogenW: Kw,
    /// CO2 into (+) or out of (-) the CO2 bus.
    Co2Flow: KgPerH,
    /// Filling of a tank.
    Lvl: Percent,
    /// Temperature of a room.
    TRoom: C,
    /// Supply temperature.
    TSup: C,
    /// Return temperature.
    TRet: C,
    /// Source temperature of a heat pump.
    TSrc: C,
    /// Tank, top.
    TTop: C,
    /// Tank, middle.
    TMid: C,
    /// Tank, bottom.
    TBot: C,
    /// Outdoor temperature.
    TOut: C,
    /// Global horizontal irradiance.
    GHI: WPerM2,
    /// Wind speed.
    WndSpd: MPerS,
    /// Operating state, a [`RunState`].
    St: One,
    /// Alarm bits of the device.
    Alm: One,
    /// Breaker closed (1) or open (0).
    Closed: One,
    /// Protection tripped (1).
    Tripped: One,
    /// Vehicles connected.
    EvNum: One,
    /// Command: active power.
    WSet: Kw,
    /// Command: cap on the magnitude of active power.
    WMax: Kw,
    /// Command: run (1) or stop (0); a feeder closed (1) or open (0).
    On: One,
    /// Command: heat, as an injection (a dump cooler's is negative).
    HeatSet: Kw,
    /// Command: cooling.
    CoolSet: Kw,
    /// Command: supply temperature.
    TSet: C,
    /// Reversion timer of the device.
    RvrtTms: S,
}

impl Point {
    /// Whether the point is a command.
    #[must_use]
    pub const fn is_command(self) -> bool {
        matches!(self, Self::WSet | Self::WMax | Self::On | Self::HeatSet | Self::CoolSet | Self::TSet)
    }
    /// The point of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }
}

/// Canonical operating state of a machine; the profile maps the device's own numbers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Ready, not running.
    Off,
    /// On its way to load.
    Starting,
    /// Running loaded.
    On,
    /// Unloading or cooling down.
    Stopping,
    /// Locked out by its own protection.
    Fault,
    /// Energised, waiting.
    Standby,
}

impl RunState {
    /// All states, in the order of their codes.
    pub const ALL: [Self; 6] = [Self::Off, Self::Starting, Self::On, Self::Stopping, Self::Fault, Self::Standby];
    /// The value a reading of [`Point::St`] carries.
    #[must_use]
    pub fn code(self) -> f64 {
        Self::ALL.iter().position(|s| *s == self).map_or(0.0, |i| i as f64)
    }
    /// Back from a reading of [`Point::St`].
    #[must_use]
    pub fn from_code(code: f64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| (s.code() - code).abs() < 1e-9)
    }
}
