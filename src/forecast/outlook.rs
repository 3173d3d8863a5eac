//! What an energy manager judges forecasts by: how good they were, and who makes them.

use super::history::History;
use super::horizon::Horizon;
use super::offer::Subject;
use super::score::{Lead, Score};
use crate::site::{AssetIx, Site};
use crate::units::Park;

/// How good the forecasts of one subject were, own ones or those of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Of what: an asset or outdoor temperature.
    pub subject: Subject,
    /// Made by others.
    pub external: bool,
    /// How far ahead.
    pub lead: Lead,
    /// How good: kW, or K.
    pub score: Score,
}

/// What is expected, as of one plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// When it was made, park time.
    pub made: Park,
    /// What was expected.
    pub horizon: Horizon,
    /// What has a score, subject by subject, nearest lead first.
    pub scores: Vec<Judged>,
}

/// What to show of a horizon that was made at `made` from `history`.
#[must_use]
pub fn outlook(site: &Site, history: &History, horizon: &Horizon, made: Park) -> Outlook {
    let mut scores = Vec::new();
    let assets = (0..site.assets.len()).map(|ix| Some(AssetIx(ix)));
    for asset in assets.chain([None]) {
        let subject = asset.map_or(Subject::Outdoor, Subject::Asset);
        for external in [false, true] {
            let known = Lead::ALL.into_iter().filter_map(|lead| Some((lead, history.score(asset, external, lead)?)));
            scores.extend(known.map(|(lead, score)| Judged { subject, external, lead, score }));
        }
    }
    Outlook { made, horizon: horizon.clone(), scores }
}
