//! The site file as a person writes it, and its JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::site::kinds::{
    AbsorptionChiller, Batch, Battery, Boiler, CarbonCapture, Chiller, Chp, Co2Buffer, Co2Hub, ColdTank, DumpCooler,
    Electrolyser, EvCharger, FlexibleLoad, FuelCell, GasSupply, Genset, Grid, HeatExchanger, HeatPump, HeatSupply,
    HeatTank, HydrogenOfftake, HydrogenTank, Load, Pv, Room, WasteHeat, Wind,
};
use crate::site::{Carrier, Co2Rules, Reserve, Stop, Survival, Tariff, Values};

/// One real site in one file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteFile {
    /// The site itself.
    pub(super) site: SiteTable,
    /// What missing and surplus energy is worth.
    pub(super) values: Values,
    /// Electricity prices.
    pub(super) tariff: Tariff,
    /// CO2 beyond its one price.
    #[serde(default)]
    pub(super) co2: Co2Rules,
    /// Spinning reserve.
    #[serde(default)]
    pub(super) reserve: Option<Reserve>,
    /// Survival reserve.
    #[serde(default)]
    pub(super) survival: Option<Survival>,
    /// Parties of the park.
    #[serde(default)]
    pub(super) member: Vec<MemberTable>,
    /// One carrier at one level each.
    pub(super) bus: Vec<BusTable>,
    /// Endpoints.
    #[serde(default)]
    pub(super) device: Vec<DeviceTable>,
    #[serde(default)]
    pub(super) grid: Vec<Grid>,
    #[serde(default)]
    pub(super) gas_supply: Vec<GasSupply>,
    #[serde(default)]
    pub(super) pv: Vec<Pv>,
    #[serde(default)]
    pub(super) wind: Vec<Wind>,
    #[serde(default)]
    pub(super) battery: Vec<Battery>,
    #[serde(default)]
    pub(super) heat_tank: Vec<HeatTank>,
    #[serde(default)]
    pub(super) cold_tank: Vec<ColdTank>,
    #[serde(default)]
    pub(super) chp: Vec<Chp>,
    #[serde(default)]
    pub(super) boiler: Vec<Boiler>,
    #[serde(default)]
    pub(super) heat_pump: Vec<HeatPump>,
    #[serde(default)]
    pub(super) chiller: Vec<Chiller>,
    #[serde(default)]
    pub(super) absorption_chiller: Vec<AbsorptionChiller>,
    #[serde(default)]
    pub(super) heat_exchanger: Vec<HeatExchanger>,
    #[serde(default)]
    pub(super) dump_cooler: Vec<DumpCooler>,
    #[serde(default)]
    pub(super) load: Vec<Load>,
    #[serde(default)]
    pub(super) flexible_load: Vec<FlexibleLoad>,
    #[serde(default)]
    pub(super) ev_charger: Vec<EvCharger>,
    #[serde(default)]
    pub(super) heat_supply: Vec<HeatSupply>,
    #[serde(default)]
    pub(super) waste_heat: Vec<WasteHeat>,
    #[serde(default)]
    pub(super) genset: Vec<Genset>,
    #[serde(default)]
    pub(super) hydrogen_tank: Vec<HydrogenTank>,
    #[serde(default)]
    pub(super) electrolyser: Vec<Electrolyser>,
    #[serde(default)]
    pub(super) fuel_cell: Vec<FuelCell>,
    #[serde(default)]
    pub(super) hydrogen_offtake: Vec<HydrogenOfftake>,
    #[serde(default)]
    pub(super) carbon_capture: Vec<CarbonCapture>,
    #[serde(default)]
    pub(super) co2_buffer: Vec<Co2Buffer>,
    #[serde(default)]
    pub(super) co2_hub: Vec<Co2Hub>,
    #[serde(default)]
    pub(super) batch: Vec<Batch>,
    #[serde(default)]
    pub(super) room: Vec<Room>,
}

/// The site itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteTable {
    /// Unique name.
    pub(super) id: String,
    /// For people.
    pub(super) name: String,
    /// IANA time zone of tariffs and display.
    pub(super) zone: String,
    /// North positive.
    pub(super) latitude_deg: f64,
    /// East positive.
    pub(super) longitude_deg: f64,
    /// ISO 4217 code.
    pub(super) currency: String,
    /// Device of the weather station.
    #[serde(default)]
    pub(super) weather: Option<String>,
}

