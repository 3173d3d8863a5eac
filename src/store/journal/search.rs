//! What is asked of the journal.

use super::{Entry, EntryKind};
use crate::units::Park;

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before.
    pub since: Option<Park>,
    /// Not after.
    pub until: Option<Park>,
    /// Of these kinds; none = all.
    pub kinds: Vec<EntryKind>,
    /// About this; `None` = all.
    pub subject: Option<String>,
    /// Of this proposal, by id.
    pub proposal: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// The first that fit, oldest first; else the last that fit, newest first.
    pub oldest_first: bool,
}

impl Query {
    /// Whether an entry fits, time aside.
    #[must_use]
    pub fn is_about(&self, entry: &Entry) -> bool {
        let said = &entry.said;
        (self.kinds.is_empty() || self.kinds.contains(&said.kind))
            && self.subject.as_ref().is_none_or(|s| *s == said.subject)
            && self.proposal.as_ref().is_none_or(|p| said.facts.proposal.as_ref() == Some(p))
    }

    pub(super) fn fits(&self, entry: &Entry) -> bool {
        let at = entry.said.at;
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until) && self.is_about(entry)
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// More would have fitted.
    pub more: bool,
}

/// Collects what fits, as much as is asked for.
pub(super) struct Collector<'a> {
    query: &'a Query,
    entries: Vec<Entry>,
    more: bool,
}

impl<'a> Collector<'a> {
    pub(super) const fn new(query: &'a Query) -> Self {
        Self { query, entries: Vec::new(), more: false }
    }

    /// Takes the next in the order asked for; `false` once nothing more is wanted.
    pub(super) fn take(&mut self, entry: Entry) -> bool {
        if !self.query.fits(&entry) {
            return true;
        }
        self.more = self.entries.len() >= self.query.limit;
        if !self.more {
            self.entries.push(entry);
        }
        !self.more
    }

    pub(super) fn answer(self) -> Answer {
        Answer { entries: self.entries, more: self.more }
    }
}
