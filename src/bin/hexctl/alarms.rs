//! Alarms, and who knows of them.

use anyhow::Result;
use clap::Args;
use hexad::proto::v1;

use crate::client::Daemon;
use crate::figures::{AlarmFigures, alarm, zone};
use crate::table::{clock, table};
use crate::{print, print_json};

#[derive(Args)]
pub(crate) struct Ack {
    /// As `hexctl alarms` shows it.
    id: String,
    /// For those who look later.
    #[arg(long, default_value = "")]
    note: String,
    /// Who takes note.
    #[arg(long = "as", env = "USER", default_value = "operator")]
    identity: String,
}

pub(crate) async fn list(daemon: &mut Daemon, json: bool) -> Result<()> {
    let alarms: Vec<AlarmFigures> = daemon.alarms().await?.into_iter().map(alarm).collect();
    if json {
        return print_json(&alarms);
    }
    if alarms.is_empty() {
        return print("no alarms\n");
    }
    let zone = zone(&daemon.site().await?);
    let headings = ["ID", "SEVERITY", "STATE", "SINCE", "LAST", "ALARM", "SUBJECT", "KNOWN TO", "WHAT"];
    let rows: Vec<_> = alarms
        .iter()
        .map(|a| {
            let at = |t| clock(t, &zone, "%m-%d %H:%M:%S");
            let note = a.note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
            let known = a.acknowledged_by.as_ref().map_or_else(|| "-".to_owned(), |by| by.clone() + &note);
            let more = match a.consequent.as_slice() {
                [] => String::new(),
                some => format!("; from it follow: {}", some.join(", ")),
            };
            vec![
                a.id.clone(),
                a.severity.clone(),
                a.state.clone(),
                at(a.since),
                at(a.last),
                a.kind.clone(),
                a.subject.clone(),
                known,
                a.text.clone() + &more,
            ]
        })
        .collect();
    print(&table(&headings, &rows))
}

pub(crate) async fn acknowledge(daemon: &mut Daemon, json: bool, o: Ack) -> Result<()> {
    let request = v1::AcknowledgeRequest { id: o.id.clone(), identity: o.identity, note: o.note };
    daemon.acknowledge(request).await?;
    if json {
        return print_json(&serde_json::json!({ "acknowledged": o.id }));
    }
    print(&format!("{} acknowledged\n", o.id))
}
