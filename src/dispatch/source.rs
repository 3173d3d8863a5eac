//! Sources: what can be injected between a floor and a cap, at a price; and the demand charge on the one that has it.

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
            injected.push(Vec::new());
            continue;
        }
        let h = b.hours(t);
        let mut terms = vec![(b.model.col(e.cost[t] * h, e.floor[t], e.cap[t].max(e.floor[t])), 1.0)];
        // No connection, no way to exceed it.
        if let Some((price, what)) = e.over.as_ref().filter(|_| e.cap[t] > 0.0) {
            let over = b.relief(t, *price, || format!("{name}: {what} of {:.0} kW", e.cap[t]));
            b.model.add_cost(over, e.cost[t] * h);
            terms.push((over, 1.0));
        }
        b.inject(asset, e.port, t, &terms, 0.0);
        injected.push(terms);
    }
    if e.demand && !b.known.bare {
        demand(b, &injected);
    }
}

/// The month's peak. A plan covers about a day, so it may not be charged the whole monthly price for each kW: if all
/// days that remain are alike, raising the peak today serves them all, and each bears its share. The price is
/// therefore the monthly one divided by the days left in the month by the site's calendar (today included); towards
/// the end of the month it rises to the full price. While wall time is not synchronised, a thirtieth.
///
/// The first interval completes the window now running: what has been imported in it counts.
fn demand(b: &mut Build<'_>, injected: &[Vec<(Col, f64)>]) {
    let price = b.input.site.tariff.demand_per_kw_month;
    if price <= 0.0 {
        return;
    }
    let (window, now) = (b.input.state.window, b.input.state.now.park);
    let so_far = if window.peak.kw().is_finite() { window.peak.kw().max(0.0) } else { 0.0 };
    let per_kw = price / days_left(b);
    let peak = b.model.col(per_kw, so_far, f64::INFINITY);
    b.offset -= per_kw * so_far;
    let length = f64::from(b.input.site.tariff.demand_window_min) * 60.0;
    let elapsed = now.seconds_since(window.start).clamp(0.0, length);
    let measured = (elapsed - window.unmeasured_s.clamp(0.0, elapsed)).max(1e-9);
    let imported = window.imported.kwh().max(0.0) * if measured > 1.0 { elapsed / measured } else { 1.0 };
    for (t, terms) in injected.iter().enumerate() {
        let h = b.hours(t);
        let (before_h, before_kwh) =
            if t == 0 && imported.is_finite() { (elapsed / 3600.0, imported) } else { (0.0, 0.0) };
        let total_h = h + before_h;
        let mut row = vec![(peak, 1.0)];
        row.extend(terms.iter().map(|(col, factor)| (*col, -factor * h / total_h)));
        b.model.row(before_kwh / total_h, f64::INFINITY, &row);
    }
}

fn days_left(b: &Build<'_>) -> f64 {
    if !b.input.state.now.synchronised {
        return 30.0;
    }
    let local = b.input.state.now.park.0.to_zoned_datetime(b.input.site.zone.clone());
    f64::from(local.days_in_month() - local.day() + 1).max(1.0)
}
