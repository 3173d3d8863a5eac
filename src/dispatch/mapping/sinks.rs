//! What takes energy.

use super::super::Inputs;
use super::super::elements::{Element, Sink, Terms};
use super::commands;
use crate::site::kinds::{Load, Tier};
use crate::site::{Asset, Point};

pub(super) fn load(input: &Inputs<'_>, asset: &Asset, available: bool, k: &Load, want: &[f64]) -> Element {
    let lost = input.site.values.lost(input.site.buses[asset.ports[0].bus.0].carrier, k.tier);
    let shed = available && k.tier == Tier::Sheddable && commands(input, asset, &[Point::On]);
    let terms = if shed { Terms::Withheld { cost: lost, alarm: true } } else { Terms::Unserved(lost) };
    Element::Sink(Sink { port: 0, want: want.to_vec(), floor: vec![0.0; want.len()], terms })
}
