//! The list of faults and the tests that show what is owed for each, made from the sources so that it cannot rot.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::source::{self, Source};

/// Where the list stands.
const LIST: &str = "tests/FAULTS.md";
/// Set (to anything), the list is written anew instead of compared.
const UPDATE: &str = "FAULTS_UPDATE";

/// Every fault has its number for ever; titles may be mended.
const FAULTS: &[&str] = &[
    "exception 1 or 2: the map differs from the profile",
    "exception 3 on a write",
    "exception 4 on a write",
    "exception 5 or 6: busy",
    "exception 7 or 8",
    "exception 10 or 11: one unit behind a gateway",
    "an exception code that is not defined",
    "a reply after its time-out",
    "another unit id in the reply",
    "a frame in several segments",
    "a wrong length, surplus bytes",
    "noise on the line",
    "a half-open connection, a converter that starts anew",
    "a peer that closes idle connections",
    "a device with one connection for one client",
    "a slow device",
    "a device away for days",
    "another device in its place",
    "fewer registers at once than documented",
    "a wrong unit id at commissioning",
    "sentinels and NaN",
    "a scale factor that changes",
    "word order or address wrong",
    "one garbage sample after a reconnect",
    "unknown taken for 0",
    "a frozen value",
    "one stale meter",
    "a sensor lost while acting on it",
    "a meter with its sign reversed",
    "current without a sign",
    "a state of charge that drifts",
    "a counter that is reset",
    "a torn read",
    "days of 23 and 25 hours",
    "the host's zone is not the site's",
    "a wall clock that is years off",
    "a clock that steps in a cycle",
    "a broker that lost the session",
    "an old retained command",
    "setpoints queued through an outage",
    "loss, duplication, reorder",
    "a certificate that has ended",
    "an infeasible plan",
    "a solve that runs out of time",
    "a forecast that is missing",
    "a plan that reality leaves",
    "a killed controller",
    "a setpoint that outlives its controller",
    "devices missing at the start",
    "a file half written",
    "a full disk",
    "power cut while writing",
    "a slow reader",
    "floods",
    "a server that cuts the stream",
    "two controllers on one device",
    "the grid lost, and its meter",
    "a write without effect",
    "everything resumes at once",
    "two controllers in charge",
    "a reversion timer that only writes restart",
    "a leftover reversion timer",
    "a limit that is off and still holds",
    "limits near 0",
    "a setpoint against a cap",
    "states that differ between models",
    "a command that vanishes",
    "a setpoint left by a plan that failed",
    "writes lost after a device is enabled again",
    "healthy, and nothing is applied",
];

/// Faults that must have a test.
const OWED: &[std::ops::RangeInclusive<usize>] = &[1..=20, 47..=49, 53..=55];

/// Tests by fault: (file, name).
fn tests(sources: &[Source]) -> BTreeMap<usize, Vec<(String, String)>> {
    let mut found: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
    for source in sources {
        for rest in source.tests.split("fn f").skip(1) {
            let name: String = format!("f{rest}").chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            for number in numbers(&name) {
                found.entry(number).or_default().push((source.path.clone(), name.clone()));
            }
        }
    }
    found
}

/// The faults a test names: `f02_f03_it_is_bounded` are 2 and 3.
fn numbers(name: &str) -> Vec<usize> {
    let number = |part: &str| part.strip_prefix('f').filter(|n| n.len() == 2).and_then(|n| n.parse().ok());
    name.split('_').map_while(number).collect()
}

fn list(tests: &BTreeMap<usize, Vec<(String, String)>>) -> String {
    let mut out = String::from(
        "# Faults and the tests that show what is owed for each\n\n\
         Made from the sources by `make faults`; tests/tidy.rs compares it. One line for each fault, with its tests by file.\n\n",
    );
    for (n, title) in FAULTS.iter().enumerate().map(|(n, title)| (n + 1, title)) {
        write!(out, "- F{n:02} {title}:").unwrap();
        let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (file, name) in tests.get(&n).into_iter().flatten() {
            files.entry(file).or_default().push(name);
        }
        for (file, mut names) in files {
            names.sort_unstable();
            let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            write!(out, " {file} {};", names.join(", ")).unwrap();
        }
        out = out.trim_end_matches([':', ';']).to_owned() + "\n";
    }
    out
}

#[test]
fn the_list_of_faults_is_that_of_the_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = tests(&source::read(root));
    for n in OWED.iter().cloned().flatten() {
        assert!(tests.contains_key(&n), "F{n:02} has no test: {}", FAULTS[n - 1]);
    }
    for (n, of) in &tests {
        assert!((1..=FAULTS.len()).contains(n), "there is no fault F{n:02}: {of:?}");
    }
    let (made, path) = (list(&tests), root.join(LIST));
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().find(|line| !stands.lines().any(|l| l == *line));
    assert!(stands == made, "{LIST} is not what the tests say, first {differs:?}; write it anew with `make faults`");
}

#[test]
fn a_test_names_its_faults() {
    assert_eq!(numbers("f02_f03_refused_writes"), [2, 3]);
    assert_eq!(numbers("f61_commands_f02"), [61]);
    for none in ["fetch", "f1_x", "f100_x", "frames", "fxx_y"] {
        assert_eq!(numbers(none), [] as [usize; 0], "{none}");
    }
    let planted =
        Source::new("tests/it/x.rs", "// fn f01_comment() {}\nlet s = \"fn f02_text() {}\";\nasync fn f03_x() {}\n");
    assert_eq!(tests(&[planted]).into_keys().collect::<Vec<_>>(), [3]);
}
