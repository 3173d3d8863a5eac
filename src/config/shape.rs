//! A file against its published JSON Schema: what the schema says is exactly what is checked, and every departure is
//! noted, not only the first.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Document, Place};
use super::suggest;

type Found = Vec<(Place, String, String)>;

/// Notes everything in `doc` that `schema` does not allow.
pub(super) fn check(doc: &mut Document<'_>, schema: &Json) {
    let walk = Walk { schema };
    let mut found = Found::new();
    walk.value(schema, doc.root(), &Place::root(), "", &mut found);
    for (place, message, remedy) in found {
        doc.mistake(&place, message, remedy);
    }
}

struct Walk<'s> {
    schema: &'s Json,
}

impl<'s> Walk<'s> {
    /// Follows references and the `null` alternative of optional keys.
    fn resolve(&self, mut schema: &'s Json) -> &'s Json {
        loop {
            let next = if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
                self.schema.pointer(reference.trim_start_matches('#'))
            } else {
                let any = schema.get("anyOf").and_then(Json::as_array);
                any.and_then(|a| a.iter().find(|s| s.get("type").and_then(Json::as_str) != Some("null")))
            };
            match next {
                Some(next) => schema = next,
                None => return schema,
            }
        }
    }

    fn value(&self, schema: &'s Json, value: &Spanned<DeValue<'_>>, at: &Place, key: &str, out: &mut Found) {
        let schema = self.resolve(schema);
        let choices = choices(schema);
        if !choices.is_empty() {
            return choice(&choices, value.get_ref(), at, out);
        }
        let expected = expected_type(schema);
        match (expected, value.get_ref()) {
            ("object", DeValue::Table(_)) => self.table(schema, value, at, out),
            ("array", DeValue::Array(items)) => {
                self.length(schema, items.len(), at, out);
                if let Some(each) = schema.get("items") {
                    for (i, item) in items.iter().enumerate() {
                        self.value(each, item, &at.item(i), key, out);
                    }
                }
            }
            ("string", DeValue::String(s)) => {
                if s.trim().is_empty() {
                    out.push((at.clone(), "empty text".into(), format!("write what `{key}` is")));
                }
            }
            ("boolean", DeValue::Boolean(_)) => {}
            ("number", DeValue::Float(f)) => number(schema, f.as_str(), at, out),
            ("number" | "integer", DeValue::Integer(i)) => {
                let decimal =
                    i64::from_str_radix(i.as_str(), i.radix()).map_or_else(|_| i.to_string(), |n| n.to_string());
                number(schema, &decimal, at, out);
            }
            (expected, other) => out.push((
                at.clone(),
                format!("expected {}, found {}", article(expected), found(other)),
                instead(expected, other, key),
            )),
        }
    }

    fn length(&self, schema: &Json, n: usize, at: &Place, out: &mut Found) {
        let bound = |name: &str| schema.get(name).and_then(Json::as_u64).and_then(|b| usize::try_from(b).ok());
        let (low, high) = (bound("minItems"), bound("maxItems"));
        if low.is_some_and(|l| n < l) || high.is_some_and(|h| n > h) {
            let wanted = match (low, high) {
                (Some(l), Some(h)) if l == h => format!("{l}"),
                (Some(l), _) => format!("at least {l}"),
                (None, h) => format!("at most {}", h.unwrap_or_default()),
            };
            out.push((at.clone(), format!("has {n} entries"), format!("write {wanted}")));
        }
    }

    fn table(&self, schema: &'s Json, value: &Spanned<DeValue<'_>>, at: &Place, out: &mut Found) {
        let DeValue::Table(table) = value.get_ref() else { return };
        let empty = serde_json::Map::new();
        let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&empty);
        let free = schema.get("additionalProperties").filter(|s| s.is_object());
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        for (key, inner) in table.iter() {
            let (name, place) = (key.get_ref().as_ref(), at.key(key.get_ref()));
            if let Some(expected) = properties.get(name).or(free) {
                self.value(expected, inner, &place, name, out);
            } else {
                out.push((place, format!("unknown key `{name}`"), suggest::for_key(name, &known)));
            }
        }
        for key in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !table.iter().any(|(k, _)| k.get_ref().as_ref() == key) {
                let example = properties.get(key).map_or("...", |s| self.example(s));
                out.push((at.key(key), format!("missing key `{key}`"), format!("add `{key} = {example}`")));
            }
        }
    }

    fn example(&self, schema: &'s Json) -> &'static str {
        match expected_type(self.resolve(schema)) {
            "string" => "\"...\"",
            "number" => "<number>",
            "integer" => "<whole number>",
            "boolean" => "true",
            "array" => "[...]",
            _ => "{ ... }",
        }
    }
}