/// What a party of the park is to it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Owns the park.
    Owner,
    /// Uses energy in it.
    Tenant,
    /// Sells services to it.
    Provider,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Tenant => "tenant",
            Self::Provider => "provider",
        }
    }
}

/// A party of the park.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberTable {
    /// Unique name.
    pub(super) id: String,
    /// What it is to the park.
    pub(super) role: Role,
}

/// One carrier at one level.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BusTable {
    /// Unique name.
    pub(super) id: String,
    /// What flows.
    pub(super) carrier: Carrier,
    /// Supply temperature; heat and cooling only.
    #[serde(default)]
    pub(super) supply_c: Option<f64>,
    /// Return temperature; heat and cooling only.
    #[serde(default)]
    pub(super) return_c: Option<f64>,
    /// Asset that closes the balance physically and is never steered to do so.
    pub(super) closed_by: String,
    /// The same while islanded; electricity only.
    #[serde(default)]
    pub(super) closed_by_islanded: Option<String>,
}

/// One endpoint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceTable {
    /// Unique name.
    pub(super) id: String,
    /// Name of its profile.
    pub(super) profile: String,
    /// `host:port`; for a broker over TLS `mqtts://host:port`.
    pub(super) address: String,
    /// Modbus unit id.
    #[serde(default)]
    pub(super) unit: Option<u8>,
    /// MQTT topic prefix.
    #[serde(default)]
    pub(super) topic: Option<String>,
    /// What to do with it when the daemon stops in order.
    #[serde(default)]
    pub(super) stop: Stop,
}

/// A range of a number in the site file.
enum Range {
    /// Above the first, up to the second.
    Above(f64, f64),
    /// From the first to the second.
    From(f64, f64),
}

use Range::{Above, From};

/// Nothing in a park is a gigawatt: a larger number is in the wrong unit.
const KW: Range = Above(0.0, 1.0e6);
const PRICE: Range = From(-100.0, 10_000.0);
const WATER: Range = From(-30.0, 250.0);
const EFFICIENCY: Range = Above(0.0, 1.0);
const HOUR: Range = From(0.0, 24.0);

