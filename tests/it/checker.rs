//! A second opinion on a plan: physics and limits checked from the site file's numbers, written apart from the
//! formulation and sharing nothing with it.

use hexad::dispatch::{AssetPlan, Inputs, Plan};
use hexad::site::{Asset, Kind};
use hexad::state::Availability;

const KW: f64 = 0.05;

/// Everything that is wrong with a plan, in words; the slacks it admits are allowed for.
pub fn faults(input: &Inputs<'_>, plan: &Plan, whole_h: f64) -> Vec<String> {
    let mut out = Vec::new();
    let n = plan.grid.intervals.len();
    for (b, bus) in input.site.buses.iter().enumerate() {
        for t in 0..n {
            let mut sum = 0.0;
            for (a, p) in input.site.assets.iter().zip(&plan.assets) {
                sum += a.ports.iter().zip(&p.power_kw).filter(|(q, _)| q.bus.0 == b).map(|(_, v)| v[t]).sum::<f64>();
            }
            let admitted: f64 =
                plan.slacks.iter().filter(|s| s.interval == t && !s.what.contains("limit")).map(|s| s.amount).sum();
            if sum.abs() > KW + admitted {
                out.push(format!("{} interval {t}: balance open by {sum:.3} kW", bus.id));
            }
        }
    }
    for (ix, (asset, p)) in input.site.assets.iter().zip(&plan.assets).enumerate() {
        if p.power_kw.len() != asset.ports.len() || p.power_kw.iter().any(|v| v.len() != n) {
            out.push(format!("{}: wrong shape", asset.id));
            continue;
        }
        if p.power_kw.iter().flatten().any(|v| !v.is_finite()) {
            out.push(format!("{}: not finite", asset.id));
        }
        if input.state.assets[ix].availability == Availability::Available {
            bounds(input, plan, ix, asset, p, &mut out);
            machine(input, plan, ix, asset, p, whole_h, &mut out);
            store(input, plan, ix, asset, p, &mut out);
        }
    }
    if plan.buses.iter().any(|b| b.price.len() != n || b.price.iter().any(|v| !v.is_finite())) {
        out.push("prices".into());
    }
    out
}

fn bounds(input: &Inputs<'_>, plan: &Plan, ix: usize, asset: &Asset, p: &AssetPlan, out: &mut Vec<String>) {
    for (t, interval) in plan.grid.intervals.iter().enumerate() {
        for (port, v) in asset.ports.iter().zip(&p.power_kw) {
            let over = plan
                .slacks
                .iter()
                .filter(|s| s.interval == t && s.what.starts_with(&asset.id))
                .map(|s| s.amount)
                .sum::<f64>();
            if v[t] > port.max.kw() + over + KW || v[t] < port.min.kw() - KW {
                out.push(format!("{} {t}: {} outside [{}, {}]", asset.id, v[t], port.min, port.max));
            }
        }
        let f = input.horizon.assets[ix].get(t).copied();
        let v = p.power_kw[0][t];
        let bad = match (&asset.kind, f) {
            (Kind::Pv(_) | Kind::Wind(_), Some(f)) => v > f + KW,
            (Kind::FlexibleLoad(k), Some(f)) => v < f - KW || v > k.floor * f + KW,
            (Kind::Load(k), Some(f)) if k.tier != hexad::site::kinds::Tier::Sheddable => (v - f).abs() > KW,
            _ => false,
        };
        if bad {
            out.push(format!("{} {t}: {v} against a forecast of {f:?}", asset.id));
        }
        if let Kind::Grid(k) = &asset.kind
            && v.abs() > 0.95 * k.transformer_kva + KW
            && !plan.slacks.iter().any(|s| s.interval == t)
        {
            out.push(format!("transformer {t}: {v}"));
        }
        assert!(interval.hours > 0.0);
    }
}

