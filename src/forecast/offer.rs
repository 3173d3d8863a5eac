//! A forecast that somebody else made, and what must hold of it.

use super::signal::{Form, form};
use crate::site::{AssetIx, Site};
use crate::units::Park;

/// A step is a whole number of minutes, at most so many seconds.
const STEP_MAX_S: u32 = 3600;
/// A forecast spans at most so many days, begins and expires at most one day later than that from now.
const SPAN_DAYS: f64 = 7.0;
const AHEAD_S: f64 = (SPAN_DAYS + 1.0) * 86_400.0;
/// Longest name of a sender.
const NAME_MAX: usize = 128;
/// Above its nameplate by this share counts as rounding.
const ROUNDING: f64 = 0.001;

/// What a forecast is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Injection of a source uncurtailed (`ID.available_kw`), of a consumer uncapped (`ID.power_kw`, negative), kW.
    Asset(AssetIx),
    /// Currency per kWh imported (`grid.import_price`).
    ImportPrice,
    /// Currency per kWh exported (`grid.export_price`).
    ExportPrice,
    /// Emission factor of what is imported, kg per kWh (`grid.co2_kg_per_kwh`).
    Co2,
    /// Outdoor temperature, degC (`site.outdoor_c`).
    Outdoor,
}

/// A forecast that is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Of what.
    pub subject: Subject,
    /// Beginning of the first step.
    pub start: Park,
    /// Length of a step, seconds.
    pub step_s: u32,
    /// Mean of each step.
    pub values: Vec<f64>,
    /// One outcome in ten is lower; empty = not told.
    pub p10: Vec<f64>,
    /// One outcome in ten is higher; empty = not told.
    pub p90: Vec<f64>,
    /// It speaks until then.
    pub until: Park,
    /// Who sends it.
    pub by: String,
}

/// Why a forecast is not taken, and what would be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Nothing of this name can be forecast.
    #[error("no \"{name}\" can be forecast; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The sender has no name, or too long a one.
    #[error("who sends it must be said, in at most 128 bytes")]
    Nobody,
    /// The step is out of range.
    #[error("a step of {0} s; it must be a whole number of minutes from 60 to 3600 s")]
    Step(u32),
    /// No values, too many, or quantiles of another number.
    #[error("{0}")]
    Length(String),
    /// The times are out of range.
    #[error("{0}")]
    Time(String),
    /// A value is out of range.
    #[error("{list}[{at}] is {value}: {must}")]
    Value {
        /// `values`, `p10` or `p90`.
        list: &'static str,
        /// Which, from 0.
        at: usize,
        /// What it is.
        value: f64,
        /// What it must be.
        must: String,
    },
    /// Another sender's forecast speaks of the same time.
    #[error("overlapping: {by} forecasts the same until {until}; it must be withdrawn or expire first")]
    Overlapping {
        /// Whose.
        by: String,
        /// When that expires.
        until: Park,
    },
}

impl Offer {
    /// End of the last step.
    #[must_use]
    pub fn end(&self) -> Park {
        self.start.plus_s(self.values.len() as f64 * f64::from(self.step_s))
    }

    /// The step that holds the time `unix`.
    pub(super) fn step_at(&self, unix: f64) -> Option<usize> {
        // A boundary belongs to the step it begins, also if the time is a rounding short of it.
        let n = ((unix - self.start.unix()) / f64::from(self.step_s.max(1)) + 1e-9).floor();
        (n >= 0.0 && n < self.values.len() as f64).then_some(n as usize)
    }

    pub(super) fn step_end(&self, n: usize) -> f64 {
        self.start.unix() + (n + 1) as f64 * f64::from(self.step_s)
    }
}

impl Subject {
    /// As people write it.
    #[must_use]
    pub fn name(self, site: &Site) -> String {
        let grid = || site.pcc().and_then(|p| site.assets.get(p.0)).map_or("grid", |a| a.id.as_str());
        match self {
            Self::Asset(ix) => {
                let asset = site.assets.get(ix.0);
                let quantity = match asset.and_then(|a| form(&a.kind)) {
                    Some(Form::Sun | Form::Wind | Form::Process) => "available_kw",
                    _ => "power_kw",
                };
                format!("{}.{quantity}", asset.map_or("?", |a| a.id.as_str()))
            }
            Self::ImportPrice => format!("{}.import_price", grid()),
            Self::ExportPrice => format!("{}.export_price", grid()),
            Self::Co2 => format!("{}.co2_kg_per_kwh", grid()),
            Self::Outdoor => "site.outdoor_c".to_owned(),
        }
    }

