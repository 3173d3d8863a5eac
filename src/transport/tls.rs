//! Keys and certificates: read from PEM files, checked, made into what a server or a client runs with. TLS 1.3 alone, with
//! ring, and nothing is trusted but the authority that is named. What a certificate permits is decided elsewhere.

mod certificate;
mod files;
mod keys;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::clock::Wall;

pub use certificate::{Certificate, Purpose, Term};
pub use files::{certificates, secret};
pub use keys::{Held, Keys};
pub use wire::{about_certificates, over};

/// Protocol of gRPC in the handshake (RFC 7301, RFC 9113 section 3.1).
pub const H2: &[u8] = b"h2";

/// Whoever asks gets the machine's wall time.
pub type WallClock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// What is wrong with a file, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}; {remedy}", file.display())]
pub struct TlsError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl TlsError {
    fn new(file: &Path, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), what: what.into(), remedy: remedy.into() }
    }
}

/// Files of one end of a connection, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Certificates of the authorities that vouch for the other end.
    pub authority: PathBuf,
    /// The own certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// The own key, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// A client's side: who is believed, and who one is.
#[derive(Clone, Debug)]
pub struct ClientKeys {
    /// To connect with. Files that change are read anew by making another.
    pub config: Arc<ClientConfig>,
    /// Who is believed.
    pub authority: Vec<Certificate>,
    /// Who one is, if one says so.
    pub own: Option<Certificate>,
}

/// Reads a client's files: `own` is certificate and key. No judgement of time: a clock that is wrong must not keep a
/// connection from being tried again.
///
/// # Errors
/// What is wrong with which file.
pub fn client(
    authority: &Path,
    own: Option<(&Path, &Path)>,
    alpn: &[&[u8]],
    wall: WallClock,
) -> Result<ClientKeys, TlsError> {
    let provider = provider();
    let trusted = files::authority(authority)?;
    let roots = roots(authority, &trusted)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|e| TlsError::new(authority, e.to_string(), NEW_AUTHORITY))?;
    let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(Told(wall)))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| TlsError::new(authority, e.to_string(), "this build cannot speak TLS 1.3"))?
        .with_webpki_verifier(verifier);
    let pair = own.map(|(certificate, key)| files::pair(certificate, key, Purpose::Client, &provider)).transpose()?;
    let (own, mut config) = match pair {
        Some((own, key)) => (Some(own), builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))),
        None => (None, builder.with_no_client_auth()),
    };
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    Ok(ClientKeys { config: Arc::new(config), authority: trusted.into_iter().map(|(c, _)| c).collect(), own })
}

const NEW_AUTHORITY: &str = "make one with `hexctl pki init`";

/// A server's configuration: every client must show a certificate of the authority, and does so at each connection:
/// nothing is resumed, so that no session outlives what it was admitted by.
fn server(
    roots: Arc<RootCertStore>,
    key: rustls::sign::CertifiedKey,
    authority: &Path,
    wall: WallClock,
) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|e| TlsError::new(authority, e.to_string(), NEW_AUTHORITY))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(Told(wall)))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| TlsError::new(authority, e.to_string(), "this build cannot speak TLS 1.3"))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![H2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Whether the other end would believe `leaf` at `now`, as far as it can be known without a host name.
///
/// # Errors
/// Why not.
pub fn vouched(authority: &Path, leaf: &CertificateDer<'_>, purpose: Purpose, now: Timestamp) -> Result<(), TlsError> {
    let provider = provider();
    let roots = roots(authority, &files::authority(authority)?)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let verdict = match purpose {
        Purpose::Client => WebPkiClientVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|e| rustls::Error::General(e.to_string()))
            .and_then(|v| v.verify_client_cert(leaf, &[], now).map(|_| ())),
        Purpose::Server => ParsedCertificate::try_from(leaf).and_then(|leaf| {
            let algorithms = provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], now, algorithms)
        }),
    };
    verdict.map_err(|e| TlsError::new(authority, format!("this authority does not vouch for it ({e})"), NEW_AUTHORITY))
}

fn roots(file: &Path, trusted: &[files::Parsed]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for (_, der) in trusted {
        roots.add(der.clone()).map_err(|e| TlsError::new(file, e.to_string(), NEW_AUTHORITY))?;
    }
    Ok(Arc::new(roots))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The wall time that the verifiers judge by.
struct Told(WallClock);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

impl TimeProvider for Told {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from((self.0)().time.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
