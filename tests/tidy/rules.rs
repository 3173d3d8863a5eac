//! The rules, one function each.

use std::fmt;
use std::path::Path;

use crate::source::{Source, bare, matching};
use crate::{FILE_LINES, FUNCTION_LINES, MAY_BE_LARGE, MAY_IMPORT, NO_INDEXING, NOT_IN_PURE, PURE, UNSAFE};

/// One offence.
#[derive(Debug)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub text: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, text: &str) -> Self {
        Self { path: path.to_owned(), line, rule: "table", text: text.to_owned() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.text)
    }
}

struct Report<'s> {
    source: &'s Source,
    out: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, rule: &'static str, offset: usize, within: &str, text: String) {
        let line = within.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        self.out.push(Finding { path: self.source.path.clone(), line, rule, text });
    }
}

/// All offences of one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut r = Report { source, out: Vec::new() };
    imports(&mut r);
    purity(&mut r);
    re_exports(&mut r);
    setpoints(&mut r);
    leftovers(&mut r);
    sleeps(&mut r);
    indexing(&mut r);
    unsafety(&mut r);
    sizes(&mut r);
    r.out
}

/// Every occurrence of `word` that is not part of a longer name.
fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let open = word.chars().next_back().is_some_and(|c| !part(c));
    code.match_indices(word).map(|(i, _)| i).filter(move |i| {
        let before = code[..*i].chars().next_back();
        let after = code[i + word.len()..].chars().next();
        !before.is_some_and(part) && (open || !after.is_some_and(part))
    })
}

/// The names that follow `prefix::`, each with its place; looks into `prefix::{a::b, c}`.
fn heads(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for at in words(code, prefix) {
        let start = at + prefix.len();
        if code[start..].starts_with('{') {
            let inside = &code[start..start + matching(&code[start..], '{', '}')];
            let mut depth = 0;
            let mut expect = true;
            for (i, c) in inside.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => expect = true,
                    c if expect && depth == 1 && !c.is_whitespace() => {
                        out.push((start + i, name(&inside[i..])));
                        expect = false;
                    }
                    _ => {}
                }
            }
        } else {
            out.push((start, name(&code[start..])));
        }
    }
    out
}