    /// All that this site forecasts.
    #[must_use]
    pub fn all(site: &Site) -> Vec<Self> {
        let forecast = |(ix, a): (usize, &crate::site::Asset)| form(&a.kind).map(|_| Self::Asset(AssetIx(ix)));
        let assets = site.assets.iter().enumerate().filter_map(forecast);
        assets.chain([Self::ImportPrice, Self::ExportPrice, Self::Co2, Self::Outdoor]).collect()
    }

    /// From `ID.quantity`; `grid` and `site` may stand for the ids of the PCC and the site.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn parse(site: &Site, name: &str) -> Result<Self, Refused> {
        let (owner, quantity) = name.split_once('.').unwrap_or((name, ""));
        let grid = site.pcc().and_then(|p| site.assets.get(p.0)).is_some_and(|a| a.id == owner) || owner == "grid";
        let found = match quantity {
            "import_price" if grid => Some(Self::ImportPrice),
            "export_price" if grid => Some(Self::ExportPrice),
            "co2_kg_per_kwh" if grid => Some(Self::Co2),
            "outdoor_c" if owner == "site" || owner == site.id => Some(Self::Outdoor),
            _ => Self::all(site).into_iter().find(|s| s.name(site) == name),
        };
        found.ok_or_else(|| Refused::Unknown {
            name: name.to_owned(),
            known: Self::all(site).into_iter().map(|s| s.name(site)).collect::<Vec<_>>().join(", "),
        })
    }

    /// What a value may be, and that in words.
    fn range(self, site: &Site) -> (f64, f64, String) {
        match self {
            Self::Asset(ix) => {
                let Some(asset) = site.assets.get(ix.0) else { return (0.0, 0.0, "no asset".to_owned()) };
                let (rated, id) = (asset.kind.rated().kw(), asset.id.as_str());
                let most = rated * (1.0 + ROUNDING);
                match form(&asset.kind) {
                    Some(Form::Sun | Form::Wind | Form::Process) => {
                        (0.0, most, format!("{id} injects between 0 and its nameplate, {rated} kW"))
                    }
                    _ => (-most, 0.0, format!("{id} draws: an injection between -{rated} (its nameplate) and 0 kW")),
                }
            }
            Self::ImportPrice | Self::ExportPrice => (-1e6, 1e6, "a price per kWh within a million".to_owned()),
            Self::Co2 => (0.0, 5.0, "between 0 and 5 kg per kWh".to_owned()),
            Self::Outdoor => (-60.0, 60.0, "between -60 and 60 degC".to_owned()),
        }
    }
}

/// Whether a forecast may be taken at `now`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(site: &Site, offer: &Offer, now: Park) -> Result<(), Refused> {
    if offer.by.trim().is_empty() || offer.by.len() > NAME_MAX {
        return Err(Refused::Nobody);
    }
    if offer.step_s < 60 || offer.step_s > STEP_MAX_S || !offer.step_s.is_multiple_of(60) {
        return Err(Refused::Step(offer.step_s));
    }
    let n = offer.values.len();
    let hours = n as f64 * f64::from(offer.step_s) / 3600.0;
    if n == 0 || hours > SPAN_DAYS * 24.0 {
        return Err(Refused::Length(format!(
            "{n} values span {hours} h; they must span more than 0 and at most 7 days"
        )));
    }
    let same = |list: &[f64]| list.is_empty() || list.len() == n;
    if !same(&offer.p10) || !same(&offer.p90) || offer.p10.is_empty() != offer.p90.is_empty() {
        let (low, high) = (offer.p10.len(), offer.p90.len());
        return Err(Refused::Length(format!(
            "{n} values, {low} p10, {high} p90: give as many of each, or no quantiles"
        )));
    }
    let time = |text: String| Err(Refused::Time(text));
    if offer.until <= now {
        return time(format!("it expired at {}; it is {now} now", offer.until));
    }
    if offer.until.seconds_since(now) > AHEAD_S {
        return time(format!("it expires at {}; at most 8 days from now", offer.until));
    }
    if offer.end() <= now {
        return time(format!("its last step ended at {}; it is {now} now", offer.end()));
    }
    if offer.start.seconds_since(now).abs() > AHEAD_S {
        return time(format!("it begins at {}; at most 8 days from now", offer.start));
    }
    values(site, offer)
}

