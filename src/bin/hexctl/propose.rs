//! What is asked for from outside: propose, release, and all that stands.

use anyhow::{Result, anyhow};
use clap::Args;
use hexad::proto::v1;
use serde::Serialize;

use crate::client::Daemon;
use crate::figures::{said, time, zone};
use crate::table::{clock, number, table};
use crate::{print, print_json};

#[derive(Args)]
pub(crate) struct Propose {
    /// What for; the PCC takes bounds only: --max limits import, --min (negative) export.
    #[arg(long)]
    asset: String,
    /// This power, as an injection: discharge and generation are positive, charge and load negative.
    #[arg(long, allow_negative_numbers = true)]
    kw: Option<f64>,
    /// Not below.
    #[arg(long, allow_negative_numbers = true)]
    min: Option<f64>,
    /// Not above.
    #[arg(long, allow_negative_numbers = true)]
    max: Option<f64>,
    /// Run (true) or rest (false), for what can be switched.
    #[arg(long)]
    on: Option<bool>,
    /// `protection`, `safety`, `grid_operator`, `operator`, `market` or `optimiser`.
    #[arg(long, default_value = "operator")]
    class: String,
    /// Ends by itself after so many seconds.
    #[arg(long)]
    lease: f64,
    /// Why.
    #[arg(long)]
    reason: String,
    /// The same key again is the same proposal: it is renewed, not doubled.
    #[arg(long, default_value = "")]
    key: String,
    /// Who asks; over TLS the certificate says it. Else by default $USER.
    #[arg(long = "as")]
    identity: Option<String>,
    /// Stay and print what becomes of it until it ends; without it only whether it is accepted.
    #[arg(long)]
    follow: bool,
}

#[derive(Args)]
pub(crate) struct Release {
    /// As `hexctl proposals` shows it.
    id: String,
    /// Who made it; as for `propose`.
    #[arg(long = "as")]
    identity: Option<String>,
}

/// An outcome as it is printed.
#[derive(Serialize)]
struct OutcomeFigures {
    id: String,
    key: String,
    state: String,
    by: Option<String>,
    by_id: Option<String>,
    wanted_kw: Option<f64>,
    given_kw: Option<f64>,
    time: Option<jiff::Timestamp>,
    holds_until: Option<jiff::Timestamp>,
    seconds_left: f64,
    cycle: u64,
}

/// A proposal as it is printed.
#[derive(Serialize)]
struct ProposalFigures {
    #[serde(flatten)]
    outcome: OutcomeFigures,
    class: String,
    identity: String,
    asset: String,
    min_kw: Option<f64>,
    max_kw: Option<f64>,
    preferred_kw: Option<f64>,
    on: Option<bool>,
    reason: String,
}

#[derive(Serialize)]
struct PccFigures {
    min_kw: f64,
    max_kw: f64,
    min_by: String,
    max_by: String,
}

#[derive(Serialize)]
struct All {
    proposals: Vec<ProposalFigures>,
    pcc: Option<PccFigures>,
}

impl From<v1::Outcome> for OutcomeFigures {
    fn from(o: v1::Outcome) -> Self {
        Self {
            id: o.id,
            key: o.key,
            state: o.state,
            by: said(o.by),
            by_id: said(o.by_id),
            wanted_kw: o.wanted_kw,
            given_kw: o.given_kw,
            time: time(o.time),
            holds_until: time(o.holds_until),
            seconds_left: o.seconds_left,
            cycle: o.cycle,
        }
    }
}

impl From<v1::Proposal> for ProposalFigures {
    fn from(p: v1::Proposal) -> Self {
        Self {
            outcome: p.outcome.unwrap_or_default().into(),
            class: p.priority_class,
            identity: p.identity,
            asset: p.asset,
            min_kw: p.min_kw,
            max_kw: p.max_kw,
            preferred_kw: p.preferred_kw,
            on: p.on,
            reason: p.reason,
        }
    }
}

