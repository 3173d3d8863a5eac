//! Sites for the dispatch tests, built straight from tables of the site file, without devices' profiles: a device named
//! by an asset is given the command points of that asset's kind.

use hexad::site::kinds as k;
use hexad::site::{
    Access, Asset, Bus, BusIx, Carrier, Device, DeviceIx, Kind, Point, PointSpec, Port, Reason, Reversion, RunState,
    Site, Stop, Tariff, Values,
};
use hexad::state::{AssetState, Availability, Believed, BusState, Running, SiteState, Weather, Window};
use hexad::units::{Energy, Mono, Now, Park, Power};
use serde::de::DeserializeOwned;

pub const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/suzhou-six-in-one.toml");

/// 100 kWh behind 50 kW and a tenth of loss each way.
pub const BATTERY: &str = r#"
[[battery]]
id = "battery"
device = "pcs"
bus = "elec"
charge_max_kw = 50.0
discharge_max_kw = 50.0
capacity_kwh = 100.0
soc_min = 0.0
soc_max = 1.0
charge_efficiency = 0.9
discharge_efficiency = 0.9
wear_per_kwh = 0.01
ramp_kw_per_s = 50.0
"#;

fn table<T: DeserializeOwned>(t: &toml::Table, key: &str) -> Vec<T> {
    t.get(key).map(|v| v.clone().try_into().unwrap()).unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct BusText {
    id: String,
    carrier: Carrier,
    supply_c: Option<f64>,
    return_c: Option<f64>,
}

fn commands(kind: &Kind) -> Vec<Point> {
    match kind {
        Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => vec![Point::WMax],
        Kind::CarbonCapture(_) => vec![Point::WMax],
        Kind::Batch(_) => vec![Point::On],
        Kind::Load(l) if l.tier == k::Tier::Sheddable => vec![Point::On],
        Kind::Battery(_) => vec![Point::WSet],
        Kind::Chp(_) | Kind::Genset(_) | Kind::Electrolyser(_) | Kind::FuelCell(_) => vec![Point::WSet, Point::On],
        Kind::Boiler(_) | Kind::HeatPump(_) => vec![Point::HeatSet, Point::On],
        Kind::Chiller(_) | Kind::AbsorptionChiller(_) => vec![Point::CoolSet, Point::On],
        _ => vec![],
    }
}

/// A site from the text of a site file.
pub fn site(text: &str) -> Site {
    let t: toml::Table = text.parse().unwrap();
    let mut kinds: Vec<(String, Option<String>, Kind)> = Vec::new();
    macro_rules! read {
        ($($key:literal $kind:ident),+ $(,)?) => {
            $(for a in table::<k::$kind>(&t, $key) { kinds.push((a.id.clone(), a.device.clone(), Kind::$kind(a))); })+
        };
    }
    read!("grid" Grid, "gas_supply" GasSupply, "pv" Pv, "wind" Wind, "battery" Battery, "heat_tank" HeatTank,
        "cold_tank" ColdTank, "chp" Chp, "boiler" Boiler, "heat_pump" HeatPump, "chiller" Chiller,
        "absorption_chiller" AbsorptionChiller, "heat_exchanger" HeatExchanger, "dump_cooler" DumpCooler, "load" Load,
        "flexible_load" FlexibleLoad, "ev_charger" EvCharger, "heat_supply" HeatSupply, "waste_heat" WasteHeat,
        "genset" Genset, "hydrogen_tank" HydrogenTank, "electrolyser" Electrolyser, "fuel_cell" FuelCell,
        "hydrogen_offtake" HydrogenOfftake, "carbon_capture" CarbonCapture, "co2_buffer" Co2Buffer,
        "co2_hub" Co2Hub, "batch" Batch, "room" Room);
    let texts: Vec<BusText> = table(&t, "bus");
    let bus_ix = |id: &str| BusIx(texts.iter().position(|b| b.id == id).unwrap());
    let (mut assets, mut devices, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for (id, device, kind) in kinds {
        let device = device.map(|name| {
            let ix = DeviceIx(devices.len());
            let first = points.len();
            points.extend(commands(&kind).into_iter().map(|point| spec(ix, point)));
            devices.push(Device {
                id: name,
                profile: String::new(),
                address: String::new(),
                unit: 1,
                topic: None,
                stop: Stop::Hold,
                points: first..points.len(),
                reversion: Reversion::None,
            });
            ix
        });
        let ports = kind.ports().into_iter().map(|(_, bus, point, min, max)| Port {
            bus: bus_ix(bus),
            point: by_carrier(&kind, point, texts[bus_ix(bus).0].carrier),
            rating: Power::from_kw(max.max(-min)),
            min: Power::from_kw(min),
            max: Power::from_kw(max),
            measured: vec![],
            residual: false,
        });
        let ports = ports.collect();
        assets.push(Asset { id, kind, member: None, device, breaker: None, ports });
    }
    let head = t.get("site").and_then(|s| s.as_table()).cloned().unwrap_or_default();
    let number = |key: &str, default: f64| head.get(key).and_then(toml::Value::as_float).unwrap_or(default);
    let zone = head.get("zone").and_then(|z| z.as_str()).unwrap_or("UTC").to_owned();
    Site {
        id: "park".into(),
        name: "park".into(),
        zone: jiff::tz::TimeZone::get(&zone).unwrap(),
        latitude_deg: number("latitude_deg", 31.0),
        longitude_deg: number("longitude_deg", 120.0),
        currency: "CNY".into(),
        values: t.get("values").map_or_else(values, |v| v.clone().try_into().unwrap()),
        tariff: t["tariff"].clone().try_into::<Tariff>().unwrap(),
        co2: t.get("co2").map(|v| v.clone().try_into().unwrap()).unwrap_or_default(),
        reserve: t.get("reserve").map(|v| v.clone().try_into().unwrap()),
        survival: t.get("survival").map(|v| v.clone().try_into().unwrap()),
        members: vec![],
        buses: texts.iter().map(bus).collect(),
        assets,
        devices,
        points,
        weather: None,
    }
}

/// Consumers of any carrier are measured by that carrier's power.
fn by_carrier(kind: &Kind, point: Point, carrier: Carrier) -> Point {
    if !matches!(kind, Kind::Load(_) | Kind::Batch(_) | Kind::Room(_)) {
        return point;
    }
    match carrier {
        Carrier::Electricity => Point::W,
        Carrier::Heat => Point::HeatW,
        Carrier::Cooling => Point::CoolW,
        Carrier::Gas => Point::GasW,
        Carrier::Hydrogen => Point::HydrogenW,
        Carrier::Co2 => Point::Co2Flow,
    }
}

fn bus(b: &BusText) -> Bus {
    Bus {
        id: b.id.clone(),
        carrier: b.carrier,
        supply_c: b.supply_c,
        return_c: b.return_c,
        closed_by: None,
        closed_by_islanded: None,
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

fn spec(device: DeviceIx, point: Point) -> PointSpec {
    PointSpec {
        device,
        point,
        access: Access::ReadWrite,
        stale_after: std::time::Duration::from_secs(10),
        lively: false,
        valid: (-1e6, 1e6),
        safe: None,
        readback: true,
    }
}

pub fn reference() -> Site {
    site(&std::fs::read_to_string(REFERENCE).unwrap())
}

/// Everything available and measured: loads at `load` of nameplate, generators at `sun` of theirs, machines off for
/// a day, stores at `charge` of their capacity.
pub fn state(site: &Site, at: Park, load: f64, sun: f64, charge: f64) -> SiteState {
    let assets = site.assets.iter().map(|a| asset_state(a, at, load, sun, charge)).collect();
    let quarter = (at.unix() / 900.0).floor() as i64 * 900;
    SiteState {
        now: Now { mono: Mono(0), park: at, synchronised: true },
        assets,
        buses: site.buses.iter().map(|_| BusState { residual: Ok(0.0) }).collect(),
        pcc_closed: Ok(true),
        weather: Weather {
            outdoor_c: Ok(20.0),
            ghi_w_m2: Err(Reason::NotMeasured),
            wind_m_s: Err(Reason::NotMeasured),
        },
        window: Window {
            start: Park::from_unix(quarter),
            imported: Energy::ZERO,
            peak: Power::ZERO,
            unmeasured_s: 0.0,
        },
        co2_today_kg: 0.0,
    }
}

fn asset_state(a: &Asset, at: Park, load: f64, sun: f64, charge: f64) -> AssetState {
    let rated = a.kind.rated().kw();
    let wanted = match &a.kind {
        Kind::Pv(_) | Kind::Wind(_) => Some(sun * rated),
        Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => Some(-load * rated),
        _ => None,
    };
    let port = |kw: f64| Believed { measured: Ok(kw), power: Power::from_kw(kw), age_s: 0.5 };
    let machine = a.kind.commitment().is_some();
    AssetState {
        ports: (0..a.ports.len()).map(|i| port(if i == 0 { wanted.unwrap_or(0.0) } else { 0.0 })).collect(),
        availability: Availability::Available,
        run_state: machine.then_some(Ok(RunState::Off)),
        running: machine.then(|| Running { on: false, since: at.plus_s(-86400.0), starts: 0 }),
        energy: a.kind.capacity().map(|c| Ok(c.kwh() * charge)),
        min: a.ports[0].min,
        max: a.ports[0].max,
        potential: wanted.map(Ok),
        today: Default::default(),
    }
}