/// Ranges by table (`*` = every other table) and key. Every number of the site file has one; a test sees to it.
const RANGES: &[(&str, &str, Range)] = &[
    ("SiteTable", "latitude_deg", From(-90.0, 90.0)),
    ("SiteTable", "longitude_deg", From(-180.0, 180.0)),
    ("Values", "co2_per_kg", From(0.0, 1000.0)),
    ("Values", "surplus_per_kwh", From(0.0, 1.0e6)),
    ("Values", "lost_load_critical_per_kwh", Above(0.0, 1.0e6)),
    ("Values", "lost_load_normal_per_kwh", Above(0.0, 1.0e6)),
    ("Values", "lost_load_sheddable_per_kwh", Above(0.0, 1.0e6)),
    ("Values", "lost_heat_per_kwh", Above(0.0, 1.0e6)),
    ("Values", "lost_cooling_per_kwh", Above(0.0, 1.0e6)),
    ("Tariff", "export_per_kwh", PRICE),
    ("Tariff", "demand_per_kw_month", From(0.0, 10_000.0)),
    ("Tariff", "demand_window_min", From(1.0, 60.0)),
    ("TariffPeriod", "months", From(1.0, 12.0)),
    ("TariffPeriod", "hours", From(0.0, 24.0)),
    ("TariffPeriod", "price_per_kwh", PRICE),
    ("BusTable", "supply_c", WATER),
    ("BusTable", "return_c", WATER),
    ("Grid", "export_max_kw", From(0.0, 1.0e6)),
    ("Grid", "transformer_kva", KW),
    ("Pv", "tilt_deg", From(0.0, 90.0)),
    ("Pv", "azimuth_deg", From(0.0, 360.0)),
    ("Wind", "curve", From(0.0, 1.0e6)),
    ("Battery", "soc_min", From(0.0, 1.0)),
    ("Battery", "soc_max", Above(0.0, 1.0)),
    ("HeatPump", "cop", From(1.0, 12.0)),
    ("AbsorptionChiller", "cop", From(0.2, 2.0)),
    ("AbsorptionChiller", "auxiliary_kw_per_kw", From(0.0, 0.5)),
    ("Chiller", "eer", From(1.0, 20.0)),
    ("Chp", "start_s", From(0.0, 7200.0)),
    ("Commitment", "min_load", From(0.0, 1.0)),
    ("Commitment", "start_cost", From(0.0, 1.0e6)),
    ("Commitment", "min_up_min", From(0.0, 10_080.0)),
    ("Commitment", "min_down_min", From(0.0, 10_080.0)),
    ("FlexibleLoad", "floor", From(0.0, 1.0)),
    ("FlexibleLoad", "discomfort_per_kwh", From(0.0, 1.0e6)),
    ("EvCharger", "count", From(1.0, 10_000.0)),
    ("EvCharger", "delay_per_kwh", From(0.0, 1.0e6)),
    ("EvSession", "arrive_h", HOUR),
    ("EvSession", "depart_h", HOUR),
    ("EvSession", "energy_kwh", Above(0.0, 1.0e6)),
    ("LongRest", "after_min", From(1.0, 100_000.0)),
    ("LongRest", "start_cost", From(0.0, 1.0e6)),
    ("Commitment", "starts_per_day", From(1.0, 1000.0)),
    ("Grid", "reactive_kvar", From(0.0, 1.0e6)),
    ("Grid", "over_contract_per_kw_month", From(0.0, 10_000.0)),
    ("Chp", "jacket_kw", From(0.0, 1.0e6)),
    ("Chp", "jacket_kw_min_load", From(0.0, 1.0e6)),
    ("Genset", "fuel_price_per_kwh", PRICE),
    ("Genset", "fuel_co2_kg_per_kwh", From(0.0, 10.0)),
    ("Genset", "start_s", From(0.0, 7200.0)),
    ("HeatPump", "cop_curve", From(-60.0, 250.0)),
    ("HeatPump", "source_c", WATER),
    ("HeatPump", "source_kwh_per_day", Above(0.0, 1.0e7)),
    ("HeatPump", "steps", Above(0.0, 1.0)),
    ("Chiller", "eer_curve", From(-60.0, 250.0)),
    ("AbsorptionChiller", "second_cop", From(0.2, 2.0)),
    ("Battery", "charge_curve", From(0.0, 1.0)),
    ("Battery", "discharge_curve", From(0.0, 1.0)),
    ("WasteHeat", "temperature_c", WATER),
    ("HydrogenOfftake", "kwh_per_day", From(0.0, 1.0e7)),
    ("HydrogenOfftake", "shortfall_per_kwh", From(0.0, 1.0e6)),
    ("Nomination", "hours", From(0.0, 24.0)),
    ("Nomination", "kg_per_h", From(0.0, 1.0e6)),
    ("Co2Hub", "max_kg_per_h", KW),
    ("Co2Hub", "price_per_kg", PRICE),
    ("Co2Hub", "tolerance", From(0.0, 1.0)),
    ("Co2Hub", "deviation_per_kg", From(0.0, 1.0e6)),
    ("Co2Buffer", "capacity_kg", Above(0.0, 1.0e8)),
    ("Co2Buffer", "charge_max_kg_per_h", KW),
    ("Co2Buffer", "discharge_max_kg_per_h", KW),
    ("Electrolyser", "standby_kw", From(0.0, 1.0e6)),
    ("CarbonCapture", "rated_kg_per_h", KW),
    ("CarbonCapture", "min_load", From(0.0, 1.0)),
    ("CarbonCapture", "kwh_per_kg", From(0.0, 100.0)),
    ("CarbonCapture", "heat_kwh_per_kg", From(0.0, 100.0)),
    ("CarbonCapture", "capture_share", Above(0.0, 1.0)),
    ("Batch", "run_min", From(1.0, 1440.0)),
    ("Batch", "earliest_h", HOUR),
    ("Batch", "deadline_h", HOUR),
    ("Batch", "skipped_cost", From(0.0, 1.0e6)),
    ("Room", "kwh_per_k", Above(0.0, 1.0e6)),
    ("Room", "loss_kw_per_k", From(0.0, 1.0e6)),
    ("Room", "gains_kw", From(0.0, 1.0e6)),
    ("Room", "comfort_c", From(-40.0, 60.0)),
    ("Room", "discomfort_per_k_h", Above(0.0, 1.0e6)),
    ("Reserve", "fixed_kw", From(0.0, 1.0e6)),
    ("Reserve", "load_share", From(0.0, 1.0)),
    ("Survival", "hours", Above(0.0, 168.0)),
    ("Co2Step", "above_kg_per_day", From(0.0, 1.0e9)),
    ("Co2Step", "per_kg", From(0.0, 1.0e6)),
    ("Co2Rules", "budget_kg_per_day", From(0.0, 1.0e9)),
    ("Co2Rules", "over_budget_per_kg", From(0.0, 1.0e6)),
    ("Values", "lost_hydrogen_per_kwh", Above(0.0, 1.0e6)),
    ("*", "shortfall_per_kwh", Above(0.0, 1.0e6)),
    ("*", "contracted_kw", KW),
    ("*", "efficiency_curve", Above(0.0, 1.0)),
    ("*", "efficiency_min_load", EFFICIENCY),
    ("*", "heat_share", From(0.0, 1.0)),
    ("DeviceTable", "unit", From(0.0, 255.0)),
    ("*", "price_per_kwh", PRICE),
    ("*", "co2_kg_per_kwh", From(0.0, 10.0)),
    ("*", "wear_per_kwh", From(0.0, 1000.0)),
    ("*", "efficiency", EFFICIENCY),
    ("*", "electric_efficiency", EFFICIENCY),
    ("*", "electric_efficiency_min_load", EFFICIENCY),
    ("*", "charge_efficiency", EFFICIENCY),
    ("*", "discharge_efficiency", EFFICIENCY),
    ("*", "loss_per_h", From(0.0, 0.5)),
    ("*", "reserve", From(0.0, 0.9)),
    ("*", "t_min_c", WATER),
    ("*", "t_max_c", WATER),
    ("*", "volume_m3", Above(0.0, 1.0e6)),
    ("*", "capacity_kwh", Above(0.0, 1.0e7)),
    ("*", "ramp_kw_per_s", Above(0.0, 1.0e6)),
    ("*", "rated_kw", KW),
    ("*", "heat_kw", KW),
    ("*", "heat_kw_min_load", KW),
    ("*", "max_kw", KW),
    ("*", "import_max_kw", KW),
    ("*", "charge_max_kw", KW),
    ("*", "discharge_max_kw", KW),
    ("*", "charger_kw", Above(0.0, 10_000.0)),
];

