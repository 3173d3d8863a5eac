//! The daemon's own settings. Layers, each overriding the one before: the default file, the file of `--config`, the
//! environment, the flags. Each layer is checked strictly before the `config` crate lays them over each other, because
//! that crate coerces in silence ("10" to 10.0, true to 1.0).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::config::{Config, File, FileFormat};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::de::DeValue;

use super::brokers::{self, MqttTable};
use super::document::{Document, Place};
use super::{FileError, load, shape, suggest};
use crate::devices::mqtt::access::Keys;

/// Read when it exists.
pub const DEFAULT_FILE: &str = "/etc/hexad/hexad.toml";

/// Prefix of the environment variables; `__` also stands between table and key: `HEXAD__LOG__FORMAT`.
pub const ENVIRONMENT_PREFIX: &str = "HEXAD__";

/// Shape of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct LogTable {
    format: LogFormat,
    filter: String,
}

impl Default for LogTable {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// Files of TLS: all three or none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct TlsTable {
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

/// The settings as written; the values here are the defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Written {
    listen: String,
    plaintext_loopback: bool,
    tls: TlsTable,
    mqtt: MqttTable,
    state_dir: String,
    profile_dirs: Vec<String>,
    log: LogTable,
    // Three cycles fit into a setpoint's lease of 10 s: one that is late lets none end.
    #[schemars(range(min = 100, max = 3000))]
    cycle_ms: u32,
    // A plan is in force for 900 s: one that is late must not leave the park to the rules.
    #[schemars(range(min = 0.5, max = 300))]
    dispatch_s: f64,
    #[schemars(range(min = 0.1, max = 600))]
    solver_deadline_s: f64,
    rig: Option<String>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:50051".to_owned(),
            plaintext_loopback: false,
            tls: TlsTable::default(),
            mqtt: MqttTable::default(),
            state_dir: "/var/lib/hexad".to_owned(),
            profile_dirs: Vec::new(),
            log: LogTable::default(),
            cycle_ms: 1000,
            dispatch_s: 5.0,
            solver_deadline_s: 4.0,
            rig: None,
        }
    }
}

/// The files that gRPC is served over TLS with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the site's authority, which vouches for clients.
    pub authority: PathBuf,
    /// The daemon's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What the daemon runs with, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// gRPC address; loopback only without TLS.
    pub listen: SocketAddr,
    /// With these gRPC is never served in plaintext, without them on loopback only.
    pub tls: Option<TlsFiles>,
    /// As whom MQTT brokers are reached.
    pub mqtt: Keys,
    /// Where the controller's memory is kept.
    pub state_dir: PathBuf,
    /// Directories of device profiles beside the built-in ones; later ones win.
    pub profile_dirs: Vec<PathBuf>,
    /// Shape of log lines.
    pub log_format: LogFormat,
    /// Filter of the log, `info` or `hexad=debug,info`.
    pub log_filter: String,
    /// Period of the cycle.
    pub cycle: Duration,
    /// Period of the dispatch.
    pub dispatch: Duration,
    /// Hard deadline of one solve.
    pub solver_deadline: Duration,
    /// Rig file, when the devices are simulated.
    pub rig: Option<PathBuf>,
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Read when it exists ([`DEFAULT_FILE`]).
    pub default_file: Option<PathBuf>,
    /// The file of `--config`; must exist.
    pub file: Option<PathBuf>,
    /// Environment variables; those without [`ENVIRONMENT_PREFIX`] are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags as (key, value): `("listen", "127.0.0.1:50052")`.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The process's own: the default file and its environment.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let text = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(k, v)| (text(k), text(v))).collect();
        Self { default_file: Some(PathBuf::from(DEFAULT_FILE)), file, environment, flags }
    }
}

