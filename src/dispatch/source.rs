//! Sources: what can be injected between a floor and a cap, at a price.

use super::elements::Source;
use super::formulate::Build;
use super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Source) {
    let name = b.id(asset).to_owned();
    let mut injected: Vec<Vec<(Col, f64)>> = Vec::with_capacity(b.len());
    for t in 0..b.len() {
        if e.cap[t] <= e.floor[t] && e.over.is_none() {
            b.inject(asset, e.port, t, &[], e.floor[t]);
            b.emit(t, &[], e.co2.get(t).map_or(0.0, |kg| kg * e.floor[t]));
            injected.push(Vec::new());
            continue;
        }
        let h = b.hours(t);
        let mut terms = vec![(b.model.col(e.cost[t] * h, e.floor[t], e.cap[t].max(e.floor[t])), 1.0)];
        // No connection, no way to exceed it.
        if let Some((price, what)) = e.over.as_ref().filter(|_| e.cap[t] > 0.0) {
            let over = b.relief(t, *price, || format!("{name}: {}", what[t]));
            b.model.add_cost(over, e.cost[t] * h);
            terms.push((over, 1.0));
        }
        b.inject(asset, e.port, t, &terms, 0.0);
        if let Some(kg) = e.co2.get(t).filter(|kg| **kg != 0.0) {
            let emitted: Vec<(Col, f64)> = terms.iter().map(|(col, k)| (*col, k * kg)).collect();
            b.emit(t, &emitted, 0.0);
        }
        injected.push(terms);
    }
    if e.import {
        b.import = injected;
    }
}
