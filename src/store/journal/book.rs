//! The newest entries in memory, and the way to the older ones in the files. Readers never wait for the disk unless they ask
//! for what is only there.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::files::{self, Found};
use super::search::Collector;
use super::{Answer, Draft, Entry, EntryKind, Query};
use crate::site::ProposalId;
use crate::units::Park;

/// Entries held in memory: some hours of a restless day, at about a kilobyte each.
pub const KEPT_MAX: usize = 10_000;

/// All entries, as far as there is memory and disk.
#[derive(Debug)]
pub struct Book {
    state_dir: Option<PathBuf>,
    kept_max: usize,
    ring: Mutex<Ring>,
    /// Number of the newest entry.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    last: u64,
    /// There are older ones in the files.
    older: bool,
}

impl Book {
    /// An empty book over the files of `state_dir`, if there are any, with so many entries in memory at most.
    #[must_use]
    pub fn new(state_dir: Option<&Path>, kept_max: usize) -> Self {
        let (ring, newest) = (Mutex::new(Ring::default()), watch::Sender::new(0));
        Self { state_dir: state_dir.map(Path::to_owned), kept_max: kept_max.max(1), ring, newest }
    }

    /// A writer that panicked has left whole entries behind.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the end of the files; the numbers go on from there. Says what is wrong with them, without the entries.
    ///
    /// # Errors
    /// What the system said; the book then begins anew.
    pub fn load(&self) -> io::Result<Found> {
        let Some(dir) = &self.state_dir else { return Ok(Found::default()) };
        let found = files::tail(dir, self.kept_max)?;
        let mut ring = self.ring();
        ring.last = found.entries.iter().map(|e| e.seq).max().unwrap_or(0);
        ring.older = true;
        ring.entries = found.entries.into();
        self.newest.send_replace(ring.last);
        Ok(Found { entries: Vec::new(), ..found })
    }

    /// Gives a draft its number and keeps it.
    pub fn add(&self, said: Draft) -> Entry {
        let mut ring = self.ring();
        ring.last += 1;
        let entry = Entry { seq: ring.last, said };
        ring.entries.push_back(entry.clone());
        while ring.entries.len() > self.kept_max {
            ring.entries.pop_front();
            ring.older = true;
        }
        self.newest.send_replace(ring.last);
        entry
    }

    /// Wakes with every new entry; holds its number.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The next entry after number `seq`, and how many between are no longer in memory.
    #[must_use]
    pub fn next_after(&self, seq: u64) -> Option<(Entry, u64)> {
        let ring = self.ring();
        let at = ring.entries.partition_point(|e| e.seq <= seq);
        let next = ring.entries.get(at)?.clone();
        let missed = next.seq.saturating_sub(seq + 1);
        Some((next, missed))
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<Entry> {
        self.ring().entries.back().cloned()
    }

    /// What fits, if memory alone knows all of it.
    #[must_use]
    pub fn recent(&self, query: &Query) -> Option<Answer> {
        let (kept, before) = self.kept(query);
        before.is_none().then(|| {
            let mut found = Collector::new(query);
            let _ = kept.into_iter().all(|e| found.take(e));
            found.answer()
        })
    }

    /// What fits; reads files if memory does not reach back far enough.
    ///
    /// # Errors
    /// What the system said.
    pub fn find(&self, query: &Query) -> io::Result<Answer> {
        let (kept, before) = self.kept(query);
        let mut found = Collector::new(query);
        let older = self.state_dir.as_deref().zip(before);
        if query.oldest_first
            && let Some((dir, before)) = older
        {
            files::search(dir, query, before, &mut found)?;
        }
        let more = kept.into_iter().all(|e| found.take(e));
        if !query.oldest_first
            && more
            && let Some((dir, before)) = older
        {
            files::search(dir, query, before, &mut found)?;
        }
        Ok(found.answer())
    }

    /// What of memory fits in the order asked for, and before which number the files must be asked, if they must. A copy: the journal does not wait
    /// for a reader.
    fn kept(&self, query: &Query) -> (Vec<Entry>, Option<u64>) {
        let ring = self.ring();
        let mut kept: Vec<Entry> = ring.entries.iter().filter(|e| query.fits(e)).cloned().collect();
        if !query.oldest_first {
            kept.reverse();
        }
        let oldest = ring.entries.front().map(|e| (e.seq, e.said.at));
        let within = oldest.zip(query.since).is_some_and(|((_, at), since)| at < since);
        let enough = !query.oldest_first && kept.len() > query.limit;
        let ask = self.state_dir.is_some() && ring.older && !within && !enough;
        (kept, ask.then(|| oldest.map_or(u64::MAX, |(seq, _)| seq)))
    }

    /// Who moved `asset`, and why: what put its setpoint where it was at `at`, and what that goes back to, the oldest first.
    /// `device` is the asset's device.
    ///
    /// # Errors
    /// What the system said.
    pub fn why(&self, asset: &str, device: Option<&str>, at: Park) -> io::Result<Option<(Entry, Vec<Entry>)>> {
        let newest = |query: Query| -> io::Result<Option<Entry>> {
            Ok(self.find(&Query { until: Some(at), limit: 1, ..query })?.entries.pop())
        };
        let of = |kind: EntryKind, subject: &str| Query {
            kinds: vec![kind],
            subject: Some(subject.to_owned()),
            ..Query::default()
        };
        let daemon = newest(Query { kinds: vec![EntryKind::Daemon], ..Query::default() })?;
        let moved = newest(of(EntryKind::Setpoint, asset))?;
        // What an earlier process told is not in force any more.
        let entry = match (moved, daemon.clone()) {
            (Some(moved), Some(daemon)) if moved.seq < daemon.seq => Some(daemon),
            (None, daemon) => daemon,
            (moved, _) => moved,
        };
        let Some(entry) = entry else { return Ok(None) };
        let facts = &entry.said.facts;
        let mut chain = Vec::new();
        if entry.said.kind == EntryKind::Setpoint {
            for id in [&facts.proposal, &facts.limited_by_proposal].into_iter().flatten() {
                let of = Query { proposal: Some(id.clone()), kinds: vec![EntryKind::Proposal], ..Query::default() };
                let first = Query { limit: 1, oldest_first: true, since: made_at(id), until: Some(at), ..of.clone() };
                let made = self.find(&first)?;
                chain.extend(made.entries);
                chain.extend(newest(of)?);
            }
            if facts.proposal.is_none() {
                chain.extend(newest(Query { kinds: vec![EntryKind::Plan], ..Query::default() })?);
            }
            if facts.proposal.is_none()
                && facts.plan.is_none()
                && let Some(device) = device
            {
                chain.extend(newest(of(EntryKind::Device, device))?);
            }
        }
        chain.extend(daemon);
        chain.sort_by_key(|e| e.seq);
        chain.dedup_by_key(|e| e.seq);
        chain.retain(|e| e.seq != entry.seq);
        Ok(Some((entry, chain)))
    }
}

/// No later than a proposal was made: its id tells when ([`ProposalId`]), give or take a clock that was set.
fn made_at(id: &str) -> Option<Park> {
    let ProposalId(ms) = id.parse().ok()?;
    Some(Park::from_unix(i64::try_from(ms / 1000).ok()?).plus_s(-3600.0))
}
