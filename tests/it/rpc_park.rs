//! A tiny park made by hand, and its interface served on a free loopback port.

use std::sync::Arc;
use std::time::Duration;

use hexad::dispatch::{
    AssetPlan, Binding, BusPlan, Co2Plan, Conflict, Crossing, LimitInForce, Plan, PlanStatus, Slack,
};
use hexad::forecast::{Interval, TimeGrid};
use hexad::rpc::{self, RpcError, Source};
use hexad::site::kinds::{Battery, EvCharger, Grid};
use hexad::site::{
    Access, Alarm, AlarmId, AlarmKind, Asset, AssetIx, Bus, BusIx, Carrier, Cause, Class, Device, DeviceFrame,
    DeviceIx, Kind, Limiter, Link, Measure, Member, Mode, Point, PointIx, PointSpec, Port, Reading, Reason, Reversion,
    Setpoint, Severity, Site, Stop, Target, Tariff, TariffPeriod, Value, Values, WriteReport,
};
use hexad::snapshot::{Clip, Health, Snapshot};
use hexad::state::{AssetState, Availability, Believed, BusState, SiteState, Weather, Window};
use hexad::store::journal::Book;
use hexad::units::{Energy, Mono, Now, Park, Power};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

/// 2026-07-02 01:46:40 UTC, 09:46:40 in the park.
pub const START: i64 = 1_782_956_800;

/// The interface under test and the ends that feed it.
pub struct Served {
    pub address: String,
    pub snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub plans: watch::Sender<Option<Arc<Plan>>>,
    pub journal: Arc<Book>,
    pub forecasts: hexad::rpc::Forecasts,
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), RpcError>>,
}

impl Served {
    pub async fn start() -> Self {
        Self::start_with(journal()).await
    }

    pub async fn start_with(journal: Arc<Book>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (snapshots, seen) = watch::channel(None);
        let (plans, made) = watch::channel(None);
        let stop = CancellationToken::new();
        let forecasts = hexad::rpc::Forecasts::default();
        let source = Source {
            site: Arc::new(site()),
            snapshots: seen,
            plans: made,
            desk: hexad::rpc::Desk::new(1.0).0,
            journal: Arc::clone(&journal),
            forecasts: forecasts.clone(),
        };
        let task = tokio::spawn(rpc::serve(listener, source, stop.clone()));
        Self { address, snapshots, plans, journal, forecasts, stop, task }
    }

    /// With one cycle and one plan.
    pub async fn running() -> Self {
        let served = Self::start().await;
        served.plans.send_replace(Some(Arc::new(plan(7))));
        served.cycle(1);
        served
    }

    pub fn cycle(&self, number: u64) {
        self.snapshots.send_replace(Some(Arc::new(snapshot(number))));
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }
}

/// A journal in memory.
pub fn journal() -> Arc<Book> {
    Arc::new(Book::new(None, 1000))
}

/// What must happen soon, or the test fails.
pub async fn soon<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), happens).await.expect("it takes too long")
}

pub fn site() -> Site {
    let bus = |id: &str, carrier, closed_by| Bus {
        id: id.into(),
        carrier,
        supply_c: None,
        return_c: None,
        closed_by,
        closed_by_islanded: None,
    };
    let points = vec![
        spec(0, Point::W, Access::Read),
        spec(1, Point::W, Access::Read),
        spec(1, Point::SoC, Access::Read),
        spec(1, Point::WSet, Access::ReadWrite),
        spec(2, Point::W, Access::Read),
        spec(2, Point::WMax, Access::ReadWrite),
    ];
    Site {
        id: "tiny".into(),
        name: "Tiny park".into(),
        zone: jiff::tz::TimeZone::get("Asia/Shanghai").unwrap(),
        latitude_deg: 31.3,
        longitude_deg: 120.7,
        currency: "CNY".into(),
        values: Values {
            lost_load_critical_per_kwh: 100.0,
            lost_load_normal_per_kwh: 40.0,
            lost_load_sheddable_per_kwh: 8.0,
            lost_heat_per_kwh: 10.0,
            lost_cooling_per_kwh: 10.0,
            lost_hydrogen_per_kwh: 10.0,
            surplus_per_kwh: 2.0,
            co2_per_kg: 0.0,
        },
        tariff: tariff(),
        co2: Default::default(),
        reserve: None,
        survival: None,
        members: vec![Member { id: "offices".into(), role: "tenant".into() }],
        buses: vec![bus("elec", Carrier::Electricity, Some(AssetIx(0))), bus("heat", Carrier::Heat, None)],
        assets: vec![grid(), battery(), ev(), heat_load()],
        devices: vec![device("m-pcc", 0..1), device("pcs", 1..4), device("ev-park", 4..6)],
        points,
        weather: None,
    }
}

fn tariff() -> Tariff {
    let period = TariffPeriod { name: "flat".into(), months: vec![], hours: vec![], price_per_kwh: 0.7 };
    Tariff { export_per_kwh: 0.3, demand_per_kw_month: 38.0, demand_window_min: 15, period: vec![period] }
}

