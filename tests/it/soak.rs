//! How much a randomised suite tries, and what it found: `SOAK_CASES` cases instead of its own number, and a report.

use std::path::PathBuf;

use serde_json::Value;

/// So many cases; `usual` where nobody asks for more.
pub fn cases(usual: u64) -> u64 {
    std::env::var("SOAK_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Writes what a suite found to `target/soak/<suite>.json`; `make soak` puts all of them together. Only in a soak.
pub fn report(suite: &str, found: &Value) {
    println!("{suite}: {found}");
    if std::env::var_os("SOAK_CASES").is_none() {
        return;
    }
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("soak");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{suite}.json")), serde_json::to_vec_pretty(found).unwrap()).unwrap();
}
