//! Which points a reader asked for, as positions in the process image.

use crate::site::{PointIx, Site};

/// More patterns than this are not a wish but an attack.
const PATTERNS_MAX: usize = 256;

/// The points that any of `patterns` names, in the order of the image: `*`, `device.*`, `*.Point` or `device.Point`.
///
/// # Errors
/// In words, for a pattern that is malformed or names nothing of this site.
pub(super) fn points(site: &Site, patterns: &[String]) -> Result<Vec<PointIx>, String> {
    if patterns.len() > PATTERNS_MAX {
        return Err(format!("{} point patterns; at most {PATTERNS_MAX} are taken", patterns.len()));
    }
    let mut wanted = vec![false; site.points.len()];
    for pattern in patterns {
        let (device, point) = split(pattern)?;
        let mut any = pattern == "*";
        for (spec, wanted) in site.points.iter().zip(&mut wanted) {
            let of_device = device == "*" || site.devices.get(spec.device.0).is_some_and(|d| d.id == device);
            if of_device && (point == "*" || spec.point.name() == point) {
                *wanted = true;
                any = true;
            }
        }
        if !any {
            return Err(format!("no point of this site matches \"{pattern}\"; \"*\" gives them all"));
        }
    }
    Ok(wanted.iter().enumerate().filter(|(_, w)| **w).map(|(i, _)| PointIx(i)).collect())
}

fn split(pattern: &str) -> Result<(&str, &str), String> {
    if pattern == "*" {
        return Ok(("*", "*"));
    }
    pattern.rsplit_once('.').ok_or_else(|| {
        format!("\"{pattern}\" is not a point pattern; write \"*\", \"device.*\", \"*.Point\" or \"device.Point\"")
    })
}
