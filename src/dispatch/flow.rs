//! What a machine's port injects at a given load, and how load and efficiency are turned into it.

/// Slopes nearer than this are one.
const ALIKE: f64 = 1e-6;

/// Injection at one port while the machine runs, by the magnitude of its principal power; kW of both.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Flow {
    /// Per kW of principal power, and for running at all.
    Line(f64, f64),
    /// Straight between points of (principal power, injection), ascending, from the lowest load to the rating.
    Curve(Vec<[f64; 2]>),
}

impl Flow {
    /// Nothing but a factor.
    pub const fn times(factor: f64) -> Self {
        Self::Line(factor, 0.0)
    }

    /// The straight line through two loads; a factor where they are one.
    pub fn line(low: [f64; 2], high: [f64; 2]) -> Self {
        let span = high[0] - low[0];
        if span < ALIKE * high[0] || low[0] <= 0.0 {
            return Self::times(high[1] / high[0]);
        }
        let slope = (high[1] - low[1]) / span;
        Self::Line(slope, high[1] - slope * high[0])
    }

    /// Part load by a curve of efficiency over the share of `rated`: `injected` makes of a load and its efficiency what
    /// is injected. Points are the lowest load, those of the curve above it, and the rating.
    pub fn part_load(rated: f64, min_load: f64, curve: &[[f64; 2]], injected: impl Fn(f64, f64) -> f64) -> Self {
        let inner = curve.iter().map(|p| p[0]).filter(|x| *x > min_load + ALIKE && *x < 1.0 - ALIKE);
        let lowest = Some(min_load).filter(|x| *x < 1.0 - ALIKE);
        let loads = lowest.into_iter().chain(inner).chain(std::iter::once(1.0));
        let at = |x: f64| [x * rated, if x > 0.0 { injected(x * rated, on_curve(curve, x)) } else { 0.0 }];
        Self::through(loads.map(at).collect())
    }

    /// Through these points, with those left out that lie on a straight line between their neighbours.
    fn through(points: Vec<[f64; 2]>) -> Self {
        let mut kept: Vec<[f64; 2]> = Vec::with_capacity(points.len());
        for point in points {
            if let [.., a, b] = kept[..]
                && (slope(a, b) - slope(b, point)).abs() < ALIKE
            {
                kept.pop();
            }
            kept.push(point);
        }
        match kept[..] {
            [] => Self::times(0.0),
            [only] => Self::times(only[1] / only[0].max(1e-9)),
            [low, high] => Self::Line(slope(low, high), high[1] - slope(low, high) * high[0]),
            _ => Self::Curve(kept),
        }
    }

    /// Injection at `kw` of principal power.
    pub fn at(&self, kw: f64) -> f64 {
        match self {
            Self::Line(slope, offset) => slope * kw + offset,
            Self::Curve(points) => on_curve(points, kw),
        }
    }

    /// Principal power at which `injected` flows, along the straight line between lowest load and rating.
    pub fn load(&self, injected: f64) -> Option<f64> {
        let (slope, offset) = match self {
            Self::Line(slope, offset) => (*slope, *offset),
            Self::Curve(points) => {
                let (low, high) = (points.first()?, points.last()?);
                let slope = slope(*low, *high);
                (slope, low[1] - slope * low[0])
            }
        };
        (slope.abs() > 1e-9).then(|| (injected - offset) / slope)
    }
}

fn slope(a: [f64; 2], b: [f64; 2]) -> f64 {
    (b[1] - a[1]) / (b[0] - a[0]).max(1e-9)
}

/// Value of a curve: straight between its points, level beyond them; 0 without any.
pub(super) fn on_curve(curve: &[[f64; 2]], x: f64) -> f64 {
    let after = curve.iter().position(|p| p[0] >= x);
    match (after, curve) {
        (_, []) => 0.0,
        (Some(0), [first, ..]) => first[1],
        (None, [.., last]) => last[1],
        (Some(i), _) => curve[i - 1][1] + slope(curve[i - 1], curve[i]) * (x - curve[i - 1][0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_its_points_and_level_beyond() {
        let curve = [[0.0, 2.0], [10.0, 4.0]];
        let seen: Vec<f64> = [-5.0, 0.0, 5.0, 10.0, 15.0].iter().map(|x| on_curve(&curve, *x)).collect();
        assert_eq!(seen, [2.0, 2.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn a_level_or_single_efficiency_is_a_straight_line() {
        for curve in [vec![[0.2, 0.8], [0.6, 0.8], [1.0, 0.8]], vec![[0.5, 0.8]]] {
            let Flow::Line(slope, offset) = Flow::part_load(100.0, 0.25, &curve, |kw, e| -kw / e) else {
                panic!("a straight line");
            };
            assert!((slope + 1.25).abs() < 1e-9 && offset.abs() < 1e-9, "{slope} {offset}");
        }
        assert_eq!(Flow::part_load(100.0, 1.0, &[[0.5, 0.4], [1.0, 0.5]], |kw, e| kw * e), Flow::times(0.5));
    }

    #[test]
    fn a_part_load_curve_passes_through_minimum_load_its_points_and_the_rating() {
        let curve = [[0.3, 0.6], [0.5, 0.8], [1.0, 0.9]];
        let flow = Flow::part_load(100.0, 0.4, &curve, |kw, e| -kw / e);
        for (kw, efficiency) in [(40.0, 0.7), (50.0, 0.8), (100.0, 0.9)] {
            assert!((flow.at(kw) + kw / efficiency).abs() < 1e-9, "{kw}");
        }
        assert!((flow.load(-100.0 / 0.9).unwrap() - 100.0).abs() < 1e-9);
    }
}
