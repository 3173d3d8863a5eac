//! What one cycle saw, believed, decided and why: the only face of the core that rpc, store and outlets see.

use std::sync::Arc;

use crate::dispatch::Plan;
use crate::site::{
    Alarm, Answer, DeviceFrame, Limiter, Mode, Outcome, Point, ProposalId, Range, Reading, Reason, Setpoint, Standing,
};
use crate::state::SiteState;
use crate::units::{Now, Power};

/// A limit that narrowed what control wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Which asset (its id).
    pub asset: String,
    /// Which command.
    pub point: Point,
    /// What control wanted.
    pub wanted: f64,
    /// What was let through.
    pub given: f64,
    /// Why.
    pub by: Limiter,
}

/// Whether each of the three parts of the job is being done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Devices whose readings are not fresh, with the reason.
    pub unread: Vec<(String, Reason)>,
    /// A decision was made from a plan that is in force (false: rules).
    pub planned: bool,
    /// Devices whose last command is not verified, in words.
    pub unverified: Vec<String>,
}

impl Health {
    /// Reads fresh, decision made, writes verified; nothing less.
    #[must_use]
    pub fn good(&self) -> bool {
        self.unread.is_empty() && self.planned && self.unverified.is_empty()
    }
}

/// What is asked for from outside, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposals {
    /// All that stand, and for a minute those that have ended; the oldest first.
    pub standing: Vec<Standing>,
    /// Outcomes that are new in this cycle.
    pub changed: Vec<(ProposalId, Outcome)>,
    /// To the orders this cycle was given, in their order.
    pub answers: Vec<Answer>,
    /// What may cross the PCC, and who says so.
    pub pcc: Option<Range>,
}

impl Proposals {
    /// Class and identity behind an id.
    #[must_use]
    pub fn party(&self, id: ProposalId) -> String {
        let found = self.standing.iter().find(|s| s.proposal.id == id).map(|s| &s.proposal.ask);
        found.map_or_else(|| format!("proposal {id}"), |ask| format!("{} {}", ask.class.name(), ask.identity))
    }

    /// What limits, by name; a proposal by who made it.
    #[must_use]
    pub fn limiter(&self, by: Limiter) -> String {
        match by {
            Limiter::Proposal(id) => self.party(id),
            Limiter::Refused(reason) => format!("refused by the device ({reason})"),
            Limiter::Unheld => "not held by the device: it reads back otherwise".to_owned(),
            by => by.name().to_owned(),
        }
    }
}

/// One cycle, whole and consistent.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of the cycle since start.
    pub cycle: u64,
    /// Both times of the image.
    pub now: Now,
    /// Operating mode.
    pub mode: Mode,
    /// The process image: parallel to the site's points, after the quality checks.
    pub image: Arc<Vec<Reading>>,
    /// What the drivers said of each device: parallel to the site's devices.
    pub devices: Vec<Arc<DeviceFrame>>,
    /// What is believed.
    pub state: Arc<SiteState>,
    /// The plan in force.
    pub plan: Option<Arc<Plan>>,
    /// One per steered asset.
    pub setpoints: Vec<Arc<Setpoint>>,
    /// What the guard narrowed in this cycle.
    pub clips: Vec<Clip>,
    /// What is wrong at this moment.
    pub alarms: Vec<Alarm>,
    /// Whether the job is being done.
    pub health: Health,
    /// What is asked for from outside.
    pub proposals: Proposals,
    /// Injection at the PCC that control expects from its setpoints, if it can be told.
    pub pcc_expected: Option<Power>,
}
