//! A second opinion on the duties of the site, from the numbers of the plan: windows minute by minute, a failure of the grid
//! lived through, reserve counted unit by unit. Shares nothing with the formulation.

use hexad::dispatch::{Crossing, Inputs, Plan};
use hexad::site::kinds::Tier;
use hexad::site::{Asset, Carrier, Kind, When};
use hexad::state::Availability;

const KW: f64 = 0.1;
/// Reserve is exact only where commitment is whole.
const WHOLE_H: f64 = 4.0;

/// Every duty that is not kept and not admitted by a slack, in words.
pub fn faults(input: &Inputs<'_>, plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    if input.site.pcc().is_some() {
        limits(input, plan, &mut out);
        contract(input, plan, &mut out);
    }
    budget(input, plan, &mut out);
    for t in 0..plan.grid.intervals.len() {
        reserve(input, plan, t, &mut out);
        survive(input, plan, t, &mut out);
    }
    out
}

fn admitted(plan: &Plan, what: &str, t: usize) -> f64 {
    plan.slacks.iter().filter(|s| s.interval == t && s.what.contains(what)).map(|s| s.amount).sum()
}

fn connected(input: &Inputs<'_>, t: usize) -> bool {
    input.site.pcc().is_some() && !input.islanded && input.horizon.grid_available[t]
}

fn exchange(input: &Inputs<'_>, plan: &Plan, t: usize) -> f64 {
    plan.assets[input.site.pcc().unwrap().0].power_kw[0][t]
}

fn limits(input: &Inputs<'_>, plan: &Plan, out: &mut Vec<String>) {
    let Kind::Grid(k) = &input.site.assets[input.site.pcc().unwrap().0].kind else { unreachable!() };
    let active = (k.transformer_kva * k.transformer_kva - k.reactive_kvar * k.reactive_kvar).sqrt();
    for (t, i) in plan.grid.intervals.iter().enumerate() {
        let kw = exchange(input, plan, t);
        if !connected(input, t) {
            if kw.abs() > KW {
                out.push(format!("interval {t}: {kw} kW over an open PCC"));
            }
            continue;
        }
        let (mut import, mut export) = (k.import_max_kw.min(active), k.export_max_kw.min(active));
        for l in input.limits.iter().filter(|l| i.start < l.until) {
            import = if l.import_max_kw < import { l.import_max_kw.max(0.0) } else { import };
            export = if l.export_max_kw < export { l.export_max_kw.max(0.0) } else { export };
        }
        if kw > 0.95 * import + admitted(plan, "import above its planned limit", t) + KW || kw < -export - KW {
            out.push(format!("interval {t}: {kw} kW outside [-{export}, {import}]"));
        }
        for (crossing, least) in [(Crossing::Import, import), (Crossing::Export, export)] {
            let told: Vec<f64> = plan
                .limits
                .iter()
                .filter(|l| l.crossing == crossing && l.narrowest.contains(&t))
                .map(|l| l.kw)
                .collect();
            if told.len() != 1 || (told[0] - least).abs() > 1e-6 {
                out.push(format!("interval {t}: {} {told:?} told as the narrowest, {least} is", crossing.name()));
            }
        }
    }
}

/// Minute by minute.
fn contract(input: &Inputs<'_>, plan: &Plan, out: &mut Vec<String>) {
    let Kind::Grid(k) = &input.site.assets[input.site.pcc().unwrap().0].kind else { unreachable!() };
    let (Some(contracted), None) = (k.contracted_kw, k.over_contract_per_kw_month) else { return };
    let length = f64::from(input.site.tariff.demand_window_min) * 60.0;
    let mut at = plan.grid.intervals[0].start.unix();
    let end = plan.grid.intervals.last().unwrap().end().unix();
    let mut window = (at / length).floor();
    let known = (input.state.window.start.unix() - window * length).abs() < 1.0 && at - window * length > 1.0;
    let (mut kwh, mut seconds) =
        if known { (input.state.window.imported.kwh(), at - window * length) } else { (0.0, 0.0) };
    let (mut first, mut slack) = (None, 0.0_f64);
    while at < end - 1e-3 {
        let t = plan.grid.intervals.iter().rposition(|i| i.start.unix() <= at + 1e-3).unwrap();
        let to = (at + 60.0).min(plan.grid.intervals[t].end().unix()).min((window + 1.0) * length);
        if first != Some(t) {
            first = Some(t);
            slack = slack.max(admitted(plan, "above the contracted", t));
        }
        kwh += exchange(input, plan, t).max(0.0) * (to - at) / 3600.0;
        seconds += to - at;
        at = to;
        if at >= (window + 1.0) * length - 1e-3 || at >= end - 1e-3 {
            let mean = kwh * 3600.0 / seconds;
            if mean > contracted + slack + KW {
                out.push(format!("window before {at}: mean {mean:.2} kW above {contracted} + {slack:.2}"));
            }
            (window, kwh, seconds, first, slack) = (window + 1.0, 0.0, 0.0, None, 0.0);
        }
    }
}