impl OutcomeFigures {
    /// State, and by whom and how much.
    fn words(&self) -> String {
        let by = self.by.as_ref().map(|b| format!(" by {b}")).unwrap_or_default();
        let state = self.state.trim_end_matches("_by");
        match (self.wanted_kw, self.given_kw) {
            (Some(wanted), Some(given)) => format!("{state}{by}: {given:.1} of {wanted:.1} kW"),
            _ => format!("{state}{by}"),
        }
    }
}

pub(crate) async fn propose(daemon: &mut Daemon, json: bool, o: Propose) -> Result<()> {
    let zone = zone(&daemon.site().await?);
    let identity = daemon.identity(o.identity);
    let mut outcomes = daemon
        .propose(v1::ProposeRequest {
            key: o.key,
            priority_class: o.class,
            identity,
            asset: o.asset,
            min_kw: o.min,
            max_kw: o.max,
            preferred_kw: o.kw,
            on: o.on,
            lease_s: o.lease,
            reason: o.reason,
        })
        .await?;
    let mut first = true;
    while let Some(outcome) = outcomes.message().await.map_err(|s| daemon.explain(&s))? {
        let figures = OutcomeFigures::from(outcome);
        if json {
            print(&(serde_json::to_string(&figures)? + "\n"))?;
        } else {
            let until = match figures.seconds_left {
                left if left > 0.0 => {
                    format!(", holds until {} ({left:.0} s)", clock(figures.holds_until, &zone, "%H:%M:%S"))
                }
                _ => String::new(),
            };
            let at = clock(figures.time, &zone, "%H:%M:%S");
            print(&format!("{at} {} {}{until}\n", figures.id, figures.words()))?;
        }
        if !o.follow {
            return Ok(());
        }
        first = false;
    }
    if first { Err(anyhow!("the daemon said nothing of the proposal")) } else { Ok(()) }
}

pub(crate) async fn release(daemon: &mut Daemon, json: bool, o: Release) -> Result<()> {
    let identity = daemon.identity(o.identity);
    daemon.release(v1::ReleaseRequest { id: o.id.clone(), identity }).await?;
    if json {
        return print_json(&serde_json::json!({ "released": o.id }));
    }
    print(&format!("{} released\n", o.id))
}

pub(crate) async fn list(daemon: &mut Daemon, json: bool) -> Result<()> {
    let list = daemon.proposals().await?;
    let all = All {
        proposals: list.proposals.into_iter().map(ProposalFigures::from).collect(),
        pcc: list.pcc.map(|r| PccFigures { min_kw: r.min_kw, max_kw: r.max_kw, min_by: r.min_by, max_by: r.max_by }),
    };
    if json {
        return print_json(&all);
    }
    let headings = ["ID", "ASSET", "CLASS", "IDENTITY", ">MIN", ">KW", ">MAX", "ON", ">LEFT S", "OUTCOME", "REASON"];
    let rows: Vec<_> = all.proposals.iter().map(row).collect();
    let mut text = if rows.is_empty() { "no proposals stand\n".to_owned() } else { table(&headings, &rows) };
    if let Some(pcc) = &all.pcc {
        text += &format!(
            "\nthe PCC may import {:.0} kW (by {}) and export {:.0} kW (by {})\n",
            pcc.max_kw, pcc.max_by, -pcc.min_kw, pcc.min_by
        );
    }
    print(&text)
}

fn row(p: &ProposalFigures) -> Vec<String> {
    let on = p.on.map_or("-", |on| if on { "on" } else { "off" });
    vec![
        p.outcome.id.clone(),
        p.asset.clone(),
        p.class.clone(),
        p.identity.clone(),
        number(p.min_kw, 1),
        number(p.preferred_kw, 1),
        number(p.max_kw, 1),
        on.to_owned(),
        number(Some(p.outcome.seconds_left), 0),
        p.outcome.words(),
        p.reason.clone(),
    ]
}
