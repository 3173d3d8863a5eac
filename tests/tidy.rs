//! The house keeps its own order: who may import whom, what a pure room must not touch, how large things grow.
//! A new edge in the table, or a new exception, is a design decision: say why in the change that adds it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "tidy/faults.rs"]
mod faults;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;

use rules::{Finding, check};
use source::Source;

/// Room, and the rooms it may import. `*` = all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("clock", &["units"]), // it makes the `Now` of units
    ("proto", &[]),
    ("site", &["units"]),
    ("config", &["devices", "site", "units"]),
    ("transport", &["proto", "clock", "units"]),
    ("devices", &["site", "units", "clock", "transport"]),
    ("telemetry", &["site", "units"]),
    ("state", &["telemetry", "site", "units"]),
    ("forecast", &["state", "site", "units"]),
    ("dispatch", &["forecast", "state", "site", "units"]),
    ("solver", &["dispatch", "proto", "units"]),
    ("transition", &["state", "site", "units"]),
    ("control", &["dispatch", "state", "site", "units"]),
    ("snapshot", &["dispatch", "state", "site", "units"]),
    ("cycle", &["telemetry", "state", "transition", "control", "snapshot", "dispatch", "site", "units"]),
    (
        "backtest",
        &[
            "telemetry",
            "state",
            "transition",
            "control",
            "snapshot",
            "cycle",
            "forecast",
            "dispatch",
            "solver",
            "site",
            "units",
        ],
    ),
    ("ledger", &["snapshot", "dispatch", "solver", "site", "units"]),
    ("store", &["snapshot", "site", "units", "clock"]),
    ("outlets", &["snapshot", "store", "transport", "proto", "site", "units", "clock"]),
    // A snapshot holds a plan and states; without re-exports who converts them must name them where they are declared.
    // What is expected is shown, and what others expect is judged by the room that uses it.
    ("rpc", &["snapshot", "dispatch", "forecast", "state", "site", "store", "ledger", "transport", "proto", "units"]),
    // Its keys are files like the daemon's, with the same mistakes in them; what it issues begins now.
    ("hexctl", &["proto", "transport", "clock"]),
    ("app", &["*"]),
    ("main", &["*"]),
    ("lib", &["*"]),
];

/// Plain data and pure functions.
const PURE: &[&str] = &[
    "units",
    "site",
    "telemetry",
    "state",
    "forecast",
    "dispatch",
    "transition",
    "control",
    "snapshot",
    "cycle",
    "backtest",
    "ledger",
];

/// What pure code does not name, and what it takes instead.
const NOT_IN_PURE: &[(&str, &str)] = &[
    ("tokio", "pure code runs on no runtime"),
    ("std::fs", "the caller reads and writes files"),
    ("std::net", "pure code knows no wire"),
    ("std::thread", "pure code starts nothing"),
    ("std::env", "settings are arguments"),
    ("Instant::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("HashMap", "its order breaks replay: BTreeMap, or indices"),
    ("HashSet", "its order breaks replay: BTreeSet, or indices"),
    ("unwrap_or(0.0)", "unknown is never a number: handle the reason"),
];

/// Rooms that never index: what comes from outside is asked with `get`.
const NO_INDEXING: &[&str] =
    &["transport", "devices", "telemetry", "state", "transition", "control", "cycle", "config", "rpc"];

/// The one place for `unsafe`.
const UNSAFE: &str = "src/solver/highs.rs";

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 80;

/// What may be larger, and why: (file, or file and function, reason).
const MAY_BE_LARGE: &[(&str, &str)] =
    &[("src/devices/profile/file.rs", "one file format on one page: declarations and their documentation")];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = source::read(root);
    assert!(sources.len() > 50, "only {} files found: is the walk broken?", sources.len());
    let mut findings: Vec<Finding> = sources.iter().flat_map(check).collect();
    findings.extend(rules::workspace(root));
    for (what, _) in MAY_BE_LARGE {
        let file = what.split("::").next().unwrap();
        if !sources.iter().any(|s| s.path == file) {
            findings.push(Finding::new(what, 0, "stands in MAY_BE_LARGE and does not exist"));
        }
    }
    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} untidy:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    for s in source::read(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        if let Some(room) = s.room() {
            assert!(MAY_IMPORT.iter().any(|(r, _)| *r == room), "{}: room `{room}` is not in the table", s.path);
        }
    }
}

