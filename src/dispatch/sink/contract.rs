//! A buyer with a contract by the day: paid for each kWh, and for each one short of what is owed.

use super::super::elements::{Owed, Sink};
use super::super::formulate::Build;
use super::super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Sink, price: f64, owed: &[Owed]) {
    let columns: Vec<Col> = (0..b.len())
        .map(|t| {
            let col = b.model.col(-price * b.hours(t), 0.0, e.want[t]);
            b.inject(asset, e.port, t, &[(col, -1.0)], 0.0);
            col
        })
        .collect();
    for day in owed {
        let within = || (0..b.len()).filter(|t| day.share[*t] > 0.0);
        let mut row: Vec<(Col, f64)> = within().map(|t| (columns[t], day.share[t] * b.hours(t))).collect();
        let last = within().next_back().unwrap_or_default();
        let what = format!("{}: delivers less in the day than its contract", b.id(asset));
        row.push((b.relief_for(1.0, last, day.shortfall, || what), 1.0));
        b.model.row(day.kwh, f64::INFINITY, &row);
    }
}
