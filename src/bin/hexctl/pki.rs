//! A small site authority in a folder: no certificate without a key of its own, nothing preset, nothing overwritten.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use hexad::clock;
use hexad::transport::tls::{self, Certificate, Purpose};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use serde::Serialize;

use crate::{print, print_json};

const DAY_S: u64 = 86_400;
/// Certificates begin so long before they are made: clocks differ.
const EARLIER_S: u64 = 3600;

#[derive(Subcommand)]
pub(crate) enum Pki {
    /// Make a site authority: DIR/authority.pem, which everybody may see, and DIR/authority.key, which signs.
    Init {
        /// Folder; made if missing. Keep it off the daemon's machine.
        #[arg(long)]
        dir: PathBuf,
        /// Name of the site, as certificates show it.
        #[arg(long, default_value = "hexad site")]
        name: String,
        /// In force for so long.
        #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=7300))]
        days: u32,
    },
    /// Make a certificate and its key: DIR/NAME.pem and DIR/NAME.key.
    Issue {
        /// Whose; also the name of the files.
        #[arg(value_parser = file_name)]
        name: String,
        /// What it permits.
        #[arg(long)]
        role: Role,
        /// Folder of the authority.
        #[arg(long)]
        dir: PathBuf,
        /// Name or address under which a server is reached; may be given several times.
        #[arg(long = "host")]
        hosts: Vec<String>,
        /// In force for so long.
        #[arg(long, default_value_t = 397, value_parser = clap::value_parser!(u32).range(1..=825))]
        days: u32,
    },
    /// What stands in a certificate file.
    Show {
        /// PEM.
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Role {
    /// To be connected to: the daemon, a broker.
    Server,
    /// Looks.
    Viewer,
    /// Looks; proposes as operator, market and optimiser.
    Operator,
    /// Looks; proposes as grid operator.
    GridOperator,
    /// Looks; proposes as protection and safety.
    Protection,
}

/// A certificate as it is printed.
#[derive(Serialize)]
struct Shown {
    name: String,
    role: String,
    authority: bool,
    hosts: Vec<String>,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    term: String,
}

fn file_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) || text.starts_with(['.', '-']) {
        return Err("up to 64 letters, digits, and - _ . @, the first a letter or digit".to_owned());
    }
    if text == "authority" {
        return Err("this is the authority's own name".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(json: bool, pki: Pki) -> Result<()> {
    match pki {
        Pki::Init { dir, name, days } => init(&dir, &name, days),
        Pki::Issue { name, role, dir, hosts, days } => issue(&dir, &name, role, &hosts, days),
        Pki::Show { file } => show(json, &file),
    }
}

fn init(dir: &Path, name: &str, days: u32) -> Result<()> {
    let name = name.trim();
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
        bail!("the name of the site has 1 to 64 printable characters");
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make {}", dir.display()))?;
    let key = KeyPair::generate()?;
    let certificate = authority(name, days)?.self_signed(&key)?;
    store(dir, "authority", &certificate.pem(), &key)?;
    print(&format!(
        "made {0}/authority.pem and {0}/authority.key\n\
         next: hexctl pki issue NAME --role server --host HOST --dir {0}, then one certificate per person\n",
        dir.display()
    ))
}

fn authority(name: &str, days: u32) -> Result<CertificateParams> {
    let mut params = named(name);
    lasting(&mut params, clock::wall().time, days)?;
    params.serial_number = Some(serial()?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn issue(dir: &Path, name: &str, role: Role, hosts: &[String], days: u32) -> Result<()> {
    if (role == Role::Server) == hosts.is_empty() {
        bail!("a server has at least one --host, under which it is reached, and nobody else has any");
    }
    let (file, now) = (dir.join("authority.pem"), clock::wall());
    if !now.synchronised {
        eprintln!("hexctl: the clock of this machine is not synchronised; it says {}", now.time);
    }
    let authority =
        tls::certificates(&file)?.into_iter().next().ok_or_else(|| anyhow!("{} is empty", file.display()))?;
    let signer = KeyPair::from_pem(&tls::secret(&dir.join("authority.key"))?)
        .with_context(|| format!("{}/authority.key is no key", dir.display()))?;
    let mut params = leaf(name, role, hosts)?;
    lasting(&mut params, now.time, days)?;
    if i64::from(days) * 86_400 > authority.not_after.as_second() - now.time.as_second() {
        bail!("the authority {}: give fewer --days, or make another authority", authority.term_in_words(now.time));
    }
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &Issuer::new(named(&authority.name), signer))?;
    let purpose = if role == Role::Server { Purpose::Server } else { Purpose::Client };
    // An authority that was made elsewhere may be named otherwise than `init` would name it.
    tls::vouched(&file, certificate.der(), purpose, now.time)?;
    store(dir, name, &certificate.pem(), &key)?;
    print(&format!("made {0}/{name}.pem and {0}/{name}.key, in force for {days} days\n", dir.display()))
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn leaf(name: &str, role: Role, hosts: &[String]) -> Result<CertificateParams> {
    let mut params = named(name);
    params.serial_number = Some(serial()?);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match role {
        Role::Server => ExtendedKeyUsagePurpose::ServerAuth,
        _ => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    if role != Role::Server {
        let unit = role.to_possible_value().context("a role without a name")?.get_name().to_owned();
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    for host in hosts {
        params.subject_alt_names.push(match host.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.as_str().try_into().with_context(|| format!("`{host}` is no host"))?),
        });
    }
    Ok(params)
}

/// 127 random bits, positive.
fn serial() -> Result<SerialNumber> {
    let mut bytes = [0_u8; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| anyhow!("the machine has no random numbers"))?;
    // The first bit is the sign; a leading zero would be dropped.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// In force from `now` for so long.
fn lasting(params: &mut CertificateParams, now: Timestamp, days: u32) -> Result<()> {
    let now = u64::try_from(now.as_second()).context("the clock of this machine stands before 1970")?;
    let at = |s: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(s);
    params.not_before = at(now.saturating_sub(EARLIER_S));
    params.not_after = at(now + u64::from(days) * DAY_S);
    Ok(())
}

/// Certificate and key, both or none, and never in place of others.
fn store(dir: &Path, name: &str, certificate: &str, key: &KeyPair) -> Result<()> {
    let (pem, secret) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    if let Some(there) = [&pem, &secret].into_iter().find(|f| f.symlink_metadata().is_ok()) {
        bail!("{} is there already, and nothing is overwritten: choose another name or folder", there.display());
    }
    write_new(&secret, &key.serialize_pem(), 0o600)?;
    write_new(&pem, certificate, 0o644).inspect_err(|_| {
        std::fs::remove_file(&secret).ok();
    })
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn show(json: bool, file: &Path) -> Result<()> {
    let now = clock::wall().time;
    let all: Vec<Shown> = tls::certificates(file)?.into_iter().map(|c| shown(c, now)).collect();
    if json {
        return print_json(&all);
    }
    for c in &all {
        print(&format!("{} ({}), serial {}: {}\n", c.name, c.role, c.serial, c.term))?;
        if !c.hosts.is_empty() {
            print(&format!("  reached as {}\n", c.hosts.join(", ")))?;
        }
    }
    Ok(())
}

fn shown(c: Certificate, now: Timestamp) -> Shown {
    let role = match (c.authority, c.is_for(Purpose::Client)) {
        (true, _) => "authority".to_owned(),
        (false, true) if !c.unit.is_empty() => c.unit.clone(),
        (false, true) => "no role".to_owned(),
        (false, false) => "server".to_owned(),
    };
    let term = c.term_in_words(now);
    Shown {
        name: c.name,
        role,
        authority: c.authority,
        hosts: c.hosts,
        serial: c.serial,
        not_before: c.not_before,
        not_after: c.not_after,
        term,
    }
}
