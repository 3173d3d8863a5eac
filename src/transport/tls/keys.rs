//! A server's keys, and their exchange while it runs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::{Certificate, Files, Purpose, TlsError, WallClock, files, provider, roots, server};

/// What new connections are made with.
#[derive(Debug)]
pub struct Held {
    /// Of the server.
    pub config: Arc<ServerConfig>,
    /// Who vouches for clients.
    pub authority: Vec<Certificate>,
    /// The server's own.
    pub own: Certificate,
    /// Cancelled once the authority has been replaced: whom the old one vouched for, the new one may not.
    pub replaced: CancellationToken,
}

/// The three files as they were read.
type Bytes = (Vec<u8>, Vec<u8>, (Vec<u8>, u32));

/// A server's keys: those in force, and the files they come from.
pub struct Keys {
    files: Files,
    wall: WallClock,
    held: ArcSwapOption<Held>,
    in_force: Mutex<Option<Bytes>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Keys {
    /// Keys of these files; none is in force before the first [`Keys::look`].
    #[must_use]
    pub fn new(files: Files, wall: WallClock) -> Self {
        Self { files, wall, held: ArcSwapOption::empty(), in_force: Mutex::default() }
    }

    /// Where they come from.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The wall clock by which certificates are judged.
    #[must_use]
    pub fn wall(&self) -> &WallClock {
        &self.wall
    }

    /// What new connections are made with; `None` while there has been nothing of use.
    #[must_use]
    pub fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    /// Reads the files, and puts them in force if they have changed and are of use; true if they were. Blocks on the disk.
    ///
    /// # Errors
    /// What is wrong with the files as they are now, at every look until they are mended; what was in force stays so.
    pub fn look(&self) -> Result<bool, TlsError> {
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.read()?;
        if in_force.as_ref() == Some(&bytes) {
            return Ok(false);
        }
        let made = self.make(&bytes)?;
        let old = self.held();
        let same_authority = in_force.as_ref().is_some_and(|old| old.0 == bytes.0);
        let replaced = old.as_ref().filter(|_| same_authority).map(|old| old.replaced.clone());
        self.held.store(Some(Arc::new(Held { replaced: replaced.unwrap_or_default(), ..made })));
        *in_force = Some(bytes);
        if let Some(old) = old.filter(|_| !same_authority) {
            old.replaced.cancel();
        }
        Ok(true)
    }

    fn read(&self) -> Result<Bytes, TlsError> {
        let bytes = |path: &Path| files::read(path).map(|(bytes, _)| bytes);
        Ok((bytes(&self.files.authority)?, bytes(&self.files.certificate)?, files::read(&self.files.key)?))
    }

    fn make(&self, (authority, certificate, key): &Bytes) -> Result<Held, TlsError> {
        let f = &self.files;
        let trusted = files::authority_of(&f.authority, authority)?;
        let pair = ((f.certificate.as_path(), certificate.as_slice()), (f.key.as_path(), key));
        let (own, certified) = files::pair_of(pair.0, pair.1, Purpose::Server, &provider())?;
        self.no_worse(&own)?;
        let roots = roots(&f.authority, &trusted)?;
        let config = Arc::new(server(roots, certified, &f.authority, Arc::clone(&self.wall))?);
        let authority = trusted.into_iter().map(|(c, _)| c).collect();
        Ok(Held { config, authority, own, replaced: CancellationToken::default() })
    }

    /// A certificate that is not in force does not replace one that is. Without any other it is served: whoever
    /// connects then hears what is wrong with it.
    fn no_worse(&self, own: &Certificate) -> Result<(), TlsError> {
        let now = (self.wall)();
        let good = |c: &Certificate| c.term(now.time).in_force();
        match self.held() {
            Some(old) if now.synchronised && good(&old.own) && !good(own) => Err(TlsError::new(
                &self.files.certificate,
                format!("the certificate of \"{}\" {}", own.name, own.term_in_words(now.time)),
                "issue another with `hexctl pki issue`",
            )),
            _ => Ok(()),
        }
    }
}
