//! The only caller of the system clock: monotonic time, and park time, real or scaled.

#![allow(clippy::disallowed_methods)] // this is the one room that may ask

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::units::{Mono, Now, Park};

/// Wall time before this cannot be right: the program is younger (no RTC, or a reset one).
const BUILT_AFTER_UNIX: i64 = 1_780_000_000;

/// How park time runs beside wall time, for demo and rig.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Park time at `wall_epoch`.
    pub park_epoch: Timestamp,
    /// The wall time it belongs to.
    pub wall_epoch: Timestamp,
    /// Park seconds per wall second.
    pub speed: f64,
}

/// Wall time as the machine has it, never scaled: certificates are judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// What the system clock says.
    pub time: Timestamp,
    /// It can be believed.
    pub synchronised: bool,
}

/// Asks the system clock.
#[must_use]
pub fn wall() -> Wall {
    Wall { time: Timestamp::now(), synchronised: wall_is_synchronised() }
}

/// The clock of one process.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    scale: Option<(Scale, Duration)>,
}

impl Clock {
    /// Real time.
    #[must_use]
    pub fn real() -> Self {
        Self { start: Instant::now(), scale: None }
    }

    /// Park time anchored once against wall time and run on the monotonic clock from there: a later step of the
    /// wall clock does not move it.
    #[must_use]
    pub fn scaled(scale: Scale) -> Self {
        let start = Instant::now();
        let ahead = Timestamp::now().as_microsecond() - scale.wall_epoch.as_microsecond();
        Self { start, scale: Some((scale, Duration::from_micros(u64::try_from(ahead).unwrap_or(0)))) }
    }

    /// Park seconds per wall second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.scale.map_or(1.0, |(s, _)| s.speed)
    }

    /// Monotonic time since the process started.
    #[must_use]
    pub fn mono(&self) -> Mono {
        Mono::default() + self.start.elapsed()
    }

    /// Both times of this instant.
    #[must_use]
    pub fn now(&self) -> Now {
        let mono = self.mono();
        match self.scale {
            None => Now { mono, park: Park(Timestamp::now()), synchronised: wall_is_synchronised() },
            Some((scale, ahead)) => {
                let wall_s = ahead.as_secs_f64() + mono.seconds();
                Now { mono, park: Park(scale.park_epoch).plus_s(wall_s * scale.speed), synchronised: true }
            }
        }
    }
}

/// Believed when the year is possible and, where systemd-timesyncd keeps the time, it has said so
/// (systemd-timesyncd.service(8), `/run/systemd/timesync/synchronized`).
fn wall_is_synchronised() -> bool {
    let run = Path::new("/run/systemd/timesync");
    Timestamp::now().as_second() > BUILT_AFTER_UNIX && (!run.exists() || run.join("synchronized").exists())
}
