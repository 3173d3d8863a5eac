//! The second opinion on machines: part load, performance, steps, standby, ramps, starts and source energy, from the site
//! file's numbers and apart from the formulation.

use hexad::dispatch::{Inputs, Plan};
use hexad::site::{Asset, Kind};
use hexad::state::Availability;

const KW: f64 = 0.05;

/// Everything that is wrong with the machines of a plan, in words, over the hours that are whole; slacks it admits are
/// allowed for.
pub fn faults(input: &Inputs<'_>, plan: &Plan, whole_h: f64) -> Vec<String> {
    let mut out = Vec::new();
    let now = input.state.now.park;
    let whole = plan.grid.intervals.iter().take_while(|i| i.start.seconds_since(now) / 3600.0 < whole_h).count();
    for (ix, asset) in input.site.assets.iter().enumerate() {
        if input.state.assets[ix].availability != Availability::Available || asset.kind.commitment().is_none() {
            continue;
        }
        for t in 0..whole {
            let ports: Vec<f64> = plan.assets[ix].power_kw.iter().map(|p| p[t]).collect();
            let on = plan.assets[ix].on[t];
            if on {
                flows(input, asset, t, &ports, &mut out);
            } else if ports.iter().any(|kw| kw.abs() > KW) {
                out.push(format!("{} {t}: power while off: {ports:?}", asset.id));
            }
        }
        ramps(input, plan, ix, asset, whole, &mut out);
        days(input, plan, ix, asset, whole, &mut out);
    }
    out
}

/// Value of a curve: straight between its points, level beyond.
fn curve(points: &[[f64; 2]], x: f64) -> f64 {
    let mut low = points[0];
    for p in points {
        if x <= p[0] {
            return if p[0] - low[0] < 1e-9 { p[1] } else { low[1] + (x - low[0]) / (p[0] - low[0]) * (p[1] - low[1]) };
        }
        low = *p;
    }
    low[1]
}

/// What the site file's words make of a curve: `of` at minimum load, at each point and at the rating, straight between.
fn by_points(points: &[[f64; 2]], min_load: f64, rated: f64, kw: f64, of: impl Fn(f64, f64) -> f64) -> f64 {
    let mut loads = vec![min_load, 1.0];
    loads.extend(points.iter().map(|p| p[0]).filter(|x| *x > min_load && *x < 1.0));
    loads.sort_by(f64::total_cmp);
    let known: Vec<[f64; 2]> = loads.iter().map(|x| [x * rated, of(x * rated, curve(points, *x))]).collect();
    curve(&known, kw)
}

fn cop(input: &Inputs<'_>, asset: &Asset, t: usize) -> f64 {
    let outdoor = input.horizon.outdoor_c.as_ref().and_then(|c| c.get(t)).copied().filter(|c| c.is_finite());
    let (nominal, points, source) = match &asset.kind {
        Kind::HeatPump(k) => {
            let bus = k.source_bus.as_ref().and_then(|id| input.site.buses.iter().find(|b| b.id == *id)?.supply_c);
            (k.cop, &k.cop_curve, k.source_c.or(bus).or(outdoor))
        }
        Kind::Chiller(k) => (k.eer, &k.eer_curve, outdoor),
        _ => return 1.0,
    };
    if points.is_empty() {
        return nominal;
    }
    source.map_or(points.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min), |c| curve(points, c))
}

fn flows(input: &Inputs<'_>, asset: &Asset, t: usize, ports: &[f64], out: &mut Vec<String>) {
    let kw = ports[0].abs();
    let rated = asset.kind.rated().kw();
    let min_load = asset.kind.commitment().unwrap().min_load;
    let mut wrong = |what: &str, is: f64, should: f64| {
        if (is - should).abs() > KW {
            out.push(format!("{} {t}: {what} {is:.3} instead of {should:.3} at {kw:.3} kW", asset.id));
        }
    };
    let line = |low: f64, high: f64| {
        let lowest = min_load * rated;
        if rated - lowest < 1e-6 || lowest <= 0.0 {
            high * kw / rated
        } else {
            low + (kw - lowest) / (rated - lowest) * (high - low)
        }
    };
    match &asset.kind {
        Kind::Boiler(k) if !k.efficiency_curve.is_empty() => {
            wrong("gas", ports[1], -by_points(&k.efficiency_curve, min_load, rated, kw, |p, e| p / e));
        }
        Kind::Chp(k) => {
            if !k.efficiency_curve.is_empty() {
                wrong("gas", ports[2], -by_points(&k.efficiency_curve, min_load, rated, kw, |p, e| p / e));
            }
            if k.jacket_bus.is_some() {
                wrong("jacket heat", ports[3], line(k.jacket_kw_min_load, k.jacket_kw));
            }
        }
        Kind::Genset(k) if k.gas_bus.is_some() => {
            wrong("gas", ports[1], -line(min_load * rated / k.efficiency_min_load, rated / k.efficiency));
        }
        Kind::HeatPump(k) => {
            let cop = cop(input, asset, t);
            wrong("electricity", ports[1], -kw / cop);
            if k.source_bus.is_some() {
                wrong("source heat", ports[2], -(kw - kw / cop));
            }
            if !k.steps.is_empty() {
                let near = k.steps.iter().map(|s| s * rated).min_by(|a, b| (a - kw).abs().total_cmp(&(b - kw).abs()));
                wrong("step", kw, near.unwrap());
            }
        }
        Kind::Chiller(_) => wrong("electricity", ports[1], -kw / cop(input, asset, t)),
        Kind::AbsorptionChiller(k) => {
            let second = k.second_cop.map_or(0.0, |cop| -ports[3] * cop);
            wrong("cooling", kw, -ports[1] * k.cop + second);
        }
        Kind::Electrolyser(k) => {
            if kw < min_load * rated - KW {
                wrong("standby", kw, k.standby_kw);
                wrong("hydrogen in standby", ports[1], 0.0);
            } else if k.efficiency_curve.is_empty() {
                wrong("hydrogen", ports[1], kw * k.efficiency);
            } else {
                wrong("hydrogen", ports[1], by_points(&k.efficiency_curve, min_load, rated, kw, |p, e| p * e));
            }
        }
        Kind::FuelCell(k) => wrong("hydrogen", ports[1], -kw / k.efficiency),
        _ => {}
    }
    let standing_by = matches!(&asset.kind, Kind::Electrolyser(k) if k.standby_kw > 0.0);
    if kw < min_load * rated - KW && !standing_by {
        out.push(format!("{} {t}: {kw:.3} kW below its minimum load", asset.id));
    }
}