/// JSON Schema of the site file, with the range of every number; `hexad check` enforces exactly this and then the
/// references and the physics.
#[must_use]
pub fn site_schema() -> Json {
    let mut schema = schemars::schema_for!(SiteFile).to_value();
    if let Some(title) = schema.get_mut("title") {
        *title = json!("hexad site file");
    }
    for (table, definition) in schema.get_mut("$defs").and_then(Json::as_object_mut).into_iter().flatten() {
        for (key, property) in definition.get_mut("properties").and_then(Json::as_object_mut).into_iter().flatten() {
            let of = |t: &str| RANGES.iter().find(|r| r.0 == t && r.1 == key);
            if let Some((_, _, range)) = of(table).or_else(|| of("*")) {
                narrow(property, range);
            }
        }
    }
    schema
}

/// Writes the range into a number's schema, or into that of the numbers an array is made of.
fn narrow(property: &mut Json, range: &Range) {
    if property.get("items").is_some() {
        if let Some(items) = property.get_mut("items") {
            narrow(items, range);
        }
        return;
    }
    let Some(object) = property.as_object_mut() else { return };
    object.remove("minimum");
    let (name, low, high) = match range {
        Above(low, high) => ("exclusiveMinimum", low, high),
        From(low, high) => ("minimum", low, high),
    };
    object.insert(name.to_owned(), json!(low));
    object.insert("maximum".to_owned(), json!(high));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(property: &Json) -> bool {
        if let Some(items) = property.get("items") {
            return numbers(items);
        }
        let kinds = property.get("type");
        let is = |k: &Json| matches!(k.as_str(), Some("number" | "integer"));
        kinds.is_some_and(|k| is(k) || k.as_array().is_some_and(|a| a.iter().any(is)))
    }

    #[test]
    fn every_number_of_the_site_file_has_a_range() {
        let schema = site_schema();
        let mut seen = 0;
        for (table, definition) in schema["$defs"].as_object().unwrap() {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                if numbers(property) {
                    seen += 1;
                    let known = RANGES.iter().any(|r| (r.0 == table || r.0 == "*") && r.1 == key);
                    assert!(known, "{table}.{key} has no range");
                }
            }
        }
        assert!(seen > 70, "{seen}");
    }

    #[test]
    fn every_range_is_of_a_key_that_exists() {
        let schema = site_schema();
        for (table, key, _) in RANGES {
            let hit = schema["$defs"]
                .as_object()
                .unwrap()
                .iter()
                .any(|(t, d)| (t == table || *table == "*") && d["properties"].get(key).is_some());
            assert!(hit, "{table}.{key}");
        }
    }
}
