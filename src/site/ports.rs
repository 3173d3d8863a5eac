//! Where each kind of asset meets which buses.

use super::kinds::Chp;
use super::{Kind, Point};

type Ports<'a> = Vec<(&'static str, &'a str, Point, f64, f64)>;

/// See [`Kind::ports`].
pub(super) fn of(kind: &Kind) -> Ports<'_> {
    match kind {
        Kind::Grid(k) => vec![("bus", &k.bus, Point::W, -k.export_max_kw, k.import_max_kw)],
        Kind::GasSupply(k) => vec![("bus", &k.bus, Point::GasW, 0.0, k.max_kw)],
        Kind::HeatSupply(k) => vec![("bus", &k.bus, Point::HeatW, 0.0, k.max_kw)],
        Kind::WasteHeat(k) => vec![("bus", &k.bus, Point::HeatW, 0.0, k.rated_kw)],
        Kind::HydrogenOfftake(k) => vec![("bus", &k.bus, Point::HydrogenW, -k.max_kw, 0.0)],
        Kind::Co2Hub(k) => vec![("bus", &k.bus, Point::Co2Flow, -k.max_kg_per_h, 0.0)],
        Kind::Pv(k) => vec![("bus", &k.bus, Point::W, 0.0, k.rated_kw)],
        Kind::Wind(k) => vec![("bus", &k.bus, Point::W, 0.0, k.rated_kw)],
        Kind::Battery(k) => vec![("bus", &k.bus, Point::W, -k.charge_max_kw, k.discharge_max_kw)],
        Kind::HeatTank(k) => vec![("bus", &k.bus, Point::HeatW, -k.charge_max_kw, k.discharge_max_kw)],
        Kind::ColdTank(k) => vec![("bus", &k.bus, Point::CoolW, -k.charge_max_kw, k.discharge_max_kw)],
        Kind::HydrogenTank(k) => vec![("bus", &k.bus, Point::HydrogenW, -k.charge_max_kw, k.discharge_max_kw)],
        Kind::Co2Buffer(k) => {
            vec![("bus", &k.bus, Point::Co2Flow, -k.charge_max_kg_per_h, k.discharge_max_kg_per_h)]
        }
        Kind::DumpCooler(k) => vec![("heat_bus", &k.heat_bus, Point::HeatW, -k.rated_kw, 0.0)],
        Kind::Load(k) => vec![("bus", &k.bus, Point::W, -k.rated_kw, 0.0)],
        Kind::FlexibleLoad(k) => vec![("bus", &k.bus, Point::W, -k.rated_kw, 0.0)],
        Kind::EvCharger(k) => vec![("bus", &k.bus, Point::W, -f64::from(k.count) * k.charger_kw, 0.0)],
        Kind::Batch(k) => vec![("bus", &k.bus, Point::W, -k.rated_kw, 0.0)],
        Kind::Room(k) => vec![("bus", &k.bus, Point::HeatW, -k.rated_kw, 0.0)],
        _ => machine(kind),
    }
}

