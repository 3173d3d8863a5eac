//! Machines that start, ramp, run above a minimum and stop: boiler, heat pump, chillers; and thermostats.

/// States as the manuals number them.
pub const OFF: u16 = 0;
pub const STARTING: u16 = 1;
pub const RUNNING: u16 = 2;
pub const STOPPING: u16 = 3;
pub const STANDBY: u16 = 5;

/// A modulating machine with one leading output.
#[derive(Debug, Clone)]
pub struct Machine {
    pub rated_kw: f64,
    pub min_kw: f64,
    pub ramp_kw_per_s: f64,
    pub start_s: f64,
    pub lag_s: f64,
    pub output_kw: f64,
    pub state: u16,
    pub starts: u32,
    /// Shortest rest before a start, also after power-up: compressors protect themselves.
    pub rest_s: f64,
    since_s: f64,
    follows_kw: f64,
}

impl Machine {
    pub fn new(rated_kw: f64, min_kw: f64, ramp_kw_per_s: f64, start_s: f64, lag_s: f64) -> Self {
        Self {
            rated_kw,
            min_kw,
            ramp_kw_per_s,
            start_s,
            lag_s,
            output_kw: 0.0,
            state: OFF,
            starts: 0,
            rest_s: 0.0,
            since_s: 0.0,
            follows_kw: 0.0,
        }
    }

    /// Moves on by `dt_s`; `ask_kw` is what controller and thermostat ask for together.
    /// `released` only tells a machine that waits from one that is switched off.
    pub fn step(&mut self, dt_s: f64, ask_kw: f64, released: bool) {
        // Rounding in a register must not keep a machine from running at its minimum.
        let wanted = ask_kw >= 0.95 * self.min_kw && ask_kw > 0.0;
        self.since_s += dt_s;
        match self.state {
            STARTING if !wanted => self.enter(STOPPING),
            STARTING if self.since_s >= self.start_s => self.enter(RUNNING),
            RUNNING if !wanted => self.enter(STOPPING),
            STOPPING if self.output_kw <= 0.0 => self.enter(OFF),
            OFF | STANDBY if wanted && self.since_s >= self.rest_s => {
                self.starts += 1;
                self.enter(STARTING);
            }
            OFF | STANDBY => self.state = if released { STANDBY } else { OFF },
            _ => {}
        }
        self.modulate(dt_s, ask_kw);
    }

    fn modulate(&mut self, dt_s: f64, ask_kw: f64) {
        if self.state != RUNNING {
            self.follows_kw = 0.0;
            self.output_kw = (self.output_kw - 2.0 * self.ramp_kw_per_s * dt_s).max(0.0);
            return;
        }
        let target = ask_kw.clamp(self.min_kw, self.rated_kw);
        self.follows_kw += (target - self.follows_kw) * (dt_s / self.lag_s).min(1.0);
        let reach = self.ramp_kw_per_s * dt_s;
        self.output_kw += (self.follows_kw - self.output_kw).clamp(-reach, reach);
    }

    fn enter(&mut self, state: u16) {
        self.state = state;
        self.since_s = 0.0;
    }
}

/// A two-point thermostat that modulates over its last kelvins.
#[derive(Debug, Clone)]
pub struct Thermostat {
    /// Cuts out here.
    pub cut_c: f64,
    /// Comes back here; below `cut_c` when it heats, above when it cools.
    pub back_c: f64,
    /// Begins to throttle this many kelvins before the cut.
    pub band_k: f64,
    pub calls: bool,
}

impl Thermostat {
    pub fn new(cut_c: f64, back_c: f64, band_k: f64) -> Self {
        Self { cut_c, back_c, band_k, calls: true }
    }

    /// Share of full output it asks for at this temperature, 0 when cut out.
    pub fn share(&mut self, temperature_c: f64, min_share: f64) -> f64 {
        let sense = if self.back_c < self.cut_c { 1.0 } else { -1.0 };
        let room_k = sense * (self.cut_c - temperature_c);
        if room_k <= 0.0 {
            self.calls = false;
        } else if sense * (self.back_c - temperature_c) >= 0.0 {
            self.calls = true;
        }
        if self.calls { (room_k / self.band_k).clamp(min_share, 1.0) } else { 0.0 }
    }
}