/// Fuel and by-products by the two ways an efficiency is stated: at rating and at minimum load.
fn expected(kind: &Kind, v: f64) -> Option<Vec<(usize, f64)>> {
    let mix = |lo: f64, hi: f64, at_lo: f64, at_hi: f64| at_lo + (v - lo) / (hi - lo) * (at_hi - at_lo);
    Some(match kind {
        Kind::Chp(k) if k.efficiency_curve.is_empty() => {
            let low = k.rated_kw * k.commitment.min_load;
            let gas = mix(low, k.rated_kw, low / k.electric_efficiency_min_load, k.rated_kw / k.electric_efficiency);
            vec![(1, mix(low, k.rated_kw, k.heat_kw_min_load, k.heat_kw)), (2, -gas)]
        }
        // What follows a curve, or mixes drives, is for the checker of machines.
        Kind::Boiler(k) if k.efficiency_curve.is_empty() => vec![(1, -v / k.efficiency)],
        Kind::HeatPump(k) if k.cop_curve.is_empty() => vec![(1, -v / k.cop)],
        Kind::Chiller(k) if k.eer_curve.is_empty() => vec![(1, -v / k.eer)],
        Kind::AbsorptionChiller(k) if k.second_cop.is_none() => vec![(1, -v / k.cop), (2, -v * k.auxiliary_kw_per_kw)],
        Kind::HeatExchanger(k) => vec![(1, -v / k.efficiency)],
        _ => return None,
    })
}

fn machine(
    input: &Inputs<'_>,
    plan: &Plan,
    ix: usize,
    asset: &Asset,
    p: &AssetPlan,
    whole_h: f64,
    out: &mut Vec<String>,
) {
    let now = input.state.now.park;
    let begin = |t: usize| plan.grid.intervals[t].start.seconds_since(now) / 3600.0;
    let whole = (0..plan.grid.intervals.len()).take_while(|t| begin(*t) < whole_h).count();
    for t in 0..whole {
        let v = p.power_kw[0][t];
        let on = p.on.get(t).copied().unwrap_or(true);
        if !on && p.power_kw.iter().any(|q| q[t].abs() > KW) {
            out.push(format!("{} {t}: power while off", asset.id));
        }
        for (port, want) in expected(&asset.kind, v).into_iter().flatten().filter(|_| on) {
            if (p.power_kw[port][t] - want).abs() > KW {
                out.push(format!("{} {t}: port {port} {} instead of {want}", asset.id, p.power_kw[port][t]));
            }
        }
        let Some(c) = asset.kind.commitment() else { continue };
        let standby = matches!(asset.kind, Kind::Electrolyser(_));
        if on && !standby && v < c.min_load * asset.kind.rated().kw() - KW {
            out.push(format!("{} {t}: {v} below minimum load", asset.id));
        }
    }
    let (Some(c), Some(r)) = (asset.kind.commitment(), input.state.assets[ix].running) else { return };
    // Walk the switches: each stretch that ends within the whole part must have lasted long enough.
    let (mut is_on, mut since_h) = (r.on, r.since.seconds_since(now) / 3600.0);
    for t in 0..whole {
        if p.on[t] != is_on {
            let least = f64::from(if is_on { c.min_up_min } else { c.min_down_min }) / 60.0;
            if begin(t) - since_h < least - 1e-6 {
                out.push(format!("{} {t}: switched after {:.2} h of {least:.2}", asset.id, begin(t) - since_h));
            }
            (is_on, since_h) = (p.on[t], begin(t));
        }
    }
}

fn store(input: &Inputs<'_>, plan: &Plan, ix: usize, asset: &Asset, p: &AssetPlan, out: &mut Vec<String>) {
    let (Some(capacity), Some(Ok(mut energy))) =
        (asset.kind.capacity().map(|c| c.kwh()), input.state.assets[ix].energy)
    else {
        return;
    };
    let (low, high, charge, discharge, loss) = match &asset.kind {
        Kind::Battery(k) => {
            (k.soc_min * capacity, k.soc_max * capacity, k.charge_efficiency, k.discharge_efficiency, 0.0)
        }
        Kind::HeatTank(k) => (0.0, capacity, 1.0, 1.0, k.loss_per_h),
        Kind::ColdTank(k) => (0.0, capacity, 1.0, 1.0, k.loss_per_h),
        _ => return,
    };
    let was_inside = (low..=high).contains(&energy);
    for (t, interval) in plan.grid.intervals.iter().enumerate() {
        let v = p.power_kw[0][t];
        let change = if v > 0.0 { -v / discharge } else { -v * charge };
        energy = energy * (1.0 - loss).powf(interval.hours) + change * interval.hours;
        if (energy - p.energy_kwh[t]).abs() > 0.5 {
            out.push(format!("{} {t}: energy {:.2} planned, {energy:.2} by its powers", asset.id, p.energy_kwh[t]));
        }
        if was_inside && (energy < low - 0.5 || energy > high + 0.5) {
            out.push(format!("{} {t}: {energy:.1} kWh outside [{low:.0}, {high:.0}]", asset.id));
        }
        energy = p.energy_kwh[t];
    }
}
