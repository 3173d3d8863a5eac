//! The live screen: how the site runs, its assets, its buses, its alarms.

use std::collections::VecDeque;

use hexad::proto::v1;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use crate::figures::{AlarmFigures, AssetFigures, Figures, zone};
use crate::status::{alarm_line, asset_row, headline, health_line, plan_line};
use crate::strip::tall;
use crate::table::number;

/// Cycles of the PCC's past that are kept.
const PAST: usize = 300;
/// Rows of the list of alarms, the frame included.
const ALARM_ROWS: u16 = 5;

/// What is on the screen.
pub(crate) struct Screen {
    site: v1::Site,
    newest: Option<Figures>,
    pcc_kw: VecDeque<Option<f64>>,
    first_row: usize,
}

impl Screen {
    pub(crate) fn new(site: v1::Site) -> Self {
        Self { site, newest: None, pcc_kw: VecDeque::new(), first_row: 0 }
    }

    pub(crate) fn show(&mut self, figures: Figures) {
        let grid = figures.assets.iter().find(|a| a.kind == "grid");
        self.pcc_kw.push_back(grid.and_then(|a| a.power_kw));
        if self.pcc_kw.len() > PAST {
            self.pcc_kw.pop_front();
        }
        self.newest = Some(figures);
    }

    pub(crate) fn scroll(&mut self, rows: isize) {
        let last = self.newest.as_ref().map_or(0, |f| f.assets.len().saturating_sub(1));
        self.first_row = self.first_row.saturating_add_signed(rows).min(last);
    }

    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>) {
        let Some(figures) = &self.newest else {
            frame.render_widget(
                Paragraph::new(format!("{}: waiting for the first cycle", self.site.name)),
                frame.area(),
            );
            return;
        };
        let buses = u16::try_from(figures.buses.len()).unwrap_or(u16::MAX).saturating_add(2).max(4);
        let [head, assets, foot, alarms] = Layout::vertical([
            Constraint::Length(3),
            Constraint::Min(5),
            Constraint::Length(buses.min((frame.area().height / 4).max(4))),
            Constraint::Length(ALARM_ROWS.min(frame.area().height / 5)),
        ])
        .areas(frame.area());
        self.first_row = self.first_row.min(hidden(figures, assets));
        let [left, right] = Layout::horizontal([Constraint::Length(46), Constraint::Min(0)]).areas(foot);
        self.draw_head(frame, head, figures);
        self.draw_assets(frame, assets, figures);
        self.draw_buses(frame, left, figures);
        self.draw_past(frame, right);
        self.draw_alarms(frame, alarms, figures);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
        let health = if figures.health.good { Color::Green } else { Color::Red };
        let lines = vec![
            Line::styled(headline(&self.site, figures), Style::new().add_modifier(Modifier::BOLD)),
            Line::raw(plan_line(&self.site, figures)),
            Line::styled(health_line(&self.site, figures), Style::new().fg(health)),
        ];
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn draw_assets(&self, frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
        let hidden = hidden(figures, area);
        let columns: Vec<_> = COLUMNS.iter().filter(|c| area.width >= WIDE || c.always).collect();
        let rows = figures.assets.iter().skip(self.first_row).map(|a| asset_line(a, &columns));
        let heading = Row::new(columns.iter().map(|c| cell(c, c.heading.to_owned())))
            .style(Style::new().add_modifier(Modifier::BOLD));
        let widths = columns.iter().map(|c| c.width);
        let more = if hidden > 0 {
            format!(" assets ({}; arrow keys scroll) ", figures.assets.len())
        } else {
            " assets ".to_owned()
        };
        let table = Table::new(rows, widths).header(heading).block(Block::bordered().title(more));
        frame.render_widget(table, area);
    }

    fn draw_buses(&self, frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
        let rows = figures.buses.iter().map(|b| {
            let price = number(b.price_per_kwh, 3);
            Row::new([
                Cell::new(b.id.clone()),
                Cell::new(Text::from(number(b.balance_kw, 1)).right_aligned()),
                Cell::new(Text::from(price).right_aligned()),
            ])
        });
        let title = format!(" buses: balance kW, {}/kWh ", self.site.currency);
        let widths = [Constraint::Min(10), Constraint::Length(10), Constraint::Length(10)];
        frame.render_widget(Table::new(rows, widths).block(Block::bordered().title(title)), area);
    }

    fn draw_past(&self, frame: &mut Frame<'_>, area: Rect) {
        let room = usize::from(area.width.saturating_sub(2));
        let past: Vec<_> = self.pcc_kw.iter().skip(self.pcc_kw.len().saturating_sub(room)).copied().collect();
        let known = || past.iter().flatten().copied();
        let (low, high) = (known().fold(0.0, f64::min), known().fold(1.0, f64::max));
        let rows = usize::from(area.height.saturating_sub(3)).max(1);
        let drawn = tall(&past, low, high, rows).into_iter();
        let mut lines: Vec<_> = drawn.map(|l| Line::styled(l, Style::new().fg(Color::LightBlue))).collect();
        let now = number(past.last().copied().flatten(), 1);
        lines.push(Line::raw(format!("now {now} kW, {low:.0} to {high:.0}")));
        frame
            .render_widget(Paragraph::new(lines).block(Block::bordered().title(" grid import (+), export (-) ")), area);
    }

    fn draw_alarms(&self, frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
        let zone = zone(&self.site);
        let colour = |a: &AlarmFigures| match (a.state.as_str(), a.severity.as_str()) {
            ("ended", _) => Color::DarkGray,
            (_, "critical") => Color::Red,
            _ => Color::Yellow,
        };
        // What nobody knows of stands out.
        let weight = |a: &AlarmFigures| match a.state.as_str() {
            "unacknowledged" if a.severity != "notice" => Modifier::BOLD,
            _ => Modifier::empty(),
        };
        let style = |a: &AlarmFigures| Style::new().fg(colour(a)).add_modifier(weight(a));
        let lines: Vec<_> = figures.alarms.iter().map(|a| Line::styled(alarm_line(a, &zone), style(a))).collect();
        let new = figures.alarms.iter().filter(|a| a.state != "acknowledged" && a.severity != "notice").count();
        let title = format!(" alarms ({}, {new} to be noted: hexctl ack) - q ends ", lines.len());
        frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
    }
}

