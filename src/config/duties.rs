//! Whether what the site owes beyond its loads makes sense: reserves and CO2.

use super::document::{Document, Place};
use super::site_file::SiteFile;
use crate::site::kinds::Tier;

pub(super) fn check(doc: &mut Document<'_>, file: &SiteFile) {
    co2(doc, file);
    let critical = file.values.lost_load_critical_per_kwh;
    let prices = [
        ("reserve", file.reserve.as_ref().map(|r| r.shortfall_per_kwh)),
        ("survival", file.survival.as_ref().map(|s| s.shortfall_per_kwh)),
    ];
    for (table, price) in prices {
        if let Some(price) = price.filter(|p| *p >= critical) {
            let message =
                format!("at {price} per kWh critical load, worth {critical}, would be cut off to hold a reserve");
            let at = Place::root().key(table).key("shortfall_per_kwh");
            doc.mistake(&at, message, format!("write less than lost_load_critical_per_kwh = {critical}"));
        }
    }
    if let Some(r) = &file.reserve
        && !(r.fixed_kw > 0.0 || r.load_share > 0.0 || r.forecast_error || r.largest_unit)
    {
        let remedy =
            "add `fixed_kw`, `load_share`, `forecast_error = true` or `largest_unit = true`, or remove the table";
        doc.mistake(&Place::root().key("reserve"), "this reserve asks for nothing", remedy);
    }
    if file.survival.is_some() && !file.load.iter().any(|l| l.tier == Tier::Critical) {
        let remedy = "write `tier = \"critical\"` at the loads that must survive, or remove the table";
        doc.mistake(&Place::root().key("survival"), "there is no critical load to carry", remedy);
    }
}

/// Steps ascend in amount and in price, from the one price of CO2 on.
fn co2(doc: &mut Document<'_>, file: &SiteFile) {
    let at = Place::root().key("co2");
    let mut before = (-1.0, file.values.co2_per_kg);
    for (i, step) in file.co2.step.iter().enumerate() {
        let at = at.key("step").item(i);
        if step.above_kg_per_day <= before.0 {
            let message = format!("the step at {} kg is not above the one before it", step.above_kg_per_day);
            doc.mistake(&at.key("above_kg_per_day"), message, "write the steps in ascending order");
        }
        if step.per_kg < before.1 {
            let message = format!("{} per kg is less than {} below this step", step.per_kg, before.1);
            doc.mistake(
                &at.key("per_kg"),
                message,
                "write a price not below that of the step before and of co2_per_kg",
            );
        }
        before = (step.above_kg_per_day, step.per_kg);
    }
    if file.co2.over_budget_per_kg.is_some() && file.co2.budget_kg_per_day.is_none() {
        let message = "a price for exceeding a budget that is not given";
        doc.mistake(&at.key("over_budget_per_kg"), message, "add `budget_kg_per_day`, or remove it");
    }
}
