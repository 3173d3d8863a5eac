//! The charging park: cars come and go by themselves; only how fast they charge can be limited.

use crate::calendar::Calendar;
use crate::noise::Series;
use std::collections::VecDeque;

/// One stay of a car at a charger; all of it is fixed before it begins.
#[derive(Debug, Clone, Copy)]
struct Stay {
    from_s: f64,
    until_s: f64,
    owed_kwh: f64,
    charger_kw: f64,
}

pub struct EvPark {
    seed: u64,
    chargers: usize,
    charger_kw: f64,
    /// Cars still to come today and tomorrow, by arrival.
    coming: VecDeque<Stay>,
    here: Vec<Stay>,
    planned_until_day: i64,
    /// Energy that departed cars went without, kWh.
    pub unmet_kwh: f64,
}

impl EvPark {
    pub fn new(seed: u64, chargers: usize, charger_kw: f64, t_s: f64, calendar: &mut Calendar) -> Self {
        let today = calendar.at(t_s).day;
        let mut park = Self {
            seed,
            chargers,
            charger_kw,
            coming: VecDeque::new(),
            here: Vec::new(),
            planned_until_day: today - 2,
            unmet_kwh: 0.0,
        };
        park.arrive(t_s, calendar);
        for stay in &mut park.here {
            // Cars that came before the run began have had an unhurried start.
            let had = (t_s - stay.from_s) / 3600.0 * 6.0;
            stay.owed_kwh = (stay.owed_kwh - had).max(0.0);
        }
        park.unmet_kwh = 0.0;
        park
    }

    fn plan_day(&mut self, day: i64, calendar: &mut Calendar) {
        let midnight = calendar.midnight(day);
        let workday = calendar.at(midnight + 43_200.0).workday;
        let mut draw = Series::at(self.seed, "ev arrivals", day);
        let cars = if workday { 11.0 + 5.0 * draw.unit() } else { 3.0 + 3.0 * draw.unit() };
        let mut stays: Vec<Stay> = (0..cars as usize)
            .map(|_| {
                let morning = draw.unit() < 0.62;
                let centre = if morning { 8.7 } else { 13.8 };
                let hour = centre + 0.9 * draw.normal();
                let stay_h = if morning { draw.range(4.0, 9.0) } else { draw.range(2.5, 6.0) };
                let charger_kw = self.charger_kw * if draw.unit() < 0.4 { 0.5 } else { 1.0 };
                // Nobody plugs in for more than the stay allows at a modest share of the charger.
                let owed_kwh = draw.range(7.0, 30.0).min(0.45 * stay_h * charger_kw).min(3.2 * stay_h);
                let from_s = midnight + hour.clamp(6.0, 18.0) * 3600.0;
                Stay { from_s, until_s: from_s + stay_h * 3600.0, owed_kwh, charger_kw }
            })
            .collect();
        stays.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        self.coming.extend(stays);
    }

    fn arrive(&mut self, t_s: f64, calendar: &mut Calendar) {
        let tomorrow = calendar.at(t_s).day + 1;
        while self.planned_until_day < tomorrow {
            self.planned_until_day += 1;
            self.plan_day(self.planned_until_day, calendar);
        }
        while self.coming.front().is_some_and(|stay| stay.from_s <= t_s) {
            let Some(stay) = self.coming.pop_front() else {
                break;
            };
            self.depart(stay.from_s);
            // A full park turns cars away, whatever the controller did.
            if self.here.len() < self.chargers && stay.until_s > t_s {
                self.here.push(stay);
            }
        }
    }

    fn depart(&mut self, t_s: f64) {
        let gone = self.here.iter().filter(|stay| stay.until_s <= t_s);
        self.unmet_kwh += gone.map(|stay| stay.owed_kwh).sum::<f64>();
        self.here.retain(|stay| stay.until_s > t_s);
    }

    /// Cars come and go up to this park time.
    pub fn advance(&mut self, t_s: f64, calendar: &mut Calendar) {
        self.arrive(t_s, calendar);
        self.depart(t_s);
    }

    /// What the cars would draw without a limit, kW.
    pub fn wanted_kw(&self) -> f64 {
        self.here.iter().map(Stay::wanted_kw).sum()
    }

    pub fn connected(&self) -> usize {
        self.here.len()
    }

    /// Energy the cars here still wait for, kWh.
    pub fn owed_kwh(&self) -> f64 {
        self.here.iter().map(|stay| stay.owed_kwh).sum()
    }

    /// Shares `power_kw` among the cars as each asks; returns what they took.
    pub fn charge(&mut self, power_kw: f64, dt_s: f64) -> f64 {
        let wanted = self.wanted_kw();
        if wanted <= 0.0 {
            return 0.0;
        }
        let share = (power_kw / wanted).clamp(0.0, 1.0);
        let mut taken_kwh = 0.0;
        for stay in &mut self.here {
            let kwh = (stay.wanted_kw() * share * dt_s / 3600.0).min(stay.owed_kwh);
            stay.owed_kwh -= kwh;
            taken_kwh += kwh;
        }
        taken_kwh * 3600.0 / dt_s
    }
}

impl Stay {
    /// Full power, tapering over the last three kWh.
    fn wanted_kw(&self) -> f64 {
        if self.owed_kwh <= 0.0 {
            return 0.0;
        }
        self.charger_kw * (self.owed_kwh / 3.0).clamp(0.15, 1.0)
    }
}
