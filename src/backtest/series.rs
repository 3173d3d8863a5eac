//! The series file: a table of what was wanted, available and paid, step by step.

use std::io::Read;

use crate::forecast::{History, TimeGrid, horizon};
use crate::site::{Kind, Site};
use crate::units::Park;

use super::plant::Plant;

/// Shortest and longest step, seconds.
const STEPS_S: (i64, i64) = (60, 3600);

/// What is wrong with a series file, where, and what instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SeriesError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong and what instead.
    pub what: String,
}

/// A column of numbers along the steps; `None` where the file has none.
pub(super) type Column = Option<Vec<f64>>;

/// A site's recorded life in steps of one length. Powers are magnitudes in kW, means of their step.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub(super) start_s: i64,
    pub(super) step_s: i64,
    pub(super) len: usize,
    /// Per asset: what is wanted or available, kW; empty for assets without a forecast.
    pub(super) signal: Vec<Vec<f64>>,
    /// Per asset: it injects (a generator).
    pub(super) injects: Vec<bool>,
    pub(super) import_price: Column,
    pub(super) export_price: Column,
    pub(super) available: Column,
    pub(super) co2: Column,
    pub(super) outdoor_c: Column,
    pub(super) wind_m_s: Column,
    pub(super) ghi_w_m2: Column,
}

/// Where the numbers of a column go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Signal(usize),
    ImportPrice,
    ExportPrice,
    Available,
    Co2,
    Outdoor,
    Wind,
    Sun,
}

fn at<T>(line: usize, what: impl Into<String>) -> Result<T, SeriesError> {
    Err(SeriesError { line, what: what.into() })
}

