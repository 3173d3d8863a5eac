//! A battery's power by its state of charge.

use super::super::document::{Document, Place};
use crate::site::kinds::Battery;

pub(super) fn check(doc: &mut Document<'_>, at: &Place, k: &Battery) {
    concave(doc, &at.key("charge_curve"), &k.charge_curve, k, "fall ever faster towards full");
    concave(doc, &at.key("discharge_curve"), &k.discharge_curve, k, "rise ever slower from empty");
}

/// Ascending in SoC, and bent downwards only: any other shape would need a choice at every interval.
fn concave(doc: &mut Document<'_>, at: &Place, curve: &[[f64; 2]], k: &Battery, shape: &str) {
    let mut slopes: Vec<(usize, f64)> = Vec::new();
    for (i, ([x0, y0], [x1, y1])) in curve.iter().zip(curve.iter().skip(1)).enumerate() {
        if x1 <= x0 {
            let message = format!("the curve goes back from {x0} to {x1}");
            return doc.mistake(&at.item(i + 1), message, "write its points in ascending state of charge");
        }
        slopes.push((i + 1, (y1 - y0) / (x1 - x0)));
    }
    // Beyond its ends a curve is level; that counts where the window reaches.
    if curve.first().is_some_and(|p| p[0] > k.soc_min) {
        slopes.insert(0, (0, 0.0));
    }
    if curve.last().is_some_and(|p| p[0] < k.soc_max) {
        slopes.push((curve.len() - 1, 0.0));
    }
    let bend = slopes.iter().zip(slopes.iter().skip(1)).find(|((_, before), (_, after))| *after > before + 1e-9);
    if let Some((_, (point, _))) = bend {
        let message = "the curve bends upwards here (beyond its ends it is level)";
        let remedy = format!("let it {shape}, and reach over the window from {} to {}", k.soc_min, k.soc_max);
        doc.mistake(&at.item(*point), message, remedy);
    }
}
