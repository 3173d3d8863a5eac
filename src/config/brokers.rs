//! As whom MQTT brokers are reached: keys and passwords are the daemon's, never the site's.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::devices::mqtt::access::Keys;

/// `[mqtt]` as written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MqttTable {
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    username: Option<String>,
    password_file: Option<String>,
    client_id: Option<String>,
}

/// The keys, or which key is wrong, how, and what instead.
pub(super) fn keys(t: MqttTable) -> Result<Keys, (&'static str, &'static str, &'static str)> {
    let named = [
        ("mqtt.authority", &t.authority),
        ("mqtt.certificate", &t.certificate),
        ("mqtt.key", &t.key),
        ("mqtt.username", &t.username),
        ("mqtt.password_file", &t.password_file),
        ("mqtt.client_id", &t.client_id),
    ];
    if let Some((key, _)) = named.iter().find(|(_, text)| text.as_ref().is_some_and(|t| t.trim().is_empty())) {
        return Err((key, "it is empty", "name it, or leave it out"));
    }
    const PAIR: &str = "a client certificate takes a key and a key a certificate";
    if t.certificate.is_some() != t.key.is_some() {
        let missing = if t.key.is_none() { "mqtt.key" } else { "mqtt.certificate" };
        return Err((missing, PAIR, "name both (`hexctl pki issue` makes them), or neither"));
    }
    if t.certificate.is_some() && t.authority.is_none() {
        let message = "a certificate is shown to a broker that is known by its authority only";
        return Err(("mqtt.authority", message, "name the certificate that signed the broker's"));
    }
    if t.password_file.is_some() && t.username.is_none() {
        return Err(("mqtt.username", "a password without a user name", "name the user, or leave password_file out"));
    }
    Ok(Keys {
        authority: t.authority.map(PathBuf::from),
        certificate: t.certificate.map(PathBuf::from),
        key: t.key.map(PathBuf::from),
        username: t.username,
        password: t.password_file.map(PathBuf::from),
        client_id: t.client_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_together() {
        let of = |text: &str| keys(toml::from_str(text).unwrap());
        assert_eq!(of("").unwrap(), Keys::default());
        assert_eq!(of("authority='a'\ncertificate='c'").unwrap_err().0, "mqtt.key");
        assert_eq!(of("authority='a'\nkey='c'").unwrap_err().0, "mqtt.certificate");
        assert_eq!(of("certificate='c'\nkey='k'").unwrap_err().0, "mqtt.authority");
        assert_eq!(of("password_file='p'").unwrap_err().0, "mqtt.username");
        assert_eq!(of("client_id=' '").unwrap_err().0, "mqtt.client_id");
        assert_eq!(of("username='u'\npassword_file='p'").unwrap().password, Some("p".into()));
        assert_eq!(of("authority='a'\ncertificate='c'\nkey='k'").unwrap().key, Some("k".into()));
    }
}
