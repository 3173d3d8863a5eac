//! From the house's types to those of the wire: pure, and in this direction only.

mod asset;
mod forecast;
mod journal;
mod plan;
mod proposal;
mod site;
mod snapshot;

use std::sync::Arc;

use serde::Serialize;

pub(super) use forecast::forecast;
pub(super) use journal::{entry, park_of};
pub(super) use plan::plan;
pub(super) use proposal::{outcome, proposals};
pub(super) use site::site;
pub(super) use snapshot::{alarm, snapshot};

use crate::proto::v1;
use crate::site::Value;
use crate::snapshot::Snapshot;
use crate::units::Park;

/// Park time of the newest cycle, if there is one.
pub(super) fn park(newest: &Option<Arc<Snapshot>>) -> Option<Park> {
    newest.as_ref().map(|s| s.now.park)
}

pub(super) fn timestamp(at: Park) -> prost_types::Timestamp {
    let nanos = at.0.as_nanosecond();
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    // The calendar of `Park` ends long before either of the two.
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(rest).unwrap_or(i32::MAX),
    }
}

fn value(value: Value) -> v1::Value {
    let kind = match value {
        Ok(number) => v1::value::Kind::Value(number),
        Err(reason) => v1::value::Kind::Reason(reason.name().to_owned()),
    };
    v1::Value { kind: Some(kind) }
}

/// Name of a unit variant as serialised: recordings and the wire say the same.
fn name<T: Serialize>(variant: &T) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
