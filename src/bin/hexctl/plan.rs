//! What is going to be done: the chart, and the sums behind it.

use std::io::{IsTerminal, stdout};

use anyhow::Result;
use hexad::proto::v1;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::client::Daemon;
use crate::figures::{PlanHead, plan_head, time, zone};
use crate::plan_chart::chart;
use crate::table::{clock, number, table};
use crate::{print, print_json};

/// Columns where there is no terminal to ask.
const WIDTH: usize = 100;

#[derive(Serialize)]
struct PlanFigures {
    summary: PlanHead,
    made_at: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    intervals: Vec<IntervalFigures>,
    assets: Vec<AssetFigures>,
    buses: Vec<BusFigures>,
    slacks: Vec<SlackFigures>,
    conflicts: Vec<ConflictFigures>,
    binding: Vec<BindingFigures>,
    limits: Vec<LimitFigures>,
    co2: Option<Co2Figures>,
}

#[derive(Serialize)]
struct LimitFigures {
    by: String,
    class: String,
    crossing: String,
    kw: f64,
    until: Option<Timestamp>,
    narrowest: Vec<u32>,
    binding: Vec<u32>,
}

#[derive(Serialize)]
struct Co2Figures {
    horizon_kg: f64,
    today_kg: f64,
    budget_kg: Option<f64>,
}

#[derive(Serialize)]
struct IntervalFigures {
    start: Option<Timestamp>,
    hours: f64,
}

#[derive(Serialize)]
struct AssetFigures {
    id: String,
    ports: Vec<PortFigures>,
    on: Vec<bool>,
    energy_kwh: Vec<f64>,
    stored_value_per_kwh: Vec<f64>,
}

#[derive(Serialize)]
struct PortFigures {
    bus: String,
    power_kw: Vec<f64>,
}

#[derive(Serialize)]
struct BusFigures {
    id: String,
    price_per_kwh: Vec<f64>,
}

#[derive(Serialize)]
struct SlackFigures {
    what: String,
    interval: u32,
    amount: f64,
    price_per_kwh: f64,
}

#[derive(Serialize)]
struct ConflictFigures {
    what: String,
    from: u32,
    to: u32,
    amount: f64,
    unit: String,
    price_per_kwh: f64,
    because: Vec<BindingFigures>,
}

#[derive(Serialize)]
struct BindingFigures {
    limit: String,
    from: u32,
    to: u32,
    at: f64,
    unit: String,
    worth_per_kwh: Option<f64>,
}

impl From<v1::Binding> for BindingFigures {
    fn from(b: v1::Binding) -> Self {
        Self { limit: b.limit, from: b.from, to: b.to, at: b.at, unit: b.unit, worth_per_kwh: b.worth_per_kwh }
    }
}

pub(crate) async fn run(daemon: &mut Daemon, json: bool, width: Option<usize>) -> Result<()> {
    let plan = daemon.plan().await?;
    if json {
        return print_json(&figures(plan));
    }
    let site = daemon.site().await?;
    print(&page(&site, &plan, width.unwrap_or_else(terminal_width)))
}

fn terminal_width() -> usize {
    let told = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let seen = || ratatui::crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    let width = if stdout().is_terminal() { seen() } else { told() };
    width.unwrap_or(WIDTH)
}

fn page(site: &v1::Site, plan: &v1::Plan, width: usize) -> String {
    let zone = zone(site);
    let head = plan_head(plan.summary.clone());
    let at = |t| clock(time(t), &zone, "%Y-%m-%d %H:%M:%S");
    let mut text =
        format!("{}   plan {} {}", site.name, head.id.map_or_else(String::new, |i| i.to_string()), head.status);
    text += &format!(", made {}, in force until {}\n", at(plan.made_at), at(plan.valid_until));
    let (cost, gap) = (number(head.cost, 2), number(head.gap.map(|g| g * 100.0), 2));
    let bound = head.bound.map_or_else(String::new, |b| format!(" (no plan costs less than {b:.2})"));
    text += &format!("cost {cost} {}{bound}, gap {gap} %, solved in {} ms", site.currency, number(head.solve_ms, 0));
    text += &if head.note.is_empty() { "\n\n".to_owned() } else { format!("; {}\n\n", head.note) };
    text += &chart(site, plan, &zone, width);
    text += &format!("\n{}", flows(plan));
    text += &format!("\n{}", prices(site, plan));
    text += &format!("\n{}", limits(plan, &zone));
    if let Some(co2) = &plan.co2 {
        let budget = co2.budget_kg.map(|kg| format!(" of a budget of {kg:.0} kg")).unwrap_or_default();
        text += &format!("\nCO2: {:.0} kg today{budget}, {:.0} kg in the plan\n", co2.today_kg, co2.horizon_kg);
    }
    text + &explained(plan, &zone)
}

