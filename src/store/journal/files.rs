//! The journal on disk: `journal/<first number>.log` in the state directory, appended to, never rewritten. A file that is
//! damaged or torn is read as far as it is good and appended to behind the damage; the oldest file goes when there are
//! too many.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::record::{encode, scan};
use super::search::Collector;
use super::{Entry, Query};
use crate::units::Park;

/// How much of the disk the journal takes at most: `files` times `file_bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A new file is begun before one grows beyond this.
    pub file_bytes: u64,
    /// Files kept, the current one included.
    pub files: usize,
}

impl Default for Bounds {
    /// 256 MiB: a day at the highest rate ever (3 entries a second, a kilobyte each).
    fn default() -> Self {
        Self { file_bytes: 16 << 20, files: 16 }
    }
}

/// What the files say.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of the files.
    pub entries: Vec<Entry>,
    /// Places that are no record.
    pub damaged: usize,
    /// Places where records were taken out.
    pub breaks: usize,
}

/// Where the next record goes.
#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    /// Checksum of the last good record.
    before: u32,
    /// What was written last may be torn: a line end comes first.
    torn: bool,
}

/// The files of one journal.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    bounds: Bounds,
    open: Option<Open>,
    unsynced: bool,
}

impl Files {
    /// The journal in `state_dir`; nothing is touched before the first entry.
    #[must_use]
    pub fn new(state_dir: &Path, bounds: Bounds) -> Self {
        Self { dir: directory(state_dir), bounds, open: None, unsynced: false }
    }

    /// Writes one entry behind the last; it survives the process at once, and a power cut after [`Files::sync`].
    ///
    /// # Errors
    /// What the system said; the next call goes on behind whatever was written.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.reopen(entry.seq)?,
        };
        let (line, checksum) = encode(entry, open.before).map_err(io::Error::other)?;
        let full = open.size > 0 && open.size + line.len() as u64 > self.bounds.file_bytes;
        let open = self.open.insert(if full { rotate(&self.dir, open, entry.seq)? } else { open });
        let bytes = if open.torn { [b"\n", line.as_slice()].concat() } else { line };
        // Until it is whole, it counts as torn.
        open.torn = true;
        self.unsynced = true;
        let written = open.file.write_all(&bytes);
        if let Err(e) = written {
            open.size = open.file.metadata().map_or(open.size + bytes.len() as u64, |m| m.len());
            return Err(e);
        }
        (open.torn, open.before, open.size) = (false, checksum, open.size + bytes.len() as u64);
        if full {
            self.prune();
        }
        Ok(())
    }

    /// Hands what was written to the disk.
    ///
    /// # Errors
    /// What the system said.
    pub fn sync(&mut self) -> io::Result<()> {
        if let (true, Some(open)) = (self.unsynced, &self.open) {
            open.file.sync_data()?;
        }
        self.unsynced = false;
        Ok(())
    }

    fn reopen(&self, seq: u64) -> io::Result<Open> {
        fs::create_dir_all(&self.dir)?;
        let mut all = list(&self.dir)?;
        let Some(newest) = all.pop() else { return create(&self.dir, seq, 0) };
        let bytes = fs::read(&newest)?;
        let found = scan(&bytes, None);
        let before = match found.records.last() {
            Some(last) => last.checksum,
            // It was begun, and nothing came into it: it goes on from the file before.
            None => all.pop().and_then(|p| last_checksum(&p)).unwrap_or(0),
        };
        let file = OpenOptions::new().append(true).open(&newest)?;
        Ok(Open { file, size: bytes.len() as u64, before, torn: found.torn })
    }

    fn prune(&self) {
        let files = list(&self.dir).unwrap_or_default();
        let surplus = files.len().saturating_sub(self.bounds.files.max(1));
        for old in files.iter().take(surplus) {
            if let Err(e) = fs::remove_file(old) {
                tracing::warn!("cannot remove {}: {e}", old.display());
            }
        }
    }
}

