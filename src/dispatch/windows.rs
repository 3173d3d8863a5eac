//! The settlement windows of the horizon: what import is settled on are means over them, not over intervals.

use super::Inputs;

/// One mean that settles: `(kwh_before + sum of import x hours) / hours`.
#[derive(Debug, PartialEq)]
pub(super) struct Mean {
    /// Imported already, in the window now running.
    pub kwh_before: f64,
    /// What it is a mean over, hours.
    pub hours: f64,
    /// Intervals with their hours in it.
    pub parts: Vec<(usize, f64)>,
}

/// An overlap shorter than this is rounding, hours.
const NONE_H: f64 = 1.0 / 3600.0;

/// The means of the horizon, in order. Intervals within one window are summed; the first ones complete the window now
/// running; an interval that holds whole windows bounds their mean by its own.
pub(super) fn means(input: &Inputs<'_>) -> Vec<Mean> {
    let intervals = &input.horizon.grid.intervals;
    let length = f64::from(input.site.tariff.demand_window_min.max(1)) / 60.0;
    let Some(now) = intervals.first().map(|i| i.start.unix() / 3600.0) else { return Vec::new() };
    let running = (now / length + 1e-9).floor();
    let whole = |parts: &[(usize, f64)], t: usize| matches!(parts, [(i, h)] if *i == t && *h > length - NONE_H);
    let mut means: Vec<(f64, Mean)> = Vec::new();
    for (t, interval) in intervals.iter().enumerate() {
        let begin = interval.start.unix() / 3600.0;
        let end = begin + interval.hours;
        let mut window = (begin / length + 1e-9).floor();
        while window * length < end - NONE_H {
            let part = end.min((window + 1.0) * length) - begin.max(window * length);
            match means.last_mut() {
                Some((last, mean)) if *last == window => {
                    mean.hours += part;
                    mean.parts.push((t, part));
                }
                // One more whole window inside the same interval has the same mean.
                Some((last, mean)) if *last > running && whole(&mean.parts, t) && part > length - NONE_H => {
                    *last = window;
                    mean.hours += part;
                    mean.parts = vec![(t, mean.hours)];
                }
                _ if part > NONE_H => {
                    means.push((window, Mean { kwh_before: 0.0, hours: part, parts: vec![(t, part)] }));
                }
                _ => {}
            }
            window += 1.0;
        }
    }
    if let Some((_, mean)) = means.first_mut().filter(|(window, _)| *window == running) {
        complete(input, mean, now - running * length, running * length);
    }
    means.into_iter().map(|(_, mean)| mean).collect()
}

/// Adds what the window now running has imported. What of it was not measured ran like what was; if nothing was, like
/// what is to come.
fn complete(input: &Inputs<'_>, mean: &mut Mean, elapsed_h: f64, begin_h: f64) {
    let w = &input.state.window;
    let measured_h = elapsed_h - (w.unmeasured_s / 3600.0).clamp(0.0, elapsed_h.max(0.0));
    let imported = w.imported.kwh();
    let same = (w.start.unix() / 3600.0 - begin_h).abs() < NONE_H;
    if same && imported.is_finite() && measured_h > NONE_H {
        mean.kwh_before = imported.max(0.0) * elapsed_h / measured_h;
        mean.hours += elapsed_h;
    }
}