/// What gives way and why, and which limits make the plan dearer.
fn explained(plan: &v1::Plan, zone: &TimeZone) -> String {
    let mut text = String::new();
    for c in &plan.conflicts {
        let (what, amount, unit) = (&c.what, c.amount, &c.unit);
        text +=
            &format!("\nlimits in conflict, {}: {what}, by up to {amount:.1} {unit}; ", span(plan, zone, c.from, c.to));
        text += &format!("a unit of relief is worth {:.2}/kWh\n", c.price_per_kwh);
        for b in &c.because {
            text += &format!("    because {}\n", standing(b));
        }
    }
    if !plan.binding.is_empty() {
        text += "\nlimits that hold\n";
    }
    for b in &plan.binding {
        text += &format!("{}  {}\n", span(plan, zone, b.from, b.to), standing(b));
    }
    text
}

/// "grid: import limit (import_max_kw 500) at 475 kW, one kW more is worth 39.60/kWh"
fn standing(b: &v1::Binding) -> String {
    let (limit, at, unit) = (&b.limit, b.at, &b.unit);
    match b.worth_per_kwh {
        Some(worth) => format!("{limit} at {at:.0} {unit}, one {unit} more is worth {worth:.2}/kWh"),
        None if at > 0.5 => format!("{limit} at {at:.0} {unit}"),
        None => limit.clone(),
    }
}

fn span(plan: &v1::Plan, zone: &TimeZone, from: u32, to: u32) -> String {
    let start = |i: u32| plan.intervals.get(i as usize).and_then(|i| time(i.start));
    let last = plan.intervals.get((to as usize).saturating_sub(1));
    let end = last.and_then(|i| {
        let seconds = (i.hours * 3600.0).round() as i64;
        time(i.start)?.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
    });
    format!("{} to {}", clock(start(from), zone, "%H:%M"), clock(end, zone, "%H:%M"))
}

fn flows(plan: &v1::Plan) -> String {
    let hours: Vec<f64> = plan.intervals.iter().map(|i| i.hours).collect();
    let mut rows = Vec::new();
    for asset in &plan.assets {
        let on: f64 = asset.on.iter().zip(&hours).filter(|(on, _)| **on).map(|(_, h)| h).sum();
        let starts = asset.on.windows(2).filter(|pair| matches!(pair, [false, true])).count();
        for (i, port) in asset.ports.iter().enumerate() {
            let sum = |sign: f64| port.power_kw.iter().zip(&hours).map(|(kw, h)| (kw * sign).max(0.0) * h).sum::<f64>();
            let machine = i == 0 && !asset.on.is_empty();
            rows.push(vec![
                if i == 0 { asset.id.clone() } else { String::new() },
                port.bus.clone(),
                number(port.power_kw.first().copied(), 1),
                number(Some(sum(1.0)), 0),
                number(Some(sum(-1.0)), 0),
                if machine { number(Some(on), 1) } else { String::new() },
                if machine { starts.to_string() } else { String::new() },
                if i == 0 { stored(asset) } else { String::new() },
            ]);
        }
    }
    table(&["ASSET", "BUS", ">NOW KW", ">GIVES KWH", ">TAKES KWH", ">ON H", ">STARTS", "STORED KWH"], &rows)
}

