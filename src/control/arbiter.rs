//! Where proposals meet. Higher classes narrow, lower ones move inside what is left; several limits are kept apart and
//! the narrowest rules; where two leave nothing, the higher class wins and is named. Within one class who asked first
//! stands, and of one identity the newest. Pure; ramp and guard come after it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::wish::{Lever, Wish};
use crate::site::{Asset, AssetIx, Cause, Class, Edge, Kind, Limiter, Proposal, ProposalId, Range, Site};
use crate::units::Power;

/// What became of a proposal among the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// All it asks for is left to it.
    Free,
    /// A bound cuts into what it asks for.
    Cut(Limiter),
    /// Another holds the asset where this one does not want it.
    Displaced(ProposalId),
}

/// What proposals leave of one asset.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// Where its power must stay.
    pub range: Range,
    /// The preference that rules.
    pub target: Option<(f64, ProposalId)>,
    /// Run or rest, if somebody asks for it.
    pub on: Option<(bool, ProposalId)>,
    /// Each proposal's verdict.
    pub verdicts: Vec<(ProposalId, Verdict)>,
}

/// All, in the order in which they rule.
pub(super) fn ranked<'a>(standing: impl Iterator<Item = &'a Proposal>) -> Vec<&'a Proposal> {
    let mut all: Vec<&Proposal> = standing.collect();
    let mut first: BTreeMap<(AssetIx, Class, &str), ProposalId> = BTreeMap::new();
    for p in &all {
        let slot = first.entry((p.ask.asset, p.ask.class, &p.ask.identity)).or_insert(p.id);
        *slot = (*slot).min(p.id);
    }
    let came = |p: &Proposal| first.get(&(p.ask.asset, p.ask.class, p.ask.identity.as_str())).copied();
    all.sort_by_key(|p| (p.ask.asset, p.ask.class, came(p), Reverse(p.id)));
    all
}

/// What `proposals` (ranked, all of one asset) leave of `whole`.
pub(super) fn arbitrate<'a>(whole: Range, switch: bool, proposals: impl Iterator<Item = &'a Proposal>) -> Room {
    let mut room = Room { range: whole, target: None, on: None, verdicts: Vec::new() };
    for p in proposals {
        let narrowed = room.narrow(p);
        let preferred = room.prefer(p);
        let switched = if switch { room.switch(p) } else { Verdict::Free };
        let worst = [narrowed, preferred, switched].into_iter().reduce(worse).unwrap_or(Verdict::Free);
        room.verdicts.push((p.id, worst));
    }
    room
}

/// A range without ends: the asset's own limits are the guard's.
pub(super) const fn unbounded() -> Range {
    Range {
        low: Edge { kw: f64::NEG_INFINITY, by: Limiter::Rating, class: Class::Protection },
        high: Edge { kw: f64::INFINITY, by: Limiter::Rating, class: Class::Protection },
    }
}

/// What may cross the PCC: its rating, the transformer's, and the limits of every party.
pub(super) fn pcc(site: &Site, proposals: &[&Proposal]) -> Option<Room> {
    let ix = site.pcc()?;
    let Kind::Grid(grid) = &site.assets.get(ix.0)?.kind else { return None };
    let transformer = grid.transformer_kw();
    let edge = |kw: f64, limit: f64| {
        let by = if transformer < limit { Limiter::Transformer } else { Limiter::Pcc };
        Edge { kw, by, class: Class::Protection }
    };
    let whole = Range {
        low: edge(-grid.export_max_kw.min(transformer), grid.export_max_kw),
        high: edge(grid.import_max_kw.min(transformer), grid.import_max_kw),
    };
    Some(arbitrate(whole, false, proposals.iter().copied().filter(|p| p.ask.asset == ix)))
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Displaced(_), _) | (Verdict::Cut(_), Verdict::Free) => a,
        _ => b,
    }
}

impl Room {
    /// The highest class that binds this asset.
    pub(super) fn class(&self) -> Option<Class> {
        let Range { low, high } = self.range;
        [low, high].into_iter().filter(|e| e.kw.is_finite()).map(|e| e.class).min()
    }

    fn narrow(&mut self, p: &Proposal) -> Verdict {
        let own = |kw: f64| Edge { kw, by: Limiter::Proposal(p.id), class: p.ask.class };
        let Range { low, high } = self.range;
        let mut verdict = Verdict::Free;
        if let Some(min) = p.ask.min_kw.filter(|kw| kw.is_finite() && *kw > low.kw) {
            if min > high.kw {
                verdict = self.lost_to(high.by);
            }
            if high.kw > low.kw {
                self.range.low = own(min.min(high.kw));
            }
        }
        let low = self.range.low;
        if let Some(max) = p.ask.max_kw.filter(|kw| kw.is_finite() && *kw < high.kw) {
            if max < low.kw {
                verdict = self.lost_to(low.by);
            }
            if high.kw > low.kw {
                self.range.high = own(max.max(low.kw));
            }
        }
        verdict
    }

