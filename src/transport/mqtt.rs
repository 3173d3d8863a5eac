//! One MQTT connection. It lives from connecting to the first error and is then thrown away whole: nothing that was
//! queued before an outage can leave after it, and no half-broken state survives a reconnect.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, QoS, SubscribeFilter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// No packet at all for this long: the connection is dead, whatever the socket says.
const SILENCE: Duration = Duration::from_secs(15);
const CONNECT_S: u64 = 3;
const PACKET_MAX: usize = 64 * 1024;
const QUEUE: usize = 64;
const CLOSE: Duration = Duration::from_secs(1);

/// What comes from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Connected; the broker remembers nothing, so subscribe now.
    Connected,
    /// It answers: a ping or a subscription came back.
    Alive,
    /// A message.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
        /// It is the broker's copy of an old message.
        retained: bool,
    },
}

/// A connection to one broker.
#[derive(Debug)]
pub struct Connection {
    client: AsyncClient,
    heard: mpsc::Receiver<Heard>,
    poller: JoinHandle<()>,
}

impl Connection {
    /// Starts to connect; the first [`Heard`] tells when it is done. Must be called inside a runtime.
    #[must_use]
    pub fn open(host: &str, port: u16, client_id: &str) -> Self {
        let mut options = MqttOptions::new(client_id, host, port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_max_packet_size(PACKET_MAX, PACKET_MAX);
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_S).set_tcp_nodelay(true);
        events.set_network_options(network);
        let (tx, heard) = mpsc::channel(QUEUE);
        let poller = tokio::spawn(poll(events, tx));
        Self { client, heard, poller }
    }

    /// What comes next; `None` when the connection is over. Safe to cancel.
    pub async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// Asks for `topics`; false if the queue is full.
    #[must_use]
    pub fn subscribe(&self, topics: impl Iterator<Item = String>) -> bool {
        let filters = topics.map(|t| SubscribeFilter::new(t, QoS::AtMostOnce));
        self.client.try_subscribe_many(filters).is_ok()
    }

    /// Sends a message that the broker must not keep; false if the queue is full. Never waits.
    #[must_use]
    pub fn publish(&self, topic: &str, payload: String) -> bool {
        self.client.try_publish(topic, QoS::AtMostOnce, false, payload).is_ok()
    }

    /// Sends what is queued and says goodbye, in bounded time.
    pub async fn close(mut self) {
        if self.client.try_disconnect().is_ok() {
            let drained = async { while self.heard.recv().await.is_some() {} };
            tokio::time::timeout(CLOSE, drained).await.ok();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Polls until the first error or too long a silence, and never sends anything itself.
async fn poll(mut events: EventLoop, tx: mpsc::Sender<Heard>) {
    while let Ok(Ok(event)) = tokio::time::timeout(SILENCE, events.poll()).await {
        let heard = match event {
            Event::Incoming(Incoming::ConnAck(_)) => Heard::Connected,
            Event::Incoming(Incoming::Publish(p)) => {
                Heard::Message { topic: p.topic, payload: p.payload.to_vec(), retained: p.retain }
            }
            Event::Incoming(Incoming::PingResp | Incoming::SubAck(_)) => Heard::Alive,
            Event::Incoming(_) | Event::Outgoing(_) => continue,
        };
        if tx.send(heard).await.is_err() {
            return;
        }
    }
}
