//! Mistakes in a site file, each as a small change to the reference park: the program exits with 2 and names file, line
//! and key. One file of `tests/bad-sites/` is one mistake.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hexad::config::load_site;
use hexad::devices::profile::ProfileStore;
use proptest::prelude::*;
use serde::Deserialize;

const REFERENCE: &str = include_str!("../../config/sites/suzhou-six-in-one.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Each text stands exactly once in the reference and is replaced by the other.
    replace: Vec<(String, String)>,
    expect_key: String,
    expect_text: String,
    /// The line that is named holds this.
    #[serde(default)]
    expect_line_contains: String,
    /// How many mistakes in all: one mistake must not cascade. 0 = any number.
    #[serde(default = "one")]
    expect_mistakes: usize,
}

fn one() -> usize {
    1
}

fn cases() -> Vec<(String, Case)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-sites");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let read = |p: PathBuf| {
        let name = p.file_stem().unwrap().to_string_lossy().into_owned();
        let case = toml::from_str(&std::fs::read_to_string(&p).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, case)
    };
    paths.into_iter().map(read).collect()
}

fn check(path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hexad")).args(["check", "--site"]).arg(path).output().unwrap()
}

fn patched(name: &str, case: &Case) -> String {
    case.replace.iter().fold(REFERENCE.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{name}: {from:?} must stand once in the reference");
        text.replace(from, to)
    })
}

/// What is wrong with the answer, if anything.
fn verdict(name: &str, case: &Case, dir: &Path) -> Result<(), String> {
    let text = patched(name, case);
    let path = dir.join(format!("{name}.toml"));
    std::fs::write(&path, &text).unwrap();
    let output = check(&path);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let fail = |why: &str| Err(format!("{name}: {why}\n{stderr}"));
    if output.status.code() != Some(2) || !output.stdout.is_empty() {
        return fail("must exit with 2 and print no table");
    }
    let prefix = format!("{}:", path.display());
    let mistakes: Vec<&str> = stderr.lines().filter_map(|l| l.strip_prefix(&prefix)).collect();
    let middle = format!(": {}: ", case.expect_key);
    let hit = mistakes.iter().find(|m| m.contains(&middle) && m.contains(&case.expect_text));
    let Some(hit) = hit else {
        return fail(&format!("no mistake at `{}` says `{}`", case.expect_key, case.expect_text));
    };
    let line: usize = hit.split(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut lines = text.lines().skip(line.wrapping_sub(1));
    let (named, after) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    if line == 0 || !named.contains(&case.expect_line_contains) {
        return fail(&format!("line {line} is `{named}`, not the one with `{}`", case.expect_line_contains));
    }
    let id = case.expect_key.split('.').nth(1).unwrap_or("");
    if named.starts_with("[[") && case.expect_key.split('.').count() > 2 && !after.contains(id) {
        return fail(&format!("line {line} is the header of `{after}`, not of `{id}`"));
    }
    if case.expect_mistakes != 0 && mistakes.len() != case.expect_mistakes {
        return fail(&format!("{} mistakes instead of {}", mistakes.len(), case.expect_mistakes));
    }
    Ok(())
}

#[test]
fn each_mistake_of_the_corpus_is_named_with_line_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let cases = cases();
    assert!(cases.len() >= 35, "{}", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|(name, case)| verdict(name, case, dir.path()).err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn a_file_that_is_no_text_at_all_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    let bytes = [REFERENCE.as_bytes(), b"\n\xff\xfe\n"].concat();
    let last = REFERENCE.lines().count() + 2; // the reference ends with a newline
    let not_utf8 = format!("site.toml:{last}: byte {} is not UTF-8", REFERENCE.len() + 2);
    for (content, says) in [
        (Some(bytes.as_slice()), not_utf8.as_str()),
        (Some(b"".as_slice()), "site.toml: the file is empty"),
        (Some(b"\n  \n".as_slice()), "site.toml: the file is empty"),
        (Some(b"\0\0\0\0".as_slice()), "site.toml:1: "),
        (None, "site.toml: cannot be read"),
    ] {
        let _ = std::fs::remove_file(&path);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let output = check(&path);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(says), "{says}: {stderr}");
    }
}

#[test]
fn the_reference_park_is_printed_as_a_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sites/suzhou-six-in-one.toml");
    let output = check(&path);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    for words in ["heat_high", "chp-control.HeatW", "-1053 .. 0", "critical_peak", "NEVER by themselves", "park/ev"] {
        assert!(table.contains(words), "{words}\n{table}");
    }
}

#[test]
fn schemas_are_printed_as_json() {
    for (which, key) in [("site", "$defs"), ("profile", "oneOf")] {
        let output = Command::new(env!("CARGO_BIN_EXE_hexad")).args(["schema", which]).output().unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success() && schema.get(key).is_some());
        if which == "site" {
            assert_eq!(schema["$defs"]["Battery"]["properties"]["charge_efficiency"]["maximum"], 1.0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is damaged, the answer is a site or a list of mistakes, never a panic.
    #[test]
    fn a_damaged_site_file_never_panics(damage in prop::collection::vec((0..REFERENCE.len(), 0..3_u8, any::<u8>()), 1..8)) {
        let mut bytes = REFERENCE.as_bytes().to_vec();
        for (at, how, byte) in damage {
            let at = at % bytes.len();
            match how {
                0 => bytes[at] = byte % 128,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte % 128),
            }
        }
        let profiles = ProfileStore::built_in().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if let Err(mistakes) = load_site(&text, "site.toml", &profiles) {
            prop_assert!(!mistakes.is_empty());
            for m in &mistakes {
                prop_assert!(!m.message.is_empty() && !m.remedy.is_empty(), "{m}");
            }
        }
    }

    /// Whole lines moved, doubled or lost: the mistakes of cut and paste.
    #[test]
    fn a_shuffled_site_file_never_panics(moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_u8), 1..6)) {
        let mut lines: Vec<&str> = REFERENCE.lines().collect();
        for (from, to, how) in moves {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match how {
                0 => lines.swap(from, to),
                1 => lines.insert(to, lines[from]),
                _ => { lines.remove(from); }
            }
        }
        let profiles = ProfileStore::built_in().unwrap();
        if let Err(mistakes) = load_site(&lines.join("\n"), "site.toml", &profiles) {
            prop_assert!(mistakes.iter().all(|m| m.line <= lines.len() + 1));
        }
    }
}
