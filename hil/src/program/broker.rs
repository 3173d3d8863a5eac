//! Mosquitto as a child that cannot outlive the rig.

use super::Shared;
use super::port::Kept;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A shell stands between: it waits on its standard input, which the kernel closes when the rig ends in
/// whatever way, and then takes the broker and its directory away.
const WRAPPER: &str = r#"
PATH="$PATH:/usr/sbin:/usr/local/sbin"
mosquitto -c "$1/mosquitto.conf" </dev/null &
broker=$!
cat >/dev/null
kill "$broker" 2>/dev/null
wait "$broker" 2>/dev/null
rm -rf "$1"
"#;

/// Number of an attempt that is none of the first.
const AGAIN: u32 = 9;
/// How often the broker is asked for.
const LOOK: Duration = Duration::from_millis(50);

/// Keeps the broker while one of its devices is there; one that was stopped comes back on the same port, without its memory.
pub async fn keep(shared: Shared, broker: Broker) {
    let port = Arc::clone(&broker.port);
    let mut running = Some(broker);
    loop {
        tokio::time::sleep(LOOK).await;
        let up = shared.lock().broker_listens();
        if !up && let Some(broker) = running.take() {
            // Ending it waits for its directory to be cleared.
            let _ = tokio::task::spawn_blocking(move || drop(broker)).await;
        }
        if up && running.is_none() {
            match Broker::again(Arc::clone(&port)).await {
                Ok(broker) => running = Some(broker),
                Err(error) => eprintln!("broker: {error:#}"),
            }
        }
    }
}

/// A running broker; dropping it ends it.
pub struct Broker {
    port: Arc<Kept>,
    child: Child,
}

impl Broker {
    /// Starts one on a free loopback port and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        for attempt in 0..3 {
            let port = Arc::new(Kept::free()?);
            let child = spawn(port.address.port(), attempt)?;
            let mut broker = Self { port, child };
            if broker.is_ready().await {
                return Ok(broker);
            }
        }
        bail!("mosquitto did not start; is it installed?")
    }

    /// Starts one again where one was.
    async fn again(port: Arc<Kept>) -> anyhow::Result<Self> {
        let child = spawn(port.address.port(), AGAIN)?;
        let mut broker = Self { port, child };
        anyhow::ensure!(broker.is_ready().await, "mosquitto did not start again at {}", broker.address());
        Ok(broker)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    async fn is_ready(&mut self) -> bool {
        for _ in 0..50 {
            if tokio::net::TcpStream::connect(self.address()).await.is_ok() {
                return true;
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The wrapper takes a moment to clear away; it would also do so unattended.
        if let Err(error) = self.child.wait() {
            eprintln!("broker: {error}");
        }
    }
}

fn spawn(port: u16, attempt: u32) -> anyhow::Result<Child> {
    let directory = std::env::temp_dir().join(format!("hexad-hil-{}-{port}-{attempt}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let settings = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type error\n"
    );
    std::fs::write(directory.join("mosquitto.conf"), settings)?;
    Command::new("sh")
        .args(["-c", WRAPPER, "broker"])
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // Its own group, so that Ctrl-C in the terminal reaches the rig alone.
        .process_group(0)
        .spawn()
        .context("starting mosquitto")
}
