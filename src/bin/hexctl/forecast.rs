//! What is expected, how good that has been, and forecasts of one's own for the daemon.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use hexad::proto::v1;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::client::Daemon;
use crate::columns::{self, Column};
use crate::figures::{time, zone};
use crate::table::{clock, number, table};
use crate::{print, print_json};

#[derive(Args)]
pub(crate) struct Forecast {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Send forecasts: a CSV file with the column `time` (RFC 3339, beginning of a step of constant length) and one per
    /// subject, such as `pv.available_kw`, `load.power_kw` (negative), `grid.import_price`, `site.outdoor_c`; quantiles as
    /// `pv.available_kw.p10` and `.p90`. A cell may be empty before the first and after the last value of its column.
    Send {
        file: PathBuf,
        /// They expire so many hours from now, park time; at most 192.
        #[arg(long, default_value_t = 24.0)]
        hours: f64,
        /// Who sends them; over TLS the certificate says it. Else by default $USER.
        #[arg(long = "as")]
        identity: Option<String>,
    },
    /// Take back all of one's own forecasts of a subject.
    Withdraw {
        subject: String,
        /// Who sent them; as for `send`.
        #[arg(long = "as")]
        identity: Option<String>,
    },
}

#[derive(Serialize)]
struct Figures {
    made_at: Option<Timestamp>,
    intervals: Vec<IntervalFigures>,
    assets: Vec<AssetFigures>,
    import_price_per_kwh: Vec<f64>,
    export_price_per_kwh: Vec<f64>,
    co2_kg_per_kwh: Vec<f64>,
    outdoor_c: Vec<f64>,
    scores: Vec<ScoreFigures>,
    standing: Vec<StandingFigures>,
    refused: Vec<RefusedFigures>,
}

#[derive(Serialize)]
struct IntervalFigures {
    start: Option<Timestamp>,
    hours: f64,
}

#[derive(Serialize)]
struct AssetFigures {
    id: String,
    power_kw: Vec<f64>,
    p10_kw: Vec<f64>,
    p90_kw: Vec<f64>,
}

#[derive(Serialize)]
struct ScoreFigures {
    subject: String,
    source: &'static str,
    lead: String,
    outcomes: f64,
    mae: f64,
    mae_share: Option<f64>,
    bias: f64,
    pinball_p10: f64,
    pinball_p50: f64,
    pinball_p90: f64,
    coverage: f64,
}

#[derive(Serialize)]
struct StandingFigures {
    subject: String,
    by: String,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    step_s: u32,
    expires: Option<Timestamp>,
}

#[derive(Serialize)]
struct RefusedFigures {
    time: Option<Timestamp>,
    by: String,
    why: String,
}

pub(crate) async fn run(daemon: &mut Daemon, json: bool, forecast: Forecast) -> Result<()> {
    match forecast.task {
        None => show(daemon, json).await,
        Some(Task::Send { file, hours, identity }) => send(daemon, json, &file, hours, identity).await,
        Some(Task::Withdraw { subject, identity }) => {
            let identity = daemon.identity(identity);
            daemon.withdraw_forecast(v1::WithdrawForecastRequest { subject: subject.clone(), identity }).await?;
            if json {
                return print_json(&serde_json::json!({ "withdrawn": subject }));
            }
            print(&format!("{subject} withdrawn\n"))
        }
    }
}

async fn show(daemon: &mut Daemon, json: bool) -> Result<()> {
    let figures = figures(daemon.forecast().await?);
    if json {
        return print_json(&figures);
    }
    let zone = zone(&daemon.site().await?);
    print(&(expected(&figures, &zone) + "\n" + &judged(&figures) + "\n" + &told(&figures, &zone)))
}

fn figures(f: v1::Forecast) -> Figures {
    let source = |external: bool| if external { "external" } else { "own" };
    Figures {
        made_at: time(f.made_at),
        intervals: f.intervals.into_iter().map(|i| IntervalFigures { start: time(i.start), hours: i.hours }).collect(),
        assets: f
            .assets
            .into_iter()
            .map(|a| AssetFigures { id: a.id, power_kw: a.power_kw, p10_kw: a.p10_kw, p90_kw: a.p90_kw })
            .collect(),
        import_price_per_kwh: f.import_price_per_kwh,
        export_price_per_kwh: f.export_price_per_kwh,
        co2_kg_per_kwh: f.co2_kg_per_kwh,
        outdoor_c: f.outdoor_c,
        scores: f
            .scores
            .into_iter()
            .map(|s| ScoreFigures {
                subject: s.subject,
                source: source(s.external),
                lead: s.lead,
                outcomes: s.outcomes,
                mae: s.mae,
                mae_share: s.mae_share,
                bias: s.bias,
                pinball_p10: s.pinball_p10,
                pinball_p50: s.pinball_p50,
                pinball_p90: s.pinball_p90,
                coverage: s.coverage,
            })
            .collect(),
        standing: f
            .standing
            .into_iter()
            .map(|s| StandingFigures {
                subject: s.subject,
                by: s.by,
                start: time(s.start),
                end: time(s.end),
                step_s: s.step_s,
                expires: time(s.expires),
            })
            .collect(),
        refused: f.refused.into_iter().map(|r| RefusedFigures { time: time(r.time), by: r.by, why: r.why }).collect(),
    }
}