fn budget(input: &Inputs<'_>, plan: &Plan, out: &mut Vec<String>) {
    let Some(budget) = input.site.co2.budget_kg_per_day else { return };
    let Some(told) = plan.co2 else { return };
    let date = |at: hexad::units::Park| at.0.to_zoned_datetime(input.site.zone.clone()).date();
    let today = date(input.state.now.park);
    let mut kg = input.state.co2_today_kg;
    let mut all = 0.0;
    for (t, i) in plan.grid.intervals.iter().enumerate() {
        for (a, p) in input.site.assets.iter().zip(&plan.assets) {
            let rate = match &a.kind {
                Kind::Grid(_) => p.power_kw[0][t].max(0.0) * input.horizon.co2_kg_per_kwh[t],
                Kind::GasSupply(k) => p.power_kw[0][t] * k.co2_kg_per_kwh,
                _ => 0.0,
            };
            all += rate * i.hours;
            let seconds = (i.hours * 3600.0).round() as i64;
            let of_today = (0..seconds)
                .step_by(20)
                .filter(|s| !input.state.now.synchronised || date(i.start.plus_s(*s as f64 + 10.0)) == today);
            kg += rate * i.hours * 20.0 * of_today.count() as f64 / seconds as f64;
        }
    }
    let over = admitted(plan, "above the budget", 0);
    if kg > budget + over + 1.0 {
        out.push(format!("{kg:.1} kg today above {budget} + {over:.1}"));
    }
    if (told.today_kg - kg).abs() > 1.0 || (told.horizon_kg - all).abs() > 0.5 {
        out.push(format!("{told:?} told, {kg:.1} today and {all:.1} in all"));
    }
}

fn electric(input: &Inputs<'_>, a: &Asset) -> bool {
    input.site.buses[a.ports[0].bus.0].carrier == Carrier::Electricity
}

