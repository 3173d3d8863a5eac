//! What must hold of every plan of every site: random sites in random states, with random futures.

// Solve times are what is told of a long run.
#![allow(clippy::disallowed_methods)]

pub mod case;
mod consumers;
mod dice;
mod machines;
mod sites;
mod soak;
pub mod solve;
mod stores;
mod widen;

use hexad::dispatch::{Plan, PlanStatus, end_values, plan};
use hexad::solver::InProcess;

use crate::checker;
use case::{Case, Length};
use soak::{Seen, hold};
use solve::{Broken, Exact, PROVEN, daemon, exact};

fn passes(case: &Case, plan: &Plan, whole_h: f64) -> Result<checker::Audit, String> {
    let audit = checker::audit(&case.inputs(), plan, whole_h, &end_values(&case.inputs()));
    if audit.faults.is_empty() { Ok(audit) } else { Err(audit.faults.join("; ")) }
}

#[test]
fn every_plan_of_a_random_site_passes_the_checker() {
    hold("checker", 120, 1.0, Length::Any, |case| {
        let begin = std::time::Instant::now();
        let plan = daemon(case, &mut InProcess);
        let ms = begin.elapsed().as_secs_f64() * 1e3;
        if plan.gap.is_none() {
            return Err(format!("no plan: {}", plan.note));
        }
        passes(case, &plan, 4.0)?;
        Ok(vec![
            ("solve_ms", ms),
            ("solve_ms_max", ms),
            ("proven", f64::from(u8::from(plan.status == PlanStatus::Optimal))),
            ("with_slacks", f64::from(u8::from(!plan.slacks.is_empty()))),
            ("assets", plan.assets.len() as f64),
            ("intervals", case.len() as f64),
        ])
    });
}

/// Money by the checker's own account, and never below what is proven.
#[test]
fn a_plan_costs_what_its_powers_say_and_no_less_than_its_bound() {
    hold("cost", 60, 0.5, Length::Short, |case| {
        let Exact { plan, bound, ms, .. } = exact(case)?;
        let audit = passes(case, &plan, f64::INFINITY)?;
        if audit.cost.contains_key("not accounted") {
            return Ok(vec![("not_accounted", 1.0)]);
        }
        let (told, counted) = (plan.cost.unwrap(), audit.total());
        let scale: f64 = audit.cost.values().map(|v| v.abs()).sum::<f64>();
        let close = 0.02 + 1e-4 * scale;
        if (told - counted).abs() > close {
            return Err(format!("told {told:.4}, counted {counted:.4}: {:.3?}", audit.cost));
        }
        if counted < bound - close {
            return Err(format!("counted {counted:.4} below the bound {bound:.4}"));
        }
        Ok(vec![
            ("solve_ms", ms),
            ("solve_ms_max", ms),
            ("proven", f64::from(u8::from(plan.gap.is_some_and(|g| g <= PROVEN)))),
            ("cost_error_max", (told - counted).abs()),
        ])
    });
}

/// The relaxation bounds the programme, and the programme bounds the house's rules wherever these break no rule.
#[test]
fn bounds_lie_below_every_plan_that_is_allowed() {
    hold("bound", 60, 0.5, Length::Short, |case| {
        let Exact { plan: best, bound, .. } = exact(case)?;
        let relaxed = solve::relaxed(case)?;
        let close = 0.02 + 1e-6 * relaxed.abs();
        if relaxed > best.cost.unwrap() + close {
            return Err(format!("relaxed {relaxed:.4} above the optimum {:?}", best.cost));
        }
        let mut seen: Seen = vec![("allowed", 0.0)];
        for (name, other) in [("daemon", daemon(case, &mut InProcess)), ("rules", plan(&case.inputs(), &mut Broken))] {
            let audit = checker::audit(&case.inputs(), &other, f64::INFINITY, &end_values(&case.inputs()));
            if !audit.faults.is_empty() || audit.cost.contains_key("not accounted") {
                continue;
            }
            let cost = audit.total();
            if cost < bound - close - 1e-4 * cost.abs() {
                return Err(format!("{name} {cost:.4} below the bound {bound:.4}: {:.3?}", audit.cost));
            }
            seen[0].1 += 1.0;
        }
        Ok(seen)
    });
}

#[test]
fn more_flexibility_never_costs_more() {
    hold("flexibility", 60, 0.5, Length::Short, |case| {
        let Some((what, wider)) = widen::one(case) else { return Ok(vec![("nothing_to_widen", 1.0)]) };
        let (before, after) = (exact(case)?, exact(&wider)?);
        let cost = before.plan.cost.unwrap();
        let close = 0.02 + 2e-6 * cost.abs();
        // Proven or not: the bound of the wider one cannot lie above a plan that it allows.
        if after.bound > cost + close {
            return Err(format!("{what}: {cost:.4} before, at least {:.4} after", after.bound));
        }
        let both = [&before, &after].iter().all(|e| e.plan.gap.is_some_and(|g| g <= PROVEN));
        if both && after.plan.cost.unwrap() > cost + close {
            return Err(format!("{what}: {cost:.4} before, {:.4} after", after.plan.cost.unwrap()));
        }
        let helped = after.plan.cost.unwrap() < cost - close;
        Ok(vec![("both_proven", f64::from(u8::from(both))), ("cheaper", f64::from(u8::from(helped)))])
    });
}

/// A price is a slope: between what a little less and a little more would have changed.
#[test]
fn prices_lie_between_the_difference_quotients() {
    hold("prices", 60, 0.5, Length::Short, solve::slopes);
}

#[test]
fn the_value_of_stored_energy_lies_between_the_difference_quotients() {
    hold("stored_value", 60, 0.5, Length::Short, solve::stored);
}
