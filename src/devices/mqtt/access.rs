//! As whom a broker is reached, and by which keys. Never in the site file; read anew at each attempt, so that a renewed
//! certificate or password needs no restart.

use std::path::{Path, PathBuf};

use crate::transport::mqtt::{Broker, Over};
use crate::transport::tcp::Dial;

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
    pub client_id: String,
    pub presence: String,
    pub keys: Keys,
    pub dial: Dial,
}

impl Access {
    /// What to open a connection with now.
    ///
    /// # Errors
    /// A password that cannot be read.
    pub fn broker(&self) -> Result<Broker, Over> {
        let login = match (&self.keys.username, &self.keys.password) {
            (None, _) => None,
            (Some(name), None) => Some((name.clone(), String::new())),
            (Some(name), Some(file)) => Some((name.clone(), password(file)?)),
        };
        Ok(Broker {
            address: self.host_port.clone(),
            client_id: self.client_id.clone(),
            login,
            presence: self.presence.clone(),
            dial: self.dial.clone(),
        })
    }
}

fn password(file: &Path) -> Result<String, Over> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Over::Refused(format!("the password in {} cannot be read: {e}", file.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
