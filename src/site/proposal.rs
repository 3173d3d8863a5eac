//! What somebody outside asks for, and what becomes of it. Powers are injections at the asset's principal port, kW.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AlarmId, AssetIx, Kind, Limiter, Point, Site};
use crate::units::Mono;

/// No proposal stands longer without being asked for again.
pub const LEASE_MAX: Duration = Duration::from_secs(3600);
/// Proposals that stand at once.
pub const STANDING_MAX: usize = 256;
/// Longest identity, key, reason or note, bytes.
pub const TEXT_MAX: usize = 200;

/// Who asks, highest first: a higher class narrows, a lower one moves inside what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Class {
    Protection,
    Safety,
    GridOperator,
    Operator,
    Market,
    Optimiser,
}

impl Class {
    /// All, highest first.
    pub const ALL: [Self; 6] =
        [Self::Protection, Self::Safety, Self::GridOperator, Self::Operator, Self::Market, Self::Optimiser];

    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Protection => "protection",
            Self::Safety => "safety",
            Self::GridOperator => "grid_operator",
            Self::Operator => "operator",
            Self::Market => "market",
            Self::Optimiser => "optimiser",
        }
    }
    /// The class of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// Digits of a [`ProposalId`] as text: base 32 after Crockford, without letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Unique and ascending in time, also across restarts; written as text like `1KX8M4T7R`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(pub u64);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        let mut rest = self.0;
        while rest > 0 || text.is_empty() {
            text.extend(DIGITS.get((rest % 32) as usize).map(|d| char::from(*d)));
            rest /= 32;
        }
        text.iter().rev().try_for_each(|c| write!(f, "{c}"))
    }
}

impl std::str::FromStr for ProposalId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digit = |c: u8| DIGITS.iter().position(|d| *d == c.to_ascii_uppercase()).map(|d| d as u64);
        let whole = text.bytes().try_fold(0_u64, |sum, c| sum.checked_mul(32)?.checked_add(digit(c)?));
        let id = whole.filter(|_| !text.is_empty());
        id.map(Self).ok_or_else(|| format!("\"{text}\" is no id of a proposal; it looks like 1KX8M4T7R"))
    }
}

/// What is asked for one asset. At the PCC bounds are limits of import (`max_kw`) and export (`-min_kw`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Idempotency key: the same key of the same identity on the same asset is the same proposal.
    pub key: String,
    /// Rank.
    pub class: Class,
    /// Who.
    pub identity: String,
    /// What for.
    pub asset: AssetIx,
    /// Not below.
    pub min_kw: Option<f64>,
    /// Not above.
    pub max_kw: Option<f64>,
    /// Exactly this, as far as the bounds of others allow; for assets that take a cap, the cap.
    pub preferred_kw: Option<f64>,
    /// Run or rest, for assets that can be switched. A preferred power implies it.
    pub on: Option<bool>,
    /// It ends so long after it was received.
    pub lease: Duration,
    /// Why, for people.
    pub reason: String,
}

/// An accepted [`Ask`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Given by the controller.
    pub id: ProposalId,
    /// What.
    pub ask: Ask,
    /// End of the lease.
    pub until: Mono,
}

/// What the controller is told from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// A new proposal, or a standing one anew.
    Submit(Ask),
    /// The end of one's own.
    Release {
        /// Which.
        id: ProposalId,
        /// Whose it must be.
        identity: String,
    },
    /// Somebody has taken note of an alarm.
    Acknowledge {
        /// Which occurrence.
        alarm: AlarmId,
        /// Who.
        identity: String,
        /// What they say to it; may be empty.
        note: String,
    },
}

/// What an order was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// This proposal.
    Proposal(ProposalId),
    /// This alarm.
    Alarm(AlarmId),
}

/// What was done, or why it is refused.
pub type Answer = Result<Done, Refusal>;