fn machine(kind: &Kind) -> Ports<'_> {
    match kind {
        Kind::Chp(k) => {
            let mut list = vec![
                ("electric_bus", k.electric_bus.as_str(), Point::W, 0.0, k.rated_kw),
                ("heat_bus", &k.heat_bus, Point::HeatW, 0.0, k.heat_kw),
                ("gas_bus", &k.gas_bus, Point::GasW, -most_fuel(k), 0.0),
            ];
            list.extend(k.jacket_bus.as_ref().map(|b| ("jacket_bus", b.as_str(), Point::JacketW, 0.0, k.jacket_kw)));
            list
        }
        Kind::Genset(k) => {
            let mut list = vec![("bus", k.bus.as_str(), Point::W, 0.0, k.rated_kw)];
            let fuel = -k.rated_kw / k.efficiency;
            list.extend(k.gas_bus.as_ref().map(|b| ("gas_bus", b.as_str(), Point::GasW, fuel, 0.0)));
            list
        }
        Kind::Boiler(k) => vec![
            ("heat_bus", &k.heat_bus, Point::HeatW, 0.0, k.rated_kw),
            ("gas_bus", &k.gas_bus, Point::GasW, -k.rated_kw / worst(k.efficiency, &k.efficiency_curve), 0.0),
        ],
        Kind::HeatPump(k) => {
            let mut list = vec![
                ("heat_bus", k.heat_bus.as_str(), Point::HeatW, 0.0, k.rated_kw),
                ("electric_bus", &k.electric_bus, Point::W, -k.rated_kw / worst(k.cop, &k.cop_curve), 0.0),
            ];
            list.extend(k.source_bus.as_ref().map(|b| ("source_bus", b.as_str(), Point::HeatInW, -k.rated_kw, 0.0)));
            list
        }
        Kind::Chiller(k) => vec![
            ("cool_bus", &k.cool_bus, Point::CoolW, 0.0, k.rated_kw),
            ("electric_bus", &k.electric_bus, Point::W, -k.rated_kw / worst(k.eer, &k.eer_curve), 0.0),
        ],
        Kind::AbsorptionChiller(k) => {
            let mut list = vec![
                ("cool_bus", k.cool_bus.as_str(), Point::CoolW, 0.0, k.rated_kw),
                ("heat_bus", &k.heat_bus, Point::HeatW, -k.rated_kw / k.cop, 0.0),
                ("electric_bus", &k.electric_bus, Point::W, -k.rated_kw * k.auxiliary_kw_per_kw, 0.0),
            ];
            let second = k.second_heat_bus.as_ref().zip(k.second_cop);
            list.extend(second.map(|(b, cop)| ("second_heat_bus", b.as_str(), Point::HeatInW, -k.rated_kw / cop, 0.0)));
            list
        }
        Kind::HeatExchanger(k) => vec![
            ("to_bus", &k.to_bus, Point::HeatW, 0.0, k.rated_kw),
            ("from_bus", &k.from_bus, Point::HeatInW, -k.rated_kw / k.efficiency, 0.0),
        ],
        Kind::Electrolyser(k) => {
            let best = k.efficiency_curve.iter().map(|p| p[1]).fold(k.efficiency, f64::max);
            let mut list = vec![
                ("electric_bus", k.electric_bus.as_str(), Point::W, -k.rated_kw, 0.0),
                ("hydrogen_bus", &k.hydrogen_bus, Point::HydrogenW, 0.0, k.rated_kw * best),
            ];
            let heat = k.rated_kw * k.heat_share;
            list.extend(k.heat_bus.as_ref().map(|b| ("heat_bus", b.as_str(), Point::HeatW, 0.0, heat)));
            list
        }
        Kind::FuelCell(k) => {
            let mut list = vec![
                ("electric_bus", k.electric_bus.as_str(), Point::W, 0.0, k.rated_kw),
                ("hydrogen_bus", &k.hydrogen_bus, Point::HydrogenW, -k.rated_kw / k.efficiency, 0.0),
            ];
            let heat = k.rated_kw * k.heat_share;
            list.extend(k.heat_bus.as_ref().map(|b| ("heat_bus", b.as_str(), Point::HeatW, 0.0, heat)));
            list
        }
        Kind::CarbonCapture(k) => {
            let mut list = vec![
                ("electric_bus", k.electric_bus.as_str(), Point::W, -k.rated_kg_per_h * k.kwh_per_kg, 0.0),
                ("co2_bus", &k.co2_bus, Point::Co2Flow, 0.0, k.rated_kg_per_h),
            ];
            let heat = -k.rated_kg_per_h * k.heat_kwh_per_kg;
            list.extend(k.heat_bus.as_ref().map(|b| ("heat_bus", b.as_str(), Point::HeatW, heat, 0.0)));
            list
        }
        _ => Vec::new(),
    }
}

/// The lowest of an efficiency and its curve: what the largest input follows from.
fn worst(nominal: f64, curve: &[[f64; 2]]) -> f64 {
    curve.iter().map(|p| p[1]).reduce(f64::min).unwrap_or(nominal)
}

/// Fuel at the rating, where it is most.
fn most_fuel(k: &Chp) -> f64 {
    k.rated_kw / k.efficiency_curve.last().map_or(k.electric_efficiency, |p| p[1])
}
