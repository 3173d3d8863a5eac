//! Vehicles: an energy by departure, at whatever power until then.

use super::super::elements::{Sink, Stay};
use super::super::formulate::Build;
use super::super::model::Col;
use crate::site::AssetIx;

/// `lost` is the price of a kWh that is missing at a departure.
pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Sink, stays: &[Stay], lost: f64) {
    let mut drawn: Vec<Vec<(Col, f64)>> = vec![Vec::new(); b.len()];
    for stay in stays {
        let (mut row, mut last) = (Vec::new(), 0);
        for t in (0..b.len()).filter(|t| stay.most[*t] > 0.0) {
            let col = b.model.col(0.0, 0.0, stay.most[t].min(e.want[t]));
            drawn[t].push((col, -1.0));
            row.push((col, b.hours(t)));
            last = t;
        }
        let what = format!("{}: vehicles leave without their energy", b.id(asset));
        row.push((b.relief_for(1.0, last, lost, || what), 1.0));
        // No more than they want either: a negative price would fill them twice.
        b.model.row(stay.need, stay.need, &row);
    }
    for (t, terms) in drawn.iter().enumerate() {
        b.inject(asset, e.port, t, terms, 0.0);
        let most: f64 = stays.iter().map(|s| s.most[t].min(e.want[t])).sum();
        if most > e.want[t] {
            b.model.row(-e.want[t], f64::INFINITY, terms);
        }
    }
}