/// Why an order is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Refusal {
    #[error("this asset is not steered: it has no device that takes a command of power or On")]
    NotSteerable,
    #[error("this asset takes no power, only on or off")]
    NoPower,
    #[error("this asset cannot be switched on or off")]
    NoSwitch,
    #[error("the PCC takes bounds (limits of import and export), no preferred power and no on or off")]
    BoundsOnly,
    #[error("nothing is asked for; give bounds, a preferred power, or on or off")]
    Empty,
    #[error("a power is not a finite number")]
    NotFinite,
    #[error("the bounds cross: min_kw is above max_kw")]
    BoundsCrossed,
    #[error("the preferred power is outside the bounds given with it")]
    PreferenceOutside,
    #[error("the lease must be above 0 and at most 3600 s")]
    Lease,
    #[error("the reason is missing; say in a few words why")]
    NoReason,
    #[error("the identity is missing")]
    NoIdentity,
    #[error("identity, key, reason and note are at most 200 bytes each")]
    TooLong,
    #[error("256 proposals stand already; release some, or wait until their leases end")]
    TooMany,
    #[error("no such proposal stands; its lease may have ended")]
    NotStanding,
    #[error("this proposal is another's; only who made it releases it")]
    NotYours,
    #[error("no such alarm; it has ended and needs no acknowledgement, or it was acknowledged before it ended")]
    NoAlarm,
}

/// What has become of a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It stands; the device has not yet acknowledged it.
    Accepted,
    /// The device acknowledged the setpoint that carries it; at the PCC: the exchange is within it.
    Applied,
    /// Something keeps it from being followed whole.
    LimitedBy {
        /// What.
        by: Limiter,
        /// What is asked for, kW.
        wanted_kw: Option<f64>,
        /// What is given, kW.
        given_kw: Option<f64>,
    },
    /// Another proposal holds the asset elsewhere.
    Overridden {
        /// Which.
        by: ProposalId,
    },
    /// Its lease has ended.
    Expired,
    /// Ended by who made it.
    Released,
}

impl Outcome {
    /// Nothing comes after it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Expired | Self::Released)
    }
    /// Name as on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Applied => "applied",
            Self::LimitedBy { .. } => "limited_by",
            Self::Overridden { .. } => "overridden",
            Self::Expired => "expired",
            Self::Released => "released",
        }
    }
}

/// A proposal and what has become of it so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The proposal.
    pub proposal: Proposal,
    /// Its newest outcome.
    pub outcome: Outcome,
    /// Since when.
    pub since: Mono,
}

/// One end of a range, and who drew it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Injection, kW.
    pub kw: f64,
    /// What drew it.
    pub by: Limiter,
    /// Rank of who drew it; a rating is protection.
    pub class: Class,
}

/// What may be injected, kW; `low` is never above `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lowest.
    pub low: Edge,
    /// Highest.
    pub high: Edge,
}

