//! What consumes.

use serde::{Deserialize, Serialize};

use super::Tier;

kind!(
    /// Must-run consumer of the bus's carrier.
    Load {
        /// Any bus.
        bus: String,
        /// Nameplate: its worst case when it is not known.
        rated_kw: f64,
        /// Who is served first.
        #[serde(default)]
        tier: Tier,
    }
);
kind!(
    /// Dimmable consumer.
    FlexibleLoad {
        /// Electricity bus.
        bus: String,
        /// Nameplate.
        rated_kw: f64,
        /// Never below this share of what is wanted.
        floor: f64,
        /// What a kWh withheld is worth.
        discomfort_per_kwh: f64,
    }
);

/// Which days of the site's calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Every day.
    #[default]
    All,
    /// Monday to Friday.
    Workdays,
    /// Saturday and Sunday.
    Weekends,
}

/// A stay of vehicles at the chargers, every such day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvSession {
    /// Local hour of arrival, 0 to 24.
    pub arrive_h: f64,
    /// Local hour of departure; smaller than the arrival's: on the next day.
    pub depart_h: f64,
    /// Energy wanted by departure.
    pub energy_kwh: f64,
    /// Largest power.
    pub max_kw: f64,
    /// Days it begins on.
    #[serde(default)]
    pub days: Days,
}

kind!(
    /// Park of charging points under one limit.
    EvCharger {
        /// Electricity bus.
        bus: String,
        /// Charging points.
        count: u32,
        /// Power of each.
        charger_kw: f64,
        /// What a kWh delayed is worth.
        delay_per_kwh: f64,
        /// What is known of the vehicles' stays; without any, the wish that is measured is forecast.
        #[serde(default)]
        session: Vec<EvSession>,
    }
);
kind!(
    /// Something that runs once a day, at its rating and without a break.
    Batch {
        /// Any bus.
        bus: String,
        /// Power while it runs.
        rated_kw: f64,
        /// How long it runs.
        run_min: u32,
        /// Local hour from which it may start.
        earliest_h: f64,
        /// Local hour by which it is done; smaller than `earliest_h`: on the next day.
        deadline_h: f64,
        /// Days it begins on.
        #[serde(default)]
        days: Days,
        /// What a day without it costs.
        skipped_cost: f64,
    }
);
kind!(
    /// Room or building that stores warmth or cold in its walls, within a band of comfort.
    Room {
        /// Heat or cooling bus.
        bus: String,
        /// Largest heating or cooling power.
        rated_kw: f64,
        /// Heat capacity.
        kwh_per_k: f64,
        /// Heat lost per kelvin above the outdoor temperature.
        loss_kw_per_k: f64,
        /// Gains of people, machines and sun.
        #[serde(default)]
        gains_kw: f64,
        /// Comfort: lowest and highest temperature.
        comfort_c: [f64; 2],
        /// What a kelvin outside the band for an hour costs.
        discomfort_per_k_h: f64,
    }
);
kind!(
    /// Dry cooler that throws heat away.
    DumpCooler {
        /// Heat bus.
        heat_bus: String,
        /// Rated heat.
        rated_kw: f64,
    }
);