/// Power that each unit adds beyond its plan, and what would be missing without it.
fn reserve(input: &Inputs<'_>, plan: &Plan, t: usize, out: &mut Vec<String>) {
    let Some(rules) = &input.site.reserve else { return };
    let begin_h = plan.grid.intervals[t].start.seconds_since(input.state.now.park) / 3600.0;
    if (rules.when == When::Islanded && connected(input, t)) || begin_h >= WHOLE_H {
        return;
    }
    let mut owed = rules.fixed_kw;
    let mut units: Vec<(f64, f64)> = Vec::new();
    for (ix, a) in input.site.assets.iter().enumerate().filter(|(_, a)| electric(input, a)) {
        let (p, kw) = (&plan.assets[ix], plan.assets[ix].power_kw[0][t]);
        let forecast = input.horizon.assets[ix].get(t).copied();
        let low = input.horizon.quantiles[ix].p10.get(t).copied();
        match (&a.kind, forecast) {
            (Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_), Some(f)) => {
                owed += rules.load_share * -f;
                owed += if rules.forecast_error { low.map_or(0.1 * -f, |low| (f - low).max(0.0)) } else { 0.0 };
            }
            (Kind::Pv(_) | Kind::Wind(_), Some(f)) => {
                owed += if rules.forecast_error { (kw - low.unwrap_or(0.7 * f)).max(0.0) } else { 0.0 };
                units.push((0.0, kw));
            }
            (Kind::Chp(k), _) if !p.on.is_empty() => units.push((if p.on[t] { k.rated_kw - kw } else { 0.0 }, kw)),
            (Kind::Battery(k), _) if !p.energy_kwh.is_empty() => {
                let before = if t == 0 { input.state.assets[ix].energy.unwrap().unwrap() } else { p.energy_kwh[t - 1] };
                let above = before.min(p.energy_kwh[t]) - k.soc_min * k.capacity_kwh;
                units.push(((k.discharge_max_kw - kw).min(above * k.discharge_efficiency / 0.25), kw));
            }
            (Kind::Grid(_), _) if connected(input, t) => {
                let at = plan.grid.intervals[t].start;
                let limits = plan.limits.iter().filter(|l| l.crossing == Crossing::Import);
                let least =
                    limits.filter(|l| l.until.is_none_or(|u| at < u)).map(|l| l.kw).fold(f64::INFINITY, f64::min);
                // The loss of the grid is another duty's.
                owed -= 0.95 * least - kw;
            }
            _ => {}
        }
    }
    let all: f64 = units.iter().map(|u| u.0).sum();
    let worst = units.iter().map(|u| u.0 + u.1).filter(|_| rules.largest_unit).fold(0.0, f64::max);
    let short = owed + worst - all;
    if short > admitted(plan, "spinning reserve", t) + KW {
        out.push(format!("interval {t}: {short:.2} kW short of reserve, {:?}", admitted(plan, "spinning", t)));
    }
}

/// The grid fails at the end of interval `t`: half minute by half minute, engines first, then stores.
fn survive(input: &Inputs<'_>, plan: &Plan, t: usize, out: &mut Vec<String>) {
    let Some(rules) = &input.site.survival else { return };
    if !connected(input, t) {
        return;
    }
    let available = |ix: usize| input.state.assets[ix].availability == Availability::Available;
    let fail = plan.grid.intervals[t].end();
    let horizon_end = plan.grid.end().unwrap();
    let (mut stored, mut most, mut gas, mut burnt) = (0.0, 0.0, 0.0, 0.0);
    for (ix, a) in input.site.assets.iter().enumerate() {
        if let Kind::Battery(k) = &a.kind {
            stored += (plan.assets[ix].energy_kwh[t] - k.soc_min * k.capacity_kwh) * k.discharge_efficiency;
            most += k.discharge_max_kw;
        }
        match &a.kind {
            Kind::GasSupply(k) if available(ix) => gas += k.max_kw,
            Kind::Chp(k) if available(ix) => burnt += k.rated_kw / k.electric_efficiency,
            _ => {}
        }
    }
    let (step, mut missing) = (30.0_f64, 0.0);
    let mut s = 0.0;
    while s < rules.hours * 3600.0 - 1e-6 {
        let dt = step.min(rules.hours * 3600.0 - s);
        let mut at = fail.plus_s(s + dt / 2.0);
        while at >= horizon_end {
            at = at.plus_s(-86_400.0);
        }
        let i = plan.grid.intervals.iter().rposition(|i| i.start <= at).unwrap_or(plan.grid.intervals.len() - 1);
        let mut kw = 0.0;
        for (ix, a) in input.site.assets.iter().enumerate().filter(|(_, a)| electric(input, a)) {
            match &a.kind {
                Kind::Load(k) if k.tier == Tier::Critical => kw -= input.horizon.assets[ix][i],
                Kind::Chp(k) if s >= k.start_s && available(ix) => kw -= k.rated_kw * (gas / burnt).min(1.0),
                Kind::Genset(k) if s >= k.start_s && available(ix) => kw -= k.rated_kw,
                _ => {}
            }
        }
        let drawn = kw.clamp(0.0, most).min((stored * 3600.0 / dt).max(0.0));
        stored -= drawn * dt / 3600.0;
        missing += (kw.max(0.0) - drawn) * dt / 3600.0;
        s += dt;
    }
    let admitted = admitted(plan, "survival reserve: too little energy", t);
    if missing > admitted + 0.3 {
        out.push(format!("interval {t}: {missing:.2} kWh of critical load not carried, {admitted:.2} admitted"));
    }
}