fn spec(device: usize, point: Point, access: Access) -> PointSpec {
    PointSpec {
        device: DeviceIx(device),
        point,
        access,
        stale_after: Duration::from_secs(5),
        lively: false,
        valid: (-1e6, 1e6),
        safe: None,
        readback: access == Access::ReadWrite,
    }
}

fn device(id: &str, points: std::ops::Range<usize>) -> Device {
    Device {
        id: id.into(),
        profile: format!("ref-{id}"),
        address: "127.0.0.1:1502".into(),
        unit: 1,
        topic: None,
        stop: Stop::Hold,
        points,
        reversion: if id == "pcs" { Reversion::Register(10) } else { Reversion::None },
    }
}

fn port(bus: usize, point: Point, min: f64, max: f64, measured: Option<usize>) -> Port {
    Port {
        bus: BusIx(bus),
        point,
        rating: Power::from_kw(max.max(-min)),
        min: Power::from_kw(min),
        max: Power::from_kw(max),
        measured: measured.map(|p| Measure { point: PointIx(p), sign: 1.0 }).into_iter().collect(),
        residual: false,
    }
}

fn asset(id: &str, kind: Kind, device: Option<usize>, ports: Vec<Port>) -> Asset {
    Asset { id: id.into(), kind, member: None, device: device.map(DeviceIx), breaker: None, ports }
}

fn grid() -> Asset {
    let kind = Kind::Grid(Grid {
        id: "grid".into(),
        bus: "elec".into(),
        breaker: None,
        import_max_kw: 900.0,
        export_max_kw: 500.0,
        transformer_kva: 1000.0,
        co2_kg_per_kwh: 0.5,
        ..Default::default()
    });
    asset("grid", kind, Some(0), vec![port(0, Point::W, -500.0, 900.0, Some(0))])
}

fn battery() -> Asset {
    let kind = Kind::Battery(Battery {
        id: "battery".into(),
        bus: "elec".into(),
        charge_max_kw: 250.0,
        discharge_max_kw: 250.0,
        capacity_kwh: 500.0,
        soc_min: 0.1,
        soc_max: 0.95,
        charge_efficiency: 0.96,
        discharge_efficiency: 0.96,
        wear_per_kwh: 0.04,
        ramp_kw_per_s: 50.0,
        ..Default::default()
    });
    asset("battery", kind, Some(1), vec![port(0, Point::W, -250.0, 250.0, Some(1))])
}

fn ev() -> Asset {
    let kind = Kind::EvCharger(EvCharger {
        id: "ev".into(),
        member: Some("offices".into()),
        bus: "elec".into(),
        count: 8,
        charger_kw: 22.0,
        delay_per_kwh: 0.9,
        ..Default::default()
    });
    Asset { member: Some(0), ..asset("ev", kind, Some(2), vec![port(0, Point::W, -176.0, 0.0, Some(4))]) }
}

/// A heat load whose meter does not answer.
fn heat_load() -> Asset {
    let kind = Kind::Load(hexad::site::kinds::Load {
        id: "heat_load".into(),
        bus: "heat".into(),
        rated_kw: 220.0,
        tier: Default::default(),
        ..Default::default()
    });
    asset("heat_load", kind, None, vec![port(1, Point::HeatW, -220.0, 0.0, None)])
}

/// Cycle `number`: one second after the last, all well but the heat meter.
pub fn snapshot(number: u64) -> Snapshot {
    let mono = Mono(number * 1_000_000);
    let now = Now { mono, park: Park::from_unix(START + i64::try_from(number).unwrap()), synchronised: true };
    let kw = [120.0 + number as f64, -40.0, 57.0, -40.0, -80.0, 88.0];
    let image = kw.map(|v| Reading { value: Ok(v), at: Mono(mono.0 - 500_000) });
    Snapshot {
        cycle: number,
        now,
        mode: Mode::GridConnected,
        image: Arc::new(image.to_vec()),
        devices: (0..3).map(|d| Arc::new(frame(d, mono))).collect(),
        state: Arc::new(state(now, kw[0])),
        plan: Some(Arc::new(plan(7))),
        setpoints: setpoints(number, mono),
        clips: vec![Clip {
            asset: "battery".into(),
            point: Point::WSet,
            wanted: -60.0,
            given: -40.0,
            by: Limiter::Ramp,
        }],
        alarms: vec![Alarm {
            kind: AlarmKind::DeviceLost,
            severity: Severity::Warning,
            subject: "hm-heat".into(),
            text: "no answer for 12 s".into(),
            since: Park::from_unix(START),
            last: now.park,
            id: AlarmId(1_782_956_800_000),
            returned: 0,
            ended: false,
            acknowledged: None,
            members: vec![],
            consequent: vec![],
        }],
        health: Health { planned: true, ..Health::default() },
        pcc_expected: None,
        proposals: Default::default(),
    }
}

