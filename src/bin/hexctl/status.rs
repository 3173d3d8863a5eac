//! The newest cycle on one page.

use anyhow::Result;
use hexad::proto::v1;
use jiff::tz::TimeZone;

use crate::client::Daemon;
use crate::figures::{AlarmFigures, AssetFigures, BusFigures, Figures, zone};
use crate::table::{clock, number, table};
use crate::{print, print_json};

pub(crate) async fn run(daemon: &mut Daemon, json: bool) -> Result<()> {
    let figures = Figures::from(daemon.snapshot(Vec::new()).await?);
    if json {
        return print_json(&figures);
    }
    print(&page(&daemon.site().await?, &figures))
}

/// Everything, in text.
pub(crate) fn page(site: &v1::Site, figures: &Figures) -> String {
    let zone = zone(site);
    let mut text =
        headline(site, figures) + "\n" + &plan_line(site, figures) + "\n" + &health_line(site, figures) + "\n\n";
    let rows: Vec<_> = figures.assets.iter().map(asset_row).collect();
    text += &table(&ASSET_HEADINGS, &rows);
    let rows: Vec<_> = figures.buses.iter().map(bus_row).collect();
    text += &format!("\n{}", table(&BUS_HEADINGS, &rows));
    text += "\n";
    for alarm in &figures.alarms {
        text += &(alarm_line(alarm, &zone) + "\n");
    }
    if figures.alarms.is_empty() {
        text += "no alarms\n";
    }
    text
}

/// Headings of [`asset_row`]; powers in kW.
pub(crate) const ASSET_HEADINGS: [&str; 10] =
    ["ASSET", "GROUP", ">ELEC", ">HEAT", ">COOL", ">GAS", ">SETPOINT", "STATE", "QUALITY", "REASON"];
/// Headings of [`bus_row`].
pub(crate) const BUS_HEADINGS: [&str; 4] = ["BUS", "CARRIER", ">BALANCE", ">PRICE/KWH"];

/// Which site, when, and how it runs.
pub(crate) fn headline(site: &v1::Site, figures: &Figures) -> String {
    let unsure = if figures.clock_synchronised { "" } else { " (clock not synchronised)" };
    let time = clock(figures.time, &zone(site), "%Y-%m-%d %H:%M:%S %:z");
    format!("{}   {time}{unsure}   {}   cycle {}", site.name, figures.mode, figures.cycle)
}

/// How good the plan is.
pub(crate) fn plan_line(site: &v1::Site, figures: &Figures) -> String {
    let plan = &figures.plan;
    let Some(id) = plan.id else { return "no plan".to_owned() };
    let mut text = format!("plan {id} {}, {} s old", plan.status, number(plan.age_s, 0));
    if let Some(gap) = plan.gap {
        text += &format!(", gap {:.2} %", gap * 100.0);
    }
    if let Some(cost) = plan.cost {
        text += &format!(", cost {cost:.2} {}", site.currency);
    }
    text += &format!(", solved in {} ms", number(plan.solve_ms, 0));
    if plan.note.is_empty() { text } else { format!("{text}: {}", plan.note) }
}

/// Whether the job is being done, and what is being bought.
pub(crate) fn health_line(site: &v1::Site, figures: &Figures) -> String {
    let health = &figures.health;
    let mut faults = Vec::new();
    if !health.unread.is_empty() {
        faults.push(format!("not read: {}", health.unread.join(", ")));
    }
    if !health.planned {
        faults.push("not following a plan".to_owned());
    }
    if !health.unverified.is_empty() {
        faults.push(format!("not verified: {}", health.unverified.join(", ")));
    }
    let state = match (health.good, faults.is_empty()) {
        (true, _) => "healthy".to_owned(),
        (false, true) => "not healthy".to_owned(),
        (false, false) => faults.join("; "),
    };
    let demand = &figures.demand;
    let since = clock(demand.window_start, &zone(site), "%H:%M");
    let (imported, peak) = (number(demand.imported_kwh, 1), number(demand.peak_kw, 0));
    format!("{state}   imported {imported} kWh since {since}, month's peak {peak} kW")
}

/// One asset.
pub(crate) fn asset_row(a: &AssetFigures) -> Vec<String> {
    let state = match (&a.run_state, a.available) {
        (_, Some(false)) => "out",
        (Some(state), _) => state,
        (None, _) => "",
    };
    vec![
        a.id.clone(),
        a.group.clone(),
        number(a.power_kw, 1),
        number(a.heat_kw, 1),
        number(a.cool_kw, 1),
        number(a.gas_kw, 1),
        if a.on == Some(false) { "off".to_owned() } else { number(a.setpoint_kw, 1) },
        state.to_owned(),
        a.quality.clone(),
        a.reason.clone(),
    ]
}

/// One bus.
pub(crate) fn bus_row(b: &BusFigures) -> Vec<String> {
    vec![b.id.clone(), b.carrier.clone(), number(b.balance_kw, 1), number(b.price_per_kwh, 3)]
}

/// One alarm.
pub(crate) fn alarm_line(a: &AlarmFigures, zone: &TimeZone) -> String {
    let at = |t| clock(t, zone, "%H:%M:%S");
    let times = match a.state.as_str() {
        "ended" => format!("ended, nobody took note: {} to {}", at(a.since), at(a.last)),
        _ => format!("since {}", at(a.since)),
    };
    let by = a.acknowledged_by.as_ref().map(|by| format!(", known to {by}")).unwrap_or_default();
    let more = match a.consequent.len() {
        0 => String::new(),
        n => format!(" [and {n} that follow from it]"),
    };
    format!("{} {} {}: {}{more} ({times}{by})", a.severity.to_uppercase(), a.kind, a.subject, a.text)
}
