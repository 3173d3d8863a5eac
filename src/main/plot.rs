//! The policies' costs as stacked columns over their parts, with the proven bound across them.

use hexad::backtest::Report;

use super::picture::{GREY, INK, Picture, width_of};

type Part = (&'static str, usize, fn(&Report) -> f64);

const PARTS: [Part; 8] = [
    ("energy", 3, |r| r.cost_energy),
    ("fuel", 4, |r| r.cost_fuel),
    ("demand charge", 5, |r| r.cost_demand),
    ("CO2", 7, |r| r.cost_co2),
    ("wear", 8, |r| r.cost_wear),
    ("starts", 6, |r| r.cost_starts),
    ("not delivered", 9, |r| r.cost_slack),
    ("out of stores", 10, |r| r.cost_stored),
];
const SIZE: (usize, usize) = (960, 560);
/// Left, right, top and bottom of the field.
const FIELD: (f64, f64, f64, f64) = (110.0, 740.0, 90.0, 500.0);

/// The picture; `headline` stands above it.
pub fn of(currency: &str, columns: &[(&str, &Report)], headline: &[String]) -> Picture {
    let mut p = Picture::new(SIZE.0, SIZE.1);
    for (n, line) in headline.iter().enumerate() {
        p.words((20.0, 16.0 + 28.0 * n as f64), if n == 0 { 2 } else { 1 }, INK, line.as_str());
    }
    let above = |r: &Report| PARTS.iter().map(|part| (part.2)(r).max(0.0)).sum::<f64>();
    let below = |r: &Report| PARTS.iter().map(|part| (part.2)(r).min(0.0)).sum::<f64>();
    let high = columns.iter().map(|c| above(c.1)).fold(1.0, f64::max);
    let low = columns.iter().map(|c| below(c.1)).fold(0.0, f64::min);
    let (left, right, top, bottom) = FIELD;
    let y = |money: f64| bottom - (money - low) / (high - low) * (bottom - top);
    axis(&mut p, currency, (low, high), &y);
    let room = (right - left) / columns.len().max(1) as f64;
    for (n, (name, report)) in columns.iter().enumerate() {
        let (from, to) = (left + room * (n as f64 + 0.2), left + room * (n as f64 + 0.8));
        let (mut up, mut down) = (0.0, 0.0);
        for (_, colour, part) in &PARTS {
            let money = part(report);
            let end = if money > 0.0 { &mut up } else { &mut down };
            // A part too small to see is not drawn as a line of its own.
            if (y(*end) - y(*end + money)).abs() >= 0.5 {
                p.rect((from, y(*end)), (to, y(*end + money)), *colour);
            }
            *end += money;
        }
        let middle = f64::midpoint(from, to);
        let total = format!("{:.0}", report.cost_total);
        p.words((middle - width_of(&total, 1) / 2.0, y(up) - 14.0), 1, INK, total);
        p.words((middle - width_of(name, 2) / 2.0, bottom + 16.0), 2, INK, *name);
    }
    if let Some(bound) = columns.iter().find_map(|c| c.1.bound) {
        for dash in 0..((right - left) / 10.0) as usize {
            let x = left + 10.0 * dash as f64;
            p.rect((x, y(bound) - 1.0), (x + 6.0, y(bound) + 1.0), INK);
        }
        p.words((right + 12.0, y(bound) - 4.0), 1, INK, format!("bound {bound:.0}"));
    }
    for (n, (name, colour, _)) in PARTS.iter().enumerate() {
        let at = (right + 60.0, bottom - 24.0 * n as f64 - 16.0);
        p.rect(at, (at.0 + 16.0, at.1 + 12.0), *colour);
        p.words((at.0 + 24.0, at.1 + 2.0), 1, INK, *name);
    }
    p
}

/// Lines at round sums of money.
fn axis(p: &mut Picture, currency: &str, (low, high): (f64, f64), y: &dyn Fn(f64) -> f64) {
    let raw = (high - low) / 5.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|s| *s >= raw).unwrap_or(raw);
    let mut at = (low / step).ceil() * step;
    while at <= high + 1e-9 {
        p.rect((FIELD.0, y(at)), (FIELD.1, y(at) + 1.0), 11);
        let text = format!("{:.0}", at + 0.0);
        p.words((FIELD.0 - 10.0 - width_of(&text, 1), y(at) - 4.0), 1, GREY, text);
        at += step;
    }
    p.rect((FIELD.0, y(0.0)), (FIELD.1, y(0.0) + 1.0), GREY);
    p.words((FIELD.0 - 10.0 - width_of(currency, 1), FIELD.2 - 24.0), 1, GREY, currency);
}
