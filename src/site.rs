//! What the site is: types only. Knows nothing of devices' registers, of proto or of tokio.

mod alarm;
mod asset;
mod bus;
mod calendar;
mod device;
mod duty;
pub mod kinds;
mod mode;
mod point;
mod ports;
mod proposal;
mod reading;
#[cfg(test)]
pub mod sample;
mod setpoint;
mod tariff;

pub use alarm::{Acknowledgement, Alarm, AlarmId, AlarmKind, AlarmState, Report, Severity};
pub use asset::{Asset, Group, Kind, Measure, Port};
pub use bus::{Bus, Carrier};
pub use calendar::{Daily, WHOLE_DAY};
pub use device::{Access, Device, PointSpec, Poll, Reversion, Stop, Write};
pub use duty::{Co2Rules, Co2Step, Reserve, Survival, When};
pub use mode::Mode;
pub use point::{Point, RunState, Unit};
pub use proposal::{
    Answer, Ask, Class, Done, Edge, LEASE_MAX, Order, Outcome, Proposal, ProposalId, Range, Refusal, STANDING_MAX,
    Standing, TEXT_MAX, check,
};
pub use reading::{DeviceFrame, Link, Mismatch, Reading, Reason, Value, WriteReport};
pub use setpoint::{Cause, Limiter, Setpoint, Target};
pub use tariff::{Tariff, TariffPeriod};

use serde::{Deserialize, Serialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub usize);
    };
}
index!(
    /// Position of a bus in [`Site::buses`].
    BusIx
);
index!(
    /// Position of an asset in [`Site::assets`] and in every per-asset list of the house.
    AssetIx
);
index!(
    /// Position of a device in [`Site::devices`].
    DeviceIx
);
index!(
    /// Position of a point in [`Site::points`] and in the process image.
    PointIx
);

/// A party of the park.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Unique name.
    pub id: String,
    /// `owner`, `tenant` or `provider`.
    pub role: String,
}

/// What a missing or a surplus kWh is worth to the dispatch, in the site's currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// Value of lost load, critical tier.
    pub lost_load_critical_per_kwh: f64,
    /// Value of lost load, normal tier.
    pub lost_load_normal_per_kwh: f64,
    /// Value of lost load, sheddable tier.
    pub lost_load_sheddable_per_kwh: f64,
    /// Unmet heat.
    pub lost_heat_per_kwh: f64,
    /// Unmet cooling.
    pub lost_cooling_per_kwh: f64,
    /// Unmet hydrogen.
    #[serde(default = "lost_hydrogen")]
    pub lost_hydrogen_per_kwh: f64,
    /// Energy on a bus that nothing absorbs.
    pub surplus_per_kwh: f64,
    /// CO2 emitted, per kg; 0 where none is priced.
    #[serde(default)]
    pub co2_per_kg: f64,
}

impl Values {
    /// Value of a kWh not served to a consumer of this carrier and tier (CO2: of a kg that nothing takes).
    #[must_use]
    pub const fn lost(&self, carrier: Carrier, tier: kinds::Tier) -> f64 {
        match (carrier, tier) {
            (Carrier::Heat, _) => self.lost_heat_per_kwh,
            (Carrier::Cooling, _) => self.lost_cooling_per_kwh,
            (Carrier::Hydrogen | Carrier::Co2, _) => self.lost_hydrogen_per_kwh,
            (_, kinds::Tier::Critical) => self.lost_load_critical_per_kwh,
            (_, kinds::Tier::Normal) => self.lost_load_normal_per_kwh,
            (_, kinds::Tier::Sheddable) => self.lost_load_sheddable_per_kwh,
        }
    }
}

const fn lost_hydrogen() -> f64 {
    10.0
}

/// One real site, resolved: every reference is an index, every number checked.
#[derive(Clone, Debug)]
pub struct Site {
    /// Unique name.
    pub id: String,
    /// For people.
    pub name: String,
    /// Zone of tariffs and display; everything inside is UTC.
    pub zone: jiff::tz::TimeZone,
    /// North positive.
    pub latitude_deg: f64,
    /// East positive.
    pub longitude_deg: f64,
    /// ISO 4217 code.
    pub currency: String,
    /// What missing and surplus energy is worth.
    pub values: Values,
    /// Electricity prices.
    pub tariff: Tariff,
    /// CO2 beyond its one price.
    pub co2: Co2Rules,
    /// Spinning reserve, where one is owed.
    pub reserve: Option<Reserve>,
    /// Survival reserve, where one is owed.
    pub survival: Option<Survival>,
    /// Parties of the park.
    pub members: Vec<Member>,
    /// One carrier at one level each.
    pub buses: Vec<Bus>,
    /// Everything that injects or takes.
    pub assets: Vec<Asset>,
    /// Endpoints.
    pub devices: Vec<Device>,
    /// All points of all devices, device by device.
    pub points: Vec<PointSpec>,
    /// The weather station, if any.
    pub weather: Option<DeviceIx>,
}

impl Site {
    /// The point `point` of `device`, if its profile has it.
    #[must_use]
    pub fn point(&self, device: DeviceIx, point: Point) -> Option<PointIx> {
        let d = self.devices.get(device.0)?;
        d.points.clone().map(PointIx).find(|ix| self.points.get(ix.0).is_some_and(|p| p.point == point))
    }
    /// The description of a point.
    #[must_use]
    pub fn spec(&self, ix: PointIx) -> Option<&PointSpec> {
        self.points.get(ix.0)
    }
    /// The asset of this name.
    #[must_use]
    pub fn asset(&self, id: &str) -> Option<AssetIx> {
        self.assets.iter().position(|a| a.id == id).map(AssetIx)
    }
    /// The first asset of kind `grid`: the PCC.
    #[must_use]
    pub fn pcc(&self) -> Option<AssetIx> {
        self.assets.iter().position(|a| matches!(a.kind, Kind::Grid(_))).map(AssetIx)
    }
    /// Emission factor of imported electricity by the site file, kg per kWh; 0 without a grid.
    #[must_use]
    pub fn grid_co2_kg_per_kwh(&self) -> f64 {
        self.pcc().and_then(|g| self.assets.get(g.0)).map_or(0.0, |a| match &a.kind {
            Kind::Grid(k) => k.co2_kg_per_kwh,
            _ => 0.0,
        })
    }
    /// Human name of a point, `device.Point`.
    #[must_use]
    pub fn point_name(&self, ix: PointIx) -> String {
        self.spec(ix)
            .and_then(|s| self.devices.get(s.device.0).map(|d| format!("{}.{}", d.id, s.point.name())))
            .unwrap_or_else(|| format!("point {}", ix.0))
    }
}