fn ramps(input: &Inputs<'_>, plan: &Plan, ix: usize, asset: &Asset, whole: usize, out: &mut Vec<String>) {
    let Some(per_h) = asset.kind.ramp_kw_per_s().map(|r| r * 3600.0) else { return };
    if matches!(&asset.kind, Kind::HeatPump(k) if !k.steps.is_empty()) {
        return;
    }
    let (own, min) = (&plan.assets[ix], asset.kind.commitment().unwrap().min_load * asset.kind.rated().kw());
    let standby = if let Kind::Electrolyser(k) = &asset.kind { k.standby_kw } else { 0.0 };
    if standby > min {
        return;
    }
    // Without a minimum load it may be on at nothing.
    let runs = |t: usize| own.on[t] && (standby <= 0.0 || own.power_kw[0][t].abs() > min - KW);
    let load = |t: usize| {
        let kw = own.power_kw[0][t].abs();
        if runs(t) { kw } else { 0.0 }
    };
    for t in 1..whole {
        let (h0, h1) = (plan.grid.intervals[t - 1].hours, plan.grid.intervals[t].hours);
        let (before, after) = (load(t - 1), load(t));
        let most = match (runs(t - 1), runs(t)) {
            (true, true) => per_h * (h0 + h1) / 2.0,
            (false, true) => min + per_h * h1 / 2.0,
            (true, false) => min + per_h * h0 / 2.0,
            _ => continue,
        };
        if (after - before).abs() > most + KW {
            out.push(format!("{} {t}: from {before:.1} to {after:.1} kW, its ramp allows {most:.1}", asset.id));
        }
    }
    let admitted =
        plan.slacks.iter().any(|s| s.interval == 0 && s.what.starts_with(&asset.id) && s.what.contains("ramp"));
    let now = input.state.assets[ix].ports[0].measured.unwrap_or(f64::NAN).abs();
    let running = input.state.assets[ix].running.is_some_and(|r| r.on);
    let half = per_h * plan.grid.intervals[0].hours / 2.0;
    if running && now > min && load(0) > 0.0 && (load(0) - now).abs() > half + KW && !admitted {
        out.push(format!("{}: from {now:.1} now to {:.1} kW", asset.id, load(0)));
    }
}

fn days(input: &Inputs<'_>, plan: &Plan, ix: usize, asset: &Asset, whole: usize, out: &mut Vec<String>) {
    let state = &input.state.assets[ix];
    let day = |t: usize| plan.grid.intervals[t].start.0.to_zoned_datetime(input.site.zone.clone()).date();
    let today = input.state.now.park.0.to_zoned_datetime(input.site.zone.clone()).date();
    let admitted = |word: &str| -> f64 {
        plan.slacks.iter().filter(|s| s.what.starts_with(&asset.id) && s.what.contains(word)).map(|s| s.amount).sum()
    };
    let (mut starts, mut low_grade) = (f64::from(state.today.starts), 0.0);
    let mut on = state.running.is_none_or(|r| r.on);
    for t in (0..whole).filter(|t| day(*t) == today) {
        starts += f64::from(u8::from(plan.assets[ix].on[t] && !on));
        on = plan.assets[ix].on[t];
        low_grade += plan.assets[ix].power_kw[0][t] * (1.0 - 1.0 / cop(input, asset, t)) * plan.grid.intervals[t].hours;
    }
    if let Some(most) = asset.kind.commitment().unwrap().starts_per_day.map(f64::from)
        && starts > most.max(f64::from(state.today.starts)) + admitted("starts") + 1e-6
    {
        out.push(format!("{}: {starts} starts today of {most}", asset.id));
    }
    if let Kind::HeatPump(k) = &asset.kind
        && let Some(budget) = k.source_kwh_per_day
    {
        let left = (budget - state.today.energy.kwh() * (1.0 - 1.0 / cop(input, asset, 0))).max(0.0);
        if low_grade > left + admitted("source") + 0.1 {
            out.push(format!("{}: {low_grade:.1} kWh from its source, {left:.1} left today", asset.id));
        }
    }
}
