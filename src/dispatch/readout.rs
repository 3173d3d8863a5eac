//! From the solver's answer back to the words of the house.

use super::co2;
use super::formulate::Formulation;
use super::known::Known;
use super::{AssetPlan, BusPlan, Inputs, Plan, PlanStatus, Slack, Solution, SolveStatus, VALID_S};

/// Slack below this is the solver's tolerance, not a conflict (kW, kWh).
const VISIBLE: f64 = 0.01;

pub(super) fn read(input: &Inputs<'_>, known: &Known, f: &Formulation, s: &Solution) -> Plan {
    let made_at = input.state.now.park;
    Plan {
        id: input.id,
        made_at,
        valid_until: made_at.plus_s(VALID_S),
        grid: input.horizon.grid.clone(),
        status: match s.status {
            SolveStatus::Optimal => PlanStatus::Optimal,
            SolveStatus::Feasible => PlanStatus::Feasible,
        },
        gap: Some(((s.objective - s.bound) / s.objective.abs().max(1e-9)).max(0.0)),
        cost: Some(s.objective),
        solve_ms: 0.0,
        assets: assets(f, s),
        buses: f
            .balance
            .iter()
            .map(|rows| BusPlan { price: rows.iter().zip(&known.hours).map(|(r, h)| s.duals[r.0] / h).collect() })
            .collect(),
        slacks: slacks(f, s),
        limits: Vec::new(),
        co2: Some(co2::expected(input, known, &f.emission, &s.x)),
        note: known.notes.join("; "),
    }
}

fn assets(f: &Formulation, s: &Solution) -> Vec<AssetPlan> {
    f.places
        .iter()
        .map(|p| AssetPlan {
            power_kw: p.ports.iter().map(|port| port.iter().map(|e| e.value(&s.x)).collect()).collect(),
            potential_kw: p.potential.clone(),
            on: p.on.iter().map(|c| s.x[c.0] >= 0.5).collect(),
            energy_kwh: p.energy.iter().map(|c| s.x[c.0]).collect(),
            // One kWh more at the end of an interval lowers the cost by its value.
            stored_value: p.state.iter().map(|r| -s.duals[r.0]).collect(),
        })
        .collect()
}

fn slacks(f: &Formulation, s: &Solution) -> Vec<Slack> {
    f.reliefs
        .iter()
        .filter(|r| s.x[r.col.0] > VISIBLE)
        .map(|r| Slack { what: r.what.clone(), interval: r.interval, amount: s.x[r.col.0], price: r.price })
        .collect()
}
