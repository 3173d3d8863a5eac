use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::FileError;

/// One step from the root of a document to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// Where in a document: steps from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place(Vec<Step>);

impl Place {
    pub(super) fn root() -> Self {
        Self::default()
    }
    pub(super) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }
    pub(super) fn item(&self, item: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Item(item));
        Self(steps)
    }
    /// The n-th table of `[[section]]`.
    pub(super) fn table(section: &str, item: usize) -> Self {
        Self::root().key(section).item(item)
    }
}

/// A parsed file that still knows its lines, and the mistakes found in it so far.
pub(super) struct Document<'t> {
    file: &'t str,
    text: &'t str,
    root: Spanned<DeValue<'t>>,
    mistakes: Vec<FileError>,
}

impl<'t> Document<'t> {
    /// Parses; all syntax errors at once where the parser can recover.
    pub(super) fn parse(text: &'t str, file: &'t str) -> Result<Self, Vec<FileError>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let span = table.span();
        let mut doc =
            Self { file, text, root: Spanned::new(span, DeValue::Table(table.into_inner())), mistakes: Vec::new() };
        for e in errors {
            let offset = e.span().map_or(0, |s| s.start);
            let key = doc.key_on_line_of(offset);
            let remedy = if e.message().contains("duplicate key") {
                "keep one of the two"
            } else {
                "write valid TOML: `key = value`, strings in quotes, each table header in brackets on its own line"
            };
            doc.push(offset, key, format!("not TOML: {}", e.message()), remedy.to_owned());
        }
        if doc.mistakes.is_empty() { Ok(doc) } else { Err(doc.into_mistakes()) }
    }

    pub(super) fn root(&self) -> &Spanned<DeValue<'t>> {
        &self.root
    }

    /// Notes a mistake at `place`; a place that does not exist points at its nearest table.
    pub(super) fn mistake(&mut self, place: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        let (offset, key) = self.locate(place);
        self.push(offset, key, message.into(), remedy.into());
    }

    pub(super) fn mistake_at_offset(&mut self, offset: usize, message: String, remedy: String) {
        let key = self.key_on_line_of(offset);
        self.push(offset, key, message, remedy);
    }

    pub(super) fn is_clean(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// All mistakes, in the order of the file.
    pub(super) fn into_mistakes(mut self) -> Vec<FileError> {
        self.mistakes.sort_by_key(|m| m.line);
        self.mistakes.dedup();
        self.mistakes
    }

    /// Byte where `place` begins: for ordering things as they stand in the file.
    pub(super) fn offset(&self, place: &Place) -> usize {
        self.locate(place).0
    }

    /// Line of `place`, counted from 1.
    pub(super) fn line(&self, place: &Place) -> usize {
        self.line_of(self.offset(place))
    }

    /// Whether the person wrote this key.
    pub(super) fn has(&self, place: &Place) -> bool {
        let mut value = &self.root;
        for step in &place.0 {
            let Some((_, next)) = child(value, step) else { return false };
            value = next;
        }
        true
    }

    fn push(&mut self, offset: usize, key: String, message: String, remedy: String) {
        let line = self.line_of(offset);
        self.mistakes.push(FileError { file: self.file.to_owned(), line, key, message, remedy });
    }

    fn line_of(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    /// The key written on the line of `offset`, for errors of which only the position is known.
    fn key_on_line_of(&self, offset: usize) -> String {
        let line = self.text.lines().nth(self.line_of(offset) - 1).unwrap_or_default();
        let key = line.split(['=', '#']).next().unwrap_or_default();
        key.trim().trim_matches(['[', ']']).trim().chars().take(60).collect()
    }

    /// Byte offset and name for people of a place.
    fn locate(&self, place: &Place) -> (usize, String) {
        let mut value = &self.root;
        let mut offset = 0;
        let mut name = String::new();
        let mut lost = false;
        for step in &place.0 {
            let next = if lost { None } else { child(value, step) };
            if let Some((at, next)) = next {
                offset = at;
                value = next;
            } else {
                lost = true;
            }
            match step {
                Step::Key(key) => {
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(key);
                }
                Step::Item(i) => match value.get_ref() {
                    DeValue::Table(t) if !lost => {
                        name.push('.');
                        name.push_str(&label(t).unwrap_or_else(|| format!("#{}", i + 1)));
                    }
                    _ => name.push_str(&format!("[{}]", i + 1)),
                },
            }
        }
        (offset, name)
    }
}

fn child<'a, 't>(value: &'a Spanned<DeValue<'t>>, step: &Step) -> Option<(usize, &'a Spanned<DeValue<'t>>)> {
    match (value.get_ref(), step) {
        (DeValue::Table(t), Step::Key(key)) => {
            t.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(k, v)| (k.span().start, v))
        }
        (DeValue::Array(a), Step::Item(i)) => a.get(*i).map(|v| (v.span().start, v)),
        _ => None,
    }
}

/// What a person calls a table of an array: its `id`, else its `name`.
fn label(table: &DeTable<'_>) -> Option<String> {
    let text = |key: &str| {
        table.iter().find(|(k, _)| k.get_ref().as_ref() == key).and_then(|(_, v)| match v.get_ref() {
            DeValue::String(s) if !s.is_empty() => Some(s.to_string()),
            _ => None,
        })
    };
    text("id").or_else(|| text("name"))
}