/// Lays the sources over each other and checks them.
///
/// # Errors
/// Every mistake of every layer.
pub fn load_settings(sources: &Sources) -> Result<Settings, Vec<FileError>> {
    let schema = schemars::schema_for!(Written).to_value();
    let mut mistakes = Vec::new();
    let mut layers = Vec::new();
    let default_file = sources.default_file.iter().filter(|p| p.exists());
    for path in default_file.chain(&sources.file) {
        let name = path.display().to_string();
        match load::read_text(path, &name) {
            Ok(text) => layers.push((name, text)),
            Err(e) => mistakes.push(e),
        }
    }
    let files = layers.len();
    for (name, value) in &sources.environment {
        let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
        layers.extend(single(&schema, name, &path, value, &mut mistakes));
    }
    for (key, value) in &sources.flags {
        let flag = format!("--{}", key.replace('_', "-"));
        layers.extend(single(&schema, &flag, std::slice::from_ref(key), value, &mut mistakes));
    }
    for (n, (name, text)) in layers.iter().enumerate() {
        // A variable or a flag has no lines to name.
        let found = layer(&schema, name, text).into_iter();
        mistakes.extend(found.map(|e| if n < files { e } else { FileError { line: 0, ..e } }));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let written = merge(&layers)?;
    resolve(written, &Layers { all: layers, files })
}

/// The layers, lowest first; those after the first `files` have no lines to name.
struct Layers {
    all: Vec<(String, String)>,
    files: usize,
}

impl Layers {
    /// A mistake that shows only once the layers lie over each other: it is named where the highest layer speaks of `at`.
    fn mistake(&self, at: &str, key: &str, message: impl Into<String>, remedy: impl Into<String>) -> FileError {
        let place = |path: &str| path.split('.').fold(Place::root(), |place, key| place.key(key));
        let mut error = setting(key, message.into(), remedy.into());
        for (n, (name, text)) in self.all.iter().enumerate().rev() {
            if let Ok(doc) = Document::parse(text, name)
                && doc.has(&place(at))
            {
                error.file = name.clone();
                error.line = if n < self.files { doc.line(&place(key)) } else { 0 };
                break;
            }
        }
        error
    }
}

/// A variable or flag as a one-line TOML layer: text is quoted, a list is split like `PATH`, the rest stands as it is.
fn single(
    schema: &Json,
    name: &str,
    path: &[String],
    value: &str,
    mistakes: &mut Vec<FileError>,
) -> Option<(String, String)> {
    let mut at = schema;
    for key in path {
        let at_table =
            at.get("$ref").and_then(Json::as_str).and_then(|r| schema.pointer(r.trim_start_matches('#'))).unwrap_or(at);
        let properties = at_table.get("properties").and_then(Json::as_object);
        let Some(next) = properties.and_then(|p| p.get(key)) else {
            let known: Vec<&str> = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
            mistakes.push(FileError {
                file: name.to_owned(),
                line: 0,
                key: path.join("."),
                message: format!("unknown setting `{key}`"),
                remedy: suggest::for_key(key, &known),
            });
            return None;
        };
        at = next;
    }
    let is = |kind: &str| match at.get("type") {
        Some(Json::Array(kinds)) => kinds.iter().any(|k| k == kind),
        Some(one) => one == kind,
        None => false,
    };
    let written = if is("array") {
        Json::from(value.split(':').filter(|s| !s.is_empty()).collect::<Vec<_>>()).to_string()
    } else if (is("number") || is("integer")) && value.trim().parse::<f64>().is_ok()
        || is("boolean") && value.trim().parse::<bool>().is_ok()
    {
        value.trim().to_owned()
    } else {
        toml::Value::from(value).to_string()
    };
    Some((name.to_owned(), format!("{} = {written}", path.join("."))))
}

/// The mistakes of one layer.
fn layer(schema: &Json, name: &str, text: &str) -> Vec<FileError> {
    let mut doc = match Document::parse(text, name) {
        Ok(doc) => doc,
        Err(mistakes) => return mistakes,
    };
    shape::check(&mut doc, schema);
    if let Some(listen) = text_of(&doc, "listen")
        && let Err((message, remedy)) = listen_address(&listen)
    {
        doc.mistake(&Place::root().key("listen"), message, remedy);
    }
    doc.into_mistakes()
}

fn text_of(doc: &Document<'_>, key: &str) -> Option<String> {
    let DeValue::Table(table) = doc.root().get_ref() else { return None };
    table.iter().find(|(k, _)| k.get_ref().as_ref() == key).and_then(|(_, v)| match v.get_ref() {
        DeValue::String(s) => Some(s.to_string()),
        _ => None,
    })
}

fn listen_address(text: &str) -> Result<SocketAddr, (String, String)> {
    text.parse().map_err(|_| {
        (format!("`{text}` is not an address"), "write an address with port, such as \"127.0.0.1:50051\"".to_owned())
    })
}

fn merge(layers: &[(String, String)]) -> Result<Written, Vec<FileError>> {
    let mut builder = Config::builder();
    for (_, text) in layers {
        builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    }
    builder
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|e| vec![setting("", e.to_string(), "correct it".to_owned())])
}

fn setting(key: &str, message: String, remedy: String) -> FileError {
    FileError { file: "settings".to_owned(), line: 0, key: key.to_owned(), message, remedy }
}

