//! Which devices serve which kinds of asset.

use crate::devices::profile::file::Class;
use crate::site::{Kind, Point};

/// Classes of device that may stand behind an asset: its own, or a mere meter where the asset need not be steered.
pub(super) const fn classes(kind: &Kind) -> &'static [Class] {
    match kind {
        Kind::Grid(_)
        | Kind::GasSupply(_)
        | Kind::HeatSupply(_)
        | Kind::WasteHeat(_)
        | Kind::HydrogenOfftake(_)
        | Kind::Co2Hub(_) => &[Class::Meter],
        Kind::Load(_) | Kind::Batch(_) => &[Class::Meter, Class::Relay],
        Kind::Pv(_) => &[Class::Pv, Class::Meter],
        Kind::Wind(_) => &[Class::Wind, Class::Meter],
        Kind::Battery(_) => &[Class::Battery],
        Kind::HeatTank(_) => &[Class::HeatTank],
        Kind::ColdTank(_) => &[Class::ColdTank],
        Kind::Chp(_) => &[Class::Chp],
        Kind::Boiler(_) => &[Class::Boiler],
        Kind::HeatPump(_) => &[Class::HeatPump],
        Kind::Chiller(_) => &[Class::Chiller],
        Kind::AbsorptionChiller(_) => &[Class::AbsorptionChiller],
        Kind::HeatExchanger(_) => &[Class::HeatExchanger, Class::Meter],
        Kind::DumpCooler(_) => &[Class::DumpCooler],
        Kind::FlexibleLoad(_) => &[Class::FlexibleLoad],
        Kind::EvCharger(_) => &[Class::EvCharger],
        Kind::Genset(_) => &[Class::Genset],
        Kind::HydrogenTank(_) => &[Class::HydrogenTank],
        Kind::Electrolyser(_) => &[Class::Electrolyser],
        Kind::FuelCell(_) => &[Class::FuelCell],
        Kind::CarbonCapture(_) => &[Class::CarbonCapture],
        Kind::Co2Buffer(_) => &[Class::Co2Buffer],
        Kind::Room(_) => &[Class::Room],
    }
}

/// Points without which the asset cannot be believed or steered, besides its power. A sheddable feeder's relay needs
/// `On`; a meter behind a PV plant only measures.
pub(super) const fn needs(kind: &Kind, class: Class) -> &'static [Point] {
    match (kind, class) {
        (_, Class::Meter) => &[],
        (Kind::Load(_) | Kind::Batch(_), Class::Relay) => &[Point::On],
        (Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_), _) => &[Point::WMax],
        (Kind::Battery(_), _) => &[Point::SoC, Point::WSet],
        (Kind::HeatTank(_) | Kind::ColdTank(_), _) => &[Point::TTop, Point::TBot],
        (Kind::HydrogenTank(_) | Kind::Co2Buffer(_), _) => &[Point::Lvl],
        (Kind::Room(_), _) => &[Point::TRoom],
        (Kind::CarbonCapture(_), _) => &[Point::WMax],
        (Kind::Chp(_) | Kind::Genset(_) | Kind::Electrolyser(_) | Kind::FuelCell(_), _) => {
            &[Point::On, Point::WSet, Point::St]
        }
        (Kind::Boiler(_) | Kind::HeatPump(_), _) => &[Point::On, Point::HeatSet, Point::St],
        (Kind::Chiller(_) | Kind::AbsorptionChiller(_), _) => &[Point::On, Point::CoolSet, Point::St],
        (Kind::DumpCooler(_), _) => &[Point::HeatSet],
        _ => &[],
    }
}

/// Name of a class as in profiles.
pub(super) fn class_name(class: Class) -> String {
    let mut name = String::new();
    for c in format!("{class:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
