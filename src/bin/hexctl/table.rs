//! Tables in plain text, and how a number looks in them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What stands for a number that is not there.
const NONE: &str = "-";

/// Rows under a heading, each column as wide as its widest cell. A heading that begins with `>` is flushed right.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let titles: Vec<&str> = headings.iter().map(|h| h.trim_start_matches('>')).collect();
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(i, t)| {
            rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).fold(t.chars().count(), usize::max)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for ((cell, width), heading) in cells.zip(&widths).zip(headings) {
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if heading.starts_with('>') { (gap.as_str(), "") } else { ("", gap.as_str()) };
            text += &format!("{before}{cell}{after}  ");
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(&mut titles.iter().copied());
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

/// A number with so many decimals, without a negative nothing.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    let text = format!("{value:.decimals$}");
    if text.starts_with('-') && !text.contains(|c: char| ('1'..='9').contains(&c)) {
        return text.trim_start_matches('-').to_owned();
    }
    text
}

/// A clock time of the site.
pub(crate) fn clock(at: Option<Timestamp>, zone: &TimeZone, format: &str) -> String {
    at.map_or_else(|| NONE.to_owned(), |t| t.to_zoned_datetime(zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::{number, table};

    #[test]
    fn columns_line_up() {
        let rows = [vec!["pv".to_owned(), "12.0".to_owned()], vec!["battery".to_owned(), "-3.5".to_owned()]];
        assert_eq!(table(&["ASSET", ">KW"], &rows), "ASSET      KW\npv       12.0\nbattery  -3.5\n");
    }

    #[test]
    fn nothing_has_no_sign_and_unknown_is_no_number() {
        assert_eq!(number(Some(-0.04), 1), "0.0");
        assert_eq!(number(Some(-0.05001), 1), "-0.1");
        assert_eq!(number(None, 1), "-");
    }
}