fn resolve(w: Written, layers: &Layers) -> Result<Settings, Vec<FileError>> {
    let listen = listen_address(&w.listen).map_err(|(message, remedy)| vec![setting("listen", message, remedy)])?;
    let tls = tls_files(w.tls, layers)?;
    if tls.is_none() && !listen.ip().is_loopback() {
        let message = format!("{listen} is reachable from outside, which takes TLS, and there is no [tls]");
        let remedy = "make a site authority and a certificate with `hexctl pki init` and `hexctl pki issue NAME --role \
                      server`, and name authority, certificate and key in [tls]; or listen on \"127.0.0.1:50051\"";
        return Err(vec![layers.mistake("listen", "listen", message, remedy)]);
    }
    if tls.is_none() && !w.plaintext_loopback {
        let message =
            "gRPC would be served in plaintext: there is no [tls], and plaintext is used on explicit order only";
        let remedy = format!(
            "set `plaintext_loopback = true` (or {ENVIRONMENT_PREFIX}PLAINTEXT_LOOPBACK=true) if every user of this machine may read and steer the park, or make keys with `hexctl pki init`"
        );
        return Err(vec![layers.mistake("plaintext_loopback", "plaintext_loopback", message, remedy)]);
    }
    let mqtt =
        brokers::keys(w.mqtt).map_err(|(key, message, remedy)| vec![layers.mistake("mqtt", key, message, remedy)])?;
    Ok(Settings {
        listen,
        tls,
        mqtt,
        state_dir: PathBuf::from(w.state_dir),
        profile_dirs: w.profile_dirs.into_iter().map(PathBuf::from).collect(),
        log_format: w.log.format,
        log_filter: w.log.filter,
        cycle: Duration::from_millis(w.cycle_ms.into()),
        dispatch: Duration::from_secs_f64(w.dispatch_s),
        solver_deadline: Duration::from_secs_f64(w.solver_deadline_s),
        rig: w.rig.map(PathBuf::from),
    })
}

