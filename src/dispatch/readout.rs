//! From the solver's answer back to the words of the house.

use super::co2;
use super::explain::View;
use super::formulate::Formulation;
use super::known::Known;
use super::rules::prices;
use super::values::{bounded, worth};
use super::{AssetPlan, BusPlan, Inputs, Plan, PlanStatus, Slack, Solution, SolveStatus, VALID_S};
use crate::site::BusIx;

/// Slack below this is the solver's tolerance, not a conflict (kW, kWh).
const VISIBLE: f64 = 0.01;
/// A cost nearer to nothing than this has no relative gap of use, currency.
const COST: f64 = 1.0;

/// The answer must have passed [`super::answer::check`].
pub(super) fn read(input: &Inputs<'_>, known: &Known, f: &Formulation, s: &Solution) -> Plan {
    read_with(input, known, f, s, Vec::new())
}

/// As [`read`], with slacks that are not of the formulation.
pub(super) fn read_with(
    input: &Inputs<'_>,
    known: &Known,
    f: &Formulation,
    s: &Solution,
    mut slacks: Vec<Slack>,
) -> Plan {
    let made_at = input.state.now.park;
    slacks.extend(used(f, s));
    let view = View::new(input, known, f, s);
    let bound = s.bound.is_finite().then_some(s.bound);
    let mut plan = Plan {
        id: input.id,
        made_at,
        valid_until: made_at.plus_s(VALID_S),
        grid: input.horizon.grid.clone(),
        status: match s.status {
            SolveStatus::Optimal => PlanStatus::Optimal,
            SolveStatus::Feasible => PlanStatus::Feasible,
        },
        gap: bound.map(|b| ((s.objective - b) / s.objective.abs().max(COST)).max(0.0)),
        cost: Some(s.objective),
        bound,
        solve_ms: 0.0,
        assets: assets(f, s),
        buses: Vec::new(),
        conflicts: view.conflicts(&slacks),
        binding: view.binding(),
        slacks,
        limits: Vec::new(),
        co2: Some(co2::expected(input, known, &f.emission, &s.x)),
        note: known.notes.join("; "),
    };
    price(input, known, f, s, &mut plan);
    plan
}

/// Prices and values of stored energy. By the slacks of each balance its dual lies between the cost of a surplus and the
/// value of critical load lost; the bounds below only cut off a solver's tolerance, and what a chain of slacks outside a
/// store's window adds up to.
fn price(input: &Inputs<'_>, known: &Known, f: &Formulation, s: &Solution, plan: &mut Plan) {
    if s.duals.is_empty() {
        let worth = worth(input, known);
        plan.buses = prices(input, known, &worth);
        let rows = plan.assets.iter_mut().zip(&f.places).zip(&input.site.assets).zip(&worth.stored);
        for (((own, place), asset), value) in rows {
            let Some(port) = asset.ports.first() else { continue };
            own.stored_value = vec![bounded(input, port.bus, *value); place.energy.len()];
        }
        let text = "the solver gave no prices: those of the house's rules stand in";
        plan.note = if plan.note.is_empty() { text.to_owned() } else { format!("{}; {text}", plan.note) };
        return;
    }
    let of = |(b, rows): (usize, &Vec<super::model::RowIx>)| BusPlan {
        price: rows.iter().zip(&known.hours).map(|(r, h)| bounded(input, BusIx(b), s.duals[r.0] / h)).collect(),
    };
    plan.buses = f.balance.iter().enumerate().map(of).collect();
    for ((own, place), asset) in plan.assets.iter_mut().zip(&f.places).zip(&input.site.assets) {
        let Some(port) = asset.ports.first() else { continue };
        // One kWh more at the end of an interval lowers the cost by its value.
        own.stored_value = place.state.iter().map(|r| bounded(input, port.bus, -s.duals[r.0])).collect();
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
            stored_value: Vec::new(),
        })
        .collect()
}

fn used(f: &Formulation, s: &Solution) -> Vec<Slack> {
    f.reliefs
        .iter()
        .filter(|r| s.x[r.col.0] > VISIBLE)
        .map(|r| Slack { what: r.what.clone(), interval: r.interval, amount: s.x[r.col.0], price: r.price })
        .collect()
}
