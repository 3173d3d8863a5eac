//! The site file as a person writes it, and its JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::site::kinds::{
    AbsorptionChiller, Battery, Boiler, Chiller, Chp, ColdTank, DumpCooler, EvCharger, FlexibleLoad, GasSupply, Grid,
    HeatExchanger, HeatPump, HeatTank, Load, Pv, Wind,
};
use crate::site::{Carrier, Stop, Tariff, Values};

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