impl Series {
    /// Reads a table of comma-separated values for this site: first column `time` (RFC 3339, beginning of the step),
    /// the others `<asset or site>.<quantity>`. Lines that begin with `#` are passed over.
    ///
    /// What is drawn is a magnitude: `power_kw` of a consumer may be written with either sign, but one only.
    ///
    /// # Errors
    /// The first mistake, with its line and what to write instead.
    pub fn read(from: impl Read, site: &Site) -> Result<Self, SeriesError> {
        let mut text = String::new();
        let mut from = from;
        if let Err(e) = from.read_to_string(&mut text) {
            return at(1, format!("cannot be read as text: {e}"));
        }
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(i, l)| (i + 1, l.trim()))
            .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
        let Some((header_line, header)) = lines.next() else {
            return at(1, "the file is empty; write a header `time,<asset>.<quantity>,...` and a row per step");
        };
        let injects = signals(site);
        let places = header_of(header_line, header.trim_start_matches('\u{feff}'), site, &injects)?;
        let mut rows: Vec<Vec<f64>> = vec![Vec::new(); places.len()];
        let mut times: Vec<i64> = Vec::new();
        let mut last_line = header_line;
        for (line, row) in lines {
            let mut cells = row.split(',').map(str::trim);
            times.push(time_of(line, cells.next().unwrap_or_default(), &times)?);
            let mut n = 0;
            for cell in cells {
                let Some((place, name)) = places.get(n) else {
                    return at(
                        line,
                        format!("{} values more than the header has columns", row.split(',').count() - 1 - n),
                    );
                };
                rows[n].push(number(line, name, *place, cell)?);
                n += 1;
            }
            if let Some((_, name)) = places.get(n) {
                return at(line, format!("ends before column `{name}`; every row needs a value for every column"));
            }
            last_line = line;
        }
        let [first, second, ..] = times.as_slice() else {
            return at(last_line, "fewer than two rows; the step is the time between the first two");
        };
        let mut series = Self {
            start_s: *first,
            step_s: second - first,
            len: times.len(),
            signal: vec![Vec::new(); site.assets.len()],
            injects: injects.iter().map(|i| *i == Some(true)).collect(),
            ..Self::default()
        };
        for ((place, name), values) in places.into_iter().zip(rows) {
            series.set(place, &name, header_line, values)?;
        }
        Ok(series)
    }

    fn set(&mut self, place: Place, name: &str, header: usize, mut values: Vec<f64>) -> Result<(), SeriesError> {
        match place {
            Place::Signal(ix) => {
                let (any_low, any_high) = (values.iter().any(|v| *v < 0.0), values.iter().any(|v| *v > 0.0));
                if any_low && (any_high || self.injects[ix]) {
                    let row = values.iter().position(|v| *v < 0.0).map_or(1, |r| r + 1);
                    let remedy = if self.injects[ix] { "what is available is never negative" } else { "use one sign" };
                    return at(header + row, format!("column `{name}` turns negative in row {row}; {remedy}"));
                }
                values.iter_mut().for_each(|v| *v = v.abs());
                self.signal[ix] = values;
            }
            Place::ImportPrice => self.import_price = Some(values),
            Place::ExportPrice => self.export_price = Some(values),
            Place::Available => self.available = Some(values),
            Place::Co2 => self.co2 = Some(values),
            Place::Outdoor => self.outdoor_c = Some(values),
            Place::Wind => self.wind_m_s = Some(values),
            Place::Sun => self.ghi_w_m2 = Some(values),
        }
        Ok(())
    }

    /// Beginning of a step.
    #[must_use]
    pub fn time(&self, step: usize) -> Park {
        Park::from_unix(self.start_s + step as i64 * self.step_s)
    }

    /// Number of steps.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// It has no steps (never after [`Series::read`]).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Length of a step in seconds.
    #[must_use]
    pub const fn step_s(&self) -> i64 {
        self.step_s
    }

    /// The steps that begin within `[from, to)`; where one is not given, from the first or to the last.
    ///
    /// # Errors
    /// In words, where no step lies between them.
    pub fn steps(&self, from: Option<Park>, to: Option<Park>) -> Result<std::ops::Range<usize>, String> {
        let begin = |at: Park| ((at.unix() - self.start_s as f64) / self.step_s as f64 - 1e-9).ceil().max(0.0) as usize;
        let range = from.map_or(0, begin)..to.map_or(self.len, begin).min(self.len);
        if range.is_empty() {
            let (first, end) = (self.time(0), self.time(self.len));
            return Err(format!("no step lies between them; the series runs from {first} to {end}"));
        }
        Ok(range)
    }
}

/// Per asset: `Some(true)` where the forecast tells what it can give, `Some(false)` where it tells what is wanted.
fn signals(site: &Site) -> Vec<Option<bool>> {
    let noon = Park::from_unix(0);
    let state = Plant::new(site, noon).blank(site, noon);
    let told = horizon(site, &state, &History::default(), TimeGrid::even(noon, 3600, 1));
    let has = |ix: usize| told.assets.get(ix).is_some_and(|f| !f.is_empty());
    let injects = |ix: usize| site.assets[ix].ports.first().is_some_and(|p| p.max.kw() > 0.0);
    (0..site.assets.len()).map(|ix| has(ix).then(|| injects(ix))).collect()
}

fn header_of(
    line: usize,
    header: &str,
    site: &Site,
    injects: &[Option<bool>],
) -> Result<Vec<(Place, String)>, SeriesError> {
    let mut names = header.split(',').map(str::trim);
    if names.next() != Some("time") {
        return at(line, "the first column must be `time`");
    }
    let mut places: Vec<(Place, String)> = Vec::new();
    for name in names {
        let place = place_of(name, site, injects).map_err(|what| SeriesError { line, what })?;
        if places.iter().any(|(p, _)| *p == place) {
            return at(line, format!("column `{name}` is given twice"));
        }
        places.push((place, name.to_owned()));
    }
    let missing: Vec<String> = (0..site.assets.len())
        .filter(|ix| injects[*ix].is_some() && !places.iter().any(|(p, _)| *p == Place::Signal(*ix)))
        .map(|ix| format!("`{}.{}`", site.assets[ix].id, quantity(injects[ix])))
        .collect();
    if missing.is_empty() { Ok(places) } else { at(line, format!("add the missing columns {}", missing.join(", "))) }
}

