//! COP and EER along the grid, from the temperatures they depend on.

use super::Inputs;
use super::flow::on_curve;
use crate::site::{Asset, Kind};

/// COP of a heat pump or EER of a chiller per interval; empty for all other kinds. A temperature that is not known
/// becomes the curve's worst, and is noted.
pub(super) fn along(input: &Inputs<'_>, asset: &Asset, n: usize, notes: &mut Vec<String>) -> Vec<f64> {
    let (nominal, curve, source_c) = match &asset.kind {
        // A source inside the park has the temperature of its bus.
        Kind::HeatPump(k) => {
            let bus = k.source_bus.as_ref().and_then(|id| input.site.buses.iter().find(|b| b.id == *id));
            (k.cop, &k.cop_curve, k.source_c.or(bus.and_then(|b| b.supply_c)))
        }
        Kind::Chiller(k) => (k.eer, &k.eer_curve, None),
        _ => return Vec::new(),
    };
    let Some(worst) = curve.iter().map(|p| p[1]).reduce(f64::min) else { return vec![nominal; n] };
    if let Some(source_c) = source_c {
        return vec![on_curve(curve, source_c); n];
    }
    let outdoor = input.horizon.outdoor_c.as_deref().unwrap_or_default();
    let known = |t: usize| outdoor.get(t).copied().filter(|c| c.is_finite());
    let missing = (0..n).filter(|t| known(*t).is_none()).count();
    if missing > 0 {
        notes.push(format!(
            "outdoor temperature for {}: {missing} of {n} values missing or not finite, its worst performance {worst} taken",
            asset.id
        ));
    }
    (0..n).map(|t| known(t).map_or(worst, |c| on_curve(curve, c))).collect()
}
