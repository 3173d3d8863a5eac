//! A screen as a picture: the cells of a terminal drawn as SVG, the same on every font and without one for its frames.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// Size of a cell and of its text, and the room around all cells, px.
const CELL: (f64, f64) = (8.0, 17.0);
const TEXT: f64 = 13.2;
const MARGIN: f64 = 16.0;
const FONTS: &str = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const PAPER: &str = "#0d1117";
const FRAME: &str = "#3d444d";

/// The picture, as a document of its own. `title` is for those who do not see it.
pub(crate) fn svg(screen: &Buffer, title: &str) -> String {
    let area = screen.area;
    let (width, height) =
        (f64::from(area.width) * CELL.0 + 2.0 * MARGIN, f64::from(area.height) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"{FONTS}\" font-size=\"{TEXT}\" xml:space=\"preserve\">\n",
        escaped(title)
    );
    for y in area.top()..area.bottom() {
        line(&mut out, screen, y);
    }
    out + "</g>\n</svg>\n"
}

/// Text that stands together and looks alike.
struct Run {
    at: u16,
    text: String,
    look: (Color, bool),
}

fn line(out: &mut String, screen: &Buffer, y: u16) {
    let mut run: Option<Run> = None;
    for x in screen.area.left()..screen.area.right() {
        let Some(cell) = screen.cell((x, y)) else { continue };
        let look = (cell.fg, cell.modifier.contains(Modifier::BOLD));
        let symbol = cell.symbol();
        let drawn = shape(symbol, x, y, cell.fg);
        let ends = drawn.is_some() || symbol == " " || run.as_ref().is_some_and(|r| r.look != look);
        if ends {
            write(out, run.take(), y);
        }
        match drawn {
            Some(shape) => out.push_str(&shape),
            None if symbol == " " => {}
            None => run.get_or_insert_with(|| Run { at: x, text: String::new(), look }).text.push_str(symbol),
        }
    }
    write(out, run, y);
}

fn write(out: &mut String, run: Option<Run>, y: u16) {
    let Some(Run { at, text, look: (colour, bold) }) = run else { return };
    let (left, top) = corner(at, y);
    let length = text.chars().count() as f64 * CELL.0;
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    out.push_str(&format!(
        "<text x=\"{left}\" y=\"{}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}>{}</text>\n",
        top + 0.75 * CELL.1,
        hex(colour),
        escaped(&text)
    ));
}

/// Frames and blocks are drawn: fonts leave gaps between them.
fn shape(symbol: &str, x: u16, y: u16, colour: Color) -> Option<String> {
    let (left, top) = corner(x, y);
    let (right, bottom) = (left + CELL.0, top + CELL.1);
    let (middle, centre) = (left + CELL.0 / 2.0, top + CELL.1 / 2.0);
    let path = match symbol {
        "─" => format!("M{left} {centre}H{right}"),
        "│" => format!("M{middle} {top}V{bottom}"),
        "┌" => format!("M{middle} {bottom}V{centre}H{right}"),
        "┐" => format!("M{left} {centre}H{middle}V{bottom}"),
        "└" => format!("M{middle} {top}V{centre}H{right}"),
        "┘" => format!("M{left} {centre}H{middle}V{top}"),
        block => {
            let eighths = f64::from(block.chars().next().filter(|c| ('▁'..='█').contains(c))? as u32 - '▁' as u32 + 1);
            let filled = CELL.1 * eighths / 8.0;
            let (y, width) = (bottom - filled, CELL.0);
            let fill = hex(colour);
            return Some(format!(
                "<rect x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{filled}\" fill=\"{fill}\"/>\n"
            ));
        }
    };
    Some(format!("<path d=\"{path}\" stroke=\"{FRAME}\" fill=\"none\"/>\n"))
}

fn corner(x: u16, y: u16) -> (f64, f64) {
    (f64::from(x) * CELL.0 + MARGIN, f64::from(y) * CELL.1 + MARGIN)
}

/// The colours of the screen, for dark paper.
fn hex(colour: Color) -> &'static str {
    match colour {
        Color::Red => "#ff6b6b",
        Color::Green => "#3fb950",
        Color::Yellow => "#e3b341",
        Color::Cyan => "#56d4dd",
        Color::LightRed => "#ffa198",
        Color::LightGreen => "#7ee787",
        Color::LightBlue => "#79c0ff",
        Color::LightMagenta => "#d2a8ff",
        _ => "#d1d7e0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::svg;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    #[test]
    fn what_is_on_the_screen_is_in_the_picture() {
        let mut screen = Buffer::empty(Rect::new(0, 0, 12, 2));
        screen.set_string(0, 0, "a<b 12.5 kW", Style::new().fg(Color::Yellow));
        screen.set_string(0, 1, "┌─┐▄", Style::new());
        let picture = svg(&screen, "R&D park");
        for part in [
            "<title>R&amp;D park</title>",
            "<text x=\"16\" y=\"28.75\" textLength=\"24\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#e3b341\">a&lt;b</text>",
            ">12.5</text>",
            "<path d=\"M20 50V41.5H24\"",
            "<rect x=\"40\" y=\"41.5\" width=\"8\" height=\"8.5\"",
        ] {
            assert!(picture.contains(part), "{part} is not in\n{picture}");
        }
        assert_eq!(picture.matches("<text").count(), 3, "{picture}");
    }

    #[test]
    fn a_change_of_colour_is_another_text() {
        let mut screen = Buffer::empty(Rect::new(0, 0, 4, 1));
        screen.set_string(0, 0, "ab", Style::new().fg(Color::Red));
        screen.set_string(2, 0, "cd", Style::new().fg(Color::Green));
        let picture = svg(&screen, "");
        assert!(picture.contains("#ff6b6b\">ab<") && picture.contains("#3fb950\">cd<"), "{picture}");
    }
}
