use serde::{Deserialize, Serialize};

use super::kinds::{
    AbsorptionChiller, Batch, Battery, Boiler, CarbonCapture, Chiller, Chp, Co2Buffer, Co2Hub, ColdTank, Commitment,
    DumpCooler, Electrolyser, EvCharger, FlexibleLoad, FuelCell, GasSupply, Genset, Grid, HeatExchanger, HeatPump,
    HeatSupply, HeatTank, HydrogenOfftake, HydrogenTank, Load, Pv, Room, Tier, WasteHeat, Wind,
};
use super::{BusIx, DeviceIx, Point, PointIx, ports};
use crate::units::{Energy, Power};

/// Water: kWh per m3 and kelvin (4.19 kJ/kg/K at 970-1000 kg/m3).
const WATER_KWH_PER_M3_K: f64 = 1.163;

/// What an asset is. A new kind is a mapping to source, sink, store or converter, not a new formulation.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Kind {
    Grid(Grid),
    GasSupply(GasSupply),
    Pv(Pv),
    Wind(Wind),
    Battery(Battery),
    HeatTank(HeatTank),
    ColdTank(ColdTank),
    Chp(Chp),
    Boiler(Boiler),
    HeatPump(HeatPump),
    Chiller(Chiller),
    AbsorptionChiller(AbsorptionChiller),
    HeatExchanger(HeatExchanger),
    DumpCooler(DumpCooler),
    Load(Load),
    FlexibleLoad(FlexibleLoad),
    EvCharger(EvCharger),
    HeatSupply(HeatSupply),
    WasteHeat(WasteHeat),
    Genset(Genset),
    HydrogenTank(HydrogenTank),
    Electrolyser(Electrolyser),
    FuelCell(FuelCell),
    HydrogenOfftake(HydrogenOfftake),
    CarbonCapture(CarbonCapture),
    Co2Buffer(Co2Buffer),
    Co2Hub(Co2Hub),
    Batch(Batch),
    Room(Room),
}

/// One of the six, or what surrounds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Group {
    Pv,
    Wind,
    Cchp,
    LowGradeHeat,
    Storage,
    Efficiency,
    Grid,
    Load,
}

impl Group {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::Wind => "wind",
            Self::Cchp => "cchp",
            Self::LowGradeHeat => "low_grade_heat",
            Self::Storage => "storage",
            Self::Efficiency => "efficiency",
            Self::Grid => "grid",
            Self::Load => "load",
        }
    }
}

/// One term of a measurement: a point and its sign in the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Which point.
    pub point: PointIx,
    /// +1 or -1.
    pub sign: f64,
}

/// Where an asset meets a bus.
#[derive(Clone, Debug)]
pub struct Port {
    /// Which bus.
    pub bus: BusIx,
    /// What the injection at this port is called ([`Point::W`], `HeatW`, `HeatInW`, `CoolW`, `GasW`).
    pub point: Point,
    /// Largest magnitude by nameplate.
    pub rating: Power,
    /// Lowest injection by nameplate.
    pub min: Power,
    /// Highest injection by nameplate.
    pub max: Power,
    /// How it is measured; empty = not measured.
    pub measured: Vec<Measure>,
    /// It is the balance of all others on its bus.
    pub residual: bool,
}

/// One asset, resolved.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Unique name.
    pub id: String,
    /// What it is, with its parameters.
    pub kind: Kind,
    /// Party it belongs to (position in the site's members).
    pub member: Option<usize>,
    /// Device that steers it.
    pub device: Option<DeviceIx>,
    /// Device with the breaker state (grid).
    pub breaker: Option<DeviceIx>,
    /// Ports; the first is the principal one.
    pub ports: Vec<Port>,
}