/// The directory of the journal in the state directory.
fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("journal")
}

fn last_checksum(path: &Path) -> Option<u32> {
    scan(&fs::read(path).ok()?, None).records.last().map(|r| r.checksum)
}

fn rotate(dir: &Path, full: Open, seq: u64) -> io::Result<Open> {
    full.file.sync_data()?;
    create(dir, seq, full.before)
}

fn create(dir: &Path, seq: u64, before: u32) -> io::Result<Open> {
    let path = dir.join(format!("{seq:020}.log"));
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let size = file.metadata()?.len();
    File::open(dir)?.sync_all()?;
    Ok(Open { file, size, before, torn: size > 0 })
}

/// The files, oldest first.
fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let all = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        all => all?,
    };
    let mut files: Vec<PathBuf> = all.filter_map(|e| Some(e.ok()?.path())).filter(|p| is_ours(p)).collect();
    files.sort();
    Ok(files)
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".log"));
    name.is_some_and(|n| n.len() == 20 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The last `most` entries, and what is wrong with any file.
///
/// # Errors
/// What the system said of the directory; a file that cannot be read counts as damaged.
pub(super) fn tail(state_dir: &Path, most: usize) -> io::Result<Found> {
    let (mut found, mut before) = (Found::default(), None);
    for path in list(&directory(state_dir))? {
        let Ok(bytes) = fs::read(&path) else {
            (found.damaged, before) = (found.damaged + 1, None);
            continue;
        };
        let scanned = scan(&bytes, before);
        found.damaged += scanned.damaged;
        found.breaks += scanned.breaks;
        before = scanned.records.last().map(|r| r.checksum).filter(|_| scanned.damaged == 0);
        let skip = scanned.records.len().saturating_sub(most);
        found.entries.extend(scanned.records.iter().skip(skip).filter_map(|r| serde_json::from_slice(r.json).ok()));
        let surplus = found.entries.len().saturating_sub(most);
        found.entries.drain(..surplus);
    }
    Ok(found)
}

/// Gives `found` the entries of the files before number `before` that may fit, file by file from the end that is asked for:
/// what was told an hour ago must not be looked for through all that was told since last week.
pub(super) fn search(state_dir: &Path, query: &Query, before: u64, found: &mut Collector<'_>) -> io::Result<()> {
    /// Park time may have been set in between.
    const SLACK_S: f64 = 3600.0;
    let files = list(&directory(state_dir))?;
    let firsts: Vec<Option<Park>> = files.iter().map(|p| first(p)).collect();
    let mut order: Vec<usize> = (0..files.len()).collect();
    if !query.oldest_first {
        order.reverse();
    }
    for i in order {
        let next = firsts.get(i + 1).copied().flatten();
        let over = next.zip(query.since).is_some_and(|(next, since)| next.plus_s(SLACK_S) < since);
        let early = firsts.get(i).copied().flatten();
        let later = early.zip(query.until).is_some_and(|(first, until)| first > until.plus_s(SLACK_S));
        // A file that cannot be read is said at the start, not at each question.
        let Some(Ok(bytes)) = files.get(i).filter(|_| !over && !later).map(fs::read) else { continue };
        let mut records = scan(&bytes, None).records;
        if !query.oldest_first {
            records.reverse();
        }
        let entries = records.iter().filter_map(|r| serde_json::from_slice::<Entry>(r.json).ok());
        for entry in entries.filter(|e| e.seq < before) {
            if !found.take(entry) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// When the first entry of a file was written.
fn first(path: &Path) -> Option<Park> {
    use io::Read;
    let mut head = Vec::new();
    File::open(path).ok()?.take(8192).read_to_end(&mut head).ok()?;
    let records = scan(&head, None).records;
    serde_json::from_slice::<Entry>(records.first()?.json).ok().map(|e| e.said.at)
}
