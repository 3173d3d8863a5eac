//! A hub that expects a flow: within the band nothing is paid beyond the price, outside it every kg is.

use super::super::elements::Sink;
use super::super::formulate::Build;
use crate::site::AssetIx;

/// `band` is the lowest and highest flow without a charge, interval by interval.
pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Sink, price: f64, band: &[(f64, f64)], deviation: f64) {
    for (t, (low, high)) in band.iter().enumerate() {
        let flow = b.model.col(-price * b.hours(t), 0.0, e.want[t]);
        b.inject(asset, e.port, t, &[(flow, -1.0)], 0.0);
        if deviation > 0.0 && *low > 0.0 {
            let what = format!("{}: delivers less than nominated", b.id(asset));
            let under = b.relief(t, deviation, || what);
            b.model.row(*low, f64::INFINITY, &[(flow, 1.0), (under, 1.0)]);
        }
        if deviation > 0.0 && *high < e.want[t] {
            let what = format!("{}: delivers more than nominated", b.id(asset));
            let over = b.relief(t, deviation, || what);
            b.model.row(f64::NEG_INFINITY, *high, &[(flow, 1.0), (over, -1.0)]);
        }
    }
}
