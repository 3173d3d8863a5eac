//! How fast a simulated day is, with the traffic of a controller.

use super::rig;
use std::time::Instant;

/// Reads of every Modbus device of the site, as a driver would group them.
const READS: [(&str, u8, [u8; 5]); 12] = [
    ("10.8.0.11:502", 1, [3, 0x4A, 0x38, 0, 6]),
    ("10.8.0.11:502", 1, [3, 0x4A, 0x52, 0, 2]),
    ("10.8.0.21:502", 1, [3, 0x4A, 0x52, 0, 2]),
    ("10.8.0.21:502", 2, [3, 0x4A, 0x52, 0, 2]),
    ("10.8.1.11:502", 1, [4, 0, 100, 0, 9]),
    ("10.8.1.21:502", 1, [4, 0, 0, 0, 4]),
    ("10.8.1.31:502", 1, [4, 0, 82, 0, 9]),
    ("10.8.2.11:502", 1, [3, 3, 0xFC, 0, 4]),
    ("10.8.2.13:502", 1, [3, 0, 100, 0, 9]),
    ("10.8.2.14:502", 1, [4, 0, 0, 0, 6]),
    ("10.8.2.15:502", 1, [4, 0, 0, 0, 4]),
    ("10.8.2.17:502", 1, [4, 0, 0, 0, 4]),
];

#[test]
fn an_hour_with_sixty_requests_a_second_is_quick() {
    let mut rig = rig(1);
    let began = Instant::now();
    for _ in 0..3600 {
        rig.step(1.0, 1.0);
        for _ in 0..5 {
            for (address, unit, request) in READS {
                let reply = rig.modbus(address, unit, &request);
                assert!(reply.is_some_and(|reply| reply[0] == request[0]), "{address} {request:?}");
            }
        }
    }
    let day_s = began.elapsed().as_secs_f64() * 24.0;
    println!("a day at 60 requests a second: {day_s:.1} s");
}
