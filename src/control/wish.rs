use crate::site::{Asset, Cause, Kind, Limiter, Point};

/// What control wants of one asset, before ramp and guard. Powers are injections at the principal port, kW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wish {
    /// Power to hold, or the cap for assets that take one (`None`: whatever it likes, within its rating).
    pub power_kw: Option<f64>,
    /// Run or rest, closed or open.
    pub on: Option<bool>,
    /// Why.
    pub cause: Cause,
    /// What has narrowed it so far: a proposal, or a limit of the PCC.
    pub by: Option<Limiter>,
}

/// How an asset is steered: the command that carries power, and whether it is a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lever {
    /// Command point for power.
    pub power: Option<Point>,
    /// The command is the magnitude of a cap, not a setpoint.
    pub cap: bool,
    /// The asset takes [`Point::On`].
    pub switch: bool,
}

/// The lever of each kind; `None` for what is not steered.
pub(super) fn lever(asset: &Asset) -> Option<Lever> {
    let lever = |power, cap, switch| Some(Lever { power, cap, switch });
    match asset.kind {
        Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => {
            lever(Some(Point::WMax), true, false)
        }
        Kind::Battery(_) => lever(Some(Point::WSet), false, false),
        Kind::Chp(_) | Kind::Genset(_) | Kind::Electrolyser(_) | Kind::FuelCell(_) => {
            lever(Some(Point::WSet), false, true)
        }
        Kind::Boiler(_) | Kind::HeatPump(_) => lever(Some(Point::HeatSet), false, true),
        Kind::Chiller(_) | Kind::AbsorptionChiller(_) => lever(Some(Point::CoolSet), false, true),
        Kind::DumpCooler(_) => lever(Some(Point::HeatSet), false, false),
        Kind::Load(_) | Kind::Batch(_) => lever(None, false, true),
        Kind::CarbonCapture(_) => lever(Some(Point::WMax), true, false),
        Kind::Grid(_)
        | Kind::GasSupply(_)
        | Kind::HeatSupply(_)
        | Kind::WasteHeat(_)
        | Kind::HeatTank(_)
        | Kind::ColdTank(_)
        | Kind::HydrogenTank(_)
        | Kind::Co2Buffer(_)
        | Kind::HydrogenOfftake(_)
        | Kind::Co2Hub(_)
        | Kind::Room(_)
        | Kind::HeatExchanger(_) => None,
    }
}

/// A command of this lever as an injection: the cap of a consumer is a magnitude on the wire.
pub(super) fn injection(asset: &Asset, lever: Lever, value: f64) -> f64 {
    let consumer = asset.ports.first().is_some_and(|p| p.max <= crate::units::Power::ZERO);
    if lever.cap && consumer { -value.abs() } else { value }
}