/// How many assets find no room between the frame and below the heading.
fn hidden(figures: &Figures, area: Rect) -> usize {
    figures.assets.len().saturating_sub(usize::from(area.height.saturating_sub(3)))
}

/// From this width on every column finds room.
const WIDE: u16 = 118;

/// A column of the assets.
struct Column {
    /// Its place in [`asset_row`].
    place: usize,
    heading: &'static str,
    width: Constraint,
    /// On narrow terminals too.
    always: bool,
}

const fn column(place: usize, heading: &'static str, width: Constraint, always: bool) -> Column {
    Column { place, heading, width, always }
}

const COLUMNS: [Column; 10] = [
    column(0, "asset", Constraint::Length(18), true),
    column(1, "group", Constraint::Length(14), false),
    column(2, "elec kW", Constraint::Length(8), true),
    column(3, "heat kW", Constraint::Length(8), true),
    column(4, "cool kW", Constraint::Length(8), true),
    column(5, "gas kW", Constraint::Length(8), false),
    column(6, "setpoint", Constraint::Length(8), true),
    column(7, "state", Constraint::Length(9), false),
    column(8, "quality", Constraint::Length(17), true),
    column(9, "reason", Constraint::Min(8), false),
];

/// Numbers stand to the right.
fn cell(column: &Column, text: String) -> Cell<'static> {
    let text = Text::from(text);
    Cell::new(if (2..=6).contains(&column.place) { text.right_aligned() } else { text })
}

fn asset_line(asset: &AssetFigures, columns: &[&Column]) -> Row<'static> {
    let colour = if asset.quality != "good" { Color::Red } else { group_colour(&asset.group) };
    let row = asset_row(asset);
    let text = |c: &Column| row.get(c.place).cloned().unwrap_or_default();
    Row::new(columns.iter().map(|c| cell(c, text(c)))).style(Style::new().fg(colour))
}

