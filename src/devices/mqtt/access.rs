//! As whom a broker is reached, and by which keys. Never in the site file; read anew at each attempt, so that a renewed
//! certificate or password needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::transport::mqtt::{Broker, Over};
use crate::transport::tcp::Dial;
use crate::transport::tls::{self, Certificate};

/// Files that are not read by then are on a disk that hangs.
const READ: Duration = Duration::from_secs(5);

/// The daemon's settings for brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Certificates that may sign a broker's, PEM.
    pub authority: Option<PathBuf>,
    /// Our certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// User name.
    pub username: Option<String>,
    /// File that holds the password.
    pub password: Option<PathBuf>,
    /// A fixed client id, where the broker's access rules ask for one.
    pub client_id: Option<String>,
}

/// One broker.
pub(super) struct Access {
    /// As in the site file, for people.
    pub address: String,
    /// `host:port`.
    pub host_port: String,
    /// Over TLS.
    pub tls: bool,
    pub client_id: String,
    pub presence: String,
    pub keys: Keys,
    pub dial: Dial,
}

impl Access {
    /// What to open a connection with now, and our certificate if one is shown.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub async fn broker(&self) -> Result<(Broker, Option<Certificate>), Over> {
        let (login, certificate, dial) = if self.tls || self.keys.password.is_some() {
            let (keys, under, tls) = (self.keys.clone(), self.dial.clone(), self.tls);
            let read = tokio::task::spawn_blocking(move || read(&keys, under, tls));
            let late = || Over::Refused("its keys cannot be read: the disk does not answer".to_owned());
            tokio::time::timeout(READ, read).await.map_err(|_| late())?.map_err(|_| late())??
        } else {
            (self.keys.username.clone().map(|name| (name, String::new())), None, self.dial.clone())
        };
        let broker = Broker {
            address: self.host_port.clone(),
            client_id: self.client_id.clone(),
            login,
            presence: self.presence.clone(),
            dial,
        };
        Ok((broker, certificate))
    }
}

/// Name and password, our certificate, and how to connect.
type Read = (Option<(String, String)>, Option<Certificate>, Dial);

fn read(keys: &Keys, under: Dial, tls: bool) -> Result<Read, Over> {
    let password = keys.password.as_deref().map(password).transpose()?.unwrap_or_default();
    let login = keys.username.clone().map(|name| (name, password));
    if !tls {
        return Ok((login, None, under));
    }
    let Some(authority) = &keys.authority else {
        return Err(Over::Certificate("no `authority` is named in [mqtt], so none is believed".to_owned()));
    };
    let own = keys.certificate.as_deref().zip(keys.key.as_deref());
    let client =
        tls::client(authority, own, &[], Arc::new(clock::wall)).map_err(|e| Over::Certificate(e.to_string()))?;
    Ok((login, client.own, tls::over(under, client.config)))
}

fn password(file: &Path) -> Result<String, Over> {
    let text = tls::secret(file).map_err(|e| Over::Refused(e.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Why the connection is over, with what is known of our certificate: a broker that does not accept it may hang up before
/// it has said so.
pub(super) fn judged(over: Over, own: Option<&Certificate>) -> Over {
    let now = clock::wall().time;
    match (over, own) {
        (Over::Lost(text) | Over::Certificate(text), Some(own)) if !own.term(now).in_force() => {
            Over::Certificate(format!("{text}; our certificate {}", own.term_in_words(now)))
        }
        (over, _) => over,
    }
}
