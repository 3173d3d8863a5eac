//! Brings entries to the disk: whatever the disk does, at most so many wait, and what had to be let go is counted.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::{Entry, Files};

/// Entries that wait for a disk that fails; the oldest go first.
const WAITING_MAX: usize = 4096;
/// A disk that fails is tried again so often.
const RETRY: Duration = Duration::from_secs(1);

/// How writing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What the system said.
    pub error: String,
    /// Entries let go so far.
    pub lost: u64,
}

/// Entries on their way to the files.
#[derive(Debug)]
pub struct Writer {
    files: Files,
    waiting: VecDeque<Entry>,
    lost: u64,
}

impl Writer {
    /// Nothing waits yet.
    #[must_use]
    pub const fn new(files: Files) -> Self {
        Self { files, waiting: VecDeque::new(), lost: 0 }
    }

    /// Writes until the other side is gone. `tell` hears of trouble and of its end.
    pub fn run(mut self, entries: &Receiver<Entry>, mut tell: impl FnMut(Option<Trouble>)) {
        let mut well = true;
        loop {
            // Written and handed to the disk as it comes, and all that came meanwhile with it: a power cut costs what is under
            // way, a killed process nothing that was written.
            let ended = match entries.recv_timeout(RETRY) {
                Ok(first) => {
                    self.push(first);
                    entries.try_iter().take(WAITING_MAX).for_each(|e| self.push(e));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            match self.flush() {
                Ok(()) if well => {}
                Ok(()) => {
                    well = true;
                    tell(None);
                }
                Err(e) => {
                    well = false;
                    tell(Some(Trouble { error: e.to_string(), lost: self.lost }));
                }
            }
            if ended {
                return;
            }
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back(entry);
    }

    /// Writes all that waits, and syncs it.
    fn flush(&mut self) -> io::Result<()> {
        while let Some(entry) = self.waiting.front() {
            self.files.append(entry)?;
            self.waiting.pop_front();
        }
        self.files.sync()
    }
}
