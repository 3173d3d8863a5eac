//! Consumers that owe something by a time of day, rooms, and buyers of hydrogen and CO2.

use super::super::document::{Document, Place};
use crate::site::kinds::{Batch, Co2Hub, EvCharger, HydrogenOfftake, Room};
use crate::site::{Bus, Carrier, Daily};

pub(super) fn ev_charger(doc: &mut Document<'_>, at: &Place, k: &EvCharger) {
    let rated = f64::from(k.count) * k.charger_kw;
    for (i, s) in k.session.iter().enumerate() {
        let at = at.key("session").item(i);
        let hours = Daily { open_h: s.arrive_h, close_h: s.depart_h, days: s.days }.hours();
        if (s.arrive_h - s.depart_h).abs() < 1e-9 {
            let message = format!("vehicles that arrive and depart at {} do not stay", s.arrive_h);
            doc.mistake(&at.key("depart_h"), message, "write the hour of departure; a smaller one is on the next day");
        } else if s.max_kw > rated {
            let message = format!("{} kW are more than the chargers' {rated} kW", s.max_kw);
            doc.mistake(&at.key("max_kw"), message, format!("write {rated} or less"));
        } else if s.energy_kwh > s.max_kw * hours {
            let most = s.max_kw * hours;
            let message = format!("{} kWh do not flow in {hours} h of {} kW", s.energy_kwh, s.max_kw);
            doc.mistake(&at.key("energy_kwh"), message, format!("write {most:.0} or less"));
        }
    }
}

pub(super) fn batch(doc: &mut Document<'_>, at: &Place, k: &Batch) {
    let hours = Daily { open_h: k.earliest_h, close_h: k.deadline_h, days: k.days }.hours();
    let run_h = f64::from(k.run_min) / 60.0;
    if run_h > hours + 1e-9 {
        let message = format!("a run of {} min does not fit into the {hours} h from earliest_h on", k.run_min);
        doc.mistake(&at.key("deadline_h"), message, "write a later deadline, or a shorter run_min");
    }
}

pub(super) fn room(doc: &mut Document<'_>, at: &Place, k: &Room, buses: &[Bus]) {
    let [low, high] = k.comfort_c;
    if low >= high {
        let message = format!("the band from {low} to {high} degC holds nothing");
        doc.mistake(&at.key("comfort_c"), message, "write [lowest, highest]");
    }
    let carrier = buses.iter().find(|b| b.id == k.bus).map(|b| b.carrier);
    if let Some(other) = carrier.filter(|c| !matches!(c, Carrier::Heat | Carrier::Cooling)) {
        let message = format!("bus `{}` carries {}; a room takes heat or cold", k.bus, other.name());
        doc.mistake(&at.key("bus"), message, "name a bus of heat or cooling");
    }
}

pub(super) fn hydrogen_offtake(doc: &mut Document<'_>, at: &Place, k: &HydrogenOfftake) {
    let most = k.max_kw * 24.0;
    if k.kwh_per_day > most {
        let message = format!("{} kWh do not flow in a day of {} kW", k.kwh_per_day, k.max_kw);
        doc.mistake(&at.key("kwh_per_day"), message, format!("write {most:.0} or less"));
    }
    if k.kwh_per_day > 0.0 && k.shortfall_per_kwh <= 0.0 {
        let message = "a contract that costs nothing to break asks for nothing";
        doc.mistake(
            &at.key("shortfall_per_kwh"),
            message,
            "write what a kWh short of it costs, or leave out kwh_per_day",
        );
    }
}

pub(super) fn co2_hub(doc: &mut Document<'_>, at: &Place, k: &Co2Hub) {
    for (i, n) in k.nomination.iter().enumerate() {
        let at = at.key("nomination").item(i);
        if n.kg_per_h > k.max_kg_per_h {
            let message = format!("{} kg/h are more than the hub's {} kg/h", n.kg_per_h, k.max_kg_per_h);
            doc.mistake(&at.key("kg_per_h"), message, format!("write {} or less", k.max_kg_per_h));
        }
        for (j, [from, to]) in n.hours.iter().enumerate() {
            if from >= to {
                let message = format!("the span from {from} to {to} holds no hour");
                doc.mistake(
                    &at.key("hours").item(j),
                    message,
                    "write [from, to) of one day; across midnight two spans",
                );
            }
        }
    }
}
