//! What was probably meant.

/// Endings of a key that name a unit; longest first, so that `_kwh` is not read as `_h`.
const UNITS: &[&str] = &[
    "_kw_per_s",
    "_mw_per_s",
    "_w_per_s",
    "_kw_per_min",
    "_per_kwh",
    "_per_mwh",
    "_per_kw_month",
    "_percent",
    "_kelvin",
    "_hours",
    "_mins",
    "_secs",
    "_minutes",
    "_seconds",
    "_gwh",
    "_mwh",
    "_kwh",
    "_wh",
    "_mva",
    "_kva",
    "_va",
    "_mw",
    "_kw",
    "_w",
    "_m3",
    "_l",
    "_litre",
    "_pct",
    "_degc",
    "_deg",
    "_rad",
    "_c",
    "_k",
    "_f",
    "_ms",
    "_us",
    "_min",
    "_s",
    "_h",
    "_kg",
    "_g",
    "_t",
];

/// The key without its unit, where it has one.
fn stem(key: &str) -> &str {
    UNITS.iter().find_map(|u| key.strip_suffix(u)).unwrap_or(key)
}

/// What to write instead of the unknown key `wrong`.
pub(super) fn for_key(wrong: &str, known: &[&str]) -> String {
    let lower = wrong.to_lowercase();
    if let Some(right) = known.iter().find(|k| stem(k) == stem(&lower) && **k != stem(k)) {
        return format!("write `{right}` and give the value in that unit");
    }
    match nearest(&lower, known) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("remove it; known here: {}", known.join(", ")),
    }
}

/// What to write instead of the unknown name `wrong`.
pub(super) fn for_name(wrong: &str, what: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(right) => format!("did you mean `{right}`?"),
        None if known.is_empty() => format!("there is no {what} at all: add one"),
        None if known.len() > 24 => format!("write the name of one of the {} known", known.len()),
        None => format!("known: {}", known.join(", ")),
    }
}

fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|k| (strsim::jaro_winkler(wrong, k).max(strsim::normalized_damerau_levenshtein(wrong, k)), *k))
        .filter(|(score, _)| *score > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_unit_is_told_from_a_typo() {
        let known = ["rated_kw", "tilt_deg", "bus", "device"];
        assert_eq!(for_key("rated_w", &known), "write `rated_kw` and give the value in that unit");
        assert_eq!(for_key("rated", &known), "write `rated_kw` and give the value in that unit");
        assert_eq!(for_key("devise", &known), "did you mean `device`?");
        assert!(for_key("colour", &known).starts_with("remove it; known here: rated_kw"));
    }
}