/// Whether an ask makes sense for this site, whoever makes it.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(site: &Site, ask: &Ask) -> Result<(), Refusal> {
    let refuse = |wrong: bool, why: Refusal| if wrong { Err(why) } else { Ok(()) };
    let powers = [ask.min_kw, ask.max_kw, ask.preferred_kw];
    let [low, high] = [ask.min_kw.unwrap_or(f64::NEG_INFINITY), ask.max_kw.unwrap_or(f64::INFINITY)];
    refuse(ask.identity.trim().is_empty(), Refusal::NoIdentity)?;
    refuse(ask.reason.trim().is_empty(), Refusal::NoReason)?;
    refuse([&ask.identity, &ask.key, &ask.reason].iter().any(|t| t.len() > TEXT_MAX), Refusal::TooLong)?;
    refuse(ask.lease.is_zero() || ask.lease > LEASE_MAX, Refusal::Lease)?;
    refuse(powers.iter().flatten().any(|kw| !kw.is_finite()), Refusal::NotFinite)?;
    refuse(powers.iter().all(Option::is_none) && ask.on.is_none(), Refusal::Empty)?;
    refuse(low > high, Refusal::BoundsCrossed)?;
    refuse(ask.preferred_kw.is_some_and(|kw| kw < low || kw > high), Refusal::PreferenceOutside)?;
    let asset = site.assets.get(ask.asset.0).ok_or(Refusal::NotSteerable)?;
    if matches!(asset.kind, Kind::Grid(_)) {
        refuse(site.pcc() != Some(ask.asset), Refusal::NotSteerable)?;
        return refuse(ask.preferred_kw.is_some() || ask.on.is_some(), Refusal::BoundsOnly);
    }
    let takes = |points: &[Point]| asset.device.is_some_and(|d| points.iter().any(|p| site.point(d, *p).is_some()));
    let power = takes(&[Point::WSet, Point::WMax, Point::HeatSet, Point::CoolSet]);
    let switch = takes(&[Point::On]);
    refuse(!power && !switch, Refusal::NotSteerable)?;
    refuse(!power && powers.iter().any(Option::is_some), Refusal::NoPower)?;
    refuse(!switch && ask.on.is_some(), Refusal::NoSwitch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::{BATTERY, GRID, LOAD, site};

    fn ask(asset: usize) -> Ask {
        Ask {
            key: "k".into(),
            class: Class::Operator,
            identity: "anna".into(),
            asset: AssetIx(asset),
            min_kw: None,
            max_kw: Some(10.0),
            preferred_kw: None,
            on: None,
            lease: Duration::from_secs(60),
            reason: "test".into(),
        }
    }

    #[test]
    fn ids_are_read_as_written() {
        for id in [0, 31, 32, 1_782_956_800_123, u64::MAX] {
            assert_eq!(ProposalId(id).to_string().parse(), Ok(ProposalId(id)));
        }
        assert!("".parse::<ProposalId>().is_err() && "!".parse::<ProposalId>().is_err());
        assert!("ZZZZZZZZZZZZZZZ".parse::<ProposalId>().is_err(), "too large is no id");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_reason() {
        let site = site();
        let ok = |a: Ask| check(&site, &a);
        assert_eq!(ok(ask(BATTERY)), Ok(()));
        assert_eq!(ok(ask(GRID)), Ok(()));
        assert_eq!(ok(ask(LOAD)), Err(Refusal::NotSteerable));
        assert_eq!(ok(ask(99)), Err(Refusal::NotSteerable));
        assert_eq!(ok(Ask { preferred_kw: Some(1.0), ..ask(GRID) }), Err(Refusal::BoundsOnly));
        assert_eq!(ok(Ask { on: Some(true), ..ask(BATTERY) }), Err(Refusal::NoSwitch));
        assert_eq!(ok(Ask { max_kw: None, ..ask(BATTERY) }), Err(Refusal::Empty));
        assert_eq!(ok(Ask { max_kw: Some(f64::NAN), ..ask(BATTERY) }), Err(Refusal::NotFinite));
        assert_eq!(ok(Ask { min_kw: Some(f64::NEG_INFINITY), ..ask(BATTERY) }), Err(Refusal::NotFinite));
        assert_eq!(ok(Ask { min_kw: Some(11.0), ..ask(BATTERY) }), Err(Refusal::BoundsCrossed));
        assert_eq!(ok(Ask { preferred_kw: Some(11.0), ..ask(BATTERY) }), Err(Refusal::PreferenceOutside));
        assert_eq!(ok(Ask { lease: Duration::ZERO, ..ask(BATTERY) }), Err(Refusal::Lease));
        assert_eq!(ok(Ask { lease: LEASE_MAX + Duration::from_millis(1), ..ask(BATTERY) }), Err(Refusal::Lease));
        assert_eq!(ok(Ask { reason: " ".into(), ..ask(BATTERY) }), Err(Refusal::NoReason));
        assert_eq!(ok(Ask { identity: String::new(), ..ask(BATTERY) }), Err(Refusal::NoIdentity));
        assert_eq!(ok(Ask { key: "x".repeat(201), ..ask(BATTERY) }), Err(Refusal::TooLong));
    }
}