fn name(code: &str) -> String {
    code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn imports(r: &mut Report<'_>) {
    let s = r.source;
    if s.path.starts_with("hil/") {
        for (at, _) in heads(&s.code, "hexad::") {
            r.add("import", at, &s.code, "the rig shares no code with the product".into());
        }
        return;
    }
    let Some(room) = s.room() else { return };
    let allowed = MAY_IMPORT.iter().find(|(r, _)| *r == room).map_or(&[][..], |(_, a)| *a);
    if allowed.contains(&"*") {
        return;
    }
    let mut used = heads(&s.code, "crate::");
    used.extend(heads(&s.code, "hexad::"));
    used.extend(heads(&s.code, &"super::".repeat(s.depth().min(9))));
    let rooms: Vec<&str> = MAY_IMPORT.iter().map(|(r, _)| *r).collect();
    for (at, head) in used {
        if rooms.contains(&head.as_str()) && head != room && !allowed.contains(&head.as_str()) {
            r.add("import", at, &s.code, format!("`{room}` may not import `{head}`"));
        }
    }
}

fn purity(r: &mut Report<'_>) {
    let s = r.source;
    if !s.room().is_some_and(|room| PURE.contains(&room)) {
        return;
    }
    // Spaces and line ends inside an expression do not hide it; offsets are kept by a map of positions.
    let kept: Vec<(usize, char)> = s.code.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let dense: String = kept.iter().map(|(_, c)| *c).collect();
    let std_heads = heads(&s.code, "std::");
    for (what, why) in NOT_IN_PURE {
        let message = format!("`{what}`: {why}");
        if let Some(module) = what.strip_prefix("std::") {
            for (at, _) in std_heads.iter().filter(|(_, h)| h == module) {
                r.add("pure", *at, &s.code, message.clone());
            }
        } else if what.contains('(') {
            for (i, _) in dense.match_indices(what) {
                let at = dense[..i].chars().count();
                r.add("pure", kept[at].0, &s.code, message.clone());
            }
        } else {
            for at in words(&s.code, what) {
                r.add("pure", at, &s.code, message.clone());
            }
        }
    }
}

fn re_exports(r: &mut Report<'_>) {
    let s = r.source;
    let Some(room) = s.room() else { return };
    for start in ["pub use crate::", "pub(crate) use crate::"] {
        for (at, head) in heads(&s.code, start) {
            if head != room {
                r.add(
                    "re-export",
                    at,
                    &s.code,
                    format!("`{head}` is imported from its own room, not through `{room}`"),
                );
            }
        }
    }
}

fn setpoints(r: &mut Report<'_>) {
    let s = r.source;
    if s.room().is_none_or(|room| room == "control" || room == "hexctl") {
        return;
    }
    for at in words(&s.code, "Setpoint") {
        let before = s.code[..at].trim_end();
        let built = s.code[at + "Setpoint".len()..].trim_start().starts_with('{');
        let declared = ["struct", "impl", "for", "->"].iter().any(|k| before.ends_with(k));
        // A generated message of the same name is another type; the rooms' own come from `site`.
        let foreign = before.ends_with("::") && !before.ends_with("site::");
        if built && !declared && !foreign {
            r.add("setpoint", at, &s.code, "a setpoint is built in `control` only".into());
        }
    }
}

fn leftovers(r: &mut Report<'_>) {
    let s = r.source;
    for code in [&s.code, &s.tests] {
        for at in words(code, "dbg!") {
            r.add("leftover", at, code, "remove it".into());
        }
        for (at, _) in code.match_indices("#[ignore") {
            r.add("leftover", at, code, "a test that does not run proves nothing".into());
        }
    }
    for word in [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")] {
        for at in words(&s.text, word) {
            r.add("leftover", at, &s.text, "do it, or open an issue".into());
        }
    }
}

fn sleeps(r: &mut Report<'_>) {
    let s = r.source;
    for at in words(&s.tests, "thread::sleep") {
        r.add("sleep", at, &s.tests, "wait for what happens, not for time to pass".into());
    }
}

fn indexing(r: &mut Report<'_>) {
    let s = r.source;
    let Some(room) = s.room().filter(|room| NO_INDEXING.contains(room)) else { return };
    let lint = "clippy::indexing_slicing";
    if s.is_room_root() && !attribute_names(&s.code, "#![deny(", lint) {
        r.add("indexing", 0, &s.code, format!("add `#![deny({lint})]`: `{room}` reads what comes from outside"));
    }
    for open in ["#![allow(", "#[allow(", "#[expect(", "#![expect("] {
        if attribute_names(&s.code, open, lint) {
            let at = s.code.find(lint).unwrap_or(0);
            r.add("indexing", at, &s.code, "ask with `get`".into());
        }
    }
}

fn attribute_names(code: &str, open: &str, lint: &str) -> bool {
    code.match_indices(open).any(|(at, _)| code[at..].split(']').next().is_some_and(|a| a.contains(lint)))
}

fn unsafety(r: &mut Report<'_>) {
    let s = r.source;
    if s.path == UNSAFE || !s.path.starts_with("src/") && !s.path.starts_with("hil/") {
        return;
    }
    for at in words(&s.code, "unsafe_code").chain(words(&s.code, "unsafe")) {
        r.add("unsafe", at, &s.code, format!("only {UNSAFE} may"));
    }
}

fn sizes(r: &mut Report<'_>) {
    let s = r.source;
    let excused = |what: &str| MAY_BE_LARGE.iter().any(|(w, _)| *w == what);
    let lines = s.text.lines().count();
    if lines > FILE_LINES && !excused(&s.path) {
        r.add("size", 0, &s.text, format!("{lines} lines, more than {FILE_LINES}: split it by subject"));
    }
    let all = bare(&s.text);
    for at in words(&all, "fn") {
        let function = name(all[at + 2..].trim_start());
        let Some((body, _)) = all[at..].char_indices().find(|(_, c)| *c == '{' || *c == ';') else { continue };
        if !all[at + body..].starts_with('{') {
            continue;
        }
        let end = at + body + matching(&all[at + body..], '{', '}');
        let lines = all[at..end].lines().count();
        if lines > FUNCTION_LINES && !excused(&format!("{}::{function}", s.path)) {
            r.add("size", at, &all, format!("`{function}` has {lines} lines, more than {FUNCTION_LINES}: split it"));
        }
    }
}

/// What the manifests promise.
pub fn workspace(root: &Path) -> Vec<Finding> {
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (product, rig) = (read("Cargo.toml"), read("hil/Cargo.toml"));
    let mut out = Vec::new();
    for lint in ["missing_docs", "unsafe_code = \"deny\"", "unwrap_used", "expect_used", "panic", "disallowed_methods"]
    {
        if !product.contains(lint) {
            out.push(Finding::new("Cargo.toml", 0, &format!("the lint `{lint}` is gone")));
        }
    }
    for (path, text) in [("Cargo.toml", &product), ("hil/Cargo.toml", &rig)] {
        if !text.contains("[lints]\nworkspace = true") {
            out.push(Finding::new(path, 0, "does not take the workspace's lints"));
        }
    }
    let manifest: toml::Table = rig.parse().unwrap();
    for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
        if manifest.get(table).is_some_and(|t| t.get("hexad").is_some()) {
            out.push(Finding::new("hil/Cargo.toml", 0, "the rig depends on the product it judges"));
        }
    }
    out
}