fn values(site: &Site, offer: &Offer) -> Result<(), Refused> {
    let (low, high, must) = offer.subject.range(site);
    for (list, all) in [("values", &offer.values), ("p10", &offer.p10), ("p90", &offer.p90)] {
        if let Some((at, value)) = all.iter().enumerate().find(|(_, v)| !(low..=high).contains(*v)) {
            return Err(Refused::Value { list, at, value: *value, must });
        }
    }
    let bands = offer.values.iter().zip(offer.p10.iter().zip(&offer.p90)).enumerate();
    for (at, (value, (p10, p90))) in bands {
        if p10 > value || value > p90 {
            let must = format!("it must lie between p10 ({p10}) and p90 ({p90})");
            return Err(Refused::Value { list: "values", at, value: *value, must });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::site;

    const NOON: i64 = 1_784_433_600;

    fn good(site: &Site) -> Offer {
        let subject = Subject::all(site)[0];
        Offer {
            subject,
            start: Park::from_unix(NOON),
            step_s: 900,
            values: vec![0.0; 96],
            p10: vec![],
            p90: vec![],
            until: Park::from_unix(NOON + 86_400),
            by: "anna".into(),
        }
    }

    #[test]
    fn every_subject_is_read_back_from_its_name_and_an_unknown_one_names_those_that_are() {
        let site = site();
        for subject in Subject::all(&site) {
            assert_eq!(Subject::parse(&site, &subject.name(&site)), Ok(subject));
        }
        let text = Subject::parse(&site, "moon.available_kw").unwrap_err().to_string();
        assert!(text.contains("\"moon.available_kw\"") && text.contains("site.outdoor_c"), "{text}");
        assert!(Subject::parse(&site, "").is_err());
    }

    #[test]
    fn what_is_wrong_is_refused_in_words() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let good = good(&site);
        assert_eq!(check(&site, &good, now), Ok(()));
        let t = |s: i64| Park::from_unix(NOON + s);
        let cases: Vec<(Offer, &str)> = vec![
            (Offer { by: " ".into(), ..good.clone() }, "who sends it"),
            (Offer { step_s: 30, ..good.clone() }, "a step of 30 s"),
            (Offer { step_s: 90, ..good.clone() }, "a step of 90 s"),
            (Offer { step_s: 7200, ..good.clone() }, "a step of 7200 s"),
            (Offer { values: vec![], ..good.clone() }, "0 values"),
            (Offer { values: vec![0.0; 8 * 96], ..good.clone() }, "at most 7 days"),
            (Offer { p10: vec![0.0; 96], ..good.clone() }, "0 p90"),
            (Offer { p10: vec![0.0; 3], p90: vec![0.0; 3], ..good.clone() }, "3 p10"),
            (Offer { until: now, ..good.clone() }, "it expired"),
            (Offer { until: t(9 * 86_400), ..good.clone() }, "at most 8 days"),
            (Offer { start: t(-86_400), ..good.clone() }, "its last step ended"),
            (Offer { start: t(9 * 86_400), ..good.clone() }, "it begins at"),
            (Offer { values: vec![f64::NAN], ..good.clone() }, "values[0] is NaN"),
            (Offer { values: vec![f64::INFINITY], ..good.clone() }, "values[0] is inf"),
            (Offer { values: vec![0.0, 1e7], ..good.clone() }, "values[1] is 10000000"),
            (Offer { subject: Subject::Co2, values: vec![-0.1], ..good.clone() }, "kg per kWh"),
            (
                Offer { subject: Subject::ImportPrice, values: vec![1.0], p10: vec![1.1], p90: vec![1.2], ..good },
                "between p10 (1.1)",
            ),
        ];
        for (offer, part) in cases {
            let text = check(&site, &offer, now).unwrap_err().to_string();
            assert!(text.contains(part), "{text} does not say {part}");
        }
    }

    #[test]
    fn the_wrong_sign_is_told_with_the_right_one() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let draws = Subject::all(&site).into_iter().find(|s| s.name(&site).ends_with("power_kw"));
        let Some(subject) = draws else { panic!("the sample has a consumer") };
        let text = check(&site, &Offer { subject, values: vec![5.0], ..good(&site) }, now).unwrap_err().to_string();
        assert!(text.contains("draws") && text.contains("and 0 kW"), "{text}");
    }
}
