//! How many cases a property sees, what happens to one that fails, and what is told of a long run.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Map, Value as Json, json};

use super::case::{Case, Length, draw};

static REPORT: Mutex<Option<Map<String, Json>>> = Mutex::new(None);

/// What one case showed: counters by name, added up over all cases.
pub type Seen = Vec<(&'static str, f64)>;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|v| v.parse().ok())
}

/// Holds `property` against `slice` cases, or `share` of `SOAK_CASES` where that is set; `PROPERTY_SEED` picks one
/// alone. A failure is told with its seed and the smallest case that still fails.
pub fn hold(name: &str, slice: u64, share: f64, length: Length, property: impl Fn(&Case) -> Result<Seen, String>) {
    let soak = number("SOAK_CASES");
    let cases = soak.map_or(slice, |n| (n as f64 * share).ceil() as u64);
    let first = number("SOAK_SEED").unwrap_or(1);
    let seeds = number("PROPERTY_SEED").map_or(first..first + cases, |one| one..one + 1);
    let begin = Instant::now();
    let mut failures = Vec::new();
    let mut sums: Map<String, Json> = Map::new();
    for seed in seeds.clone() {
        let case = draw(seed, length);
        match property(&case) {
            Ok(seen) => {
                for (what, amount) in seen {
                    let sum = sums.get(what).and_then(Json::as_f64).unwrap_or_default();
                    let sum = if what.ends_with("_max") { sum.max(amount) } else { sum + amount };
                    sums.insert(what.to_owned(), json!(sum));
                }
            }
            Err(why) if failures.len() < 3 => {
                let (small, why) = shrunk(case, why, &property);
                failures.push(format!("seed {seed}: {why}\n{}", small.told()));
            }
            Err(why) => failures.push(format!("seed {seed}: {why}")),
        }
    }
    sums.insert("cases".into(), json!(seeds.end - seeds.start));
    sums.insert("failures".into(), json!(failures.len()));
    sums.insert("seconds".into(), json!(begin.elapsed().as_secs_f64()));
    println!("{name}: {}", Json::Object(sums.clone()));
    if soak.is_some() {
        write(name, sums);
    }
    assert!(failures.is_empty(), "{name}: {} of {cases} cases fail\n{}", failures.len(), failures.join("\n"));
}

/// The smallest case that still fails, by leaving out one thing after another.
fn shrunk(mut case: Case, mut why: String, property: &impl Fn(&Case) -> Result<Seen, String>) -> (Case, String) {
    'smaller: for _ in 0..60 {
        for less in case.simpler() {
            if let Err(still) = property(&less) {
                (case, why) = (less, still);
                continue 'smaller;
            }
        }
        break;
    }
    (case, why)
}

/// Adds a property's counts to `target/soak/properties.json`.
fn write(name: &str, sums: Map<String, Json>) {
    let mut report = REPORT.lock().unwrap();
    report.get_or_insert_default().insert(name.to_owned(), Json::Object(sums));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("soak");
    std::fs::create_dir_all(&dir).unwrap();
    let mut file = std::fs::File::create(dir.join("properties.json")).unwrap();
    let all = Json::Object(report.clone().unwrap());
    file.write_all(serde_json::to_string_pretty(&all).unwrap().as_bytes()).unwrap();
}