impl Kind {
    /// Kind as written in the site file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Grid(_) => "grid",
            Self::GasSupply(_) => "gas_supply",
            Self::Pv(_) => "pv",
            Self::Wind(_) => "wind",
            Self::Battery(_) => "battery",
            Self::HeatTank(_) => "heat_tank",
            Self::ColdTank(_) => "cold_tank",
            Self::Chp(_) => "chp",
            Self::Boiler(_) => "boiler",
            Self::HeatPump(_) => "heat_pump",
            Self::Chiller(_) => "chiller",
            Self::AbsorptionChiller(_) => "absorption_chiller",
            Self::HeatExchanger(_) => "heat_exchanger",
            Self::DumpCooler(_) => "dump_cooler",
            Self::Load(_) => "load",
            Self::FlexibleLoad(_) => "flexible_load",
            Self::EvCharger(_) => "ev_charger",
            Self::HeatSupply(_) => "heat_supply",
            Self::WasteHeat(_) => "waste_heat",
            Self::Genset(_) => "genset",
            Self::HydrogenTank(_) => "hydrogen_tank",
            Self::Electrolyser(_) => "electrolyser",
            Self::FuelCell(_) => "fuel_cell",
            Self::HydrogenOfftake(_) => "hydrogen_offtake",
            Self::CarbonCapture(_) => "carbon_capture",
            Self::Co2Buffer(_) => "co2_buffer",
            Self::Co2Hub(_) => "co2_hub",
            Self::Batch(_) => "batch",
            Self::Room(_) => "room",
        }
    }

    /// Which of the six it belongs to.
    #[must_use]
    pub const fn group(&self) -> Group {
        match self {
            Self::Grid(_)
            | Self::GasSupply(_)
            | Self::HeatSupply(_)
            | Self::Genset(_)
            | Self::HydrogenOfftake(_)
            | Self::Co2Hub(_) => Group::Grid,
            Self::Pv(_) => Group::Pv,
            Self::Wind(_) => Group::Wind,
            Self::Chp(_)
            | Self::Boiler(_)
            | Self::AbsorptionChiller(_)
            | Self::DumpCooler(_)
            | Self::FuelCell(_)
            | Self::CarbonCapture(_) => Group::Cchp,
            Self::HeatPump(_) | Self::HeatExchanger(_) | Self::WasteHeat(_) => Group::LowGradeHeat,
            Self::Battery(_)
            | Self::HeatTank(_)
            | Self::ColdTank(_)
            | Self::HydrogenTank(_)
            | Self::Electrolyser(_)
            | Self::Co2Buffer(_) => Group::Storage,
            Self::FlexibleLoad(_) | Self::EvCharger(_) | Self::Batch(_) | Self::Room(_) => Group::Efficiency,
            Self::Chiller(_) | Self::Load(_) => Group::Load,
        }
    }

    /// On/off behaviour, for machines that have one.
    #[must_use]
    pub const fn commitment(&self) -> Option<&Commitment> {
        match self {
            Self::Chp(k) => Some(&k.commitment),
            Self::Boiler(k) => Some(&k.commitment),
            Self::HeatPump(k) => Some(&k.commitment),
            Self::Chiller(k) => Some(&k.commitment),
            Self::AbsorptionChiller(k) => Some(&k.commitment),
            Self::Genset(k) => Some(&k.commitment),
            Self::Electrolyser(k) => Some(&k.commitment),
            Self::FuelCell(k) => Some(&k.commitment),
            _ => None,
        }
    }

    /// Rating of the principal port.
    #[must_use]
    pub fn rated(&self) -> Power {
        Power::from_kw(match self {
            Self::Grid(k) => k.import_max_kw.max(k.export_max_kw),
            Self::GasSupply(k) => k.max_kw,
            Self::Pv(k) => k.rated_kw,
            Self::Wind(k) => k.rated_kw,
            Self::Battery(k) => k.charge_max_kw.max(k.discharge_max_kw),
            Self::HeatTank(k) => k.charge_max_kw.max(k.discharge_max_kw),
            Self::ColdTank(k) => k.charge_max_kw.max(k.discharge_max_kw),
            Self::Chp(k) => k.rated_kw,
            Self::Boiler(k) => k.rated_kw,
            Self::HeatPump(k) => k.rated_kw,
            Self::Chiller(k) => k.rated_kw,
            Self::AbsorptionChiller(k) => k.rated_kw,
            Self::HeatExchanger(k) => k.rated_kw,
            Self::DumpCooler(k) => k.rated_kw,
            Self::Load(k) => k.rated_kw,
            Self::FlexibleLoad(k) => k.rated_kw,
            Self::EvCharger(k) => f64::from(k.count) * k.charger_kw,
            Self::HeatSupply(k) => k.max_kw,
            Self::WasteHeat(k) => k.rated_kw,
            Self::Genset(k) => k.rated_kw,
            Self::HydrogenTank(k) => k.charge_max_kw.max(k.discharge_max_kw),
            Self::Electrolyser(k) => k.rated_kw,
            Self::FuelCell(k) => k.rated_kw,
            Self::HydrogenOfftake(k) => k.max_kw,
            Self::CarbonCapture(k) => k.rated_kg_per_h * k.kwh_per_kg,
            Self::Co2Buffer(k) => k.charge_max_kg_per_h.max(k.discharge_max_kg_per_h),
            Self::Co2Hub(k) => k.max_kg_per_h,
            Self::Batch(k) => k.rated_kw,
            Self::Room(k) => k.rated_kw,
        })
    }

    /// Ramp of the principal port, kW per second, where it has one.
    #[must_use]
    pub const fn ramp_kw_per_s(&self) -> Option<f64> {
        match self {
            Self::Battery(k) => Some(k.ramp_kw_per_s),
            Self::Chp(k) => Some(k.ramp_kw_per_s),
            Self::Boiler(k) => Some(k.ramp_kw_per_s),
            Self::HeatPump(k) => Some(k.ramp_kw_per_s),
            Self::Chiller(k) => Some(k.ramp_kw_per_s),
            Self::AbsorptionChiller(k) => Some(k.ramp_kw_per_s),
            Self::Genset(k) => Some(k.ramp_kw_per_s),
            Self::Electrolyser(k) => Some(k.ramp_kw_per_s),
            Self::FuelCell(k) => Some(k.ramp_kw_per_s),
            _ => None,
        }
    }

    /// Energy between empty and full, for stores (the battery's whole capacity, SoC 0 to 1; a room's over its
    /// band of comfort; kg for CO2).
    #[must_use]
    pub fn capacity(&self) -> Option<Energy> {
        let tank = |volume_m3: f64, span_k: f64| Energy::from_kwh(volume_m3 * span_k * WATER_KWH_PER_M3_K);
        match self {
            Self::Battery(k) => Some(Energy::from_kwh(k.capacity_kwh)),
            Self::HeatTank(k) => Some(tank(k.volume_m3, k.t_max_c - k.t_min_c)),
            Self::ColdTank(k) => Some(tank(k.volume_m3, k.t_max_c - k.t_min_c)),
            Self::HydrogenTank(k) => Some(Energy::from_kwh(k.capacity_kwh)),
            Self::Co2Buffer(k) => Some(Energy::from_kwh(k.capacity_kg)),
            Self::Room(k) => Some(Energy::from_kwh(k.kwh_per_k * (k.comfort_c[1] - k.comfort_c[0]))),
            _ => None,
        }
    }

    /// Ports by name of bus: (key of the site file, bus, point, lowest, highest injection in kW); the principal one
    /// first.
    #[must_use]
    pub fn ports(&self) -> Vec<(&'static str, &str, Point, f64, f64)> {
        ports::of(self)
    }

    /// Tier, for loads.
    #[must_use]
    pub const fn tier(&self) -> Option<Tier> {
        match self {
            Self::Load(k) => Some(k.tier),
            _ => None,
        }
    }
}

impl Asset {
    /// The port that carries `point`, if the asset has one.
    #[must_use]
    pub fn port(&self, point: Point) -> Option<usize> {
        self.ports.iter().position(|p| p.point == point)
    }
}
