//! What crosses the fence, and what the weather gives.

use hexad::site::Point;
use hexad::site::kinds::{Grid, WasteHeat};

use super::{Desk, KW};

/// A plan uses so much of the PCC's limits; the rest is for reactive power, meters and errors of the forecast.
const PLANNED_SHARE: f64 = 0.95;
/// Import above its limit, in values of normal lost load.
const OVER_LIMIT: f64 = 1.5;
/// Export never earns the import price, by so much.
const BELOW_IMPORT: f64 = 1e-4;

impl Desk<'_> {
    fn dearest(&self) -> f64 {
        self.input.site.tariff.period.iter().map(|p| p.price_per_kwh).fold(0.0, f64::max)
    }

    /// What of a rating may be crossed at `t`.
    fn limit(&self, rated: f64, import: bool, t: usize) -> f64 {
        let at = self.plan.grid.intervals[t].start;
        let of = |l: &hexad::dispatch::GridLimit| if import { l.import_max_kw } else { l.export_max_kw };
        let lowest = self.input.limits.iter().filter(|l| at < l.until).map(of).fold(rated, f64::min);
        PLANNED_SHARE * lowest.max(0.0)
    }

    pub(super) fn grid(&mut self, ix: usize, k: &Grid) {
        let (id, input) = (self.id(ix), self.input);
        let h = &input.horizon;
        let per_kg = input.site.values.co2_per_kg;
        let over = OVER_LIMIT * input.site.values.lost_load_normal_per_kwh;
        let known =
            |list: &[f64], t: usize, other: f64| list.get(t).copied().filter(|v| v.is_finite()).unwrap_or(other);
        for t in 0..self.n {
            let v = self.power(ix, 0, t);
            let there = !input.islanded && h.grid_available.get(t).copied().unwrap_or(true);
            if !there {
                if v.abs() > KW {
                    self.fault(format!("{id} {t}: {v:.2} kW through a grid that is not there"));
                }
                continue;
            }
            let factor = known(&h.co2_kg_per_kwh, t, k.co2_kg_per_kwh);
            let price = known(&h.import_price, t, self.dearest()) + factor * per_kg;
            let earns = known(&h.export_price, t, 0.0).min(price - BELOW_IMPORT);
            let (import, export) = (v.max(0.0), (-v).max(0.0));
            self.pay("import", import * price * self.hours[t]);
            self.pay("export", -export * earns * self.hours[t]);
            let most = self.limit(k.import_max_kw.min(k.transformer_kva), true, t);
            self.gives_way("import above its limit", &[id], t, (import - most.max(1e-3)).max(0.0), over);
            let most = self.limit(k.export_max_kw.min(k.transformer_kva), false, t);
            if export > most + KW {
                self.fault(format!("{id} {t}: export of {export:.2} kW, {most:.2} allowed"));
            }
        }
        self.demand(ix);
    }

    /// The month's peak: each day left in the month bears its share of what is new about it.
    fn demand(&mut self, ix: usize) {
        let input = self.input;
        let (tariff, w, now) = (&input.site.tariff, &input.state.window, input.state.now);
        let local = now.park.0.to_zoned_datetime(input.site.zone.clone());
        let days = if now.synchronised { f64::from(local.days_in_month() - local.day() + 1) } else { 30.0 };
        // Settled are means over whole windows; the first is completed, the last cut by the horizon.
        let length = f64::from(tariff.demand_window_min) / 60.0;
        let begin = self.plan.grid.intervals[0].start.unix() / 3600.0;
        let running = (begin / length + 1e-9).floor();
        let before_h = begin - running * length;
        let measured_h = before_h - (w.unmeasured_s / 3600.0).clamp(0.0, before_h.max(0.0));
        let same = (w.start.unix() / 3600.0 - running * length).abs() < 1e-3 && measured_h > 1.0 / 3600.0;
        let so_far = w.peak.kw().max(0.0);
        let mut peak = so_far;
        let last = ((begin + self.end_h()) / length - 1e-6).floor();
        for window in running as i64..=last as i64 {
            let from = window as f64 * length - begin;
            let first = same && window == running as i64;
            let (mut kwh, mut hours) =
                if first { (w.imported.kwh() * before_h / measured_h, before_h) } else { (0.0, 0.0) };
            for t in 0..self.n {
                let h = self.overlap_h((from, from + length), t);
                kwh += self.power(ix, 0, t).max(0.0) * h;
                hours += h;
            }
            peak = peak.max(kwh / hours.max(1e-9));
        }
        self.pay("demand", (peak - so_far) * tariff.demand_per_kw_month / days);
    }

    pub(super) fn supply(&mut self, ix: usize, max: f64, price: f64, co2: f64, what: &'static str) {
        for t in 0..self.n {
            let v = self.power(ix, 0, t);
            if !(-KW..=max + KW).contains(&v) {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {v:.2} kW of {max:.2}"));
            }
            self.pay(what, v * (price + co2 * self.input.site.values.co2_per_kg) * self.hours[t]);
        }
    }

    /// Sun and wind: at most what there is, and all of it where nobody can say otherwise.
    pub(super) fn weather(&mut self, ix: usize) {
        let free = self.steered(ix, &[Point::WMax, Point::WSet]);
        let gone = !self.available(ix) && self.input.state.assets[ix].ports[0].measured.is_err();
        for (t, could) in self.signal(ix, true).into_iter().enumerate() {
            let v = self.power(ix, 0, t);
            let (low, high) = match (gone, free) {
                (true, _) => (0.0, 0.0),
                (_, true) => (0.0, could),
                _ => (could, could),
            };
            if v < low - KW || v > high + KW {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {v:.2} kW outside [{low:.2}, {high:.2}]"));
            }
        }
    }

    /// Heat that nobody has to take, at its price.
    pub(super) fn waste_heat(&mut self, ix: usize, k: &WasteHeat) {
        let gone = !self.available(ix) && self.input.state.assets[ix].ports[0].measured.is_err();
        for (t, could) in self.signal(ix, true).into_iter().enumerate() {
            let v = self.power(ix, 0, t);
            if v < -KW || v > if gone { 0.0 } else { could } + KW {
                let id = self.id(ix);
                self.fault(format!("{id} {t}: {v:.2} kW of {could:.2}"));
            }
            self.pay("heat", v * k.price_per_kwh * self.hours[t]);
        }
    }
}
