//! The truth of the last minutes, so that values shown late can be compared with their own instant.

use hexad_hil::Truth;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Flows of one asset: electric, heat, high-side heat, cooling, fuel; kW.
pub type Flows = [f64; 5];

struct Moment {
    park_s: f64,
    flows: Vec<Flows>,
}

/// Bounded by count; at one step per park second or per 0.1 s this is at least several minutes.
const MOMENTS_MAX: usize = 6000;

#[derive(Default)]
pub struct History {
    moments: VecDeque<Moment>,
    ids: Vec<(String, &'static str, f64)>,
}

#[derive(Clone)]
pub struct SharedHistory(Arc<Mutex<History>>);

impl History {
    pub fn shared() -> SharedHistory {
        SharedHistory(Arc::new(Mutex::new(Self::default())))
    }
}

impl SharedHistory {
    pub fn note(&self, truth: &Truth) {
        let mut history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if history.ids.is_empty() {
            let id = |asset: &hexad_hil::AssetTruth| (asset.id.clone(), asset.kind, asset.rated_kw);
            history.ids = truth.assets.iter().map(id).collect();
        }
        if history.moments.len() >= MOMENTS_MAX {
            history.moments.pop_front();
        }
        let flows = |asset: &hexad_hil::AssetTruth| {
            [asset.power_kw, asset.heat_kw, asset.heat_high_kw, asset.cool_kw, asset.fuel_kw]
        };
        let park_s = truth.time.as_millisecond() as f64 / 1000.0;
        let flows = truth.assets.iter().map(flows).collect();
        history.moments.push_back(Moment { park_s, flows });
    }

    /// Lowest and highest true flow of an asset between two park instants, with its kind and rating.
    pub fn span(&self, id: &str, port: impl Fn(&Flows) -> f64, from_s: f64, to_s: f64) -> Option<(f64, f64)> {
        let history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = history.ids.iter().position(|(known, _, _)| known == id)?;
        // Not yet, or no longer, in memory: no verdict.
        if history.moments.front()?.park_s > from_s {
            return None;
        }
        let inside = history.moments.iter().rev().skip_while(|m| m.park_s > to_s);
        let inside = inside.take_while(|m| m.park_s >= from_s);
        let values = inside.filter_map(|m| m.flows.get(at)).map(port);
        let bounds =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        (bounds.0 <= bounds.1).then_some(bounds)
    }

    /// Kind and rating in kW of an asset.
    pub fn nature(&self, id: &str) -> Option<(&'static str, f64)> {
        let history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        history.ids.iter().find(|(known, _, _)| known == id).map(|(_, kind, rated)| (*kind, *rated))
    }
}
