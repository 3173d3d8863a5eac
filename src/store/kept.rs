//! One small file that is replaced whole, or not at all, and is believed only if its checksum holds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MAGIC: &str = "hexad-kept 1";

/// A kept file: `<name>`, and `<name>.previous`, the good one before it.
#[derive(Clone, Debug)]
pub struct Kept {
    path: PathBuf,
}

/// Why a kept file gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Header or checksum do not hold, or the content is not what is expected.
    #[error("{path}: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// In words.
        what: String,
    },
}

impl Kept {
    /// The kept file `name` in `dir`.
    #[must_use]
    pub fn new(dir: &Path, name: &str) -> Self {
        Self { path: dir.join(name) }
    }

    fn sibling(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
        name.push(suffix);
        self.path.with_file_name(name)
    }

    /// Replaces the file: written beside it, synced, and renamed over it; the good one before stays as `.previous`.
    ///
    /// # Errors
    /// [`KeptError::Io`]; the file on disk is then the old one.
    pub fn save(&self, content: &[u8]) -> Result<(), KeptError> {
        let fresh = self.sibling(".new");
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| KeptError::Io { path, source }
        };
        let mut file = File::create(&fresh).map_err(io(&fresh))?;
        let header = format!("{MAGIC} {:08x} {}\n", crc32fast::hash(content), content.len());
        file.write_all(header.as_bytes())
            .and_then(|()| file.write_all(content))
            .and_then(|()| file.sync_all())
            .map_err(io(&fresh))?;
        if self.path.exists() {
            fs::rename(&self.path, self.sibling(".previous")).map_err(io(&self.path))?;
        }
        fs::rename(&fresh, &self.path).map_err(io(&self.path))?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        File::open(dir).and_then(|d| d.sync_all()).map_err(io(dir))
    }

    /// The newest content that `parse` accepts: the file, else the one before it. `None` if there is neither; the
    /// list says what was wrong with what was passed over.
    pub fn load<T>(&self, parse: impl Fn(&[u8]) -> Result<T, String>) -> (Option<T>, Vec<KeptError>) {
        let mut errors = Vec::new();
        for path in [self.path.clone(), self.sibling(".previous")] {
            match read(&path).and_then(|c| parse(&c).map_err(|what| KeptError::Damaged { path: path.clone(), what })) {
                Ok(value) => return (Some(value), errors),
                Err(KeptError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(e) => errors.push(e),
            }
        }
        (None, errors)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeptError> {
    let bytes = fs::read(path).map_err(|source| KeptError::Io { path: path.to_owned(), source })?;
    let damaged = |what: &str| KeptError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| damaged("no header"))?;
    let (header, content) = (
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned(),
        bytes.get(end + 1..).unwrap_or_default(),
    );
    let expected = format!("{MAGIC} {:08x} {}", crc32fast::hash(content), content.len());
    if header == expected { Ok(content.to_vec()) } else { Err(damaged("checksum or length do not hold")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, String> {
        String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string())
    }

    #[test]
    fn f50_the_newest_good_content_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::new(dir.path(), "memory");
        assert!(kept.load(text).0.is_none());
        kept.save(b"one").unwrap();
        kept.save(b"two").unwrap();
        assert_eq!(kept.load(text).0.as_deref(), Some("two"));
        let mut bytes = fs::read(dir.path().join("memory")).unwrap();
        bytes.pop();
        fs::write(dir.path().join("memory"), bytes).unwrap();
        let (got, errors) = kept.load(text);
        assert_eq!((got.as_deref(), errors.len()), (Some("one"), 1));
    }

    #[test]
    fn f52_every_truncation_and_every_flipped_bit_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::new(dir.path(), "memory");
        kept.save(b"state of the park").unwrap();
        let whole = fs::read(dir.path().join("memory")).unwrap();
        for cut in 0..whole.len() {
            fs::write(dir.path().join("memory"), &whole[..cut]).unwrap();
            assert!(kept.load(text).0.is_none(), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(dir.path().join("memory"), &bytes).unwrap();
            assert!(kept.load(text).0.is_none(), "bit {bit}");
        }
    }
}
