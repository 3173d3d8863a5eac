//! Sinks: what is wanted, and what it costs to take less of it.

mod batch;
mod contract;
mod nomination;
mod session;

use super::elements::{Sink, Terms};
use super::formulate::Build;
use super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Sink) {
    match &e.terms {
        Terms::Earns(price) => {
            for (t, price) in price.iter().enumerate() {
                let col = b.model.col(-price * b.hours(t), e.floor[t], e.want[t].max(e.floor[t]));
                b.inject(asset, e.port, t, &[(col, -1.0)], 0.0);
            }
        }
        Terms::Withheld { cost, alarm } => withheld(b, asset, e, *cost, *alarm),
        Terms::Delayed { cost, rated, lost } => delayed(b, asset, e, *cost, *rated, *lost),
        Terms::Unserved(lost) => unserved(b, asset, e, *lost),
        Terms::Stays { stays, lost } => session::build(b, asset, e, stays, *lost),
        Terms::Batch(terms) => batch::build(b, asset, e, terms),
        Terms::Contract { price, owed } => contract::build(b, asset, e, *price, owed),
        Terms::Nominated { price, band, deviation } => nomination::build(b, asset, e, *price, band, *deviation),
    }
}

fn withheld(b: &mut Build<'_>, asset: AssetIx, e: &Sink, cost: f64, alarm: bool) {
    let bus = b.input.site.assets[asset.0].ports[e.port].bus;
    for t in 0..b.len() {
        let room = e.want[t] - e.floor[t];
        if room <= 0.0 {
            b.inject(asset, e.port, t, &[], -e.want[t]);
            continue;
        }
        let col = if alarm {
            let what = format!("{}: shed", b.id(asset));
            b.lost(bus, t, cost, || what)
        } else {
            b.model.col(cost * b.hours(t), 0.0, room)
        };
        if alarm {
            b.model.cap(col, room);
        }
        b.inject(asset, e.port, t, &[(col, 1.0)], -e.want[t]);
    }
}

/// A backlog as a store of its own: what is delayed enters it once at its cost, what is made up for leaves it, and
/// what is left at the end is lost.
fn delayed(b: &mut Build<'_>, asset: AssetIx, e: &Sink, cost: f64, rated: f64, lost: f64) {
    let mut backlog: Option<Col> = None;
    for t in 0..b.len() {
        let h = b.hours(t);
        let delay = b.model.col(cost * h, 0.0, (e.want[t] - e.floor[t]).max(0.0));
        let make_up = b.model.col(0.0, 0.0, (rated - e.want[t]).max(0.0));
        b.inject(asset, e.port, t, &[(delay, 1.0), (make_up, -1.0)], -e.want[t]);
        let price = if t + 1 == b.len() { lost } else { 0.0 };
        let next = b.model.col(price, 0.0, f64::INFINITY);
        let mut row = vec![(next, 1.0), (delay, -h), (make_up, h)];
        row.extend(backlog.map(|col| (col, -1.0)));
        b.model.row(0.0, 0.0, &row);
        backlog = Some(next);
    }
}

fn unserved(b: &mut Build<'_>, asset: AssetIx, e: &Sink, lost: f64) {
    let bus = b.input.site.assets[asset.0].ports[e.port].bus;
    for t in 0..b.len() {
        b.inject(asset, e.port, t, &[], -e.want[t]);
        if e.want[t] <= 0.0 {
            continue;
        }
        let what = format!("{}: not served", b.id(asset));
        let col = b.lost(bus, t, lost, || what);
        b.model.cap(col, e.want[t]);
        b.balance_term(bus, t, col, 1.0);
    }
}