fn group_colour(group: &str) -> Color {
    match group {
        "pv" => Color::Yellow,
        "wind" => Color::Cyan,
        "cchp" => Color::LightRed,
        "low_grade_heat" => Color::LightMagenta,
        "storage" => Color::LightGreen,
        "efficiency" => Color::LightBlue,
        _ => Color::Reset,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn flow(carrier: &str, kind: v1::value::Kind) -> v1::Flow {
        let power_kw = Some(v1::Value { kind: Some(kind) });
        v1::Flow { bus: "b".to_owned(), carrier: carrier.to_owned(), power_kw, believed_kw: 0.0, age_s: 0.5 }
    }

    fn asset(id: &str, kind: &str, value: v1::value::Kind, quality: &str) -> v1::AssetState {
        v1::AssetState {
            id: id.to_owned(),
            kind: kind.to_owned(),
            group: "storage".to_owned(),
            flows: vec![flow("electricity", value)],
            quality: quality.to_owned(),
            ..Default::default()
        }
    }

    fn snapshot(assets: Vec<v1::AssetState>) -> Figures {
        let alarm = v1::Alarm {
            kind: "device_lost".to_owned(),
            severity: "critical".to_owned(),
            subject: "pcs".to_owned(),
            text: "no answer for 12 s".to_owned(),
            since: Some(prost_types::Timestamp { seconds: 1_783_000_000, nanos: 0 }),
            state: "unacknowledged".to_owned(),
            ..Default::default()
        };
        let time = Some(prost_types::Timestamp { seconds: 1_783_000_012, nanos: 0 });
        let mode = "grid_connected".to_owned();
        v1::Snapshot { cycle: 42, time, mode, assets, alarms: vec![alarm], ..Default::default() }.into()
    }

    fn drawn(screen: &mut Screen, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    fn site() -> v1::Site {
        v1::Site { name: "Test park".to_owned(), zone: "Asia/Shanghai".to_owned(), ..Default::default() }
    }

    #[test]
    fn one_screen_says_it_all() {
        use v1::value::Kind::{Reason, Value};
        let mut screen = Screen::new(site());
        assert!(drawn(&mut screen, 80, 24).concat().contains("waiting for the first cycle"));
        screen.show(snapshot(vec![
            asset("grid", "grid", Value(123.44), "good"),
            asset("battery", "battery", Reason("device_timeout".to_owned()), "device_timeout"),
        ]));
        let lines = drawn(&mut screen, 130, 30);
        let line = |part: &str| lines.iter().find(|l| l.contains(part)).unwrap();
        assert!(lines[0].contains("Test park") && lines[0].contains("cycle 42"), "{}", lines[0]);
        assert!(lines[0].contains("21:46:52 +08:00"), "{}", lines[0]);
        assert!(line("│grid").contains("123.4"));
        assert!(line("│battery").contains("device_timeout"));
        assert!(line("CRITICAL").contains("device_lost pcs: no answer for 12 s (since 21:46:40)"));
        assert!(lines.concat().contains("now 123.4 kW"));
    }

    #[test]
    fn a_small_terminal_scrolls() {
        let mut screen = Screen::new(site());
        let value = || v1::value::Kind::Value(1.0);
        screen.show(snapshot((0..30).map(|i| asset(&format!("asset-{i:02}"), "battery", value(), "good")).collect()));
        let shown = |screen: &mut Screen| drawn(screen, 80, 24).concat();
        assert!(shown(&mut screen).contains("asset-00") && !shown(&mut screen).contains("asset-29"));
        for _ in 0..40 {
            screen.scroll(1);
        }
        assert!(shown(&mut screen).contains("asset-29") && !shown(&mut screen).contains("asset-00"));
        assert!(drawn(&mut screen, 20, 6).len() == 6, "too small a terminal is drawn all the same");
    }
}
