//! A small site for unit tests: a PCC, a load, a PV plant and a battery on one bus, each with a device of its own.

use std::time::Duration;

use super::kinds::{Battery, Grid, Load, Pv, Tier};
use super::{
    Access, Asset, Bus, BusIx, Carrier, Device, DeviceFrame, DeviceIx, Kind, Link, Measure, Point, PointIx, PointSpec,
    Port, Reading, Reversion, Site, Stop, Tariff, TariffPeriod, Values, WriteReport,
};
use crate::units::{Mono, Now, Park, Power};

/// Positions of the sample's assets and devices.
pub const GRID: usize = 0;
/// See [`GRID`].
pub const LOAD: usize = 1;
/// See [`GRID`].
pub const PV: usize = 2;
/// See [`GRID`].
pub const BATTERY: usize = 3;

fn kinds() -> Vec<Kind> {
    let bus = || "elec".to_owned();
    vec![
        Kind::Grid(Grid {
            id: "grid".into(),
            bus: bus(),
            breaker: None,
            import_max_kw: 400.0,
            export_max_kw: 200.0,
            transformer_kva: 500.0,
            co2_kg_per_kwh: 0.5,
            ..Default::default()
        }),
        Kind::Load(Load { id: "load".into(), bus: bus(), rated_kw: 300.0, tier: Tier::Normal, ..Default::default() }),
        Kind::Pv(Pv {
            id: "pv".into(),
            bus: bus(),
            rated_kw: 200.0,
            tilt_deg: 15.0,
            azimuth_deg: 180.0,
            ..Default::default()
        }),
        Kind::Battery(Battery {
            id: "battery".into(),
            bus: bus(),
            charge_max_kw: 100.0,
            discharge_max_kw: 100.0,
            capacity_kwh: 200.0,
            soc_min: 0.1,
            soc_max: 0.9,
            charge_efficiency: 0.95,
            discharge_efficiency: 0.95,
            wear_per_kwh: 0.02,
            ramp_kw_per_s: 50.0,
            ..Default::default()
        }),
    ]
}

const POINTS: [&[Point]; 4] = [
    &[Point::W, Point::TotWhImp, Point::Closed],
    &[Point::W],
    &[Point::W, Point::WAvail, Point::WMax],
    &[Point::W, Point::SoC, Point::WSet],
];

fn point_spec(device: usize, point: Point) -> PointSpec {
    PointSpec {
        device: DeviceIx(device),
        point,
        access: if point.is_command() { Access::ReadWrite } else { Access::Read },
        stale_after: Duration::from_secs(5),
        lively: point == Point::W,
        valid: (-1e7, 1e7),
        safe: point.is_command().then_some(if point == Point::WMax { 200.0 } else { 0.0 }),
        readback: point.is_command(),
    }
}

fn values() -> Values {
    Values {
        lost_load_critical_per_kwh: 100.0,
        lost_load_normal_per_kwh: 40.0,
        lost_load_sheddable_per_kwh: 8.0,
        lost_heat_per_kwh: 10.0,
        lost_cooling_per_kwh: 10.0,
        lost_hydrogen_per_kwh: 10.0,
        surplus_per_kwh: 2.0,
        co2_per_kg: 0.0,
    }
}

/// The sample site, UTC, flat price 1.0, export 0.3.
pub fn site() -> Site {
    let mut points = Vec::new();
    let mut devices = Vec::new();
    let mut assets = Vec::new();
    for (i, (kind, own)) in kinds().into_iter().zip(POINTS).enumerate() {
        let first = points.len();
        points.extend(own.iter().map(|point| point_spec(i, *point)));
        let id = kind.ports().first().map(|_| ["grid", "load", "pv", "battery"][i]).unwrap_or_default().to_owned();
        devices.push(Device {
            id: format!("d-{id}"),
            profile: "sample".into(),
            address: format!("10.0.0.{i}:502"),
            unit: 1,
            topic: None,
            stop: Stop::Hold,
            points: first..points.len(),
            reversion: Reversion::Fixed(10),
        });
        let ports = kind
            .ports()
            .into_iter()
            .map(|(_, _, point, min, max)| Port {
                bus: BusIx(0),
                point,
                rating: Power::from_kw(max.max(-min)),
                min: Power::from_kw(min),
                max: Power::from_kw(max),
                measured: vec![Measure { point: PointIx(first), sign: 1.0 }],
                residual: false,
            })
            .collect();
        assets.push(Asset {
            id,
            breaker: matches!(kind, Kind::Grid(_)).then_some(DeviceIx(i)),
            kind,
            member: None,
            device: Some(DeviceIx(i)),
            ports,
        });
    }
    let bus = Bus {
        id: "elec".into(),
        carrier: Carrier::Electricity,
        supply_c: None,
        return_c: None,
        closed_by: Some(super::AssetIx(GRID)),
        closed_by_islanded: None,
    };
    Site {
        id: "sample".into(),
        name: "sample".into(),
        zone: jiff::tz::TimeZone::UTC,
        latitude_deg: 31.0,
        longitude_deg: 120.0,
        currency: "CNY".into(),
        values: values(),
        tariff: Tariff {
            export_per_kwh: 0.3,
            demand_per_kw_month: 0.0,
            demand_window_min: 15,
            period: vec![TariffPeriod { name: "flat".into(), months: vec![], hours: vec![], price_per_kwh: 1.0 }],
        },
        co2: Default::default(),
        reserve: None,
        survival: None,
        members: vec![],
        buses: vec![bus],
        assets,
        devices,
        points,
        weather: None,
    }
}

/// Both times, `s` seconds after the start.
pub fn now(s: f64) -> Now {
    Now { mono: Mono((s * 1e6) as u64), park: Park::from_unix(1_750_000_000).plus_s(s), synchronised: true }
}

/// The frames of all devices, read just now: powers of grid, load, PV and battery (injections), SoC in percent.
pub fn frames(at: Now, powers: [f64; 4], soc: f64) -> Vec<std::sync::Arc<DeviceFrame>> {
    let rest: [&[f64]; 4] = [&[1000.0, 1.0], &[], &[powers[PV], 200.0], &[soc, 0.0]];
    (0..4)
        .map(|i| {
            let values = std::iter::once(powers[i]).chain(rest[i].iter().copied());
            std::sync::Arc::new(DeviceFrame {
                device: DeviceIx(i),
                readings: values.map(|v| Reading { value: Ok(v), at: at.mono }).collect(),
                link: Link::Up,
                write: WriteReport::default(),
                turn: at.mono,
                next_turn: at.mono + Duration::from_secs(1),
                connects: 1,
                errors: 0,
            })
        })
        .collect()
}
