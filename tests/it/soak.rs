//! How much a randomised suite tries, and what it found: `SOAK_CASES` cases instead of its own number, and a report.

use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Map, Value};

static REPORT: Mutex<()> = Mutex::new(());

/// So many cases; `usual` where nobody asks for more.
pub fn cases(usual: u64) -> u64 {
    std::env::var("SOAK_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Puts what a suite found under its name into `target/soak/report.json`, beside what others put there. Only in a soak.
pub fn report(suite: &str, found: Value) {
    println!("{suite}: {found}");
    if std::env::var_os("SOAK_CASES").is_none() {
        return;
    }
    let _one = REPORT.lock().unwrap();
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/soak/report.json"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    let mut all = before.unwrap_or_default();
    all.insert(suite.to_owned(), found);
    std::fs::write(&path, serde_json::to_vec_pretty(&all).unwrap()).unwrap();
}