/// So many times of the horizon are shown.
const SHOWN: usize = 6;

/// A few times of the horizon, evenly taken, with p10 and p90.
fn expected(f: &Figures, zone: &TimeZone) -> String {
    let n = f.intervals.len();
    let at: Vec<usize> =
        (0..SHOWN.min(n)).map(|k| k * n.saturating_sub(1) / SHOWN.min(n).max(2).saturating_sub(1)).collect();
    let mut headings = vec!["EXPECTED".to_owned()];
    let start = |k: &usize| f.intervals.get(*k).and_then(|i| i.start);
    headings.extend(at.iter().map(|k| format!(">{}", clock(start(k), zone, "%H:%M"))));
    let cell = |a: &AssetFigures, k: usize| {
        let of = |list: &[f64]| number(list.get(k).copied(), 0);
        format!("{} ({}..{})", of(&a.power_kw), of(&a.p10_kw), of(&a.p90_kw))
    };
    let row = |a: &AssetFigures| std::iter::once(a.id.clone()).chain(at.iter().map(|k| cell(a, *k))).collect();
    let mut rows: Vec<Vec<String>> = f.assets.iter().map(row).collect();
    for (name, list, decimals) in [
        ("import price", &f.import_price_per_kwh, 3),
        ("export price", &f.export_price_per_kwh, 3),
        ("kg CO2 per kWh", &f.co2_kg_per_kwh, 3),
        ("outdoor degC", &f.outdoor_c, 1),
    ] {
        let cells = at.iter().map(|k| number(list.get(*k).copied(), decimals));
        rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    table(&headings, &rows)
}

fn judged(f: &Figures) -> String {
    if f.scores.is_empty() {
        return "no forecast has met its outcome yet: the first is an hour old at most\n".to_owned();
    }
    let headings =
        ["FORECAST OF", "BY", ">AHEAD", ">MAE", ">OF RATING", ">BIAS", ">PINBALL P10", ">P50", ">P90", ">IN P10-P90"];
    let rows: Vec<Vec<String>> = f
        .scores
        .iter()
        .map(|s| {
            let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |p| format!("{:.1} %", 100.0 * p));
            let mut row = vec![s.subject.clone(), s.source.to_owned(), s.lead.clone()];
            row.extend([number(Some(s.mae), 2), percent(s.mae_share), number(Some(s.bias), 2)]);
            row.extend([s.pinball_p10, s.pinball_p50, s.pinball_p90].map(|p| number(Some(p), 2)));
            row.push(format!("{:.0} %", 100.0 * s.coverage));
            row
        })
        .collect();
    table(&headings, &rows)
}

fn told(f: &Figures, zone: &TimeZone) -> String {
    let at = |t| clock(t, zone, "%m-%d %H:%M");
    let mut text = if f.standing.is_empty() {
        "all forecasts are the daemon's own\n".to_owned()
    } else {
        let row = |s: &StandingFigures| {
            vec![s.subject.clone(), s.by.clone(), at(s.start), at(s.end), s.step_s.to_string(), at(s.expires)]
        };
        let rows: Vec<_> = f.standing.iter().map(row).collect();
        table(&["EXTERNAL", "BY", "FROM", "TO", ">STEP S", "EXPIRES"], &rows)
    };
    for r in &f.refused {
        text += &format!("not taken at {} from {}: {}\n", at(r.time), r.by, r.why);
    }
    text
}

async fn send(daemon: &mut Daemon, json: bool, file: &PathBuf, hours: f64, identity: Option<String>) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let columns = columns::read(&text).map_err(|e| anyhow!("{}: {e}", file.display()))?;
    let now = time(daemon.snapshot(vec![]).await?.time).ok_or_else(|| anyhow!("the daemon knows no time"))?;
    let ahead = jiff::SignedDuration::try_from_secs_f64(hours * 3600.0).context("--hours")?;
    let expires = now.checked_add(ahead).context("--hours")?;
    let identity = daemon.identity(identity);
    let mut sent = Vec::new();
    for Column { subject, start, step_s, values, p10, p90 } in columns {
        let wire = |t: Timestamp| prost_types::Timestamp { seconds: t.as_second(), nanos: t.subsec_nanosecond() };
        let request = v1::SubmitForecastRequest {
            subject: subject.clone(),
            start: Some(wire(start)),
            step_s,
            values,
            p10,
            p90,
            expires: Some(wire(expires)),
            identity: identity.clone(),
        };
        let said = daemon.submit_forecast(request).await;
        let until = said.map_err(|e| anyhow!("{subject} is not taken: {e:#}"))?.until;
        sent.push((subject, until));
    }
    if json {
        let rows = sent.iter().map(|(s, until)| serde_json::json!({ "subject": s, "until": time(*until) }));
        return print_json(&rows.collect::<Vec<_>>());
    }
    let zone = zone(&daemon.site().await?);
    let at = |t| clock(t, &zone, "%m-%d %H:%M");
    let lines =
        sent.iter().map(|(s, until)| format!("{s} is taken: to {}, expires {}\n", at(time(*until)), at(Some(expires))));
    print(&lines.collect::<String>())
}
