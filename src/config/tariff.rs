//! Whether the tariff has a price for each hour of each month.

use super::document::{Document, Place};
use crate::site::Tariff;

/// Notes hours without a price, spans that are none, and periods that never apply.
pub(super) fn check(doc: &mut Document<'_>, tariff: &Tariff) {
    let at = Place::root().key("tariff");
    if 60 % tariff.demand_window_min.max(1) != 0 {
        let message = format!("an hour does not divide into windows of {} minutes", tariff.demand_window_min);
        doc.mistake(&at.key("demand_window_min"), message, "write 15, 30 or 60, or another divisor of 60");
    }
    let at = at.key("period");
    let mut spans_good = true;
    for (i, period) in tariff.period.iter().enumerate() {
        for (j, [from, to]) in period.hours.iter().enumerate() {
            if from >= to {
                spans_good = false;
                let message = format!("the span [{from}, {to}] holds no hour");
                let remedy =
                    format!("write [from, to) with from < to; across midnight write [{from}, 24] and [0, {to}]");
                doc.mistake(&at.item(i).key("hours").item(j), message, remedy);
            }
        }
    }
    if !spans_good {
        return;
    }
    let mut used = vec![false; tariff.period.len()];
    let mut gap = None;
    for month in 1..=12 {
        for hour in 0..24 {
            let hit = tariff.period.iter().position(|p| {
                (p.months.is_empty() || p.months.contains(&month))
                    && (p.hours.is_empty() || p.hours.iter().any(|[from, to]| *from <= hour && hour < *to))
            });
            match hit.and_then(|i| used.get_mut(i)) {
                Some(used) => *used = true,
                None => gap = gap.or(Some((month, hour))),
            }
        }
    }
    if let Some((month, hour)) = gap {
        let message = format!("no period gives the price of month {month}, hour {hour}");
        doc.mistake(
            &at,
            message,
            "add a last `[[tariff.period]]` without months and hours: it gives the price of all others",
        );
    }
    for (i, _) in used.iter().enumerate().filter(|(_, u)| !**u) {
        let remedy = "the first period that matches an hour gives its price: put the narrower one first";
        doc.mistake(&at.item(i).key("name"), "this period never applies, earlier ones cover all its hours", remedy);
    }
}
