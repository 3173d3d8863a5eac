//! Implementations by others, as processes of their own: the programs in tests/peers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

/// `script` of tests/peers in the environment `make test` prepares.
pub fn python(script: &str) -> Command {
    let built = Path::new(env!("CARGO_BIN_EXE_hexad"));
    let found = built.ancestors().map(|dir| dir.join("peers/bin/python")).find(|p| p.exists());
    let python = found.expect("no peers/bin/python beside the built programs: `make test` prepares it (`make peers`)");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    assert!(script.exists(), "{} is missing", script.display());
    let mut command = Command::new(python);
    // No compiled files among the sources.
    command.arg("-B").arg(script);
    command
}

/// A peer that takes orders: it prints its port first, then one line of JSON for each order.
pub struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// `host:port`.
    pub address: String,
}

impl Peer {
    pub fn start(script: &str) -> Self {
        let mut child = python(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, orders, answers, address: String::new() };
        peer.address = format!("127.0.0.1:{}", peer.line().trim());
        peer
    }
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the peer is gone: {:?}", self.child.try_wait());
        line
    }
    /// Gives an order and waits for its answer.
    pub fn ask(&mut self, order: &Json) -> Json {
        writeln!(self.orders, "{order}").unwrap();
        let line = self.line();
        let mut answer: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{order}: {line:?}: {e}"));
        assert!(answer.get("error").is_none(), "{order}: {answer}");
        answer["answer"].take()
    }
    /// As [`Peer::ask`], of unit 1.
    pub fn tell(&mut self, order: &str, with: Json) -> Json {
        self.ask(&json!({ "do": order, "with": with }))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Where no test is left to drop it, its input closes and it ends by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