    fn prefer(&mut self, p: &Proposal) -> Verdict {
        let Some(wanted) = p.ask.preferred_kw.filter(|kw| kw.is_finite()) else { return Verdict::Free };
        let Range { low, high } = self.range;
        let given = wanted.min(high.kw).max(low.kw);
        let verdict = if wanted > high.kw {
            self.lost_to(high.by)
        } else if wanted < low.kw {
            self.lost_to(low.by)
        } else {
            Verdict::Free
        };
        if self.target.is_none() {
            let edge = Edge { kw: given, by: Limiter::Proposal(p.id), class: p.ask.class };
            // Where it was cut, the edge stays with who cut it.
            if low.kw < given {
                self.range.low = edge;
            }
            if high.kw > given {
                self.range.high = edge;
            }
            self.target = Some((given, p.id));
        }
        verdict
    }

    fn switch(&mut self, p: &Proposal) -> Verdict {
        let Some(wanted) = p.ask.on.or_else(|| p.ask.preferred_kw.map(|kw| kw != 0.0)) else { return Verdict::Free };
        match self.on {
            None => {
                self.on = Some((wanted, p.id));
                Verdict::Free
            }
            Some((on, by)) if on != wanted => Verdict::Displaced(by),
            Some(_) => Verdict::Free,
        }
    }

    /// A bound of a proposal cuts; a preference that rules displaces.
    fn lost_to(&self, by: Limiter) -> Verdict {
        match (by, self.target) {
            (Limiter::Proposal(id), Some((_, target))) if id == target => Verdict::Displaced(id),
            (by, _) => Verdict::Cut(by),
        }
    }

    /// Moves a wish inside.
    pub(super) fn apply(&self, asset: &Asset, lever: Lever, wish: &mut Wish) {
        // An asset that cannot be judged is at its safe values, whoever asks.
        if wish.cause == Cause::Unknown || self.verdicts.is_empty() {
            return;
        }
        if lever.power.is_some() {
            self.move_power(asset, lever, wish);
        }
        if lever.switch {
            self.move_switch(asset, wish);
        }
    }

    fn move_power(&self, asset: &Asset, lever: Lever, wish: &mut Wish) {
        let consumer = asset.ports.first().is_some_and(|p| p.max <= Power::ZERO);
        let rated = asset.kind.rated().kw();
        let uncapped = if consumer { -rated } else { rated };
        let wanted = wish.power_kw.or(lever.cap.then_some(uncapped));
        if let Some((kw, id)) = self.target {
            *wish = Wish { power_kw: Some(kw), cause: Cause::Proposal(id), by: None, ..*wish };
            let cutting = |e: Edge| (e.kw == kw && e.by != Limiter::Proposal(id)).then_some(e.by);
            wish.by = cutting(self.range.high).or(cutting(self.range.low));
            return;
        }
        let Some(wanted) = wanted.filter(|kw| kw.is_finite()) else { return };
        let Range { low, high } = self.range;
        if wanted > high.kw {
            (wish.power_kw, wish.by) = (Some(high.kw), Some(high.by));
        } else if wanted < low.kw {
            (wish.power_kw, wish.by) = (Some(low.kw), Some(low.by));
        }
    }

    fn move_switch(&self, asset: &Asset, wish: &mut Wish) {
        let least = asset.kind.commitment().map_or(0.0, |c| c.min_load * asset.kind.rated().kw());
        let Range { low, high } = self.range;
        if let Some((on, id)) = self.on {
            wish.on = Some(on);
            wish.cause = Cause::Proposal(id);
        }
        // A bound below the lowest load is kept by rest, one above nothing by running.
        let consumer = asset.ports.first().is_some_and(|p| p.max <= Power::ZERO);
        // (most, least) of its load, as magnitudes.
        let (most, some) =
            if consumer { ((-low.kw, low.by), (-high.kw, high.by)) } else { ((high.kw, high.by), (low.kw, low.by)) };
        if asset.kind.commitment().is_some() && most.0 < least {
            if wish.on != Some(false) {
                (wish.on, wish.by) = (Some(false), Some(most.1));
            }
        } else if asset.kind.commitment().is_some() && some.0 > 0.0 && wish.on != Some(true) {
            (wish.on, wish.by) = (Some(true), Some(some.1));
        }
    }
}

#[cfg(test)]
#[path = "arbiter_tests.rs"]
mod tests;
