use super::{name, value};
use crate::proto::v1;
use crate::site::{Asset, AssetIx, Cause, Port, Setpoint, Site};
use crate::snapshot::Proposals;
use crate::state::{AssetState, Availability, Believed};
use crate::units::Mono;

/// One asset: what it does, what it was told and why.
pub(super) fn asset(
    site: &Site,
    ix: AssetIx,
    asset: &Asset,
    state: &AssetState,
    told: Option<&Setpoint>,
    proposals: &Proposals,
    now: Mono,
) -> v1::AssetState {
    v1::AssetState {
        id: asset.id.clone(),
        kind: asset.kind.name().to_owned(),
        group: asset.kind.group().name().to_owned(),
        flows: asset.ports.iter().zip(&state.ports).map(|(p, b)| flow(site, p, b)).collect(),
        setpoint_kw: told.and_then(|t| t.principal_kw(asset)),
        commanded_on: told.and_then(Setpoint::on),
        reason: told.map_or_else(|| untold(site, ix), |told| why(told, proposals)),
        quality: quality(state),
        run_state: state.run_state.map_or_else(String::new, |s| s.map_or_else(|r| r.name().to_owned(), |s| name(&s))),
        energy_kwh: state.energy.map(value),
        available: Some(state.availability == Availability::Available),
        lease_s: told.map_or(0.0, |t| t.lease_until.since(now).as_secs_f64()),
    }
}

fn flow(site: &Site, port: &Port, believed: &Believed) -> v1::Flow {
    let bus = site.buses.get(port.bus.0);
    v1::Flow {
        bus: bus.map(|b| b.id.clone()).unwrap_or_default(),
        carrier: bus.map(|b| b.carrier.name().to_owned()).unwrap_or_default(),
        power_kw: Some(value(believed.measured)),
        believed_kw: believed.power.kw(),
        age_s: believed.age_s,
    }
}

fn why(told: &Setpoint, proposals: &Proposals) -> String {
    let cause = match told.cause {
        Cause::Proposal(id) => format!("proposal of {}", proposals.party(id)),
        cause => cause.name().to_owned(),
    };
    match told.limited_by {
        Some(by) => format!("{cause}, limited by {}", proposals.limiter(by)),
        None => cause,
    }
}

fn untold(site: &Site, ix: AssetIx) -> String {
    match site.buses.iter().find(|b| b.closed_by == Some(ix)) {
        Some(bus) => format!("closes {}", bus.id),
        None => "not steered".to_owned(),
    }
}

fn quality(state: &AssetState) -> String {
    state.ports.iter().find_map(|p| p.measured.err()).map_or("good", |reason| reason.name()).to_owned()
}
