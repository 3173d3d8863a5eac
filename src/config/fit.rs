//! Which devices serve which kinds of asset.

use crate::site::{Kind, Point};

/// Classes of device that may stand behind an asset: its own, or a mere meter where the asset need not be steered.
pub(super) const fn classes(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Grid(_) | Kind::GasSupply(_) => &["meter"],
        Kind::Load(_) => &["meter", "relay"],
        Kind::Pv(_) => &["pv", "meter"],
        Kind::Wind(_) => &["wind", "meter"],
        Kind::Battery(_) => &["battery"],
        Kind::HeatTank(_) => &["heat_tank"],
        Kind::ColdTank(_) => &["cold_tank"],
        Kind::Chp(_) => &["chp"],
        Kind::Boiler(_) => &["boiler"],
        Kind::HeatPump(_) => &["heat_pump"],
        Kind::Chiller(_) => &["chiller"],
        Kind::AbsorptionChiller(_) => &["absorption_chiller"],
        Kind::HeatExchanger(_) => &["heat_exchanger", "meter"],
        Kind::DumpCooler(_) => &["dump_cooler"],
        Kind::FlexibleLoad(_) => &["flexible_load"],
        Kind::EvCharger(_) => &["ev_charger"],
    }
}

/// Points without which the asset cannot be believed or steered, besides its power. A sheddable feeder's relay needs
/// `On`; a meter behind a PV plant only measures.
pub(super) fn needs(kind: &Kind, class: &str) -> &'static [Point] {
    match (kind, class) {
        (_, "meter") => &[],
        (Kind::Load(_), "relay") => &[Point::On],
        (Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_), _) => &[Point::WMax],
        (Kind::Battery(_), _) => &[Point::SoC, Point::WSet],
        (Kind::HeatTank(_) | Kind::ColdTank(_), _) => &[Point::TTop, Point::TBot],
        (Kind::Chp(_), _) => &[Point::On, Point::WSet, Point::St],
        (Kind::Boiler(_) | Kind::HeatPump(_), _) => &[Point::On, Point::HeatSet, Point::St],
        (Kind::Chiller(_) | Kind::AbsorptionChiller(_), _) => &[Point::On, Point::CoolSet, Point::St],
        (Kind::DumpCooler(_), _) => &[Point::HeatSet],
        _ => &[],
    }
}
