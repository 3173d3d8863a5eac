//! PEM files, read with care: what is wrong is said with file and remedy.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{Certificate, NEW_AUTHORITY, Purpose, TlsError};

/// No PEM file of ours is larger.
const BYTES_MAX: u64 = 1024 * 1024;
/// Nobody else may touch a key, and its group may only read it: a key that every user of the machine can read proves
/// nothing. A group is allowed so that a service of another account can read what root owns.
const NOT_A_KEYS_MODE: u32 = 0o027;

/// A certificate's fields and its bytes.
pub(super) type Parsed = (Certificate, CertificateDer<'static>);

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, u32), TlsError> {
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => {
            TlsError::new(path, "there is no such file", "correct the path, or make it with `hexctl pki`")
        }
        ErrorKind::PermissionDenied => TlsError::new(
            path,
            "it may not be read by this user",
            "give it to the user or to a group of the daemon (chgrp, chmod 640), and let it pass the directories",
        ),
        _ => TlsError::new(path, format!("it cannot be read: {e}"), "correct the path or the file system"),
    };
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(TlsError::new(path, "it is no file", "name a PEM file"));
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode();
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(TlsError::new(path, "it is larger than 1 MiB", "name a PEM file"));
    }
    Ok((bytes, mode))
}

/// The certificates of a PEM file.
///
/// # Errors
/// What is wrong with it.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, TlsError> {
    Ok(parsed(path, &read(path)?.0)?.into_iter().map(|(c, _)| c).collect())
}

pub(super) fn parsed(path: &Path, bytes: &[u8]) -> Result<Vec<Parsed>, TlsError> {
    const REMEDY: &str = "a certificate file holds sections that begin with `-----BEGIN CERTIFICATE-----`";
    let ders: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| TlsError::new(path, format!("it is not PEM ({e})"), REMEDY))?;
    if ders.is_empty() {
        let what = match PrivateKeyDer::from_pem_slice(bytes) {
            Ok(_) => "it holds a key and no certificate: are certificate and key interchanged?",
            Err(_) => "it holds no PEM certificate",
        };
        return Err(TlsError::new(path, what, REMEDY));
    }
    let one = |der: CertificateDer<'static>| Ok((Certificate::parse(&der)?, der));
    ders.into_iter().map(one).collect::<Result<_, String>>().map_err(|what| TlsError::new(path, what, REMEDY))
}

pub(super) fn authority(path: &Path) -> Result<Vec<Parsed>, TlsError> {
    authority_of(path, &read(path)?.0)
}

/// The certificates of authorities.
pub(super) fn authority_of(path: &Path, bytes: &[u8]) -> Result<Vec<Parsed>, TlsError> {
    let all = parsed(path, bytes)?;
    match all.iter().find(|(c, _)| !c.authority) {
        Some((c, _)) => Err(TlsError::new(
            path,
            format!("\"{}\" is no authority: it may not sign others", c.name),
            format!("name the certificate that signed it, or {NEW_AUTHORITY}"),
        )),
        None => Ok(all),
    }
}

pub(super) fn pair(
    certificate: &Path,
    key: &Path,
    purpose: Purpose,
    provider: &CryptoProvider,
) -> Result<(Certificate, CertifiedKey), TlsError> {
    let (chain, secret) = (read(certificate)?.0, read(key)?);
    pair_of((certificate, &chain), (key, &secret), purpose, provider)
}

/// A certificate with those behind it, and the key that belongs to it.
pub(super) fn pair_of(
    (certificate, chain): (&Path, &[u8]),
    (key, (secret, mode)): (&Path, &(Vec<u8>, u32)),
    purpose: Purpose,
    provider: &CryptoProvider,
) -> Result<(Certificate, CertifiedKey), TlsError> {
    let (fields, ders): (Vec<_>, Vec<_>) = parsed(certificate, chain)?.into_iter().unzip();
    // Never empty: `parsed` says so.
    let own = fields.into_iter().next().ok_or_else(|| TlsError::new(certificate, "it is empty", NEW_PAIR))?;
    if !own.is_for(purpose) {
        let (not, role) = match purpose {
            Purpose::Server => ("servers", "--role server --host HOST"),
            Purpose::Client => ("clients", "--role operator"),
        };
        let what = format!("the certificate of \"{}\" is not for {not}", own.name);
        return Err(TlsError::new(certificate, what, format!("issue one with `hexctl pki issue NAME {role}`")));
    }
    guarded(key, *mode)?;
    let secret = PrivateKeyDer::from_pem_slice(secret).map_err(|e| no_key(key, secret, &e.to_string()))?;
    let certified = CertifiedKey::from_der(ders, secret, provider).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => TlsError::new(
            key,
            format!("the key does not belong to the certificate in {}", certificate.display()),
            "name the two files that were issued together",
        ),
        e => TlsError::new(key, format!("the key is of no use ({e})"), NEW_PAIR),
    })?;
    Ok((own, certified))
}

/// A file with a key that nobody else may touch, as text.
///
/// # Errors
/// What is wrong with it.
pub fn secret(path: &Path) -> Result<String, TlsError> {
    let (bytes, mode) = read(path)?;
    guarded(path, mode)?;
    String::from_utf8(bytes).map_err(|_| TlsError::new(path, "it is no text", "name a PEM file"))
}

fn guarded(key: &Path, mode: u32) -> Result<(), TlsError> {
    if mode & NOT_A_KEYS_MODE == 0 {
        return Ok(());
    }
    let what = format!("others than its owner may use this key (mode {:03o})", mode & 0o777);
    let remedy = format!("chmod 600 {}; if it was so for long, issue another", key.display());
    Err(TlsError::new(key, what, remedy))
}

const NEW_PAIR: &str = "issue certificate and key with `hexctl pki issue`";

fn no_key(path: &Path, bytes: &[u8], why: &str) -> TlsError {
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    if holds(b"ENCRYPTED") {
        let remedy = "store it without one (`openssl pkey -in KEY -out NEW`) and guard the file";
        return TlsError::new(path, "the key is encrypted with a passphrase", remedy);
    }
    if holds(b"BEGIN CERTIFICATE") {
        let remedy = "are certificate and key interchanged? Name the key";
        return TlsError::new(path, "it holds a certificate and no key", remedy);
    }
    let remedy = "a key file holds a section that begins with `-----BEGIN PRIVATE KEY-----`";
    TlsError::new(path, format!("it holds no PEM key ({why})"), remedy)
}