fn tls_files(table: TlsTable, layers: &Layers) -> Result<Option<TlsFiles>, Vec<FileError>> {
    if [&table.authority, &table.certificate, &table.key].iter().all(|f| f.is_none()) {
        return Ok(None);
    }
    let named = |key: &str, file: Option<String>| {
        file.map(PathBuf::from).ok_or_else(|| {
            let remedy = "name all three of authority, certificate and key (`hexctl pki init` and `hexctl pki issue` make \
                          them), or leave [tls] out";
            layers.mistake("tls", &format!("tls.{key}"), "TLS takes three files, and this one is not named", remedy)
        })
    };
    let files = (named("authority", table.authority), named("certificate", table.certificate), named("key", table.key));
    match files {
        (Ok(authority), Ok(certificate), Ok(key)) => Ok(Some(TlsFiles { authority, certificate, key })),
        (authority, certificate, key) => {
            Err([authority.err(), certificate.err(), key.err()].into_iter().flatten().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(environment: &[(&str, &str)]) -> Sources {
        let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        Sources { environment: environment.iter().map(pair).collect(), ..Sources::default() }
    }

    fn errors(sources: &Sources) -> String {
        load_settings(sources).unwrap_err().iter().map(|e| format!("{e}\n")).collect()
    }

    const PLAIN: (&str, &str) = ("HEXAD__PLAINTEXT_LOOPBACK", "true");

    #[test]
    fn plaintext_is_refused_until_it_is_asked_for() {
        assert!(errors(&sources(&[])).contains("set `plaintext_loopback = true`"));
        let settings = load_settings(&sources(&[PLAIN])).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:50051");
        assert_eq!((settings.cycle, settings.dispatch), (Duration::from_secs(1), Duration::from_secs(5)));
    }

    #[test]
    fn layers_override_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one.toml"), dir.path().join("two.toml"));
        std::fs::write(&one, "cycle_ms = 200\ndispatch_s = 7\nstate_dir = '/a'\n[log]\nfilter = 'warn'").unwrap();
        std::fs::write(&two, "cycle_ms = 300\nstate_dir = '/b'\n[log]\nformat = 'json'").unwrap();
        let mut sources = sources(&[
            PLAIN,
            ("HEXAD__CYCLE_MS", "400"),
            ("HEXAD__LOG__FORMAT", "text"),
            ("HEXAD__PROFILE_DIRS", "/p:/q"),
        ]);
        sources.default_file = Some(one);
        sources.file = Some(two);
        sources.flags = vec![("state_dir".into(), "/c".into()), ("listen".into(), "[::1]:50052".into())];
        let s = load_settings(&sources).unwrap();
        assert_eq!(
            (s.cycle, s.dispatch, s.state_dir),
            (Duration::from_millis(400), Duration::from_secs(7), "/c".into())
        );
        assert_eq!(
            (s.log_format, s.log_filter.as_str(), s.listen.to_string().as_str()),
            (LogFormat::Text, "warn", "[::1]:50052")
        );
        assert_eq!(s.profile_dirs, [PathBuf::from("/p"), PathBuf::from("/q")]);
    }

    #[test]
    fn nothing_is_coerced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hexad.toml");
        for (text, key) in [
            ("cycle_ms = \"1000\"", "cycle_ms"),
            ("plaintext_loopback = 1", "plaintext_loopback"),
            ("\n\ndispatch_s = true", "dispatch_s"),
            ("dispatch_s = nan", "dispatch_s"),
            ("dispatch_s = 301", "dispatch_s"),
            ("listen = 50051", "listen"),
            ("cycle_ms = 99", "cycle_ms"),
            ("cycle_ms = 3001", "cycle_ms"),
            ("dispatch_ms = 10", "dispatch_ms"),
            ("log = 'json'", "log"),
            ("log.format = 'xml'", "log.format"),
            ("listen = '0.0.0.0:50051'", "listen"),
        ] {
            std::fs::write(&file, text).unwrap();
            let shown = errors(&Sources { file: Some(file.clone()), ..sources(&[PLAIN]) });
            let line = text.lines().count();
            assert!(shown.contains(&format!("hexad.toml:{line}: {key}: ")), "{text}: {shown}");
        }
    }

    #[test]
    fn unknown_and_wrong_variables_are_named() {
        assert!(
            errors(&sources(&[("HEXAD__LISTN", "x")]))
                .contains("HEXAD__LISTN: listn: unknown setting `listn`; did you mean `listen`?")
        );
        assert!(errors(&sources(&[("HEXAD__LOG__LEVEL", "x")])).contains("log.level"));
        assert!(
            errors(&sources(&[("HEXAD__CYCLE_MS", "fast")]))
                .contains("expected a whole number, found the text \"fast\"")
        );
        assert!(errors(&sources(&[("HEXAD__LISTEN", "10.0.0.1:1")])).starts_with("HEXAD__LISTEN: listen: 10.0.0.1:1"));
    }

    #[test]
    fn tls_opens_any_address_and_takes_three_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hexad.toml");
        std::fs::write(
            &file,
            "listen = '0.0.0.0:50051'\n[tls]\nauthority = 'a.pem'\ncertificate = 's.pem'\nkey = 's.key'",
        )
        .unwrap();
        let s = load_settings(&Sources { file: Some(file.clone()), ..sources(&[]) }).unwrap();
        assert_eq!(s.tls.map(|t| t.key), Some("s.key".into()));
        std::fs::write(&file, "listen = '0.0.0.0:50051'\n\n[tls]\nauthority = 'a.pem'").unwrap();
        let shown = errors(&Sources { file: Some(file.clone()), ..sources(&[PLAIN]) });
        assert!(shown.contains("hexad.toml:3: tls.certificate: "), "{shown}");
        assert!(shown.contains("tls.key: ") && !shown.contains("tls.authority: "), "{shown}");
        let layered = Sources {
            file: Some(file.clone()),
            ..sources(&[("HEXAD__TLS__CERTIFICATE", "/c.pem"), ("HEXAD__TLS__KEY", "/c.key")])
        };
        assert_eq!(load_settings(&layered).unwrap().tls.map(|t| t.certificate), Some("/c.pem".into()));
        std::fs::write(&file, "\nlisten = '0.0.0.0:50051'").unwrap();
        let shown = errors(&Sources { file: Some(file), ..sources(&[PLAIN]) });
        assert!(shown.contains("hexad.toml:2: listen: ") && shown.contains("hexctl pki init"), "{shown}");
    }

    #[test]
    fn a_named_file_must_exist_the_default_need_not() {
        let missing = PathBuf::from("/nonexistent/hexad.toml");
        assert!(load_settings(&Sources { default_file: Some(missing.clone()), ..sources(&[PLAIN]) }).is_ok());
        assert!(errors(&Sources { file: Some(missing), ..sources(&[PLAIN]) }).contains("cannot be read"));
    }

    #[test]
    fn the_shipped_example_is_valid() {
        let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hexad.toml"));
        assert!(load_settings(&Sources { file: Some(file), ..sources(&[PLAIN]) }).is_ok());
    }
}
