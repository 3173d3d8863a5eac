//! Carbon capture: a flexible consumer of electricity and heat that turns the exhaust of others into CO2 on a bus.

use super::elements::Capture;
use super::formulate::Build;
use super::model::Col;
use crate::site::AssetIx;

/// The flow of each interval, kg/h; what bounds it from outside is added by [`exhaust`].
pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Capture) -> Vec<Col> {
    (0..b.len())
        .map(|t| {
            // What is captured is not emitted; what burns has counted it as if it were.
            let flow = b.model.col(0.0, 0.0, e.max);
            b.emit(t, &[(flow, -1.0)], 0.0);
            if e.min > 0.0 {
                let on = b.binary(t);
                b.model.row(f64::NEG_INFINITY, 0.0, &[(flow, 1.0), (on, -e.max)]);
                b.model.row(0.0, f64::INFINITY, &[(flow, 1.0), (on, -e.min)]);
                b.places[asset.0].on.push(on);
            }
            for (port, factor) in e.ports.iter().enumerate() {
                b.inject(asset, port, t, &[(flow, *factor)], 0.0);
            }
            flow
        })
        .collect()
}

/// Not more than a share of what the sources emit at that time: they are built by now.
pub(super) fn exhaust(b: &mut Build<'_>, e: &Capture, flow: &[Col]) {
    for (t, col) in flow.iter().enumerate() {
        let mut row = vec![(*col, 1.0)];
        let mut constant = 0.0;
        for (source, port, kg_per_kwh) in &e.exhaust {
            let of = &b.places[source.0].ports[*port][t];
            constant += of.constant * kg_per_kwh * e.share;
            row.extend(of.terms.iter().map(|(c, k)| (*c, -k * kg_per_kwh * e.share)));
        }
        b.model.row(f64::NEG_INFINITY, constant.max(0.0), &row);
    }
}
