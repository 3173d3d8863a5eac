use crate::proto::v1;
use crate::site::{Access, Asset, Device, Site};

/// The whole topology.
pub(in crate::rpc) fn site(site: &Site) -> v1::Site {
    v1::Site {
        id: site.id.clone(),
        name: site.name.clone(),
        zone: site.zone.iana_name().unwrap_or("UTC").to_owned(),
        currency: site.currency.clone(),
        buses: site.buses.iter().map(|b| bus(site, b)).collect(),
        assets: site.assets.iter().map(|a| asset(site, a)).collect(),
        devices: site.devices.iter().map(|d| device(site, d)).collect(),
        members: site.members.iter().map(|m| v1::Member { id: m.id.clone(), role: m.role.clone() }).collect(),
    }
}

fn bus(site: &Site, bus: &crate::site::Bus) -> v1::Bus {
    let closed_by = bus.closed_by.and_then(|a| site.assets.get(a.0));
    v1::Bus {
        id: bus.id.clone(),
        carrier: bus.carrier.name().to_owned(),
        closed_by: closed_by.map(|a| a.id.clone()).unwrap_or_default(),
    }
}

fn asset(site: &Site, asset: &Asset) -> v1::Asset {
    let member = asset.member.and_then(|m| site.members.get(m));
    let device = asset.device.and_then(|d| site.devices.get(d.0));
    v1::Asset {
        id: asset.id.clone(),
        kind: asset.kind.name().to_owned(),
        group: asset.kind.group().name().to_owned(),
        member: member.map(|m| m.id.clone()).unwrap_or_default(),
        device: device.map(|d| d.id.clone()).unwrap_or_default(),
        ports: asset.ports.iter().map(|p| port(site, p)).collect(),
    }
}

fn port(site: &Site, port: &crate::site::Port) -> v1::Port {
    v1::Port {
        bus: site.buses.get(port.bus.0).map(|b| b.id.clone()).unwrap_or_default(),
        point: port.point.name().to_owned(),
        min_kw: port.min.kw(),
        max_kw: port.max.kw(),
    }
}

fn device(site: &Site, device: &Device) -> v1::Device {
    let points = site.points.get(device.points.clone()).unwrap_or_default().iter().map(|spec| v1::Point {
        name: spec.point.name().to_owned(),
        unit: spec.point.unit().symbol().to_owned(),
        writable: spec.access != Access::Read,
    });
    v1::Device {
        id: device.id.clone(),
        profile: device.profile.clone(),
        address: device.address.clone(),
        points: points.collect(),
        reversion_s: device.reversion.seconds(),
    }
}
