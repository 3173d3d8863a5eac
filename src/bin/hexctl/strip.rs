//! Series as strips of unicode blocks, one character per span of time.

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Time-weighted means of `series` (one value per interval of `hours`) over `columns` equal spans of the horizon;
/// `None` where no interval with a value reaches.
pub(crate) fn spread(series: &[f64], hours: &[f64], columns: usize) -> Vec<Option<f64>> {
    let total: f64 = hours.iter().sum();
    let span = total / columns as f64;
    (0..columns)
        .map(|c| {
            let (from, to) = (c as f64 * span, (c + 1) as f64 * span);
            let (mut start, mut sum, mut weight) = (0.0, 0.0, 0.0);
            for (value, length) in series.iter().zip(hours) {
                let shared = (to.min(start + length) - from.max(start)).max(0.0);
                sum += value * shared;
                weight += shared;
                start += length;
            }
            (weight > 0.0).then(|| sum / weight)
        })
        .collect()
}

/// Blocks from `low` (empty) to `high` (full); what is above `low` at all shows at least the lowest block.
pub(crate) fn strip(values: &[Option<f64>], low: f64, high: f64) -> String {
    let block = |value: &Option<f64>| {
        let Some(value) = value else { return ' ' };
        let share = ((value - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let level = if share < 0.002 { 0 } else { ((share * 8.0).round() as usize).max(1) };
        BLOCKS.get(level).copied().unwrap_or(' ')
    };
    values.iter().map(block).collect()
}

/// As [`strip`], `rows` lines high; the top line first.
pub(crate) fn tall(values: &[Option<f64>], low: f64, high: f64, rows: usize) -> Vec<String> {
    let step = (high - low) / rows as f64;
    let line = |row: usize| {
        let floor = low + step * row as f64;
        // What ends below a line leaves it empty; the lowest alone marks whatever is above nothing.
        let shown = |v: &Option<f64>| v.filter(|v| row == 0 || *v > floor + step / 16.0);
        strip(&values.iter().map(shown).collect::<Vec<_>>(), floor, floor + step)
    };
    (0..rows).rev().map(line).collect()
}

/// A label at every `room` columns; one that does not fit is left out.
pub(crate) fn axis(columns: usize, room: usize, label: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for column in (0..columns).step_by(room.max(1)) {
        let room = room.min(columns - column);
        let label = Some(label(column)).filter(|l| l.chars().count() <= room).unwrap_or_default();
        text += &format!("{label:<room$}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{axis, spread, strip, tall};

    #[test]
    fn means_are_weighted_by_time() {
        let means = spread(&[4.0, 8.0, 0.0], &[0.5, 0.5, 3.0], 4);
        assert_eq!(means, [Some(6.0), Some(0.0), Some(0.0), Some(0.0)]);
        assert_eq!(spread(&[1.0], &[1.0, 1.0], 2), [Some(1.0), None]);
    }

    #[test]
    fn blocks_fill_up() {
        let values = [Some(0.0), Some(0.5), Some(50.0), Some(100.0), Some(200.0), None];
        assert_eq!(strip(&values, 0.0, 100.0), " ▁▄██ ");
        assert_eq!(strip(&[Some(3.0)], 3.0, 3.0), " ");
    }

    #[test]
    fn tall_strips_fill_from_below() {
        let values = [Some(0.0), Some(1.0), Some(50.0), Some(75.0), Some(100.0), None];
        assert_eq!(tall(&values, 0.0, 100.0, 2), ["   ▄█ ", " ▁███ "]);
        assert_eq!(tall(&values, 0.0, 100.0, 1), [strip(&values, 0.0, 100.0)]);
    }

    #[test]
    fn labels_stay_inside() {
        assert_eq!(axis(11, 4, |c| format!("{c} h")), "0 h 4 h 8 h");
        assert_eq!(axis(10, 4, |c| format!("{c} h")), "0 h 4 h   ");
    }
}
