use super::file::{ModbusFile, MqttFile, SunspecFile};
use super::{Profile, check};

/// A mistake in a profile: where, which key, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {message}")]
pub struct ProfileError {
    /// File (or the name of a built-in profile).
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Key the mistake is about, `point.W.address`.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

#[derive(serde::Deserialize)]
struct Head {
    protocol: Option<String>,
}

/// Read one profile. Pure: `file` only names the source in errors.
///
/// # Errors
/// Every mistake found, at least one.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Profile, Vec<ProfileError>> {
    let source = Text { file, text };
    let head: Head = toml::from_str(text).map_err(|e| vec![source.syntax(&e)])?;
    match head.protocol.as_deref() {
        Some("modbus") => {
            let f: ModbusFile = toml::from_str(text).map_err(|e| vec![source.syntax(&e)])?;
            check::modbus(name, &source, f)
        }
        Some("sunspec") => {
            let f: SunspecFile = toml::from_str(text).map_err(|e| vec![source.syntax(&e)])?;
            check::sunspec(name, &source, f)
        }
        Some("mqtt") => {
            let f: MqttFile = toml::from_str(text).map_err(|e| vec![source.syntax(&e)])?;
            check::mqtt(name, &source, f)
        }
        Some(other) => {
            let message = format!("`{other}` is not spoken; write \"modbus\", \"sunspec\" or \"mqtt\"");
            Err(vec![source.at("", "protocol", message)])
        }
        None => {
            Err(vec![source.at("", "protocol", "missing; write protocol = \"modbus\", \"sunspec\" or \"mqtt\"".into())])
        }
    }
}

/// The text of a profile, to say where a mistake is.
pub(super) struct Text<'a> {
    file: &'a str,
    text: &'a str,
}

impl Text<'_> {
    /// An error about `key` in table `table` (`point.W`, `vector#2`, empty for the top).
    pub fn at(&self, table: &str, key: &str, message: String) -> ProfileError {
        let line = self.line_of(table, key);
        let key = match (table, key) {
            ("", k) => k.to_owned(),
            (t, "") => t.to_owned(),
            (t, k) => format!("{t}.{k}"),
        };
        ProfileError { file: self.file.to_owned(), line, key, message }
    }

    fn line_of(&self, table: &str, key: &str) -> usize {
        let (header, nth) = match table.split_once('#') {
            Some((name, n)) => (format!("[[{name}]]"), n.parse::<usize>().unwrap_or(1)),
            None => (format!("[{table}]"), 1),
        };
        let mut lines = self.text.lines().zip(1..);
        let mut found = 1;
        if !table.is_empty() {
            let headers = lines.by_ref().filter(|(line, _)| line.trim_start().starts_with(&header));
            found = headers.take(nth).map(|(_, n)| n).last().unwrap_or(1);
        }
        lines
            .take_while(|(line, _)| !line.trim_start().starts_with('['))
            .find(|(line, _)| line.split_once('=').is_some_and(|(k, _)| k.trim() == key))
            .map_or(found, |(_, n)| n)
    }

    /// A mistake the parser found: its line, its key, and the nearest known word.
    fn syntax(&self, e: &toml::de::Error) -> ProfileError {
        let start = e.span().map_or(0, |s| s.start);
        let before = self.text.get(..start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let message = e.message().to_owned();
        let mut words = message.split('`').skip(1).step_by(2);
        let unknown = message.starts_with("unknown").then(|| words.next()).flatten();
        let known: Vec<&str> = words.collect();
        let key = unknown.map_or_else(|| self.key_on(line), str::to_owned);
        let nearest = unknown.and_then(|u| nearest(u, &known));
        let message = match nearest {
            Some(k) => format!("{message}; did you mean `{k}`?"),
            None => message,
        };
        ProfileError { file: self.file.to_owned(), line, key, message }
    }

    fn key_on(&self, line: usize) -> String {
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        let key = text.split('=').next().unwrap_or("").trim();
        key.trim_matches(['[', ']']).to_owned()
    }
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase()), *k))
        .filter(|(d, k)| *d <= 1 + k.len() / 4)
        .min()
        .map(|(_, k)| k)
}
