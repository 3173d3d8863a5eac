use std::time::Duration;

use super::*;
use crate::site::{Ask, sample};
use crate::units::Mono;

fn proposal(id: u64, class: Class, min: Option<f64>, max: Option<f64>, preferred: Option<f64>) -> Proposal {
    Proposal {
        id: ProposalId(id),
        ask: Ask {
            key: id.to_string(),
            class,
            identity: format!("party{id}"),
            asset: AssetIx(sample::BATTERY),
            min_kw: min,
            max_kw: max,
            preferred_kw: preferred,
            on: None,
            lease: Duration::from_secs(60),
            reason: "test".into(),
        },
        until: Mono(60_000_000),
    }
}

fn rule(all: &[Proposal]) -> Room {
    arbitrate(unbounded(), false, ranked(all.iter()).into_iter())
}

fn verdict(room: &Room, id: u64) -> Verdict {
    room.verdicts.iter().find(|(of, _)| of.0 == id).expect("judged").1
}

#[test]
fn of_any_two_classes_the_higher_rules_whoever_came_first() {
    for (h, high) in Class::ALL.into_iter().enumerate() {
        for low in Class::ALL.into_iter().skip(h + 1) {
            for (first, second) in [(1, 2), (2, 1)] {
                let all =
                    [proposal(first, high, None, None, Some(-50.0)), proposal(second, low, None, None, Some(50.0))];
                let room = rule(&all);
                assert_eq!(room.target, Some((-50.0, ProposalId(first))), "{high:?} over {low:?}");
                assert_eq!(verdict(&room, second), Verdict::Displaced(ProposalId(first)));
                assert_eq!(verdict(&room, first), Verdict::Free);

                let all =
                    [proposal(first, high, None, Some(-10.0), None), proposal(second, low, Some(20.0), None, None)];
                let room = rule(&all);
                assert_eq!((room.range.low.kw, room.range.high.kw), (-10.0, -10.0), "as near as it may");
                assert_eq!(room.range.high.by, Limiter::Proposal(ProposalId(first)));
                assert_eq!(verdict(&room, second), Verdict::Cut(Limiter::Proposal(ProposalId(first))));

                let all =
                    [proposal(first, high, None, Some(30.0), None), proposal(second, low, None, None, Some(80.0))];
                let room = rule(&all);
                assert_eq!(room.target, Some((30.0, ProposalId(second))), "the lower moves inside");
                assert_eq!(verdict(&room, second), Verdict::Cut(Limiter::Proposal(ProposalId(first))));

                let all =
                    [proposal(first, high, None, None, Some(80.0)), proposal(second, low, None, Some(30.0), None)];
                let room = rule(&all);
                assert_eq!(room.target, Some((80.0, ProposalId(first))), "a lower bound does not cut a higher wish");
                assert_eq!(verdict(&room, second), Verdict::Displaced(ProposalId(first)));
            }
        }
    }
}

#[test]
fn limits_of_several_parties_are_kept_apart_and_the_narrowest_rules() {
    let mut all = vec![
        proposal(1, Class::Market, None, Some(40.0), None),
        proposal(2, Class::GridOperator, None, Some(60.0), None),
        proposal(3, Class::Operator, Some(-20.0), Some(80.0), None),
    ];
    let room = rule(&all);
    assert_eq!((room.range.high.kw, room.range.high.by), (40.0, Limiter::Proposal(ProposalId(1))));
    assert_eq!((room.range.low.kw, room.range.low.by), (-20.0, Limiter::Proposal(ProposalId(3))));
    assert!(room.verdicts.iter().all(|(_, v)| *v == Verdict::Free), "{:?}", room.verdicts);
    // The narrowest ends: the next stands as if it had always been alone.
    all.remove(0);
    assert_eq!(rule(&all).range.high.kw, 60.0);
    assert_eq!(rule(&[]).range, unbounded());
}

#[test]
fn within_a_class_the_first_party_stands_and_of_one_party_the_newest() {
    let first = proposal(1, Class::Operator, None, None, Some(-50.0));
    let second = proposal(2, Class::Operator, None, None, Some(50.0));
    let mut again = proposal(3, Class::Operator, None, None, Some(-20.0));
    again.ask.identity.clone_from(&first.ask.identity);
    assert_eq!(rule(&[second.clone(), first.clone()]).target, Some((-50.0, ProposalId(1))));
    let room = rule(&[first, second, again]);
    assert_eq!(room.target, Some((-20.0, ProposalId(3))));
    assert_eq!(verdict(&room, 2), Verdict::Displaced(ProposalId(3)));
}

#[test]
fn what_is_not_finite_moves_nothing() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let room = rule(&[proposal(1, Class::Protection, Some(bad), Some(bad), Some(bad))]);
        assert_eq!((room.range, room.target), (unbounded(), None));
    }
}

#[test]
fn the_pcc_has_the_minimum_of_ratings_and_of_every_limit() {
    let site = sample::site();
    let at_pcc = |mut p: Proposal| {
        p.ask.asset = AssetIx(sample::GRID);
        p
    };
    let range = |all: &[&Proposal]| pcc(&site, all).expect("a PCC").range;
    assert_eq!((range(&[]).low.kw, range(&[]).high.kw), (-200.0, 400.0));
    assert_eq!(range(&[]).high.by, Limiter::Pcc);
    let grid = at_pcc(proposal(1, Class::GridOperator, Some(-50.0), Some(300.0), None));
    let market = at_pcc(proposal(2, Class::Market, None, Some(250.0), None));
    let wide = at_pcc(proposal(3, Class::Safety, None, Some(9000.0), None));
    let all = range(&ranked([&grid, &market, &wide].into_iter()));
    assert_eq!((all.low.kw, all.high.kw), (-50.0, 250.0));
    assert_eq!((all.low.by, all.high.by), (Limiter::Proposal(ProposalId(1)), Limiter::Proposal(ProposalId(2))));
}

#[test]
fn a_range_never_crosses() {
    let edges = [None, Some(-30.0), Some(0.0), Some(30.0)];
    let mut all = Vec::new();
    for (i, min) in edges.into_iter().enumerate() {
        for (j, max) in edges.into_iter().enumerate() {
            for (k, preferred) in edges.into_iter().enumerate() {
                let n = 16 * i + 4 * j + k;
                all.push(proposal(n as u64, Class::ALL[n % 6], min, max, preferred));
            }
        }
    }
    for a in &all {
        for b in &all {
            let room = rule(&[a.clone(), b.clone()]);
            assert!(room.range.low.kw <= room.range.high.kw, "{a:?}\n{b:?}\n{room:?}");
            if let Some((kw, _)) = room.target {
                assert_eq!((room.range.low.kw, room.range.high.kw), (kw, kw));
            }
        }
    }
}
