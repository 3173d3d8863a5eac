//! An authority in a test's hand, which signs also what a good one would not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hexad::clock::Wall;
use hexad::transport::tls::{self, ClientKeys, Files, WallClock};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::rpc_park::{START, soon};

pub const DAY: i64 = 86_400;

/// What a certificate says.
#[derive(Clone, Copy)]
pub struct Says<'a> {
    pub name: &'a str,
    pub unit: Option<&'a str>,
    /// Unix seconds.
    pub from: i64,
    pub until: i64,
    pub for_servers: bool,
}

/// In force around [`START`].
pub fn client<'a>(name: &'a str, unit: &'a str) -> Says<'a> {
    Says { name, unit: Some(unit), from: START - DAY, until: START + 300 * DAY, for_servers: false }
}

pub fn server(name: &str) -> Says<'_> {
    Says { unit: None, for_servers: true, ..client(name, "") }
}

/// Signs, and keeps the files.
pub struct Authority {
    pub dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self::lasting(name, START - 10 * DAY, START + 3000 * DAY)
    }

    /// In force between these times.
    pub fn lasting(name: &str, from: i64, until: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, None, from, until);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(dir.path().join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// Certificate and key, written as `file`.pem and `file`.key, over what is there.
    pub fn issue(&self, file: &str, says: Says<'_>) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = params(says.name, says.unit, says.from, says.until);
        params.extended_key_usages = vec![if says.for_servers {
            ExtendedKeyUsagePurpose::ServerAuth
        } else {
            ExtendedKeyUsagePurpose::ClientAuth
        }];
        if says.for_servers {
            params.subject_alt_names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().subject_alt_names;
        }
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let (certificate, secret) = self.files(file);
        write(&secret, &key.serialize_pem(), 0o600);
        write(&certificate, &pem, 0o644);
        (certificate, secret)
    }

    pub fn files(&self, file: &str) -> (PathBuf, PathBuf) {
        (self.dir.path().join(format!("{file}.pem")), self.dir.path().join(format!("{file}.key")))
    }

    /// A server's files, its certificate being `says`.
    pub fn server(&self, says: Says<'_>) -> Files {
        let (certificate, key) = self.issue("server", says);
        Files { authority: self.file(), certificate, key }
    }

    /// A client's side, which trusts this authority and shows a certificate of it.
    pub fn client(&self, says: Says<'_>, wall: &Clock) -> ClientKeys {
        let (certificate, key) = self.issue(says.name, says);
        tls::client(&self.file(), Some((&certificate, &key)), &[tls::H2], wall.shared()).unwrap()
    }
}

pub fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn params(name: &str, unit: Option<&str>, from: i64, until: i64) -> CertificateParams {
    let at = |s: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(s.try_into().unwrap());
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(unit) = unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    (params.not_before, params.not_after) = (at(from), at(until));
    params
}

/// A wall clock that moves when it is told to.
#[derive(Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    pub fn at(unix: i64) -> Self {
        Self(Arc::new(AtomicI64::new(unix)))
    }
    pub fn set(&self, unix: i64) {
        self.0.store(unix, Ordering::SeqCst);
    }
    pub fn shared(&self) -> WallClock {
        let own = self.clone();
        Arc::new(move || Wall {
            time: Timestamp::from_second(own.0.load(Ordering::SeqCst)).unwrap(),
            synchronised: true,
        })
    }
}

/// A gRPC channel with these keys to `127.0.0.1:port`.
pub async fn channel(address: &str, keys: &ClientKeys) -> Result<Channel, tonic::transport::Error> {
    let (place, keys) = (address.to_owned(), keys.config.clone());
    let connector = tower::service_fn(move |_| {
        let (place, connector) = (place.clone(), TlsConnector::from(keys.clone()));
        async move {
            let io = connector.connect(name(), TcpStream::connect(place).await?).await?;
            std::io::Result::Ok(hyper_util::rt::TokioIo::new(io))
        }
    });
    soon(Endpoint::from_shared(format!("https://{address}")).unwrap().connect_with_connector(connector)).await
}

/// What the first answer of a server is to a client with these keys: bytes, or why it breaks off.
pub async fn greeting(address: &str, keys: &ClientKeys) -> Result<usize, rustls::Error> {
    let heard = async {
        let io = TlsConnector::from(keys.config.clone()).connect(name(), TcpStream::connect(address).await.unwrap());
        io.await?.read(&mut [0; 64]).await
    };
    let why = |e: std::io::Error| e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()).cloned();
    soon(heard).await.map_err(|e| why(e).unwrap_or_else(|| rustls::Error::General("not TLS".into())))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("127.0.0.1").unwrap()
}