/// The words a key may hold, where it is an enumeration.
fn choices(schema: &Json) -> Vec<&str> {
    if let Some(list) = schema.get("enum").and_then(Json::as_array) {
        return list.iter().filter_map(Json::as_str).collect();
    }
    let one_of = schema.get("oneOf").and_then(Json::as_array);
    one_of.into_iter().flatten().filter_map(|s| s.get("const").and_then(Json::as_str)).collect()
}

fn choice(choices: &[&str], value: &DeValue<'_>, at: &Place, out: &mut Found) {
    match value {
        DeValue::String(s) if choices.contains(&s.as_ref()) => {}
        DeValue::String(s) => {
            out.push((at.clone(), format!("`{s}` is not known here"), suggest::for_name(s, "choice", choices)));
        }
        other => out.push((
            at.clone(),
            format!("expected a word in quotes, found {}", found(other)),
            format!("write one of \"{}\"", choices.join("\", \"")),
        )),
    }
}

fn expected_type(schema: &Json) -> &str {
    match schema.get("type") {
        Some(Json::String(s)) => s,
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).find(|s| *s != "null").unwrap_or(""),
        _ => "",
    }
}

fn number(schema: &Json, text: &str, at: &Place, out: &mut Found) {
    let parsed: Option<f64> = text.parse().ok();
    let Some(value) = parsed.filter(|v| v.is_finite()) else {
        out.push((at.clone(), format!("`{text}` is not a finite number"), "write the number itself".into()));
        return;
    };
    let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
    let (low, above, high) = (bound("minimum"), bound("exclusiveMinimum"), bound("maximum"));
    let remedy = match (low, above, high) {
        (_, Some(a), Some(1.0)) if value > 1.0 && value <= 100.0 => {
            format!("write a share above {a} up to 1, not percent: {}", value / 100.0)
        }
        (Some(l), _, Some(1.0)) if value > 1.0 && value <= 100.0 => {
            format!("write a share from {l} to 1, not percent: {}", value / 100.0)
        }
        (_, Some(a), Some(h)) => format!("write a number above {a} up to {h}"),
        (Some(l), None, Some(h)) => format!("write a number from {l} to {h}"),
        (Some(l), None, None) => format!("write a number of {l} or more"),
        (_, Some(a), None) => format!("write a number above {a}"),
        (None, None, h) => format!("write a number up to {}", h.unwrap_or(f64::MAX)),
    };
    if low.is_some_and(|l| value < l) || above.is_some_and(|a| value <= a) {
        out.push((at.clone(), format!("{text} is too low"), remedy));
    } else if high.is_some_and(|h| value > h) {
        out.push((at.clone(), format!("{text} is too high"), remedy));
    }
}

fn article(kind: &str) -> &str {
    match kind {
        "object" => "a table",
        "array" => "an array",
        "string" => "text in quotes",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "true or false",
        _ => "something else",
    }
}

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(s) => format!("the text \"{}\"", s.chars().take(40).collect::<String>()),
        DeValue::Integer(i) => format!("the number {i}"),
        DeValue::Float(f) => format!("the number {}", f.as_str()),
        DeValue::Boolean(b) => format!("{b}"),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "an array".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

fn instead(expected: &str, value: &DeValue<'_>, key: &str) -> String {
    match (expected, value) {
        ("number" | "integer", DeValue::String(s)) if s.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
            format!("write it without quotes: `{key} = {}`", s.trim())
        }
        ("integer", DeValue::Float(f)) => match f.as_str().parse::<f64>() {
            Ok(v) if v.is_finite() => format!("write `{key} = {}`", v.round()),
            _ => format!("write `{key} = <whole number>`"),
        },
        ("boolean", DeValue::String(s)) if s == "true" || s == "false" => {
            format!("write it without quotes: `{key} = {s}`")
        }
        ("string", DeValue::Integer(i)) => format!("write it in quotes: `{key} = \"{i}\"`"),
        ("string", DeValue::Float(f)) => format!("write it in quotes: `{key} = \"{}\"`", f.as_str()),
        ("array", DeValue::Table(_)) => format!("write the header in double brackets: `[[{key}]]`"),
        ("object", DeValue::Array(_)) => format!("write the header in single brackets: `[{key}]`"),
        ("array", _) => format!("write `{key} = [...]`"),
        ("object", _) => format!("write a table `[{key}]`"),
        _ => format!("write {} for `{key}`", article(expected)),
    }
}