fn setpoints(cycle: u64, mono: Mono) -> Vec<Arc<Setpoint>> {
    let told = |asset, device, targets: &[(Point, f64)], cause, limited_by| {
        Arc::new(Setpoint {
            asset: AssetIx(asset),
            device: DeviceIx(device),
            targets: targets.iter().map(|(point, value)| Target { point: *point, value: *value }).collect(),
            cycle,
            lease_until: mono + Duration::from_secs(10),
            renew: true,
            cause,
            limited_by,
        })
    };
    vec![
        told(1, 1, &[(Point::WSet, -40.0)], Cause::Balance, Some(Limiter::Ramp)),
        told(2, 2, &[(Point::On, 1.0), (Point::WMax, 88.0)], Cause::Plan, None),
    ]
}

fn frame(device: usize, mono: Mono) -> DeviceFrame {
    DeviceFrame {
        device: DeviceIx(device),
        readings: vec![],
        link: if device == 2 { Link::Down(Reason::DeviceTimeout) } else { Link::Up },
        write: WriteReport::default(),
        turn: mono,
        next_turn: mono,
        connects: 1,
        errors: 0,
    }
}

fn state(now: Now, import: f64) -> SiteState {
    let believed = |measured: Value, worst: f64| Believed { measured, power: Power::from_kw(worst), age_s: 0.5 };
    let of = |flow: Believed, energy: Option<Value>| AssetState {
        ports: vec![flow],
        availability: Availability::Available,
        run_state: None,
        running: None,
        energy,
        min: Power::ZERO,
        max: Power::ZERO,
        potential: None,
        today: Default::default(),
    };
    SiteState {
        now,
        assets: vec![
            of(believed(Ok(import), import), None),
            of(believed(Ok(-40.0), -40.0), Some(Ok(285.0))),
            of(believed(Ok(-80.0), -80.0), None),
            of(believed(Err(Reason::DeviceTimeout), -220.0), None),
        ],
        buses: vec![BusState { residual: Ok(1.0) }, BusState { residual: Err(Reason::InputUnknown) }],
        pcc_closed: Ok(true),
        weather: Weather { outdoor_c: Ok(25.0), ghi_w_m2: Ok(600.0), wind_m_s: Ok(4.0) },
        window: Window {
            start: Park::from_unix(START - 400),
            imported: Energy::from_kwh(12.5),
            peak: Power::from_kw(612.0),
            unmeasured_s: 0.0,
        },
        co2_today_kg: 0.0,
    }
}

fn binding(limit: &str, from: usize, worth: Option<f64>) -> Binding {
    let at = if worth.is_some() { 475.0 } else { 0.0 };
    Binding { limit: limit.into(), from, to: 2, at, unit: "kW".into(), worth }
}

/// Two intervals: 15 minutes, then an hour.
pub fn plan(id: u64) -> Plan {
    let start = Park::from_unix(START);
    let asset = |kw: [f64; 2]| AssetPlan { power_kw: vec![kw.to_vec()], ..AssetPlan::default() };
    Plan {
        id,
        made_at: Park::from_unix(START - 2),
        valid_until: start.plus_s(600.0),
        grid: TimeGrid {
            intervals: vec![Interval { start, hours: 0.25 }, Interval { start: start.plus_s(900.0), hours: 1.0 }],
        },
        status: PlanStatus::Optimal,
        gap: Some(0.001),
        cost: Some(123.5),
        bound: Some(123.4),
        solve_ms: 41.0,
        assets: vec![
            asset([125.0, 0.0]),
            AssetPlan { energy_kwh: vec![295.0, 200.0], stored_value: vec![0.8, 0.9], ..asset([-40.0, 95.0]) },
            AssetPlan { on: vec![false, true], ..asset([-85.0, -95.0]) },
            asset([-100.0, -100.0]),
        ],
        buses: vec![BusPlan { price: vec![0.69, 1.18] }, BusPlan { price: vec![0.4, 0.4] }],
        slacks: vec![Slack { what: "heat: not enough".into(), interval: 1, amount: 100.0, price: 10.0 }],
        conflicts: vec![Conflict {
            what: "heat: not enough".into(),
            from: 1,
            to: 2,
            amount: 100.0,
            unit: "kW".into(),
            price: 10.0,
            because: vec![binding("boiler: its rating", 1, Some(9.5)), binding("chp: out (device_timeout)", 1, None)],
        }],
        binding: vec![binding("grid: import limit (import_max_kw 500)", 0, Some(0.25))],
        limits: vec![LimitInForce {
            by: "grid-company".into(),
            class: Some(Class::GridOperator),
            crossing: Crossing::Import,
            kw: 125.0,
            until: Some(start.plus_s(3600.0)),
            narrowest: vec![0, 1],
            binding: vec![0],
        }],
        co2: Some(Co2Plan { horizon_kg: 80.0, today_kg: 300.0, budget_kg: Some(500.0) }),
        note: String::new(),
    }
}
