//! What injects at a price: the grid, and supplies of other carriers.

use super::super::Inputs;
use super::super::elements::{Element, Sink, Source, Terms};
use super::super::known::Known;
use super::super::pcc::{Crossing, OVER_LIMIT, limits, narrowest};
use crate::site::kinds::Grid;

pub(super) fn source(floor: Vec<f64>, cap: Vec<f64>, cost: Vec<f64>) -> Element {
    Element::Source(Source { port: 0, floor, cap, cost, co2: Vec::new(), over: None, import: false })
}

/// What is drawn from outside at a price, with its emission factor.
pub(super) fn supply(known: &Known, max_kw: f64, price: f64, co2_kg_per_kwh: f64) -> Element {
    let along = |value: f64| vec![value; known.len()];
    Element::Source(Source {
        port: 0,
        floor: along(0.0),
        cap: along(max_kw),
        cost: along(price),
        co2: along(co2_kg_per_kwh),
        over: None,
        import: false,
    })
}

pub(super) fn grid(input: &Inputs<'_>, known: &Known, k: &Grid) -> Vec<Element> {
    let n = known.len();
    let all = limits(input, k);
    let limit = |t: usize, crossing: Crossing| {
        narrowest(&all, crossing, input.horizon.grid.intervals[t].start).map(|i| &all[i])
    };
    // A limit of nothing can still be exceeded, at its price; a grid that is not there cannot.
    let open = |crossing: Crossing| {
        let planned = |t: usize| limit(t, crossing).map_or(0.0, |l| if known.bare { l.kw } else { l.planned_kw() });
        (0..n).map(|t| if known.grid[t] { planned(t) } else { 0.0 }).collect::<Vec<_>>()
    };
    let over = |t: usize| {
        limit(t, Crossing::Import).map_or_else(String::new, |l| {
            format!("import above its planned limit of {:.0} kW{}", l.planned_kw(), l.whose())
        })
    };
    let per_kg = input.site.values.co2_per_kg;
    // Export above the import price would pay for a circle through the meter.
    let import = known.import_price.iter().zip(&known.co2_factor).map(|(p, f)| p + f * per_kg);
    let earns = import.zip(&known.export_price).map(|(c, e)| e.min(c - 1e-4)).collect();
    vec![
        Element::Source(Source {
            port: 0,
            floor: vec![0.0; n],
            cap: open(Crossing::Import),
            cost: known.import_price.clone(),
            co2: known.co2_factor.clone(),
            over: Some((OVER_LIMIT * input.site.values.lost_load_normal_per_kwh, (0..n).map(over).collect())),
            import: true,
        }),
        Element::Sink(Sink { port: 0, want: open(Crossing::Export), floor: vec![0.0; n], terms: Terms::Earns(earns) }),
    ]
}
