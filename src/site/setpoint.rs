use serde::{Deserialize, Serialize};

use super::{Asset, AssetIx, DeviceIx, Point, ProposalId, Reason};
use crate::units::Mono;

/// Why a setpoint is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Follows the plan.
    Plan,
    /// Moved from the plan to keep the PCC inside its limits or window.
    Balance,
    /// No plan yet after a start: what stands is held.
    Hold,
    /// No plan: the house's own rules.
    Rules,
    /// The asset's own state is unknown: its safe value.
    Unknown,
    /// An operator, a grid operator or a market asked for it.
    Proposal(ProposalId),
}

/// What narrowed it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limiter {
    /// The asset's rating.
    Rating,
    /// Its ramp.
    Ramp,
    /// Its state of charge or temperature window.
    Energy,
    /// The limit the device reports at this moment.
    Device,
    /// The device refused it, and why.
    Refused(Reason),
    /// The device acknowledged it and reads back otherwise.
    Unheld,
    /// Import or export at the PCC.
    Pcc,
    /// The transformer.
    Transformer,
    /// Minimum up or down time.
    Commitment,
    /// The asset is out or its device does not answer: it cannot be steered at this moment.
    Unavailable,
    /// The bounds or the preference of somebody outside.
    Proposal(ProposalId),
}

impl Cause {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Balance => "balance",
            Self::Hold => "hold",
            Self::Rules => "rules",
            Self::Unknown => "unknown",
            Self::Proposal(_) => "proposal",
        }
    }
    /// The proposal, if it is one.
    #[must_use]
    pub const fn proposal(self) -> Option<ProposalId> {
        match self {
            Self::Proposal(id) => Some(id),
            _ => None,
        }
    }
}

impl Limiter {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::Ramp => "ramp",
            Self::Energy => "energy",
            Self::Device => "device",
            Self::Pcc => "pcc",
            Self::Transformer => "transformer",
            Self::Commitment => "commitment",
            Self::Unavailable => "unavailable",
            Self::Refused(_) => "refused",
            Self::Unheld => "unheld",
            Self::Proposal(_) => "proposal",
        }
    }
    /// The proposal, if it is one.
    #[must_use]
    pub const fn proposal(self) -> Option<ProposalId> {
        match self {
            Self::Proposal(id) => Some(id),
            _ => None,
        }
    }
}

/// Commands in the order in which they count as the principal one.
const PRINCIPAL: [Point; 4] = [Point::WSet, Point::HeatSet, Point::CoolSet, Point::WMax];

/// One command value in the point's canonical unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Which command point.
    pub point: Point,
    /// Its value.
    pub value: f64,
}

/// What one device is told, until when, and why. Built in `control` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setpoint {
    /// Whom it serves.
    pub asset: AssetIx,
    /// Who is told.
    pub device: DeviceIx,
    /// The commands.
    pub targets: Vec<Target>,
    /// The cycle that decided it.
    pub cycle: u64,
    /// It ends here unless renewed.
    pub lease_until: Mono,
    /// Whether the driver may renew the device's reversion timer (the device's own path is healthy).
    pub renew: bool,
    /// Why.
    pub cause: Cause,
    /// What limited it, if anything.
    pub limited_by: Option<Limiter>,
}

impl Setpoint {
    /// The value for `point`, if it is commanded.
    #[must_use]
    pub fn target(&self, point: Point) -> Option<f64> {
        self.targets.iter().find(|t| t.point == point).map(|t| t.value)
    }

    /// The principal command as an injection, kW. A cap is a magnitude: a consumer's caps what it takes.
    #[must_use]
    pub fn principal_kw(&self, asset: &Asset) -> Option<f64> {
        let (point, value) = PRINCIPAL.into_iter().find_map(|p| self.target(p).map(|v| (p, v)))?;
        let takes = asset.ports.first().is_some_and(|p| p.max.kw() <= 0.0);
        Some(if point == Point::WMax && takes { -value } else { value })
    }

    /// Run or rest, if that is commanded.
    #[must_use]
    pub fn on(&self) -> Option<bool> {
        self.target(Point::On).map(|on| on > 0.5)
    }
}
