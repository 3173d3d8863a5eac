use tonic::Status;

use super::timestamp;
use crate::proto::v1;
use crate::store::journal::{Entry, Facts};
use crate::units::Park;

/// One entry.
pub(in crate::rpc) fn entry(entry: &Entry) -> v1::Entry {
    let said = &entry.said;
    let f: Facts = said.facts.clone();
    v1::Entry {
        seq: entry.seq,
        time: Some(timestamp(said.at)),
        clock_synchronised: said.synchronised,
        cycle: said.cycle,
        kind: said.kind.name().to_owned(),
        subject: said.subject.clone(),
        event: said.event.clone(),
        text: said.text.clone(),
        severity: f.severity.map(|s| s.name().to_owned()).unwrap_or_default(),
        identity: f.identity.unwrap_or_default(),
        priority_class: f.class.map(|c| c.name().to_owned()).unwrap_or_default(),
        reason: f.reason.unwrap_or_default(),
        proposal: f.proposal.unwrap_or_default(),
        alarm: f.alarm.unwrap_or_default(),
        old_kw: f.old_kw,
        new_kw: f.new_kw,
        on: f.on,
        cause: f.cause.unwrap_or_default(),
        limited_by: f.limited_by.unwrap_or_default(),
        limited_by_proposal: f.limited_by_proposal.unwrap_or_default(),
        plan: f.plan,
        plan_status: f.plan_status.unwrap_or_default(),
        price_per_kwh: f.price_per_kwh,
        stored_per_kwh: f.stored_per_kwh,
        count: f.count,
    }
}

/// Park time of a timestamp.
pub(in crate::rpc) fn park_of(at: prost_types::Timestamp) -> Result<Park, Status> {
    let at = jiff::Timestamp::new(at.seconds, at.nanos);
    at.map(Park).map_err(|e| Status::invalid_argument(format!("no time at all: {e}")))
}
