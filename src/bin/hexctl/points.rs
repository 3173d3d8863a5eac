//! Values of points, each with its age or the reason why there is none.

use anyhow::Result;
use hexad::proto::v1;
use hexad::proto::v1::value::Kind;
use jiff::Timestamp;
use serde::Serialize;

use crate::client::Daemon;
use crate::figures::time;
use crate::table::{number, table};
use crate::{print, print_json};

#[derive(Serialize)]
struct Points {
    time: Option<Timestamp>,
    cycle: u64,
    points: Vec<PointFigures>,
}

#[derive(Serialize)]
struct PointFigures {
    name: String,
    value: Option<f64>,
    /// Why there is no value.
    reason: Option<String>,
    unit: String,
    age_s: f64,
}

pub(crate) async fn run(daemon: &mut Daemon, json: bool, mut patterns: Vec<String>) -> Result<()> {
    if patterns.is_empty() {
        patterns.push("*".to_owned());
    }
    let snapshot = daemon.snapshot(patterns).await?;
    let points: Vec<_> = snapshot.points.into_iter().map(figures).collect();
    if json {
        return print_json(&Points { time: time(snapshot.time), cycle: snapshot.cycle, points });
    }
    let rows: Vec<_> = points.iter().map(row).collect();
    print(&table(&["POINT", ">VALUE", "UNIT", ">AGE S", "REASON"], &rows))
}

fn figures(point: v1::PointValue) -> PointFigures {
    let (value, reason) = match point.value.and_then(|v| v.kind) {
        Some(Kind::Value(number)) => (Some(number), None),
        Some(Kind::Reason(reason)) => (None, Some(reason)),
        None => (None, Some("not told".to_owned())),
    };
    PointFigures { name: point.name, value, reason, unit: point.unit, age_s: point.age_s }
}

fn row(point: &PointFigures) -> Vec<String> {
    vec![
        point.name.clone(),
        number(point.value, 3),
        point.unit.clone(),
        number(Some(point.age_s), 1),
        point.reason.clone().unwrap_or_default(),
    ]
}
