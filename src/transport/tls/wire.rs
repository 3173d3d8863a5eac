//! TLS over a connection.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription as Alert, ClientConfig, Error};
use tokio_rustls::TlsConnector;

use crate::transport::tcp::{Dial, Stream};

/// Connections by `under`, with TLS over them; the other end must be who the address says.
#[must_use]
pub fn over(under: Dial, config: Arc<ClientConfig>) -> Dial {
    let connector = TlsConnector::from(config);
    Arc::new(move |address| {
        let (under, connector) = (under.clone(), connector.clone());
        Box::pin(async move {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(io::Error::other)?;
            let stream = connector.connect(name, under(address).await?).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

/// What is wrong with whose certificate, if that is what broke a connection.
#[must_use]
pub fn about_certificates(error: &io::Error) -> Option<String> {
    let theirs = |what: String| Some(format!("its certificate is not accepted: {what}"));
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::InvalidCertificate(why) => theirs(why.to_string()),
        Error::NoCertificatesPresented => theirs("it shows none".to_owned()),
        Error::AlertReceived(alert) => match alert {
            Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied => Some(format!("it does not accept our certificate: {alert:?}")),
            _ => None,
        },
        _ => None,
    }
}
