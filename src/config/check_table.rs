//! The site as a table for people.

use std::fmt::Write as _;

use crate::site::{Asset, AssetIx, DeviceIx, Measure, Port, Site};

/// The site as `hexad check` prints it: buses, assets with ports and measurements, devices, tariff.
#[must_use]
pub fn check_table(site: &Site) -> String {
    let mut out = format!("{} - {}\n", site.id, site.name);
    let zone = site.zone.iana_name().unwrap_or("UTC");
    let _ = writeln!(out, "{zone}, {:.2} {:.2}, prices in {}", site.latitude_deg, site.longitude_deg, site.currency);
    let parties: Vec<String> = site.members.iter().map(|m| format!("{} ({})", m.id, m.role)).collect();
    if !parties.is_empty() {
        let _ = writeln!(out, "members: {}", parties.join(", "));
    }
    out.push_str(&section("buses", &["id", "carrier", "level", "closed by", "islanded"], buses(site)));
    out.push_str(&section(
        "assets",
        &["id", "kind", "port", "kW", "bus", "measured by", "device", "member"],
        assets(site),
    ));
    out.push_str(&section("devices", &["id", "profile", "address", "commands end", "points"], devices(site)));
    out.push_str(&section("tariff", &["period", "months", "hours", "per kWh"], tariff(site)));
    let t = &site.tariff;
    let _ = writeln!(
        out,
        "export {:.3} per kWh; demand {:.2} per kW and month on {}-min means",
        t.export_per_kwh, t.demand_per_kw_month, t.demand_window_min
    );
    out
}

fn section(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut all = vec![head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let width = |column: usize| all.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = format!("\n{title}\n");
    for row in &all {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        let _ = writeln!(out, "  {}", cells.join("  ").trim_end());
    }
    out
}

fn asset_name(site: &Site, ix: Option<AssetIx>) -> String {
    ix.and_then(|ix| site.assets.get(ix.0)).map_or_else(|| "-".to_owned(), |a| a.id.clone())
}

fn device_name(site: &Site, ix: Option<DeviceIx>) -> String {
    ix.and_then(|ix| site.devices.get(ix.0)).map_or_else(|| "-".to_owned(), |d| d.id.clone())
}

fn buses(site: &Site) -> Vec<Vec<String>> {
    let level = |supply: Option<f64>, back: Option<f64>| match (supply, back) {
        (Some(s), Some(r)) => format!("{s:.0}/{r:.0} degC"),
        _ => "-".to_owned(),
    };
    let row = |b: &crate::site::Bus| {
        vec![
            b.id.clone(),
            b.carrier.name().to_owned(),
            level(b.supply_c, b.return_c),
            asset_name(site, b.closed_by),
            asset_name(site, b.closed_by_islanded),
        ]
    };
    site.buses.iter().map(row).collect()
}

fn assets(site: &Site) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for asset in &site.assets {
        for (i, port) in asset.ports.iter().enumerate() {
            rows.push(port_row(site, asset, port, i == 0));
        }
    }
    rows
}

fn port_row(site: &Site, asset: &Asset, port: &Port, first: bool) -> Vec<String> {
    let once = |text: String| if first { text } else { String::new() };
    let member = asset.member.and_then(|m| site.members.get(m)).map_or_else(|| "-".to_owned(), |m| m.id.clone());
    vec![
        once(asset.id.clone()),
        once(asset.kind.name().to_owned()),
        port.point.name().to_owned(),
        format!("{:.0} .. {:.0}", port.min.kw(), port.max.kw()),
        site.buses.get(port.bus.0).map(|b| b.id.clone()).unwrap_or_default(),
        measured(site, port),
        once(device_name(site, asset.device)),
        once(member),
    ]
}

fn measured(site: &Site, port: &Port) -> String {
    if port.residual {
        return "balance of the others".to_owned();
    }
    if port.measured.is_empty() {
        return "not measured".to_owned();
    }
    let term = |(i, m): (usize, &Measure)| {
        let sign = if m.sign < 0.0 {
            " - "
        } else if i > 0 {
            " + "
        } else {
            ""
        };
        format!("{sign}{}", site.point_name(m.point))
    };
    port.measured.iter().enumerate().map(term).collect()
}

fn devices(site: &Site) -> Vec<Vec<String>> {
    let row = |d: &crate::site::Device| {
        let place =
            d.topic.as_ref().map_or_else(|| format!("{} unit {}", d.address, d.unit), |t| format!("{} {t}", d.address));
        let points: Vec<&str> =
            site.points.get(d.points.clone()).into_iter().flatten().map(|p| p.point.name()).collect();
        let commands = site.points.get(d.points.clone()).into_iter().flatten().any(|p| p.point.is_command());
        let end = match (commands, d.reversion.seconds()) {
            (false, _) => "-".to_owned(),
            (true, Some(s)) => format!("after {s} s"),
            (true, None) => "NEVER by themselves".to_owned(),
        };
        vec![d.id.clone(), d.profile.clone(), place, end, points.join(" ")]
    };
    site.devices.iter().map(row).collect()
}

fn tariff(site: &Site) -> Vec<Vec<String>> {
    let months = |m: &[i8]| {
        let list: Vec<String> = m.iter().map(ToString::to_string).collect();
        if list.is_empty() { "all".to_owned() } else { list.join(",") }
    };
    let hours = |h: &[[i8; 2]]| {
        let list: Vec<String> = h.iter().map(|[from, to]| format!("{from}-{to}")).collect();
        if list.is_empty() { "all others".to_owned() } else { list.join(", ") }
    };
    site.tariff
        .period
        .iter()
        .map(|p| vec![p.name.clone(), months(&p.months), hours(&p.hours), format!("{:.3}", p.price_per_kwh)])
        .collect()
}
