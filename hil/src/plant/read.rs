//! What the instruments of a device can measure.

use super::{Placed, Plant};
use serde::Deserialize;

/// A measured quantity, by the truth's signs and in kW, degC, V, A, kvar, Hz, kWh unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Electric power.
    PowerKw,
    /// Power drawn from the upstream side: import of a grid, consumption of a load.
    DrawnKw,
    /// What a source could give.
    AvailableKw,
    HeatKw,
    HeatHighKw,
    CoolKw,
    FuelKw,
    /// Energy given into the bus.
    GivenKwh,
    /// Energy taken from the bus.
    TakenKwh,
    /// Energy drawn from, and given to, the upstream side.
    DrawnKwh,
    DeliveredKwh,
    Voltage1V,
    Voltage2V,
    Voltage3V,
    Current1A,
    Current2A,
    Current3A,
    ReactiveKvar,
    FrequencyHz,
    UpstreamHz,
    BreakerClosed,
    Tripped,
    State,
    /// 0..1.
    Soc,
    /// 0..1.
    Soh,
    ChargeRoomKw,
    DischargeRoomKw,
    AlarmBits,
    DcVoltageV,
    WindMS,
    SupplyC,
    SourceC,
    TopC,
    MiddleC,
    BottomC,
}

impl Plant {
    /// The true value of a quantity at an asset; `None` where the asset has no such thing.
    pub fn read(&self, at: usize, variable: Variable) -> Option<f64> {
        let asset = self.truth.assets.get(at)?;
        let counters = self.counters.get(at)?;
        let is_grid = asset.kind == "grid";
        Some(match variable {
            Variable::PowerKw => asset.power_kw,
            Variable::DrawnKw if is_grid => asset.power_kw,
            Variable::DrawnKw => -asset.power_kw,
            Variable::AvailableKw => asset.available_kw,
            Variable::HeatKw => asset.heat_kw,
            Variable::HeatHighKw => asset.heat_high_kw,
            Variable::CoolKw => asset.cool_kw,
            Variable::FuelKw => asset.fuel_kw,
            Variable::GivenKwh => counters.given_kwh,
            Variable::TakenKwh => counters.taken_kwh,
            Variable::DrawnKwh if is_grid => counters.given_kwh,
            Variable::DrawnKwh => counters.taken_kwh,
            Variable::DeliveredKwh if is_grid => counters.taken_kwh,
            Variable::DeliveredKwh => counters.given_kwh,
            Variable::Voltage1V => self.voltage(0),
            Variable::Voltage2V => self.voltage(1),
            Variable::Voltage3V => self.voltage(2),
            Variable::Current1A => self.current(at, 0),
            Variable::Current2A => self.current(at, 1),
            Variable::Current3A => self.current(at, 2),
            Variable::ReactiveKvar => self.reactive_kvar(at),
            Variable::FrequencyHz | Variable::UpstreamHz => 50.0 + 0.015 * (self.t_s / 37.0).sin(),
            Variable::BreakerClosed => 1.0,
            Variable::Tripped | Variable::AlarmBits => 0.0,
            Variable::State => f64::from(asset.state),
            Variable::Soc => asset.soc,
            Variable::Soh => 0.987,
            Variable::ChargeRoomKw => self.battery(at)?.charge_room_kw(),
            Variable::DischargeRoomKw => self.battery(at)?.discharge_room_kw(),
            Variable::DcVoltageV => 690.0 + 140.0 * asset.soc - 0.04 * asset.power_kw,
            Variable::WindMS => self.source_wind(at)?,
            Variable::SupplyC => self.supply_c(at)?,
            Variable::SourceC => self.thermal.source_c,
            Variable::TopC => self.layer_c(at, 0)?,
            Variable::MiddleC => self.layer_c(at, 1)?,
            Variable::BottomC => self.layer_c(at, 2)?,
        })
    }

    fn battery(&self, at: usize) -> Option<&super::electric::Battery> {
        self.batteries.iter().find(|placed| placed.at == at).map(|placed| &placed.unit)
    }

    fn source_wind(&self, at: usize) -> Option<f64> {
        self.sources.iter().find(|placed| placed.at == at).map(|placed| placed.unit.wind_m_s)
    }

    fn layer_c(&self, at: usize, layer: usize) -> Option<f64> {
        if at == self.places.hot_tank {
            self.thermal.hot_tank.layer_c.get(layer).copied()
        } else if at == self.places.cold_tank {
            self.thermal.cold_tank.layer_c.get(layer).copied()
        } else {
            None
        }
    }

    fn supply_c(&self, at: usize) -> Option<f64> {
        let places = &self.places;
        let thermal = &self.thermal;
        if at == places.chp {
            Some(thermal.engine.supply_c)
        } else if at == places.boiler {
            Some(thermal.hot_tank.middle_c() + 0.02 * thermal.boiler.output_kw)
        } else if at == places.heat_pump || at == places.exchanger {
            Some(thermal.header_c)
        } else if at == places.chiller {
            Some(thermal.cold_tank.bottom_c().min(7.5))
        } else {
            None
        }
    }

    /// Sags a little with what the park draws; the phases differ by a few tenths of a volt.
    fn voltage(&self, phase: usize) -> f64 {
        let import_kw = self.truth.assets[self.places.grid].power_kw;
        let slow = (self.t_s / 611.0 + phase as f64).sin();
        231.0 - 0.004 * import_kw + 0.6 * slow
    }

    fn reactive_kvar(&self, at: usize) -> f64 {
        if at == self.places.grid { self.truth.reactive_kvar } else { -0.24 * self.truth.assets[at].power_kw }
    }

    /// Phase currents are magnitudes; the first phase carries a little more than the third.
    fn current(&self, at: usize, phase: usize) -> f64 {
        let kva = self.truth.assets[at].power_kw.hypot(self.reactive_kvar(at));
        let share = [1.03, 1.0, 0.97].get(phase).copied().unwrap_or(1.0) / 3.0;
        kva * 1000.0 * share / self.voltage(phase)
    }

    /// Asset places whose units are placed batteries.
    pub fn battery_units(&self) -> impl Iterator<Item = (usize, &super::electric::Battery)> {
        self.batteries.iter().map(|Placed { at, unit }| (*at, unit))
    }
}

impl Plant {
    /// Starts so far: engine, boiler, heat pump, chiller, absorption chiller.
    pub fn starts(&self) -> [u32; 5] {
        let thermal = &self.thermal;
        [
            thermal.engine.starts,
            thermal.boiler.starts,
            thermal.heat_pump.starts,
            thermal.chiller.starts,
            thermal.absorption.starts,
        ]
    }

    /// Heat in the low header above 40 degC, kWh.
    pub fn header_kwh(&self) -> f64 {
        (self.thermal.header_c - 40.0) * super::thermal::HEADER_KWH_PER_K
    }
}
