//! What becomes of what stands when a device, or the controller, comes back.

use super::*;

#[test]
fn f24_a_device_that_comes_back_is_held_until_its_power_is_confirmed() {
    let mut bench = Bench::new();
    let p = plan(now(1.0), 50.0, 80.0, 0.9);
    for plan in [None, Some(&p)] {
        for reason in [Reason::Unconfirmed, Reason::NeverRead] {
            let at = now(1.0);
            let mut all = frames(at, [130.0, -200.0, 70.0, 30.0], 50.0);
            Arc::make_mut(&mut all[BATTERY]).readings[0].value = Err(reason);
            Arc::make_mut(&mut all[BATTERY]).readings[2].value = Ok(30.0);
            bench.control = Control::default();
            assert_eq!(battery(&bench.decide(at, &all, plan)), (30.0, Cause::Hold, None), "{reason}");
        }
    }
}

#[test]
fn f47_a_limit_that_is_not_confirmed_yet_makes_no_step_of_what_stands() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let mut all = frames(at, [130.0, -200.0, 70.0, 30.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).readings[0].value = Err(Reason::Unconfirmed);
    Arc::make_mut(&mut all[BATTERY]).readings[2].value = Ok(30.0);
    let (image, mut state) = bench.believe(at, &all);
    (state.assets[BATTERY].min, state.assets[BATTERY].max) = (Power::ZERO, Power::ZERO);
    let inputs = Inputs {
        site: &bench.site,
        state: &state,
        image: &image,
        frames: &all,
        plan: None,
        proposals: &[],
        mode: Mode::GridConnected,
        cycle: 1,
    };
    let told = decide(&mut bench.control, &inputs);
    assert!(told.setpoints.iter().all(|s| s.asset.0 != BATTERY), "nothing is said to it");
    // Once it is judged, the limit counts.
    let mut judged = state.clone();
    judged.assets[BATTERY].availability = Availability::Available;
    let told = decide(&mut bench.control, &Inputs { state: &judged, ..inputs });
    assert_eq!(battery(&told), (0.0, Cause::Hold, Some(Limiter::Device)));
}

#[test]
fn f59_what_comes_back_is_held_until_a_plan_knows_of_it() {
    let mut bench = Bench::new();
    let old = plan(now(1.0), 50.0, 80.0, 0.9);
    let read = |s: f64, gone: bool| {
        let mut all = frames(now(s), [130.0, -200.0, 70.0, 30.0], 50.0);
        let pcs = Arc::make_mut(&mut all[BATTERY]);
        pcs.readings[2].value = Ok(30.0);
        if gone {
            pcs.link = Link::Down(Reason::DeviceTimeout);
        }
        all
    };
    bench.decide(now(1.0), &read(1.0, false), Some(&old));
    bench.decide(now(2.0), &read(2.0, true), Some(&old));
    for s in [3.0, 4.0] {
        assert_eq!(battery(&bench.decide(now(s), &read(s, false), Some(&old))), (30.0, Cause::Hold, None));
    }
    let new = plan(now(4.0), 50.0, 80.0, 0.9);
    let (kw, cause, _) = battery(&bench.decide(now(5.0), &read(5.0, false), Some(&new)));
    assert!(kw > 30.0 && cause != Cause::Hold, "{kw} {cause:?}");
}

#[test]
fn f59_what_is_held_does_not_swing_with_a_read_back_that_lags() {
    let mut bench = Bench::new();
    let p = plan(now(1.0), 50.0, 80.0, 0.9);
    // The device is polled slowly: what it reads back is what it was told two cycles before.
    let mut told = vec![80.0, 80.0];
    let mut held = vec![];
    for s in 1..=30 {
        let at = now(f64::from(s));
        let noise = f64::from(s % 7) / 10.0;
        let mut all = frames(at, [130.0 - noise, -200.0, 70.0, noise], 50.0);
        let pcs = Arc::make_mut(&mut all[BATTERY]);
        pcs.readings[2].value = Ok(told[told.len() - 2]);
        if s == 10 {
            pcs.readings[1].value = Err(Reason::Stale);
        }
        let (kw, cause, _) = battery(&bench.decide(at, &all, Some(&p)));
        told.push(kw);
        if s > 10 {
            assert_eq!(cause, Cause::Hold);
            held.push(kw);
        }
    }
    assert!(held.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-9), "{held:?}");
}

#[test]
fn f59_what_comes_back_is_not_held_for_as_long_as_the_solver_fails() {
    let mut bench = Bench::new();
    // The last plan that was solved, shifted again and again: 500 kW of import where 400 may be.
    let old = plan(now(1.0), 500.0, 0.0, 0.9);
    let mut last = None;
    for s in 1..=200 {
        let at = now(f64::from(s));
        let noise = f64::from(s % 7) / 10.0;
        let mut all = frames(at, [395.0 - noise, -400.0, 5.0 + noise, 0.0], 50.0);
        if s == 2 {
            Arc::make_mut(&mut all[BATTERY]).link = Link::Down(Reason::DeviceTimeout);
        }
        let decision = bench.decide(at, &all, Some(&old));
        if s > 2 {
            let (kw, cause, _) = battery(&decision);
            assert_eq!(cause == Cause::Hold, s < 93, "{s} s");
            last = Some(kw);
        }
    }
    assert!(last.is_some_and(|kw| kw > 0.0), "the limit with its margin is kept by it again: {last:?}");
}
