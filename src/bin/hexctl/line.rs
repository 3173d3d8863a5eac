//! The connection to the daemon, in plain text or TLS. It remembers what was wrong with it, in words: by the time a request
//! fails, the cause has been lost under way.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use anyhow::{anyhow, bail};
use clap::Args;
use hexad::clock;
use hexad::transport::tcp;
use hexad::transport::tls::{self, ClientKeys};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Files for an address that begins with https://.
#[derive(Args, Clone)]
pub(crate) struct KeyFiles {
    /// Certificate of the site's authority; with it, an address without http:// means https://.
    #[arg(long, global = true, env = "HEXCTL_AUTHORITY", value_name = "FILE")]
    pub authority: Option<PathBuf>,
    /// One's own certificate.
    #[arg(long, global = true, env = "HEXCTL_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Its key. (`--key` alone is the key of a proposal.)
    #[arg(long = "key-file", id = "key_file", global = true, env = "HEXCTL_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

impl KeyFiles {
    /// What a TLS connection is made with.
    pub(crate) fn read(&self) -> anyhow::Result<ClientKeys> {
        let Some(authority) = &self.authority else {
            bail!("https takes the certificate of the site's authority: give --authority or HEXCTL_AUTHORITY");
        };
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => bail!("--certificate and --key-file go together: give both"),
        };
        let keys = tls::client(authority, own, &[tls::H2], Arc::new(clock::wall))?;
        let now = clock::wall();
        if let Some(own) = keys.own.as_ref().filter(|c| now.synchronised && !c.term(now.time).in_force()) {
            let file = self.certificate.as_deref().unwrap_or(Path::new("--certificate"));
            bail!(
                "{}: the certificate of {} {}; ask for another",
                file.display(),
                own.name,
                own.term_in_words(now.time)
            );
        }
        Ok(keys)
    }
}

/// What was wrong with the connection last.
#[derive(Clone, Default)]
pub(crate) struct Wrong(Arc<Mutex<Option<String>>>);

impl Wrong {
    fn note(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Connects to `host:port`, in TLS if there are keys.
pub(crate) async fn connect(host: String, port: u16, keys: Option<ClientKeys>, wrong: Wrong) -> anyhow::Result<Line> {
    let host = host.trim_matches(['[', ']']).to_owned();
    let io = TcpStream::connect((host.as_str(), port)).await?;
    io.set_nodelay(true)?;
    let plain = keys.is_none();
    let io: Box<dyn tcp::Stream> = match keys {
        None => Box::new(io),
        Some(keys) => {
            let name = ServerName::try_from(host.clone()).map_err(|e| anyhow!("{host}: {e}"))?;
            let shaken = TlsConnector::from(keys.config).connect(name, io).await;
            Box::new(shaken.map_err(|e| anyhow!(words(&e)))?)
        }
    };
    Ok(Line { io, plain, heard: false, wrong })
}

/// A connection whose failures are noted.
pub(crate) struct Line {
    io: Box<dyn tcp::Stream>,
    plain: bool,
    heard: bool,
    wrong: Wrong,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        let first = !std::mem::replace(&mut self.heard, true);
        match &read {
            Err(e) => self.wrong.note(words(e)),
            Ok(()) if first => match buf.filled().get(before) {
                // An alert of TLS (RFC 8446, section 5.1): no frame of HTTP/2 begins so.
                Some(0x15) if self.plain => {
                    self.wrong.note("it speaks TLS: write https://, and give --authority".to_owned())
                }
                None => self.wrong.note("it closes the connection at once".to_owned()),
                Some(_) => {}
            },
            Ok(()) => {}
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// What an error of the connection means to a person.
fn words(error: &Error) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => not_trusted(why),
        Some(rustls::Error::AlertReceived(alert)) => refused(*alert),
        Some(rustls::Error::InvalidMessage(_)) => {
            "it does not answer in TLS: write http:// if it serves plaintext on loopback".to_owned()
        }
        None if error.kind() == ErrorKind::UnexpectedEof => {
            "it closes the connection: too many are open, it has no keys in force, or it does not speak TLS".to_owned()
        }
        _ => error.to_string(),
    }
}

fn not_trusted(why: &CertificateError) -> String {
    use CertificateError as E;
    let why = match why {
        // A signature that does not fit: another authority of the same name.
        E::UnknownIssuer | E::BadSignature => "the authority given does not vouch for it".to_owned(),
        E::Expired | E::ExpiredContext { .. } => "its certificate has ended; it needs another".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "its certificate is not in force yet; is the clock of this machine right?".to_owned()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            format!("it has no certificate for this host name or address ({why})")
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "what it shows is no certificate of a server".to_owned(),
        other => other.to_string(),
    };
    format!("the server is not trusted: {why}")
}

fn refused(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let why = match alert {
        A::CertificateRequired => "it wants one: give --certificate and --key-file".to_owned(),
        A::CertificateExpired => "it is not in force; ask for another".to_owned(),
        A::UnknownCA | A::DecryptError => "the site's authority does not vouch for it".to_owned(),
        A::UnsupportedCertificate | A::BadCertificate | A::CertificateUnknown | A::AccessDenied => {
            format!("it is not for a client here ({alert:?})")
        }
        A::ProtocolVersion | A::HandshakeFailure | A::NoApplicationProtocol => {
            return format!("it speaks another TLS ({alert:?}); is it a hexad?");
        }
        other => return format!("it breaks off ({other:?})"),
    };
    format!("the client's certificate is refused: {why}")
}
