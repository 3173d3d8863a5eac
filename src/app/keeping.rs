//! What survives a restart, written by a thread of its own so that a slow disk stalls nobody.

use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;

use anyhow::Context;

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

/// Requests that wait for a slow disk; more are let go, because the next one says more (F51).
const WAITING_MAX: usize = 8;

/// A request to keep.
struct Keep {
    what: What,
    bytes: Vec<u8>,
}

/// Where requests to keep go.
#[derive(Clone)]
pub(super) struct KeepSender(SyncSender<Keep>);

impl KeepSender {
    /// Asks to keep `bytes`. Never waits.
    pub(super) fn send(&self, what: What, bytes: Vec<u8>) {
        if let Err(TrySendError::Full(_)) = self.0.try_send(Keep { what, bytes }) {
            tracing::error!("the disk does not keep up: {what:?} is not kept this time");
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
    pub(super) fn open(dir: Option<&Path>) -> anyhow::Result<Self> {
        let files = match dir {
            None => None,
            Some(dir) => {
                std::fs::create_dir_all(dir)
                    .with_context(|| format!("cannot make the state directory {}", dir.display()))?;
                Some((Kept::new(dir, "memory"), Kept::new(dir, "history")))
            }
        };
        let (sender, requests) = mpsc::sync_channel::<Keep>(WAITING_MAX);
        let own = files.clone();
        let thread = std::thread::Builder::new().name("hexad-keep".to_owned()).spawn(move || {
            for request in requests {
                let Some((memory, history)) = &own else { continue };
                let file = if request.what == What::Memory { memory } else { history };
                // A full or read-only disk must not stop control: said, and tried again at the next turn.
                if let Err(e) = file.save(&request.bytes) {
                    tracing::error!("cannot keep {:?}: {e}", request.what);
                }
            }
        })?;
        Ok(Self { files, sender: KeepSender(sender), thread })
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
