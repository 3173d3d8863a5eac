//! Forecasts that are made only to be held against their outcomes.

use super::QUARTER_S;
use super::forecasters::Desk;
use super::history::{History, Series, Sight};
use super::horizon::{Interval, TimeGrid};
use super::score::{Guess, Lead};
use super::signal::Form;
use crate::site::Site;
use crate::units::Park;

/// Of each hour's forecast these are held against their outcomes: first quarter from now, and how many. As fine as the
/// horizon's steps at that distance.
const HELD: [(i64, usize); 17] = [
    (0, 1),
    (1, 1),
    (2, 1),
    (3, 1),
    (5, 1),
    (9, 1),
    (14, 1),
    (16, 4),
    (24, 4),
    (32, 4),
    (40, 4),
    (48, 4),
    (60, 4),
    (72, 4),
    (84, 4),
    (96, 4),
    (116, 4),
];
/// How many of them are due in an hour, by lead.
const PER_HOUR: [f64; 4] = [4.0, 3.0, 4.0, 6.0];

/// One forecast whose outcome is awaited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ticket {
    pub series: usize,
    pub quarters: usize,
    external: bool,
    lead: Lead,
    guess: Guess,
    scale: f64,
    prior: f64,
}

impl Ticket {
    pub fn settle(self, series: &mut Series, outcome: f64) {
        let track = if self.external { &mut series.external } else { &mut series.own };
        let per_hour = PER_HOUR.get(self.lead as usize).copied().unwrap_or(1.0);
        track.take(self.lead, self.guess, outcome, self.scale, self.prior, per_hour);
    }
}

/// The forecasts of `quarter`, each with the quarter after its last. At night there is no sun to be forecast, and no merit.
pub(super) fn issue(site: &Site, history: &History, sight: &Sight, quarter: i64) -> Vec<(i64, Ticket)> {
    let intervals = HELD
        .map(|(first, n)| Interval { start: Park::from_unix((quarter + first) * QUARTER_S), hours: n as f64 / 4.0 });
    let grid = TimeGrid { intervals: intervals.to_vec() };
    let desk = Desk::new(site, history, sight, &grid, true);
    let mut tickets = Vec::new();
    for series in 0..=site.assets.len() {
        let Some(all) = desk.guesses(series) else { continue };
        let worth = |scale: f64| all.form != Form::Sun || scale > 0.02 * all.most;
        for ((first, quarters), guess) in HELD.into_iter().zip(&all.guesses) {
            let lead = Lead::of_hours(first as f64 / 4.0 + quarters as f64 / 8.0);
            let due = quarter + first + quarters as i64;
            let ticket =
                |external, guess, scale| Ticket { series, quarters, external, lead, guess, scale, prior: all.prior };
            if worth(guess.scale) {
                tickets.push((due, ticket(false, guess.own, guess.scale)));
                if let Some((external, scale)) = guess.external.filter(|_| guess.share > 1.0 - 1e-9) {
                    tickets.push((due, ticket(true, external, scale)));
                }
            }
        }
    }
    tickets
}
