//! Commands on standard input, one JSON line of answer each.

use super::Shared;
use hexad_hil::Fault;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use tokio::sync::mpsc;

const QUIT: &str = "quit";

/// Lines of standard input; a thread of its own, because reading it cannot be cancelled.
pub fn listen(wanted: bool) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    if wanted {
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
            // Whoever gave the orders is gone; nobody else would end the rig.
            let _ = sender.blocking_send(QUIT.to_owned());
        });
    }
    receiver
}

/// Seconds of a `wait` order; it is answered when they have passed.
pub fn wait_of(line: &str) -> Option<f64> {
    let seconds = line.trim().strip_prefix("wait ")?.trim().parse::<f64>().ok()?;
    (seconds.is_finite() && (0.0..=600.0).contains(&seconds)).then_some(seconds)
}

/// The answer to a `wait`.
pub fn answer_wait() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "ok": true }))?;
    Ok(out.flush()?)
}

/// Obeys one line; whether it asked to quit.
pub fn obey(shared: &Shared, line: &str) -> anyhow::Result<bool> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let quit = words.as_slice() == [QUIT];
    let answer = answer(shared, &words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()?;
    Ok(quit)
}

fn answer(shared: &Shared, words: &[&str]) -> anyhow::Result<Value> {
    let mut rig = shared.lock();
    Ok(match words {
        ["truth"] => serde_json::to_value(rig.truth())?,
        ["report"] => serde_json::to_value(rig.report())?,
        ["fault", kind, device] => {
            rig.inject(Fault { kind: kind.parse()?, device: (*device).to_owned() })?;
            json!({ "ok": true })
        }
        ["clear", device] => {
            rig.clear(device)?;
            json!({ "ok": true })
        }
        [QUIT] => json!({ "ok": true }),
        [] => json!({ "error": "empty line" }),
        _ => {
            json!({ "error": "one of: truth, report, fault KIND DEVICE|*, clear DEVICE|*, wait SECONDS (0-600), quit" })
        }
    })
}
