//! The journal's two threads: one tells snapshots in entries, one brings them to the disk. The cycle waits for neither, and
//! the first not for the second.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use super::Shared;
use crate::site::{AlarmKind, Report, Severity};
use crate::snapshot::Snapshot;
use crate::store::journal::{Book, Bounds, Deriver, Draft, Entry, EntryKind, Facts, Files, KEPT_MAX, Trouble, Writer};

/// Snapshots that wait to be told: a minute's.
const SNAPSHOTS_MAX: usize = 64;
/// Entries that wait for a disk that hangs; more are let go, and counted.
const ENTRIES_MAX: usize = 4096;

/// Where the cycle leaves its snapshots.
#[derive(Clone)]
pub(super) struct JournalSender {
    snapshots: SyncSender<Arc<Snapshot>>,
    passed_over: Arc<AtomicU64>,
}

impl JournalSender {
    /// Never waits.
    pub(super) fn send(&self, snapshot: Arc<Snapshot>) {
        if self.snapshots.try_send(snapshot).is_err() {
            self.passed_over.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) struct Journal {
    pub book: Arc<Book>,
    sender: JournalSender,
    threads: [JoinHandle<()>; 2],
}

impl Journal {
    /// Begins to write in `state_dir`; `None` keeps it in memory only.
    pub(super) fn open(shared: &Arc<Shared>, state_dir: Option<&Path>) -> anyhow::Result<Self> {
        let book = Arc::new(Book::new(state_dir, KEPT_MAX));
        let (snapshots, waiting) = mpsc::sync_channel(SNAPSHOTS_MAX);
        let (to_disk, entries) = mpsc::sync_channel(ENTRIES_MAX);
        let passed_over = Arc::<AtomicU64>::default();
        let teller = Teller {
            shared: Arc::clone(shared),
            book: Arc::clone(&book),
            to_disk,
            unkept: 0,
            passed_over: Arc::clone(&passed_over),
        };
        let (own, dir) = (Arc::clone(shared), state_dir.map(Path::to_owned));
        let threads = [
            std::thread::Builder::new().name("hexad-journal".to_owned()).spawn(move || teller.run(&waiting))?,
            std::thread::Builder::new()
                .name("hexad-journal-disk".to_owned())
                .spawn(move || write(&own, dir, &entries))?,
        ];
        Ok(Self { book, sender: JournalSender { snapshots, passed_over }, threads })
    }

    pub(super) fn sender(&self) -> JournalSender {
        self.sender.clone()
    }

    /// Writes down what is left, and that this is an ordered stop; all other senders must be gone.
    pub(super) fn close(self) {
        drop(self.sender);
        for thread in self.threads {
            thread.join().ok();
        }
    }
}

/// Tells snapshots in entries.
struct Teller {
    shared: Arc<Shared>,
    book: Arc<Book>,
    to_disk: SyncSender<Entry>,
    /// Entries that found no room before the disk.
    unkept: u64,
    passed_over: Arc<AtomicU64>,
}

impl Teller {
    fn run(mut self, snapshots: &Receiver<Arc<Snapshot>>) {
        self.begin();
        let (mut deriver, mut cycle, mut passed) = (Deriver::default(), 0, 0);
        for snapshot in snapshots {
            cycle = snapshot.cycle;
            let all = self.passed_over.load(Ordering::Relaxed);
            if all > passed {
                let text = format!("{} cycles were not looked at: the journal does not keep up", all - passed);
                self.own(cycle, EntryKind::Journal, "cycles_missed", text, all - passed);
                passed = all;
            }
            for draft in deriver.derive(&self.shared.site, &snapshot) {
                self.add(draft);
            }
        }
        self.own(cycle, EntryKind::Daemon, "stopped", "hexad stops in order".to_owned(), 0);
    }

    /// Reads what is there, and says how the last run ended.
    fn begin(&mut self) {
        let found = self.book.load();
        let before = self.book.last().map(|e| e.said);
        let stopped = |d: &Draft| d.kind == EntryKind::Daemon && d.event == "stopped";
        let (event, ended) = match &before {
            None => ("started", "the first start here".to_owned()),
            Some(last) if stopped(last) => ("started", format!("stopped in order at {}", last.at)),
            Some(last) => ("started_after_crash", format!("it did not stop in order; its last word is of {}", last.at)),
        };
        let text = format!("hexad {} starts; {ended}", env!("CARGO_PKG_VERSION"));
        self.own(0, EntryKind::Daemon, event, text, 0);
        match found {
            Ok(found) if found.damaged + found.breaks > 0 => {
                let text = format!(
                    "the files of the journal are damaged in {} places, and in {} some records are missing; the rest is read",
                    found.damaged, found.breaks
                );
                tracing::warn!("{text}");
                self.own(0, EntryKind::Journal, "damaged", text, (found.damaged + found.breaks) as u64);
            }
            Ok(_) => {}
            Err(e) => {
                let text = format!("the files of the journal cannot be read: {e}");
                tracing::error!("{text}");
                self.own(0, EntryKind::Journal, "unread", text, 0);
            }
        }
    }

    fn own(&mut self, cycle: u64, kind: EntryKind, event: &str, text: String, count: u64) {
        let facts = Facts { count: (count > 0).then_some(count), ..Facts::default() };
        let draft = Draft::new(self.shared.clock.now(), cycle, kind, &self.shared.site.id, event, text);
        self.add(draft.with(facts));
    }

    fn add(&mut self, draft: Draft) {
        if self.to_disk.try_send(self.book.add(draft)).is_err() {
            self.unkept += 1;
            let text = format!("{} entries of the journal find no way to the disk: it hangs", self.unkept);
            trouble(&self.shared, QUEUE, Some(text));
        } else if self.unkept > 0 {
            let (site, lost) = (self.shared.site.id.clone(), self.unkept);
            let text = format!("{lost} entries before this one are in memory only: the disk did hang");
            let gap = Draft::new(self.shared.clock.now(), 0, EntryKind::Journal, &site, "unkept", text);
            let facts = Facts { count: Some(lost), ..Facts::default() };
            if self.to_disk.try_send(self.book.add(gap.with(facts))).is_ok() {
                self.unkept = 0;
                trouble(&self.shared, QUEUE, None);
            }
        }
    }
}

/// Subjects of what is reported of the disk.
const QUEUE: &str = "journal_queue";
const FILES: &str = "journal";

fn write(shared: &Shared, dir: Option<PathBuf>, entries: &Receiver<Entry>) {
    let Some(dir) = dir else { return entries.iter().for_each(drop) };
    Writer::new(Files::new(&dir, Bounds::default())).run(entries, |how| {
        let text = how.map(|Trouble { error, lost }| {
            format!("the journal in {} is not written: {error}; {lost} entries lost so far", dir.display())
        });
        trouble(shared, FILES, text);
    });
}

/// An alarm while it lasts.
pub(super) fn trouble(shared: &Shared, subject: &str, text: Option<String>) {
    let key = (AlarmKind::Disk, subject.to_owned());
    shared.reports.send_if_modified(|all| match text {
        Some(text) => {
            let report =
                Report { kind: AlarmKind::Disk, severity: Severity::Warning, subject: subject.to_owned(), text };
            if all.get(&key).is_none() {
                tracing::error!("{}", report.text);
            }
            all.insert(key, report);
            true
        }
        None => all.remove(&key).is_some(),
    });
}
