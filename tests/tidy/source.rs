//! A source file as the rules see it: without comments and texts, and with its tests apart.

use std::path::Path;

/// One file.
#[derive(Debug)]
pub struct Source {
    /// From the repository's root.
    pub path: String,
    /// As written.
    pub text: String,
    /// Without comments, texts and test code; the same lines.
    pub code: String,
    /// The test code alone; the same lines.
    pub tests: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let bare = bare(text);
        let all_tests = path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
        let (code, tests) = if all_tests { (blank(&bare), bare) } else { split_tests(&bare) };
        Self { path: path.to_owned(), text: text.to_owned(), code, tests }
    }

    /// The room of a file of the product.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let inside = inside.strip_prefix("bin/").unwrap_or(inside);
        inside.split('/').next().map(|first| first.trim_end_matches(".rs"))
    }

    /// Modules between the crate's root and this file: 1 for `src/site.rs`.
    pub fn depth(&self) -> usize {
        self.path.strip_prefix("src/").map_or(usize::MAX, |p| p.split('/').filter(|s| *s != "mod.rs").count())
    }

    /// Root file of a room: `src/site.rs`.
    pub fn is_room_root(&self) -> bool {
        self.path.strip_prefix("src/").is_some_and(|p| !p.contains('/'))
    }
}

/// All Rust files of the repository; files that a `#[cfg(test)] mod x;` names count as tests.
pub fn read(root: &Path) -> Vec<Source> {
    let mut paths = vec![root.join("build.rs")];
    for dir in ["src", "tests", "hil"] {
        walk(&root.join(dir), &mut paths);
    }
    paths.sort();
    let name = |p: &Path| p.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    let mut sources: Vec<Source> = paths
        .iter()
        .filter(|p| p.exists())
        .map(|p| Source::new(&name(p), &std::fs::read_to_string(p).unwrap()))
        .collect();
    let test_files: Vec<String> = sources.iter().flat_map(test_files).collect();
    for s in sources.iter_mut().filter(|s| test_files.contains(&s.path)) {
        s.tests = bare(&s.text);
        s.code = blank(&s.tests);
    }
    sources
}

fn walk(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Paths of the files that this one declares as test modules.
fn test_files(s: &Source) -> Vec<String> {
    let dir = match s.path.strip_suffix("/mod.rs").or_else(|| s.path.strip_suffix("/lib.rs")) {
        Some(dir) => dir.to_owned(),
        None => s.path.trim_end_matches(".rs").to_owned(),
    };
    let declared = s.tests.split("mod ").skip(1).filter_map(|rest| rest.split_once(';'));
    declared
        .filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .map(|(name, _)| format!("{dir}/{name}.rs"))
        .collect()
}

/// Spaces for everything but line ends.
pub fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// Code without comments and without the content of texts; lines stay.
pub fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = literal_end(rest, out.chars().next_back());
        let (skipped, after) = rest.split_at(end.unwrap_or(c.len_utf8()));
        match end {
            Some(_) => out.push_str(&blank(skipped)),
            None => out.push(c),
        }
        rest = after;
    }
    out
}

/// Length of the comment or text that begins here.
fn literal_end(rest: &str, before: Option<char>) -> Option<usize> {
    let until = |open: usize, close: &str| rest.get(open..)?.find(close).map(|i| i + open + close.len());
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with("r\"") || rest.starts_with("r#") {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        let is_text = rest[1 + hashes..].starts_with('"') && !before.is_some_and(|c| c.is_alphanumeric() && c != 'b');
        return is_text.then(|| until(2 + hashes, &format!("\"{}", "#".repeat(hashes))).unwrap_or(rest.len()));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    // A quote is a character if it closes soon; else it is a lifetime.
    let character = rest.starts_with("'\\") || (rest.starts_with('\'') && rest.chars().nth(2) == Some('\''));
    character.then(|| quoted(rest, '\''))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let tail = &rest.as_bytes()[at..];
        match (tail.first(), tail.get(1)) {
            (Some(b'/'), Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (Some(b'*'), Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            (Some(_), _) => at += 1,
            (None, _) => return rest.len(),
        }
        if depth == 0 {
            return at;
        }
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return i + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Bytes from `open` to behind its matching `close`, both included.
pub fn matching(code: &str, open: char, close: char) -> usize {
    let mut depth = 0_usize;
    for (i, c) in code.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return i + 1;
            }
        }
    }
    code.len()
}

/// Length of the item that begins here: to its `;` or the end of its braces.
fn item(code: &str) -> usize {
    match (code.find('{'), code.find(';')) {
        (Some(brace), semi) if semi.is_none_or(|s| brace < s) => brace + matching(&code[brace..], '{', '}'),
        (_, Some(semi)) => semi + 1,
        _ => code.len(),
    }
}

/// Code and test code apart, each with all lines.
fn split_tests(bare: &str) -> (String, String) {
    const MARK: &str = "#[cfg(test)]";
    let (mut code, mut tests) = (String::new(), String::new());
    let mut rest = bare;
    while let Some(at) = rest.find(MARK) {
        let end = at + MARK.len() + item(&rest[at + MARK.len()..]);
        code.push_str(&rest[..at]);
        tests.push_str(&blank(&rest[..at]));
        code.push_str(&blank(&rest[at..end]));
        tests.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    code.push_str(rest);
    tests.push_str(&blank(rest));
    (code, tests)
}
