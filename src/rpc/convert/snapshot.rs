use super::asset::asset;
use super::plan::{none, summary};
use super::{timestamp, value};
use crate::proto::v1;
use crate::site::{Alarm, AssetIx, DeviceFrame, Link, PointIx, Site};
use crate::snapshot::{Clip, Health, Snapshot};

/// One cycle with the named points; `skipped` is the stream's to fill in.
pub(in crate::rpc) fn snapshot(site: &Site, seen: &Snapshot, points: &[PointIx]) -> v1::Snapshot {
    let plan = seen.plan.as_deref();
    v1::Snapshot {
        cycle: seen.cycle,
        time: Some(timestamp(seen.now.park)),
        clock_synchronised: seen.now.synchronised,
        mode: seen.mode.name().to_owned(),
        plan: Some(plan.map_or_else(none, |p| summary(p, Some(seen.now.park)))),
        assets: assets(site, seen),
        buses: buses(site, seen),
        devices: site.devices.iter().zip(&seen.devices).map(|(d, f)| device(&d.id, f)).collect(),
        points: points.iter().filter_map(|ix| point(site, seen, *ix)).collect(),
        alarms: seen.alarms.iter().map(alarm).collect(),
        health: Some(health(&seen.health)),
        clips: seen.clips.iter().map(|c| clip(seen, c)).collect(),
        demand: Some(v1::Demand {
            window_start: Some(timestamp(seen.state.window.start)),
            imported_kwh: seen.state.window.imported.kwh(),
            peak_kw: seen.state.window.peak.kw(),
        }),
        skipped: 0,
    }
}

fn assets(site: &Site, seen: &Snapshot) -> Vec<v1::AssetState> {
    let told = |ix| seen.setpoints.iter().find(|s| s.asset == ix).map(AsRef::as_ref);
    let both = site.assets.iter().zip(&seen.state.assets).enumerate();
    let proposals = &seen.proposals;
    both.map(|(i, (a, state))| asset(site, AssetIx(i), a, state, told(AssetIx(i)), proposals, seen.now.mono)).collect()
}

fn buses(site: &Site, seen: &Snapshot) -> Vec<v1::BusState> {
    let plan = seen.plan.as_deref().and_then(|p| p.interval_at(seen.now.park).map(|i| (p, i)));
    let price = |bus: usize| plan.and_then(|(p, i)| p.buses.get(bus)?.price.get(i).copied());
    let both = site.buses.iter().zip(&seen.state.buses).enumerate();
    both.map(|(i, (bus, state))| v1::BusState {
        id: bus.id.clone(),
        carrier: bus.carrier.name().to_owned(),
        balance_kw: Some(value(state.residual)),
        price_per_kwh: price(i),
    })
    .collect()
}

fn device(id: &str, frame: &DeviceFrame) -> v1::DeviceState {
    let link = match frame.link {
        Link::Connecting => "connecting",
        Link::Up => "up",
        Link::Down(reason) => reason.name(),
    };
    v1::DeviceState {
        id: id.to_owned(),
        link: link.to_owned(),
        connects: frame.connects,
        errors: frame.errors,
        writes_verified: frame.write.mismatches.is_empty() && frame.write.refused.is_none(),
    }
}

fn point(site: &Site, seen: &Snapshot, ix: PointIx) -> Option<v1::PointValue> {
    let reading = seen.image.get(ix.0)?;
    Some(v1::PointValue {
        name: site.point_name(ix),
        value: Some(value(reading.value)),
        unit: site.spec(ix)?.point.unit().symbol().to_owned(),
        age_s: seen.now.mono.since(reading.at).as_secs_f64(),
    })
}

/// One alarm.
pub(in crate::rpc) fn alarm(alarm: &Alarm) -> v1::Alarm {
    let noted = alarm.acknowledged.as_ref();
    v1::Alarm {
        kind: alarm.kind.name().to_owned(),
        severity: alarm.severity.name().to_owned(),
        subject: alarm.subject.clone(),
        text: alarm.text.clone(),
        since: Some(timestamp(alarm.since)),
        id: alarm.id.to_string(),
        state: alarm.state().name().to_owned(),
        last: Some(timestamp(alarm.last)),
        returned: alarm.returned,
        acknowledged_by: noted.map(|n| n.by.clone()).unwrap_or_default(),
        acknowledged_at: noted.map(|n| timestamp(n.at)),
        note: noted.map(|n| n.note.clone()).unwrap_or_default(),
        members: alarm.members.clone(),
        consequent: alarm.consequent.clone(),
    }
}

fn health(health: &Health) -> v1::Health {
    v1::Health {
        good: health.good(),
        unread: health.unread.iter().map(|(device, reason)| format!("{device}: {reason}")).collect(),
        planned: health.planned,
        unverified: health.unverified.clone(),
    }
}

fn clip(seen: &Snapshot, clip: &Clip) -> v1::Clip {
    v1::Clip {
        asset: clip.asset.clone(),
        point: clip.point.name().to_owned(),
        wanted: clip.wanted,
        given: clip.given,
        by: seen.proposals.limiter(clip.by),
    }
}
