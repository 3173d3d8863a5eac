//! The series for a backtest: seeded, seasonal, and the same park that the rig serves.

use super::{SITE, rig};
use crate::{SeriesOptions, series};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

const OFFICE: &str = include_str!("../../../config/sites/small-office.toml");

fn options(start: &str, step_min: i64, days: u32) -> SeriesOptions {
    let step = SignedDuration::from_mins(step_min);
    SeriesOptions { seed: 7, start: start.parse().unwrap(), step, days, outages: 0 }
}

/// A year of hours in the site's zone.
fn year(site: &str) -> SeriesOptions {
    let start = crate::default_series_start(site).unwrap();
    SeriesOptions { start, ..options("2026-01-01T00:00:00Z", 60, 365) }
}

struct Table {
    names: Vec<String>,
    times: Vec<Timestamp>,
    rows: Vec<Vec<f64>>,
}

impl Table {
    fn of(site: &str, options: &SeriesOptions) -> Self {
        let csv = series(site, options).unwrap();
        let mut lines = csv.lines();
        let names: Vec<String> = lines.next().unwrap().split(',').skip(1).map(String::from).collect();
        let (mut times, mut rows) = (Vec::new(), Vec::new());
        for line in lines {
            let mut cells = line.split(',');
            times.push(cells.next().unwrap().parse().unwrap());
            rows.push(cells.map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>());
            assert_eq!(rows.last().unwrap().len(), names.len(), "{line}");
        }
        Self { names, times, rows }
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let at = self.names.iter().position(|found| found == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(|row| row[at]).collect()
    }

    /// Mean of a column over the rows whose local time satisfies `when`.
    fn mean(&self, name: &str, zone: &str, when: impl Fn(&DateTime) -> bool) -> f64 {
        let zone = TimeZone::get(zone).unwrap();
        let kept = |(time, value): (&Timestamp, f64)| when(&zone.to_datetime(*time)).then_some(value);
        let values: Vec<f64> = self.times.iter().zip(self.column(name)).filter_map(kept).collect();
        values.iter().sum::<f64>() / values.len() as f64
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let wanted = SeriesOptions { outages: 100, ..options("2026-03-01T00:00:00Z", 60, 7) };
    let first = series(SITE, &wanted).unwrap();
    assert_eq!(first, series(SITE, &wanted).unwrap());
    assert_ne!(first, series(SITE, &SeriesOptions { seed: 8, ..wanted }).unwrap());
    assert!(first.starts_with("time,load_critical.power_kw,"), "{first:.80}");
    assert_eq!(first.lines().nth(1).unwrap().split(',').next(), Some("2026-03-01T00:00:00Z"));
    assert_eq!(first.lines().count(), 1 + 7 * 24);
}

#[test]
fn a_year_of_the_reference_park_has_seasons_weekends_and_nights() {
    const ZONE: &str = "Asia/Shanghai";
    let table = Table::of(SITE, &year(SITE));
    assert_eq!(table.rows.len(), 8760);
    assert!(table.rows.iter().flatten().all(|value| value.is_finite()));
    let of_month = |name: &str, month: i8| table.mean(name, ZONE, |at| at.month() == month);
    assert!(of_month("site.outdoor_c", 7) > of_month("site.outdoor_c", 1) + 20.0);
    assert!(of_month("heat_space.power_kw", 1) > 2.0 * of_month("heat_space.power_kw", 7));
    assert!(of_month("cooling_load.power_kw", 7) > 1.5 * of_month("cooling_load.power_kw", 1));
    assert!(of_month("pv.available_kw", 6) > 1.2 * of_month("pv.available_kw", 12));
    let weekend = |at: &DateTime| at.weekday().to_monday_zero_offset() >= 5;
    for name in ["load_normal.power_kw", "heat_process.power_kw", "ev.power_kw", "lighting.power_kw"] {
        let (working, free) = (table.mean(name, ZONE, |at| !weekend(at)), table.mean(name, ZONE, weekend));
        assert!(working > 1.1 * free, "{name}: {working} {free}");
    }
    assert!(table.mean("pv.available_kw", ZONE, |at| at.hour() < 4) == 0.0);
    assert!(table.mean("pv.available_kw", ZONE, |at| at.hour() == 12) > 100.0);
    assert!(table.mean("wind1.available_kw", ZONE, |_| true) > 2.0);
    // Who comes to charge gets it, all of it: that much a day over the year, but for the cars that find no charger.
    let charged_kwh = table.mean("ev.power_kw", ZONE, |_| true) * 24.0;
    assert!((40.0..300.0).contains(&charged_kwh), "{charged_kwh}");
}

#[test]
fn an_hour_is_the_mean_of_its_tenths() {
    let hours = Table::of(SITE, &options("2026-10-05T00:00:00Z", 60, 2));
    // Six minutes hold three looks at the park, an hour thirty.
    let short = Table::of(SITE, &options("2026-10-05T00:00:00Z", 6, 2));
    for (at, name) in hours.names.iter().enumerate() {
        for (hour, row) in hours.rows.iter().enumerate() {
            let mean = short.rows[10 * hour..10 * (hour + 1)].iter().map(|part| part[at]).sum::<f64>() / 10.0;
            assert!((mean - row[at]).abs() < 2e-4, "{name} in hour {hour}: {mean} {}", row[at]);
        }
    }
}

#[test]
fn a_series_tells_of_the_same_park_as_the_rig() {
    let start = crate::default_start(SITE).unwrap();
    let table = Table::of(SITE, &SeriesOptions { seed: 3, start, ..options("2026-01-01T00:00:00Z", 60, 1) });
    let mut rig = rig(3);
    let names =
        ["load_critical", "load_normal", "heat_process", "heat_space", "cooling_load", "lighting", "pv", "wind1"];
    let mut means = [0.0; 8];
    for _ in 0..3600 {
        rig.step(1.0, 1.0);
        for (mean, name) in means.iter_mut().zip(names) {
            *mean += rig.truth().asset(name).unwrap().available_kw / 3600.0;
        }
    }
    for (mean, name) in means.iter().zip(names) {
        let quantity = if ["pv", "wind1"].contains(&name) { "available_kw" } else { "power_kw" };
        let told = table.column(&format!("{name}.{quantity}"))[0];
        let rated = rig.truth().asset(name).unwrap().rated_kw;
        assert!((told - mean).abs() < 0.02 * rated, "{name}: {told} in the series, {mean} in the rig");
    }
}

#[test]
fn a_small_site_gets_the_columns_it_has_and_prices_by_its_own_clock() {
    let table = Table::of(OFFICE, &year(OFFICE));
    let expected = "office.power_kw pv.available_kw site.outdoor_c site.wind_m_s site.ghi_w_m2 grid.import_price \
                    grid.export_price grid.co2_kg_per_kwh grid.available";
    assert_eq!(table.names.join(" "), expected);
    let price_at = |time: &str| {
        let time: Timestamp = time.parse().unwrap();
        table.column("grid.import_price")[table.times.iter().position(|found| *found == time).unwrap()]
    };
    // The day begins at 06:00 on the wall: at 05:00 UTC in winter, an hour earlier in summer, from the very day on.
    for (time, price) in [
        ("2026-03-28T04:00:00Z", 0.19),
        ("2026-03-28T05:00:00Z", 0.31),
        ("2026-03-29T03:00:00Z", 0.19),
        ("2026-03-29T04:00:00Z", 0.31),
        ("2026-10-24T04:00:00Z", 0.31),
        ("2026-10-25T04:00:00Z", 0.19),
        ("2026-10-25T05:00:00Z", 0.31),
    ] {
        assert!((price_at(time) - price).abs() < 1e-9, "{time}: {}", price_at(time));
    }
    let of_month = |month: i8| table.mean("site.outdoor_c", "Europe/Berlin", |at| at.month() == month);
    assert!(
        (-6.0..3.0).contains(&of_month(1)) && (18.0..27.0).contains(&of_month(7)),
        "{} {}",
        of_month(1),
        of_month(7)
    );
}

#[test]
fn outages_are_as_many_and_as_long_as_ordered() {
    let still = Table::of(OFFICE, &year(OFFICE));
    assert!(still.column("grid.available").iter().all(|available| *available == 1.0));
    let table = Table::of(OFFICE, &SeriesOptions { outages: 40, ..year(OFFICE) });
    let available = table.column("grid.available");
    let runs: Vec<usize> =
        available.split(|value| *value == 1.0).map(<[f64]>::len).filter(|hours| *hours > 0).collect();
    assert_eq!(runs.len(), 40);
    assert!(runs.iter().all(|hours| *hours <= 7), "{runs:?}");
    let mean = runs.iter().sum::<usize>() as f64 / 40.0;
    assert!((2.5..6.5).contains(&mean), "{runs:?}");
}

#[test]
fn a_step_that_is_none_is_refused_with_its_reason() {
    let told = |step: SignedDuration, days: u32| {
        series(OFFICE, &SeriesOptions { step, ..options("2026-01-01T00:00:00Z", 60, days) }).unwrap_err().to_string()
    };
    assert_eq!(told(SignedDuration::from_secs(30), 1), "a step of 30s is not within 1m to 1h");
    assert_eq!(told(SignedDuration::from_hours(2), 1), "a step of 2h is not within 1m to 1h");
    assert_eq!(told(SignedDuration::from_millis(90_500), 1), "a step of 1m 30s 500ms is not of whole seconds");
    assert_eq!(told(SignedDuration::from_hours(1), 0), "a series of 0 days holds nothing");
    let broken = series("[site]\n", &options("2026-01-01T00:00:00Z", 60, 1)).unwrap_err();
    assert!(format!("{broken:#}").contains("missing field `zone`"), "{broken:#}");
}
