//! What stands in a certificate.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::TbsCertificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc4519::{COMMON_NAME, ORGANIZATIONAL_UNIT_NAME};
use x509_cert::der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

const DAY_S: i64 = 86_400;

/// What a certificate is for (RFC 5280, section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be connected to.
    Server,
    /// To connect.
    Client,
}

/// A certificate's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Common name of the subject; empty if it has none, several, or one that is no printable text.
    pub name: String,
    /// Organisational unit of the subject, under the same conditions.
    pub unit: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Not in force before.
    pub not_before: Timestamp,
    /// Not in force after.
    pub not_after: Timestamp,
    /// It may sign others.
    pub authority: bool,
    /// Host names and addresses it is for.
    pub hosts: Vec<String>,
    /// What it is for; `None` = anything.
    pub purposes: Option<Vec<Purpose>>,
}

/// Where a certificate stands in its time. The steps are those at which people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// In force for more than 30 days.
    Good,
    /// Ends within 30 days.
    Within30Days,
    /// Ends within 14 days.
    Within14Days,
    /// Ends within 3 days.
    Within3Days,
    /// Not in force yet.
    NotYet,
    /// No longer in force.
    Ended,
}

impl Term {
    /// Connections are made with it.
    #[must_use]
    pub fn in_force(self) -> bool {
        self < Self::NotYet
    }
}

impl Certificate {
    /// The fields of a certificate in DER.
    ///
    /// # Errors
    /// In words.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, String> {
        let x = x509_cert::Certificate::from_der(der.as_ref()).map_err(|e| format!("it is no certificate ({e})"))?;
        let x = x.tbs_certificate();
        let purposes = match extension::<ExtendedKeyUsage>(x)? {
            Some(usage) if !usage.0.contains(&ANY_EXTENDED_KEY_USAGE) => {
                let of = |id: &ObjectIdentifier| match *id {
                    ID_KP_SERVER_AUTH => Some(Purpose::Server),
                    ID_KP_CLIENT_AUTH => Some(Purpose::Client),
                    _ => None,
                };
                Some(usage.0.iter().filter_map(of).collect())
            }
            _ => None,
        };
        let names = extension::<SubjectAltName>(x)?.map(|names| names.0).unwrap_or_default();
        Ok(Self {
            name: only(x.subject(), COMMON_NAME),
            unit: only(x.subject(), ORGANIZATIONAL_UNIT_NAME),
            serial: x.serial_number().as_bytes().iter().map(|b| format!("{b:02x}")).collect(),
            not_before: timestamp(x.validity().not_before)?,
            not_after: timestamp(x.validity().not_after)?,
            authority: extension::<BasicConstraints>(x)?.is_some_and(|c| c.ca),
            hosts: names.iter().filter_map(host).collect(),
            purposes,
        })
    }

    /// It says that it is for this, or does not say what it is for.
    #[must_use]
    pub fn is_for(&self, purpose: Purpose) -> bool {
        self.purposes.as_ref().is_none_or(|all| all.contains(&purpose))
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn term(&self, now: Timestamp) -> Term {
        let left_s = self.not_after.as_second() - now.as_second();
        match left_s {
            _ if now < self.not_before => Term::NotYet,
            ..0 => Term::Ended,
            s if s <= 3 * DAY_S => Term::Within3Days,
            s if s <= 14 * DAY_S => Term::Within14Days,
            s if s <= 30 * DAY_S => Term::Within30Days,
            _ => Term::Good,
        }
    }

    /// The same in words: "ends at ..., in 12 days".
    #[must_use]
    pub fn term_in_words(&self, now: Timestamp) -> String {
        let days = |s: i64| match s / DAY_S {
            0 => "less than a day".to_owned(),
            1 => "1 day".to_owned(),
            n => format!("{n} days"),
        };
        let left_s = self.not_after.as_second() - now.as_second();
        match self.term(now) {
            Term::NotYet => format!("is not in force before {}", self.not_before),
            Term::Ended => format!("ended at {}, {} ago", self.not_after, days(-left_s)),
            _ => format!("ends at {}, in {}", self.not_after, days(left_s)),
        }
    }
}

fn extension<T: AssociatedOid + for<'a> Decode<'a, Error = x509_cert::der::Error>>(
    x: &TbsCertificate,
) -> Result<Option<T>, String> {
    let found = x.get_extension::<T>().map_err(|e| format!("an extension of the certificate cannot be read ({e})"))?;
    Ok(found.map(|(_, value)| value))
}

fn timestamp(time: Time) -> Result<Timestamp, String> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_err(|e| format!("its dates are no dates ({e})"))
}

/// The one value of an attribute, if it is printable text.
fn only(name: &Name, attribute: ObjectIdentifier) -> String {
    let mut values = name.iter().filter(|a| a.oid == attribute);
    let text = match (values.next(), values.next()) {
        (Some(one), None) => text(one).unwrap_or_default(),
        _ => String::new(),
    };
    if text.chars().any(char::is_control) { String::new() } else { text.trim().to_owned() }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    Some(DirectoryString::try_from(&attribute.value).ok()?.value().into_owned())
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(bytes.as_bytes()).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(bytes.as_bytes()).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}
