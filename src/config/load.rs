use std::path::Path;

use serde::Deserialize;

use super::document::Document;
use super::resolve::Resolver;
use super::site_file::{SiteFile, site_schema};
use super::{FileError, shape};
use crate::devices::profile::ProfileStore;
use crate::site::Site;

/// Reads, checks and resolves a site file. `file` is the name shown in errors.
///
/// # Errors
/// Every mistake found, in the order of the file. Syntax errors hide errors of shape (keys, types, ranges), and those
/// hide errors of meaning (references, physics): each stage shows all of its own.
pub fn load_site(text: &str, file: &str, profiles: &ProfileStore) -> Result<Site, Vec<FileError>> {
    if text.trim().is_empty() {
        return Err(vec![whole(file, "the file is empty", "write a site, see config/sites/ for a complete one")]);
    }
    let mut doc = Document::parse(text, file)?;
    shape::check(&mut doc, &site_schema());
    if !doc.is_clean() {
        return Err(doc.into_mistakes());
    }
    match toml::Deserializer::parse(text).and_then(SiteFile::deserialize) {
        Ok(written) => Resolver::new(doc, profiles).site(written),
        Err(e) => {
            let offset = e.span().map_or(0, |s| s.start);
            doc.mistake_at_offset(offset, e.message().to_owned(), "see `hexad schema site`".to_owned());
            Err(doc.into_mistakes())
        }
    }
}

/// [`load_site`] from a file.
///
/// # Errors
/// As [`load_site`], and when the file cannot be read or is not UTF-8.
pub fn read_site(path: &Path, profiles: &ProfileStore) -> Result<Site, Vec<FileError>> {
    let name = path.display().to_string();
    let text = read_text(path, &name).map_err(|e| vec![e])?;
    load_site(&text, &name, profiles)
}

/// A whole file as text.
pub(super) fn read_text(path: &Path, name: &str) -> Result<String, FileError> {
    let bytes = std::fs::read(path)
        .map_err(|e| whole(name, &format!("cannot be read: {e}"), "name an existing file that this user may read"))?;
    String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = e.as_bytes().iter().take(good).filter(|b| **b == b'\n').count() + 1;
        FileError {
            line,
            ..whole(name, &format!("byte {} is not UTF-8", good + 1), "save the file as UTF-8 without byte order mark")
        }
    })
}

fn whole(file: &str, message: &str, remedy: &str) -> FileError {
    FileError {
        file: file.to_owned(),
        line: 0,
        key: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Point, PointIx};

    const REFERENCE: &str = include_str!("../../config/sites/suzhou-six-in-one.toml");

    fn load(text: &str) -> Result<Site, Vec<FileError>> {
        load_site(text, "site.toml", &ProfileStore::built_in().unwrap())
    }

    #[test]
    fn the_reference_park_loads_and_every_port_is_measured_or_known_not_to_be() {
        let site =
            load(REFERENCE).unwrap_or_else(|e| panic!("{}", e.iter().map(|e| format!("{e}\n")).collect::<String>()));
        assert_eq!((site.assets.len(), site.buses.len(), site.devices.len()), (23, 5, 25));
        for (i, p) in site.points.iter().enumerate() {
            assert_eq!(site.point(p.device, p.point), Some(PointIx(i)));
        }
        for a in &site.assets {
            for p in &a.ports {
                assert!(!p.measured.is_empty(), "{} {}", a.id, p.point.name());
            }
        }
        let heat = &site.assets[site.asset("heat_space").unwrap().0];
        assert_eq!(heat.ports[0].point, Point::HeatW);
        assert_eq!(site.buses[0].closed_by, site.asset("grid"));
        assert_eq!(site.buses[0].closed_by_islanded, site.asset("battery"));
        let order: Vec<&str> = site.assets.iter().take(4).map(|a| a.id.as_str()).collect();
        assert_eq!(order, ["grid", "gas_supply", "pv", "wind1"]);
    }

    #[test]
    fn a_file_with_several_mistakes_names_them_all_in_order() {
        let text = REFERENCE.replace("tilt_deg = 15.0", "tilt = 15.0").replace("count = 8", "count = \"8\"");
        let errors = load(&text).unwrap_err();
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:?}");
        let missing = shown.iter().find(|s| s.contains("missing key `tilt_deg`")).unwrap();
        assert!(missing.contains(": pv.pv.tilt_deg: "), "{missing}");
        assert!(
            shown[2].contains(
                "ev_charger.ev.count: expected a whole number, found the text \"8\"; write it without quotes"
            ),
            "{shown:?}"
        );
    }
}
