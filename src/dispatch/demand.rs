//! The charges on the billing month's highest window mean: the demand charge, and what the contract adds above it.
//!
//! A plan covers about a day, so it may not be charged the whole monthly price for each kW: if all days that remain
//! are alike, raising the peak today serves them all, and each bears its share. The price is therefore the monthly one
//! divided by the days left in the month by the site's calendar (today included); towards the end of the month it rises
//! to the full price. While wall time is not synchronised, a thirtieth.

use super::formulate::Build;
use super::model::Col;
use super::pcc::OVER_LIMIT;
use super::windows::{Mean, means};
use crate::site::Kind;

pub(super) fn build(b: &mut Build<'_>) {
    let pcc = b.input.site.pcc().map(|ix| &b.input.site.assets[ix.0]);
    let Some((id, Kind::Grid(k))) = pcc.map(|a| (a.id.clone(), &a.kind)) else { return };
    let means = means(b.input);
    let per_kw = b.input.site.tariff.demand_per_kw_month / days_left(b);
    match (k.contracted_kw, k.over_contract_per_kw_month) {
        (Some(kw), Some(price)) => {
            let above = price / days_left(b);
            peak(b, &means, per_kw, Some((kw, above)));
        }
        (Some(kw), None) => {
            peak(b, &means, per_kw, None);
            bound(b, &means, &id, kw);
        }
        (None, _) => peak(b, &means, per_kw, None),
    }
}

/// The month's peak at `per_kw`, and its part above `contract` (kW, price) on top. What the peak so far costs is decided.
fn peak(b: &mut Build<'_>, means: &[Mean], per_kw: f64, contract: Option<(f64, f64)>) {
    let contract = contract.filter(|(_, price)| *price > 0.0);
    if per_kw <= 0.0 && contract.is_none() {
        return;
    }
    let kw = b.input.state.window.peak.kw();
    let so_far = if kw.is_finite() { kw.max(0.0) } else { 0.0 };
    let peak = b.model.col(per_kw.max(0.0), so_far, f64::INFINITY);
    b.offset -= per_kw.max(0.0) * so_far;
    for mean in means {
        let mut row = vec![(peak, 1.0)];
        row.extend(imported(b, mean, -1.0));
        b.model.row(mean.kwh_before / mean.hours, f64::INFINITY, &row);
    }
    if let Some((contracted, price)) = contract {
        let paid = (so_far - contracted).max(0.0);
        let above = b.model.col(price, paid, f64::INFINITY);
        b.offset -= price * paid;
        b.model.row(-contracted, f64::INFINITY, &[(above, 1.0), (peak, -1.0)]);
    }
}

/// A contract without a price for more: exceeded only like a limit, before critical load is cut off.
fn bound(b: &mut Build<'_>, means: &[Mean], id: &str, contracted: f64) {
    let price = OVER_LIMIT * b.input.site.values.lost_load_normal_per_kwh;
    for mean in means {
        let Some((t, _)) = mean.parts.first() else { continue };
        let over = b.relief_for(mean.hours, *t, price, || format!("{id}: import above the contracted {contracted} kW"));
        let mut row = vec![(over, -1.0)];
        row.extend(imported(b, mean, 1.0));
        b.model.row(f64::NEG_INFINITY, contracted - mean.kwh_before / mean.hours, &row);
    }
}

/// Terms of the mean's import to come, times `factor`.
fn imported(b: &Build<'_>, mean: &Mean, factor: f64) -> Vec<(Col, f64)> {
    let each = mean.parts.iter().flat_map(|(t, h)| b.import.get(*t).into_iter().flatten().map(move |c| (c, h)));
    each.map(|((col, k), h)| (*col, factor * k * h / mean.hours)).collect()
}

fn days_left(b: &Build<'_>) -> f64 {
    if !b.input.state.now.synchronised {
        return 30.0;
    }
    let local = b.input.state.now.park.0.to_zoned_datetime(b.input.site.zone.clone());
    f64::from(local.days_in_month() - local.day() + 1).max(1.0)
}
