use super::grid::QUARTER_S;
use super::model::{DAY, Habit};
use crate::site::Site;
use crate::units::Park;

/// The times of day that a quarter of an hour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    /// By the site's calendar: quarter of the local day, weekends after working days. A change of the clock shifts no shift.
    pub calendar: usize,
    /// By the sun: quarter of the day in UTC.
    pub day: usize,
}

impl Slots {
    pub fn of(site: &Site, quarter: i64) -> Self {
        use jiff::civil::Weekday::{Saturday, Sunday};
        let local = Park::from_unix(quarter * QUARTER_S).0.to_zoned_datetime(site.zone.clone());
        let weekend = matches!(local.weekday(), Saturday | Sunday);
        let of = |n: i8| usize::try_from(n).unwrap_or_default();
        let here = (4 * of(local.hour()) + of(local.minute()) / 15).min(DAY - 1);
        let day = usize::try_from(quarter.rem_euclid(DAY as i64)).unwrap_or_default();
        Self { calendar: here + if weekend { DAY } else { 0 }, day }
    }

    pub const fn of_habit(self, habit: &Habit) -> usize {
        if habit.by_calendar { self.calendar } else { self.day }
    }
}
