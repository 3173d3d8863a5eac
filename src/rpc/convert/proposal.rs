use super::timestamp;
use crate::proto::v1;
use crate::site::{Limiter, Outcome, Site, Standing};
use crate::snapshot::Snapshot;

/// All proposals and what they leave at the PCC.
pub(in crate::rpc) fn proposals(site: &Site, seen: &Snapshot, speed: f64) -> v1::ListProposalsResponse {
    let standing = &seen.proposals.standing;
    v1::ListProposalsResponse {
        proposals: standing.iter().map(|s| proposal(site, seen, s, speed)).collect(),
        pcc: seen.proposals.pcc.map(|r| v1::GridRange {
            min_kw: r.low.kw,
            max_kw: r.high.kw,
            min_by: seen.proposals.limiter(r.low.by),
            max_by: seen.proposals.limiter(r.high.by),
        }),
    }
}

fn proposal(site: &Site, seen: &Snapshot, standing: &Standing, speed: f64) -> v1::Proposal {
    let ask = &standing.proposal.ask;
    v1::Proposal {
        priority_class: ask.class.name().to_owned(),
        identity: ask.identity.clone(),
        asset: site.assets.get(ask.asset.0).map(|a| a.id.clone()).unwrap_or_default(),
        min_kw: ask.min_kw,
        max_kw: ask.max_kw,
        preferred_kw: ask.preferred_kw,
        on: ask.on,
        reason: ask.reason.clone(),
        outcome: Some(outcome(seen, standing, &standing.outcome, speed)),
    }
}

/// `of` as an outcome of `standing` at the cycle `seen`; `speed` is park seconds per real second.
pub(in crate::rpc) fn outcome(seen: &Snapshot, standing: &Standing, of: &Outcome, speed: f64) -> v1::Outcome {
    let all = &seen.proposals;
    let left = if of.is_final() { 0.0 } else { standing.proposal.until.since(seen.now.mono).as_secs_f64() };
    let mut said = v1::Outcome {
        id: standing.proposal.id.to_string(),
        key: standing.proposal.ask.key.clone(),
        state: of.name().to_owned(),
        holds_until: Some(timestamp(seen.now.park.plus_s(left * speed))),
        seconds_left: left,
        cycle: seen.cycle,
        time: Some(timestamp(seen.now.park)),
        ..v1::Outcome::default()
    };
    match of {
        Outcome::LimitedBy { by, wanted_kw, given_kw } => {
            (said.by, said.wanted_kw, said.given_kw) = (all.limiter(*by), *wanted_kw, *given_kw);
            if let Limiter::Proposal(id) = by {
                said.by_id = id.to_string();
            }
        }
        Outcome::Overridden { by } => (said.by, said.by_id) = (all.party(*by), by.to_string()),
        _ => {}
    }
    said
}