/// Each detector finds what is planted for it, at its line, and nothing in the innocent look-alike.
#[test]
fn each_detector_can_fail() {
    let todo = concat!("// TO", "DO later");
    let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES));
    let planted: &[(&str, &str, &str)] = &[
        ("src/site/x.rs", "use crate::devices::Profile;", "import"),
        ("src/control/x.rs", "use crate::{site::Site, solver::{Session, x}};", "import"),
        ("src/control/x.rs", "fn f() -> crate::solver::Session {}", "import"),
        ("src/control.rs", "use super::rpc::Source;", "import"),
        ("src/control/deep/x.rs", "use super::super::super::rpc;", "import"),
        ("src/bin/hexctl/main.rs", "use hexad::site::Site;", "import"),
        ("src/state/x.rs", "use tokio::sync::watch;", "pure"),
        ("src/state/x.rs", "use std::{fmt, fs::File};", "pure"),
        ("src/cycle.rs", "let t = std::time::Instant::now();", "pure"),
        ("src/cycle.rs", "let m: HashMap<u8, u8>;", "pure"),
        ("src/telemetry/x.rs", "let w = reading.value.unwrap_or(0.0);", "pure"),
        ("src/telemetry/x.rs", "let w = reading\n    .unwrap_or( 0.0 );", "pure"),
        ("src/rpc/x.rs", "pub use crate::site::Site;", "re-export"),
        ("src/rpc/x.rs", "pub(crate) use crate::site::Site;", "re-export"),
        ("src/rpc/x.rs", "let s = Setpoint { asset };", "setpoint"),
        ("src/app/x.rs", "let s = crate::site::Setpoint { asset };", "setpoint"),
        ("src/app/x.rs", "dbg!(x);", "leftover"),
        ("src/app/x.rs", todo, "leftover"),
        ("tests/it/x.rs", "#[ignore]\nfn f() {}", "leftover"),
        ("tests/it/x.rs", "std::thread::sleep(d);", "sleep"),
        ("src/app/x.rs", "#[cfg(test)]\nmod tests { fn f() { thread::sleep(d); } }", "sleep"),
        ("src/config.rs", "//! Docs.\n", "indexing"),
        ("src/rpc/x.rs", "#[allow(clippy::indexing_slicing)]\nfn f() {}", "indexing"),
        ("src/rpc/x.rs", "#![allow(unsafe_code)]", "unsafe"),
        ("src/app/x.rs", &long, "size"),
        ("hil/src/x.rs", "use hexad::site::Site;", "import"),
    ];
    for (path, text, rule) in planted {
        let found = check(&Source::new(path, text));
        assert!(found.iter().any(|f| f.rule == *rule), "{path}: {text:.60} is not found: {found:?}");
    }
    let file = "fn f() {}\n".repeat(FILE_LINES + 1);
    assert_eq!(check(&Source::new("src/app/x.rs", &file))[0].rule, "size");
    assert_eq!(check(&Source::new("src/site/x.rs", "\n\nuse crate::rpc::X;"))[0].line, 3);
}

#[test]
fn the_innocent_pass() {
    let innocent: &[(&str, &str)] = &[
        ("src/control/x.rs", "use crate::{dispatch::Plan, site::{Site, Asset}, units};\nuse crate::control::guard;"),
        ("src/control/x.rs", "use super::guard;\nuse crate::state::SiteState;"),
        (
            "src/state/x.rs",
            "// no tokio, no HashMap, no crate::rpc here\n/* std::fs */ let s = \"use crate::rpc; tokio\";",
        ),
        ("src/state/x.rs", "let s = r#\"crate::rpc \"HashMap\" \"#; let c = '\"'; let l: &'static str = \"tokio\";"),
        (
            "src/state/x.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::devices::Profile;\n    fn f() { x.unwrap_or(0.0); }\n}",
        ),
        ("src/control/x.rs", "fn f() -> Setpoint { Setpoint { asset } }"),
        ("src/rpc/x.rs", "fn f(s: &Setpoint) -> Setpoint {\n    v1::Setpoint { x }\n}\nimpl From<X> for Setpoint {}"),
        ("src/app/x.rs", "std::thread::sleep(period);\nuse std::fs;"),
        ("src/state/x.rs", "let x = y.unwrap_or(0.01);"),
    ];
    for (path, text) in innocent {
        let found = check(&Source::new(path, text));
        assert!(found.is_empty(), "{path}: {text}: {found:?}");
    }
}
