//! What injects at a price: the grid, and supplies of other carriers.

use super::super::Inputs;
use super::super::elements::{Element, Sink, Source, Terms};
use super::super::known::Known;
use crate::site::kinds::Grid;

/// Share of the PCC's limits and of the transformer's rating that the plan uses as active power: forecast errors,
/// reactive power and meters need the rest. The cycle keeps the same margin.
const LIMIT_MARGIN: f64 = 0.95;
/// Import above its limit costs so many times the normal tier's lost load: such load is shed before the limit
/// gives way, critical load is not.
const OVER_LIMIT: f64 = 1.5;

pub(super) fn source(floor: Vec<f64>, cap: Vec<f64>, cost: Vec<f64>) -> Element {
    Element::Source(Source { port: 0, floor, cap, cost, over: None, demand: false })
}

/// A supply of any carrier with a price and an emission.
pub(super) fn supply(input: &Inputs<'_>, known: &Known, max_kw: f64, price: f64, co2_kg_per_kwh: f64) -> Element {
    let (n, cost) = (known.len(), price + co2_kg_per_kwh * input.site.values.co2_per_kg);
    source(vec![0.0; n], vec![max_kw; n], vec![cost; n])
}

pub(super) fn grid(input: &Inputs<'_>, known: &Known, k: &Grid) -> Vec<Element> {
    let n = known.len();
    // A limit of nothing can still be exceeded, at its price; a grid that is not there cannot.
    let limit = |kw: f64, import: bool, t: usize| {
        let at = input.horizon.grid.intervals[t].start;
        (LIMIT_MARGIN * input.at_pcc(kw.min(k.transformer_kva), import, at)).max(1e-3)
    };
    let open =
        |kw: f64, im: bool| (0..n).map(|t| if known.grid[t] { limit(kw, im, t) } else { 0.0 }).collect::<Vec<_>>();
    let per_kg = input.site.values.co2_per_kg;
    let cost: Vec<f64> = known.import_price.iter().zip(&known.co2_factor).map(|(p, f)| p + f * per_kg).collect();
    // Export above the import price would pay for a circle through the meter.
    let earns = cost.iter().zip(&known.export_price).map(|(c, e)| e.min(c - 1e-4)).collect();
    let over = OVER_LIMIT * input.site.values.lost_load_normal_per_kwh;
    vec![
        Element::Source(Source {
            port: 0,
            floor: vec![0.0; n],
            cap: open(k.import_max_kw, true),
            cost,
            over: Some((over, "import above its planned limit".to_owned())),
            demand: true,
        }),
        Element::Sink(Sink {
            port: 0,
            want: open(k.export_max_kw, false),
            floor: vec![0.0; n],
            terms: Terms::Earns(earns),
        }),
    ]
}
