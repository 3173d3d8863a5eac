use super::timestamp;
use crate::dispatch::{AssetPlan, Binding, Conflict, LimitInForce, Plan, Slack};
use crate::proto::v1;
use crate::site::{Asset, Site};
use crate::units::Park;

/// A plan whole. Its age is that at `now`, the newest cycle's park time; before the first cycle it is new.
pub(in crate::rpc) fn plan(site: &Site, plan: &Plan, now: Option<Park>) -> v1::Plan {
    let intervals = plan.grid.intervals.iter();
    v1::Plan {
        summary: Some(summary(plan, now)),
        made_at: Some(timestamp(plan.made_at)),
        valid_until: Some(timestamp(plan.valid_until)),
        intervals: intervals.map(|i| v1::Interval { start: Some(timestamp(i.start)), hours: i.hours }).collect(),
        assets: site.assets.iter().zip(&plan.assets).map(|(a, p)| asset(site, a, p)).collect(),
        buses: site
            .buses
            .iter()
            .zip(&plan.buses)
            .map(|(b, p)| v1::BusPlan { id: b.id.clone(), price_per_kwh: p.price.clone() })
            .collect(),
        slacks: plan.slacks.iter().map(slack).collect(),
        conflicts: plan.conflicts.iter().map(conflict).collect(),
        binding: plan.binding.iter().map(binding).collect(),
        limits: plan.limits.iter().map(limit).collect(),
        co2: plan.co2.map(|c| v1::PlannedCo2 {
            horizon_kg: c.horizon_kg,
            today_kg: c.today_kg,
            budget_kg: c.budget_kg,
        }),
    }
}

/// The head of a plan.
pub(super) fn summary(plan: &Plan, now: Option<Park>) -> v1::PlanSummary {
    v1::PlanSummary {
        id: plan.id,
        age_s: now.map_or(0.0, |now| now.seconds_since(plan.made_at).max(0.0)),
        status: plan.status.name().to_owned(),
        gap: plan.gap,
        cost: plan.cost,
        solve_ms: plan.solve_ms,
        note: plan.note.clone(),
        bound: plan.bound,
    }
}

/// The head of no plan at all.
pub(super) fn none() -> v1::PlanSummary {
    v1::PlanSummary { status: "none".to_owned(), note: "no plan yet".to_owned(), ..Default::default() }
}

fn asset(site: &Site, asset: &Asset, plan: &AssetPlan) -> v1::AssetPlan {
    let bus = |port: &crate::site::Port| site.buses.get(port.bus.0).map(|b| b.id.clone()).unwrap_or_default();
    let ports = asset.ports.iter().zip(&plan.power_kw);
    v1::AssetPlan {
        id: asset.id.clone(),
        ports: ports.map(|(port, kw)| v1::PortPlan { bus: bus(port), power_kw: kw.clone() }).collect(),
        on: plan.on.clone(),
        energy_kwh: plan.energy_kwh.clone(),
        stored_value_per_kwh: plan.stored_value.clone(),
    }
}

fn limit(limit: &LimitInForce) -> v1::LimitInForce {
    let numbers = |list: &[usize]| list.iter().map(|t| u32::try_from(*t).unwrap_or(u32::MAX)).collect();
    v1::LimitInForce {
        by: limit.by.clone(),
        class: limit.class.map_or_else(String::new, |c| c.name().to_owned()),
        crossing: limit.crossing.name().to_owned(),
        kw: limit.kw,
        until: limit.until.map(timestamp),
        narrowest: numbers(&limit.narrowest),
        binding: numbers(&limit.binding),
    }
}

fn slack(slack: &Slack) -> v1::Slack {
    v1::Slack {
        what: slack.what.clone(),
        interval: short(slack.interval),
        amount: slack.amount,
        price_per_kwh: slack.price,
    }
}

fn short(interval: usize) -> u32 {
    u32::try_from(interval).unwrap_or(u32::MAX)
}

fn conflict(c: &Conflict) -> v1::Conflict {
    v1::Conflict {
        what: c.what.clone(),
        from: short(c.from),
        to: short(c.to),
        amount: c.amount,
        unit: c.unit.clone(),
        price_per_kwh: c.price,
        because: c.because.iter().map(binding).collect(),
    }
}

fn binding(b: &Binding) -> v1::Binding {
    v1::Binding {
        limit: b.limit.clone(),
        from: short(b.from),
        to: short(b.to),
        at: b.at,
        unit: b.unit.clone(),
        worth_per_kwh: b.worth,
    }
}