fn stored(asset: &v1::AssetPlan) -> String {
    let (Some(first), Some(last)) = (asset.energy_kwh.first(), asset.energy_kwh.last()) else { return String::new() };
    let value = asset.stored_value_per_kwh.first().map(|v| format!(", worth {v:.2}/kWh"));
    format!("{first:.0} to {last:.0}{}", value.unwrap_or_default())
}

/// Every limit at the PCC: whose, until when, and where it shapes the plan.
fn limits(plan: &v1::Plan, zone: &TimeZone) -> String {
    let clock_of = |t: Option<u32>| {
        let start = t.and_then(|t| plan.intervals.get(t as usize)).and_then(|i| i.start);
        t.map(|_| clock(time(start), zone, "%H:%M")).unwrap_or_default()
    };
    let row = |l: &v1::LimitInForce| {
        vec![
            l.crossing.clone(),
            number(Some(l.kw), 1),
            if l.class.is_empty() { l.by.clone() } else { format!("{} ({})", l.by, l.class) },
            l.until.map(|t| clock(time(Some(t)), zone, "%H:%M:%S")).unwrap_or_default(),
            l.narrowest.len().to_string(),
            l.binding.len().to_string(),
            clock_of(l.binding.first().copied()),
        ]
    };
    let rows: Vec<_> = plan.limits.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["PCC LIMIT", ">KW", "BY", "UNTIL", ">NARROWEST IN", ">BINDS IN", "FIRST AT"], &rows)
}

fn prices(site: &v1::Site, plan: &v1::Plan) -> String {
    let row = |bus: &v1::BusPlan| {
        let prices = &bus.price_per_kwh;
        vec![
            bus.id.clone(),
            number(prices.first().copied(), 3),
            number(prices.iter().copied().reduce(f64::min), 3),
            number(prices.iter().copied().reduce(f64::max), 3),
        ]
    };
    let rows: Vec<_> = plan.buses.iter().map(row).collect();
    let now = format!(">NOW {}/KWH", site.currency);
    table(&["BUS", &now, ">LOWEST", ">HIGHEST"], &rows)
}

fn figures(plan: v1::Plan) -> PlanFigures {
    let port = |p: v1::PortPlan| PortFigures { bus: p.bus, power_kw: p.power_kw };
    let asset = |a: v1::AssetPlan| AssetFigures {
        id: a.id,
        ports: a.ports.into_iter().map(port).collect(),
        on: a.on,
        energy_kwh: a.energy_kwh,
        stored_value_per_kwh: a.stored_value_per_kwh,
    };
    let limit = |l: v1::LimitInForce| LimitFigures {
        by: l.by,
        class: l.class,
        crossing: l.crossing,
        kw: l.kw,
        until: time(l.until),
        narrowest: l.narrowest,
        binding: l.binding,
    };
    let slack = |s: v1::Slack| SlackFigures {
        what: s.what,
        interval: s.interval,
        amount: s.amount,
        price_per_kwh: s.price_per_kwh,
    };
    let conflict = |c: v1::Conflict| ConflictFigures {
        what: c.what,
        from: c.from,
        to: c.to,
        amount: c.amount,
        unit: c.unit,
        price_per_kwh: c.price_per_kwh,
        because: c.because.into_iter().map(BindingFigures::from).collect(),
    };
    PlanFigures {
        summary: plan_head(plan.summary),
        made_at: time(plan.made_at),
        valid_until: time(plan.valid_until),
        intervals: plan
            .intervals
            .into_iter()
            .map(|i| IntervalFigures { start: time(i.start), hours: i.hours })
            .collect(),
        assets: plan.assets.into_iter().map(asset).collect(),
        buses: plan.buses.into_iter().map(|b| BusFigures { id: b.id, price_per_kwh: b.price_per_kwh }).collect(),
        slacks: plan.slacks.into_iter().map(slack).collect(),
        conflicts: plan.conflicts.into_iter().map(conflict).collect(),
        binding: plan.binding.into_iter().map(BindingFigures::from).collect(),
        limits: plan.limits.into_iter().map(limit).collect(),
        co2: plan.co2.map(|c| Co2Figures { horizon_kg: c.horizon_kg, today_kg: c.today_kg, budget_kg: c.budget_kg }),
    }
}
