use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Profile, ProfileError, parse};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../config/profiles/", $name, ".toml")))),+]
    };
}

/// The profiles compiled in: file name without `.toml`, and text.
pub const BUILT_IN: &[(&str, &str)] = built_in![
    "janitza-umg96rm-grid",
    "janitza-umg96rm-load",
    "ref-absorption-300",
    "ref-boiler-500",
    "ref-chiller-400",
    "ref-chp-400",
    "ref-cold-meter",
    "ref-cold-tank",
    "ref-dali-gateway",
    "ref-dump-cooler",
    "ref-ev-park",
    "ref-feeder-relay",
    "ref-gas-meter",
    "ref-genset-100",
    "ref-heat-exchanger",
    "ref-heat-meter",
    "ref-heat-pump-300",
    "ref-heat-tank",
    "ref-pcc-relay",
    "ref-pcs-250",
    "ref-pv-500",
    "ref-weather",
    "ref-wind-60",
    "sunspec-inverter",
    "sunspec-meter",
    "sunspec-storage",
];

/// All known profiles by name.
#[derive(Clone, Debug, Default)]
pub struct ProfileStore {
    profiles: BTreeMap<String, Arc<Profile>>,
}

impl ProfileStore {
    /// The built-in profiles alone. Pure.
    ///
    /// # Errors
    /// Every mistake in them (a test keeps this empty).
    pub fn built_in() -> Result<Self, Vec<ProfileError>> {
        let mut store = Self::default();
        let errors: Vec<_> =
            BUILT_IN.iter().flat_map(|(n, t)| store.add(n, &format!("{n}.toml"), t).err()).flatten().collect();
        if errors.is_empty() { Ok(store) } else { Err(errors) }
    }

    /// The built-in profiles, then every `*.toml` of `dirs`, later ones replacing earlier ones of the same name.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn load(dirs: &[PathBuf]) -> Result<Self, Vec<ProfileError>> {
        let mut store = Self::built_in()?;
        let mut errors = Vec::new();
        for dir in dirs {
            match files(dir) {
                Ok(paths) => errors.extend(paths.iter().flat_map(|p| store.add_file(p).err()).flatten()),
                Err(e) => errors.push(unreadable(dir, &e)),
            }
        }
        if errors.is_empty() { Ok(store) } else { Err(errors) }
    }

    /// Parse `text` and keep it under `name`. Pure.
    ///
    /// # Errors
    /// Every mistake found; the store is unchanged then.
    pub fn add(&mut self, name: &str, file: &str, text: &str) -> Result<(), Vec<ProfileError>> {
        let profile = parse(name, file, text)?;
        self.profiles.insert(name.to_owned(), Arc::new(profile));
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Vec<ProfileError>> {
        let text = std::fs::read_to_string(path).map_err(|e| vec![unreadable(path, &e)])?;
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        self.add(&name, &path.display().to_string(), &text)
    }

    /// The profile of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(name)
    }

    /// All names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, e: &std::io::Error) -> ProfileError {
    let file = path.display().to_string();
    ProfileError { file, line: 0, key: "profiles".into(), message: format!("cannot be read: {e}") }
}
