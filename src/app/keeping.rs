//! What survives a restart, written by a thread of its own so that a slow disk stalls nobody; what is not written is an alarm.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;

use anyhow::Context;

use super::Shared;
use super::journaling::trouble;
use crate::cycle::Memory;
use crate::forecast::History;
use crate::site::Site;
use crate::store::Kept;

/// Which of the kept files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Memory,
    History,
}

impl What {
    /// Subject of what is reported of it.
    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::History => "history",
        }
    }
}

/// Requests that wait for a slow disk; more are let go, because the next one says more (F51).
const WAITING_MAX: usize = 8;

/// A request to keep.
struct Keep {
    what: What,
    bytes: Vec<u8>,
}

/// Where requests to keep go.
#[derive(Clone)]
pub(super) struct KeepSender {
    requests: SyncSender<Keep>,
    shared: Arc<Shared>,
}

impl KeepSender {
    /// Asks to keep `bytes`. Never waits.
    pub(super) fn send(&self, what: What, bytes: Vec<u8>) {
        if let Err(TrySendError::Full(_)) = self.requests.try_send(Keep { what, bytes }) {
            let text = format!("the disk hangs: the {} is not kept for a restart", what.name());
            trouble(&self.shared, what.name(), Some(text));
        }
    }
}

pub(super) struct Keeper {
    files: Option<(Kept, Kept)>,
    sender: KeepSender,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Opens the state directory (made if missing); `None` keeps nothing.
    pub(super) fn open(shared: &Arc<Shared>, dir: Option<&Path>) -> anyhow::Result<Self> {
        let files = match dir {
            None => None,
            Some(dir) => {
                std::fs::create_dir_all(dir)
                    .with_context(|| format!("cannot make the state directory {}", dir.display()))?;
                Some((Kept::new(dir, "memory"), Kept::new(dir, "history")))
            }
        };
        let (sender, requests) = mpsc::sync_channel::<Keep>(WAITING_MAX);
        let (own, told) = (files.clone(), Arc::clone(shared));
        let thread = std::thread::Builder::new().name("hexad-keep".to_owned()).spawn(move || {
            for request in requests {
                let Some((memory, history)) = &own else { continue };
                let file = if request.what == What::Memory { memory } else { history };
                // A full or read-only disk must not stop control: said, and tried again at the next turn.
                let name = request.what.name();
                let wrong = file.save(&request.bytes).err();
                trouble(&told, name, wrong.map(|e| format!("the {name} is not kept for a restart: {e}")));
            }
        })?;
        Ok(Self { files, sender: KeepSender { requests: sender, shared: Arc::clone(shared) }, thread })
    }

    pub(super) fn sender(&self) -> KeepSender {
        self.sender.clone()
    }

    pub(super) fn memory(&self, site: &Site) -> Memory {
        self.load(|(memory, _)| memory).map(|m: Memory| m.restarted(site)).unwrap_or_default()
    }

    pub(super) fn history(&self) -> History {
        self.load(|(_, history)| history).unwrap_or_default()
    }

    fn load<T: serde::de::DeserializeOwned>(&self, which: impl Fn(&(Kept, Kept)) -> &Kept) -> Option<T> {
        let (found, errors) =
            which(self.files.as_ref()?).load(|b| serde_json::from_slice(b).map_err(|e| e.to_string()));
        for e in errors {
            tracing::warn!("passed over a kept file: {e}");
        }
        found
    }

    /// Writes what is still queued; all other senders must be gone.
    pub(super) fn close(self) {
        drop(self.sender);
        self.thread.join().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::site::sample::site;

    /// What is reported once a memory was to be kept.
    fn reported(shared: &Arc<Shared>, dir: &Path) -> Vec<String> {
        let keeper = Keeper::open(shared, Some(dir)).unwrap();
        keeper.sender().send(What::Memory, b"{}".to_vec());
        keeper.close();
        shared.reports.borrow().values().map(|r| format!("{:?} {}: {}", r.severity, r.subject, r.text)).collect()
    }

    #[test]
    fn f51_a_memory_that_cannot_be_kept_is_an_alarm_until_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared::new(site(), Clock::real()));
        assert!(reported(&shared, dir.path()).is_empty());
        std::fs::create_dir(dir.path().join("memory.new")).unwrap();
        let said = reported(&shared, dir.path());
        assert!(said.len() == 1 && said[0].starts_with("Warning memory: the memory is not kept"), "{said:?}");
        std::fs::remove_dir(dir.path().join("memory.new")).unwrap();
        assert!(reported(&shared, dir.path()).is_empty());
    }
}
