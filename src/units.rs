//! Quantities and the two times.
//!
//! Inside the house a number that means power is a [`Power`], never a bare `f64`; the unit appears only where a
//! value enters or leaves (`Power::from_kw`, `Power::kw`). All quantities are finite by contract: what is not
//! known is a [`crate::site::Reason`], never a NaN.

use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $from:ident, $get:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);
            #[doc = concat!("From a number in ", $unit, ".")]
            #[must_use]
            pub const fn $from(value: f64) -> Self {
                Self(value)
            }
            #[doc = concat!("As a number in ", $unit, ".")]
            #[must_use]
            pub const fn $get(self) -> f64 {
                self.0
            }
            /// Magnitude.
            #[must_use]
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }
            /// The smaller of the two.
            #[must_use]
            pub fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }
            /// The larger of the two.
            #[must_use]
            pub fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }
            /// Bounded to `[low, high]`; where the bounds cross, `low` wins (never panics).
            #[must_use]
            pub fn within(self, low: Self, high: Self) -> Self {
                Self(self.0.min(high.0).max(low.0))
            }
        }
        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl std::ops::Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl std::ops::Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }
        impl std::ops::Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }
        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, |a, b| a + b)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:.1} {}", self.0, $unit)
            }
        }
    };
}

quantity!(
    /// Power of any carrier (gas by lower heating value).
    Power, from_kw, kw, "kW"
);
quantity!(
    /// Energy of any carrier (gas by lower heating value).
    Energy, from_kwh, kwh, "kWh"
);
quantity!(
    /// Temperature.
    Temperature, from_c, c, "degC"
);
quantity!(
    /// Price of energy, in the site's currency.
    Price, from_per_kwh, per_kwh, "/kWh"
);

impl Power {
    /// The energy of this power held for `seconds`.
    #[must_use]
    pub fn over_s(self, seconds: f64) -> Energy {
        Energy::from_kwh(self.0 * seconds / 3600.0)
    }
}

/// Monotonic time: microseconds since the process started. Never scaled, never stepped: time-outs, leases, ages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

impl Mono {
    /// Time passed since `earlier`; zero if `earlier` lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
    /// As seconds since the process started.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::ops::Add<Duration> for Mono {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Park time (UTC): what the sun, the loads, the tariff and energy run on. Scaled in demos and simulations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Park(pub jiff::Timestamp);

impl Park {
    /// From whole seconds since the Unix epoch; out of range gives the nearest end of the calendar.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(jiff::Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }))
    }
    /// Seconds since the Unix epoch, with fraction.
    #[must_use]
    pub fn unix(self) -> f64 {
        self.0.as_microsecond() as f64 / 1e6
    }
    /// Seconds from `earlier` to this instant; negative if `earlier` lies ahead.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.unix() - earlier.unix()
    }
    /// This instant moved by `seconds`; saturates at the ends of the calendar.
    #[must_use]
    pub fn plus_s(self, seconds: f64) -> Self {
        let us = self.0.as_microsecond().saturating_add((seconds * 1e6) as i64);
        Self(jiff::Timestamp::from_microsecond(us).unwrap_or(if seconds < 0.0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }))
    }
}

impl std::fmt::Display for Park {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Both times of one instant, handed to pure code as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// Monotonic time.
    pub mono: Mono,
    /// Park time.
    pub park: Park,
    /// Whether wall time is synchronised; while it is not, prices by time of day are unknown.
    pub synchronised: bool,
}
