//! Forecasts against the rig's seeded weather and demand: better than persistence, quantiles that hold what they say, scores
//! that agree.

use std::io::Write;
use std::sync::OnceLock;

use hexad::forecast::{History, Interval, Lead, Means, TimeGrid, horizon};
use hexad::site::{AssetIx, Kind, Reason, Site};
use hexad::state::Weather;
use hexad::units::Park;
use hexad_hil::{Options, Rig};

use crate::park;
use crate::twin::SITE;

const SEED: u64 = 11;
/// Monday midnight in the site's zone, in a season that needs heat and cold.
const START: &str = "2026-10-04T16:00:00Z";
const QUARTER_S: i64 = 900;
const DAYS: i64 = 35;
/// The first two weeks are for learning.
const LEARNT: i64 = 14;

/// Means of a quarter of an hour: per asset of the site as an injection (NaN where it is not forecast), and the outdoor
/// temperature.
struct Quarter {
    kw: Vec<f64>,
    outdoor_c: f64,
}

struct Record {
    site: Site,
    start: i64,
    quarters: Vec<Quarter>,
}

fn forecast(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::Pv(_) | Kind::Wind(_) => Some(1.0),
        Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => Some(-1.0),
        _ => None,
    }
}

fn record() -> &'static Record {
    static ONCE: OnceLock<Record> = OnceLock::new();
    ONCE.get_or_init(|| {
        let site = park::reference();
        let start: jiff::Timestamp = START.parse().unwrap();
        let mut rig = Rig::new(SITE, Options { seed: SEED, start, baseline: true, ..Options::default() }).unwrap();
        let mut look = || {
            let mut quarter = Quarter { kw: vec![0.0; site.assets.len()], outdoor_c: 0.0 };
            for _ in 0..15 {
                rig.step(60.0, 60.0);
                let truth = rig.truth();
                quarter.outdoor_c += truth.weather.outdoor_c / 15.0;
                for (sum, asset) in quarter.kw.iter_mut().zip(&site.assets) {
                    let sign = forecast(&asset.kind).unwrap_or(f64::NAN);
                    *sum += sign * truth.asset(&asset.id).map_or(f64::NAN, |a| a.available_kw) / 15.0;
                }
            }
            quarter
        };
        let quarters = (0..DAYS * 96).map(|_| look()).collect();
        Record { site, start: start.as_second(), quarters }
    })
}

impl Record {
    fn feed(&self, history: &mut History, quarter: i64) {
        let seen = &self.quarters[quarter as usize];
        let kw: Vec<_> = seen.kw.iter().enumerate().map(|(ix, kw)| (AssetIx(ix), *kw)).collect();
        let unknown = Err(Reason::NotMeasured);
        let weather = Weather { outdoor_c: Ok(seen.outdoor_c), ghi_w_m2: unknown, wind_m_s: unknown };
        history.learn(&self.site, &Means { from: self.at(quarter), to: self.at(quarter + 1), kw: &kw, weather });
    }

    fn at(&self, quarter: i64) -> Park {
        Park::from_unix(self.start + quarter * QUARTER_S)
    }

    fn hour(&self, quarter: i64, asset: usize) -> f64 {
        (quarter..quarter + 4).map(|q| self.quarters[q as usize].kw[asset]).sum::<f64>() / 4.0
    }
}

/// Sums of one asset.
#[derive(Clone, Copy, Default)]
struct Sums {
    ours: [f64; 24],
    persistence: [f64; 24],
    within: f64,
    n: f64,
}

fn sums(record: &Record) -> (Vec<Sums>, History) {
    let mut history = History::default();
    let mut all = vec![Sums::default(); record.site.assets.len()];
    for quarter in 0..(DAYS - 1) * 96 {
        if quarter >= LEARNT * 96 && quarter % 4 == 0 {
            let state = park::state(&record.site, record.at(quarter), 0.5, 0.5, 0.5);
            let hours = (0..24).map(|h| Interval { start: record.at(quarter + 4 * h), hours: 1.0 }).collect();
            let seen = horizon(&record.site, &state, &history, TimeGrid { intervals: hours });
            for (ix, (sums, asset)) in all.iter_mut().zip(&record.site.assets).enumerate() {
                if forecast(&asset.kind).is_none() {
                    continue;
                }
                let last = record.quarters[quarter as usize - 1].kw[ix];
                for lead in 0..24 {
                    let truth = record.hour(quarter + 4 * lead as i64, ix);
                    sums.ours[lead] += (seen.assets[ix][lead] - truth).abs();
                    sums.persistence[lead] += (last - truth).abs();
                    let band = &seen.quantiles[ix];
                    // At night there is nothing to be missed.
                    if !matches!(asset.kind, Kind::Pv(_)) || band.p90[lead] > 1.0 {
                        sums.n += 1.0;
                        sums.within += f64::from(u8::from((band.p10[lead]..=band.p90[lead]).contains(&truth)));
                    }
                }
            }
        }
        record.feed(&mut history, quarter);
    }
    (all, history)
}

/// Past the test harness, which keeps the output of tests that pass.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

#[test]
fn forecasts_beat_persistence_and_their_quantiles_hold_what_they_say() {
    compare();
}

pub fn compare() {
    let record = record();
    let (all, history) = sums(record);
    let mut wrong = Vec::new();
    for (ix, (sums, asset)) in all.iter().zip(&record.site.assets).enumerate() {
        if forecast(&asset.kind).is_none() {
            continue;
        }
        let ratio = |from: usize, to: usize| {
            sums.ours[from..to].iter().sum::<f64>() / sums.persistence[from..to].iter().sum::<f64>()
        };
        let ratios = [ratio(0, 1), ratio(1, 4), ratio(4, 12), ratio(12, 24)];
        let coverage = sums.within / sums.n;
        let mean = sums.ours.iter().sum::<f64>() / (sums.n.max(1.0) / 24.0) / 24.0;
        let scores = Lead::ALL.map(|lead| history.score(Some(AssetIx(ix)), false, lead).unwrap());
        let rated = asset.kind.rated().kw();
        say(&format!(
            "seed {SEED} {:16} MAE {mean:6.2} kW ({:4.1} %), of persistence's: {} coverage {coverage:.2}; scored {}\n",
            asset.id,
            100.0 * mean / rated,
            ratios.map(|r| format!("{r:.2}")).join(" "),
            scores.map(|s| format!("{:.1}/{:.2}", s.mae, s.coverage)).join(" "),
        ));
        if ratio(0, 24) >= 1.0 || ratios[1..].iter().any(|r| *r >= 1.0) {
            wrong.push(format!("{} is no better than persistence: {ratios:?}", asset.id));
        }
        if !(0.7..=0.9).contains(&coverage) {
            wrong.push(format!("{}: coverage {coverage}", asset.id));
        }
        for (score, lead) in scores.iter().zip(Lead::ALL) {
            let sound = score.mae > 0.0 && score.pinball.iter().all(|p| *p >= 0.0 && *p <= score.mae);
            if !sound || !(0.65..=0.95).contains(&score.coverage) {
                wrong.push(format!("{} {}: {score:?}", asset.id, lead.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "seed {SEED}:\n{}", wrong.join("\n"));
}
