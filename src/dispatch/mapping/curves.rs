//! From a curve of power by state of charge to linear cuts of the stored energy.

/// Cuts `power <= slope * energy + offset` of a concave curve of points (SoC, share of `most_kw`); level beyond its
/// ends. `window` is the SoC that plans move in.
pub(super) fn cuts(curve: &[[f64; 2]], most_kw: f64, capacity: f64, window: (f64, f64)) -> Vec<(f64, f64)> {
    let mut cuts: Vec<(f64, f64)> = curve
        .iter()
        .zip(curve.iter().skip(1))
        .map(|([x0, y0], [x1, y1])| {
            let slope = (y1 - y0) / (x1 - x0).max(1e-9);
            (slope * most_kw / capacity.max(1e-9), (y0 - slope * x0) * most_kw)
        })
        .collect();
    if let (Some([first_x, first_y]), Some([last_x, last_y])) = (curve.first(), curve.last()) {
        let level = [(*first_x > window.0, *first_y), (*last_x < window.1 || curve.len() == 1, *last_y)];
        cuts.extend(
            level.iter().filter(|(holds, share)| *holds && *share < 1.0).map(|(_, share)| (0.0, share * most_kw)),
        );
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_meet_the_curve_at_its_points_and_lie_above_it_elsewhere() {
        let curve = [[0.6, 1.0], [0.8, 0.8], [1.0, 0.2]];
        let cuts = cuts(&curve, 50.0, 200.0, (0.1, 1.0));
        let at = |soc: f64| cuts.iter().map(|(a, b)| a * soc * 200.0 + b).fold(50.0, f64::min);
        for (soc, kw) in [(0.2, 50.0), (0.6, 50.0), (0.7, 45.0), (0.8, 40.0), (0.9, 25.0), (1.0, 10.0)] {
            assert!((at(soc) - kw).abs() < 1e-9, "{soc}: {}", at(soc));
        }
    }

    #[test]
    fn one_point_is_a_level() {
        assert_eq!(cuts(&[[0.5, 0.4]], 50.0, 200.0, (0.1, 1.0)).last(), Some(&(0.0, 20.0)));
    }
}
