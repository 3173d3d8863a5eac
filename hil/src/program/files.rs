//! Files the rig leaves behind, each written whole or not at all.

use anyhow::Context;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

pub fn write_atomically(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    std::fs::write(&name, text)
        .and_then(|()| std::fs::rename(&name, path))
        .with_context(|| format!("writing {}", path.display()))
}

/// Clock and endpoints for whoever wants to reach the rig.
pub fn write_rig_file(
    path: &Path,
    park_epoch: Timestamp,
    wall_epoch: Timestamp,
    speed: f64,
    endpoints: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct Clock {
        park_epoch: String,
        wall_epoch: String,
        speed: f64,
    }
    #[derive(serde::Serialize)]
    struct RigFile<'a> {
        clock: Clock,
        endpoints: &'a BTreeMap<String, String>,
    }
    let clock = Clock { park_epoch: park_epoch.to_string(), wall_epoch: format!("{wall_epoch:.3}"), speed };
    write_atomically(path, &toml::to_string(&RigFile { clock, endpoints })?)
}