const fn quantity(injects: Option<bool>) -> &'static str {
    if matches!(injects, Some(true)) { "available_kw" } else { "power_kw" }
}

fn place_of(name: &str, site: &Site, injects: &[Option<bool>]) -> Result<Place, String> {
    let Some((id, what)) = name.split_once('.') else {
        return Err(format!("column `{name}` is not `<asset>.<quantity>` or `site.<quantity>`"));
    };
    let unknown = |known: &str| Err(format!("column `{name}` is not known; `{id}` has {known}"));
    if id == "site" {
        return match what {
            "outdoor_c" => Ok(Place::Outdoor),
            "wind_m_s" => Ok(Place::Wind),
            "ghi_w_m2" => Ok(Place::Sun),
            _ => unknown("outdoor_c, wind_m_s, ghi_w_m2"),
        };
    }
    let Some(ix) = site.asset(id) else {
        let list: Vec<&str> = site.assets.iter().map(|a| a.id.as_str()).collect();
        return Err(format!("column `{name}`: the site has no asset `{id}`, only {}", list.join(", ")));
    };
    if matches!(site.assets[ix.0].kind, Kind::Grid(_)) {
        return match what {
            "import_price" => Ok(Place::ImportPrice),
            "export_price" => Ok(Place::ExportPrice),
            "available" => Ok(Place::Available),
            "co2_kg_per_kwh" => Ok(Place::Co2),
            _ => unknown("import_price, export_price, available, co2_kg_per_kwh"),
        };
    }
    match (injects[ix.0], what) {
        (Some(true), "available_kw") | (Some(false), "power_kw" | "wanted_kw") => Ok(Place::Signal(ix.0)),
        (Some(_), _) => unknown(quantity(injects[ix.0])),
        (None, _) => Err(format!("column `{name}`: `{id}` is dispatched, not recorded; leave the column out")),
    }
}

fn time_of(line: usize, cell: &str, times: &[i64]) -> Result<i64, SeriesError> {
    let time = match cell.parse::<jiff::Timestamp>() {
        Ok(time) if time.subsec_nanosecond() == 0 => time.as_second(),
        Ok(_) => return at(line, format!("time `{cell}`: write whole seconds")),
        Err(_) => return at(line, format!("time `{cell}` is not RFC 3339; write for instance 2026-01-31T08:00:00Z")),
    };
    let Some(before) = times.last() else { return Ok(time) };
    let passed = time - before;
    if passed == 0 {
        return at(line, format!("time `{cell}` is the row before once more; delete one of them"));
    }
    if passed < 0 {
        return at(line, format!("time `{cell}` lies before the row above; sort the rows by time"));
    }
    let step = times.get(1).map_or(passed, |second| second - times[0]);
    if !(STEPS_S.0..=STEPS_S.1).contains(&step) {
        return at(line, format!("a step of {step} s; steps run from 1 min to 1 h"));
    }
    if passed > step {
        let missing = (passed - 1) / step;
        return at(line, format!("{passed} s after the row above instead of {step}; fill the gap of {missing} rows"));
    }
    if passed < step {
        return at(line, format!("{passed} s after the row above instead of {step}; all steps must be alike"));
    }
    Ok(time)
}

fn number(line: usize, name: &str, place: Place, cell: &str) -> Result<f64, SeriesError> {
    let Some(value) = cell.parse::<f64>().ok().filter(|v| v.is_finite()) else {
        let found = if cell.is_empty() { "nothing".to_owned() } else { format!("`{cell}`") };
        return at(line, format!("column `{name}`: {found} instead of a number; fill in what was there"));
    };
    if place == Place::Available && value != 0.0 && value != 1.0 {
        return at(line, format!("column `{name}`: {cell} instead of 1 (the grid is there) or 0"));
    }
    Ok(value)
}
