//! One MQTT connection. It lives from connecting to the first error and is then thrown away whole: nothing that was
//! queued before an outage can leave after it, and no half-broken state survives a reconnect.
//!
//! What is published goes out in rounds. A round ends with a question that the broker must answer after it has taken what
//! stands before it: an UNSUBSCRIBE of a topic nobody has, which needs no right, reaches nobody and is answered by every
//! broker. So at most one round can lie in sockets that nobody reads, and dropping the connection throws away what the
//! peer's kernel has not taken yet.

mod sieve;

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, NetworkOptions,
    PublishOptions, QoS, SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::tcp::Dial;
use super::tls::about_certificates;
use sieve::Sieve;

const KEEP_ALIVE_S: u16 = 5;
const CONNECT_S: u64 = 5;
const PACKET_MAX: usize = 64 * 1024;
/// What a topic and a payload may have together: the rest is framing.
const CONTENT_MAX: usize = PACKET_MAX - 16;
/// Messages of one round; the queue has place for the rest of what is ever queued beside them.
const ROUND: usize = 128;
const QUEUE: usize = 256;
/// Topics in one SUBSCRIBE: it must stay below the largest packet.
const TOPICS: usize = 64;
const CLOSE: Duration = Duration::from_secs(1);

const ONLINE: &str = "online";
const OFFLINE: &str = "offline";

/// How to reach a broker, and as whom.
#[derive(Clone)]
pub struct Broker {
    /// `host:port`.
    pub address: String,
    /// Two connections with one client id throw each other out for ever.
    pub client_id: String,
    /// Name and password.
    pub login: Option<(String, String)>,
    /// Topic that says `online` or `offline`, retained: told after connecting, at an ordered stop, and by the broker when
    /// the connection breaks.
    pub presence: String,
    /// Makes the stream that carries it.
    pub dial: Dial,
}

/// Why a connection is over, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nobody answers, or the connection broke.
    Lost(String),
    /// The broker answers and does not let us in.
    Refused(String),
    /// A certificate, ours or the broker's, is missing or not accepted.
    Certificate(String),
}

/// What comes from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Connected; the broker remembers nothing, so subscribe now.
    Connected,
    /// A subscription was answered.
    Subscribed {
        /// The topics that were asked for.
        asked: Vec<String>,
        /// Those of them the broker does not give us.
        refused: Vec<String>,
    },
    /// All of the last round is taken.
    Taken,
    /// It answers.
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
    /// A message too large to be taken.
    TooLarge {
        /// Topic.
        topic: String,
    },
    /// Nothing more comes.
    Over(Over),
}

/// From the polling task.
#[derive(Debug)]
enum Polled {
    Heard(Heard),
    SubAck(Vec<bool>),
}

/// A connection to one broker.
#[derive(Debug)]
pub struct Connection {
    client: AsyncClient,
    polled: mpsc::Receiver<Polled>,
    poller: JoinHandle<()>,
    presence: String,
    asked: VecDeque<Vec<String>>,
    round: usize,
    /// Ends of rounds that the broker has not answered.
    open: usize,
}

impl Connection {
    /// Starts to connect; the first [`Heard`] tells when it is done. Must be called inside a runtime.
    #[must_use]
    pub fn open(broker: &Broker) -> Self {
        // The address is the dial's; the library only hands it on.
        let mut options = MqttOptions::new(broker.client_id.clone(), (broker.address.clone(), 0));
        options.set_keep_alive(KEEP_ALIVE_S).set_clean_session(true).set_max_packet_size(PACKET_MAX, PACKET_MAX);
        options.set_last_will(LastWill::new(broker.presence.clone(), OFFLINE, QoS::AtLeastOnce, true));
        if let Some((name, password)) = &broker.login {
            options.set_credentials(name.clone(), password.clone());
        }
        let (tx, polled) = mpsc::channel(QUEUE);
        let (dial, address, told) = (broker.dial.clone(), broker.address.clone(), tx.clone());
        options.set_socket_connector(move |_, _| {
            let (dialling, told) = (dial(address.clone()), told.clone());
            let tell = move |topic| {
                tracing::warn!(topic, "a message of more than {PACKET_MAX} bytes is passed over");
                told.try_send(Polled::Heard(Heard::TooLarge { topic })).ok();
            };
            async move { Ok(Sieve::new(dialling.await?, PACKET_MAX, tell)) }
        });
        let (client, mut events) = AsyncClient::builder(options).capacity(QUEUE).build();
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_S);
        events.set_network_options(network);
        let poller = tokio::spawn(poll(events, tx));
        Self { client, polled, poller, presence: broker.presence.clone(), asked: VecDeque::new(), round: 0, open: 0 }
    }

    /// What comes next; after [`Heard::Over`] that again. Safe to cancel.
    pub async fn heard(&mut self) -> Heard {
        match self.polled.recv().await {
            None => Heard::Over(Over::Lost("the connection is over".to_owned())),
            Some(Polled::Heard(Heard::Taken)) => {
                self.open = self.open.saturating_sub(1);
                if self.open > 0 {
                    return Heard::Alive;
                }
                self.round = 0;
                Heard::Taken
            }
            Some(Polled::Heard(heard)) => heard,
            Some(Polled::SubAck(granted)) => {
                let asked = self.asked.pop_front().unwrap_or_default();
                let answers = asked.iter().zip(granted.into_iter().chain(std::iter::repeat(false)));
                let refused = answers.filter(|(_, granted)| !granted).map(|(topic, _)| topic.clone()).collect();
                Heard::Subscribed { asked, refused }
            }
        }
    }

    /// Asks for `topics`; false if the queue is full.
    #[must_use]
    pub fn subscribe(&mut self, topics: &[String]) -> bool {
        topics.chunks(TOPICS).all(|part| {
            let filters = part.iter().map(|t| SubscribeFilter::new(t.clone(), QoS::AtMostOnce));
            self.asked.push_back(part.to_vec());
            self.client.try_subscribe_many(filters).is_ok()
        })
    }

    /// Says that we are there; false if the queue is full.
    #[must_use]
    pub fn announce(&self) -> bool {
        self.status(ONLINE)
    }

    fn status(&self, status: &'static str) -> bool {
        let options = PublishOptions::at_least_once().retained();
        self.client.try_publish(self.presence.clone(), status, options).is_ok()
    }

    /// Whether this round has place for another message.
    #[must_use]
    pub const fn has_place(&self) -> bool {
        self.round < ROUND
    }

    /// Sends a message that the broker must not keep; false if it is too large or the round is full. Never waits.
    #[must_use]
    pub fn publish(&mut self, topic: &str, payload: String) -> bool {
        // Too large a packet would cost the connection, and with it all other devices.
        if !self.has_place() || topic.len() + payload.len() > CONTENT_MAX {
            return false;
        }
        self.round += 1;
        self.client.try_publish(topic, payload, PublishOptions::at_most_once()).is_ok()
    }

    /// Ends the round: [`Heard::Taken`] comes when the broker has taken all of it, and of those before. False if the queue
    /// is full.
    #[must_use]
    pub fn ask(&mut self) -> bool {
        self.open += 1;
        self.client.try_unsubscribe(format!("{}/taken", self.presence)).is_ok()
    }

    /// Sends what is queued and says goodbye, in bounded time.
    pub async fn close(mut self) {
        if !self.status(OFFLINE) || !self.ask() {
            return;
        }
        let goodbye = async {
            while !matches!(self.heard().await, Heard::Taken | Heard::Over(_)) {}
            if self.client.try_disconnect_now().is_ok() {
                while !matches!(self.heard().await, Heard::Over(_)) {}
            }
        };
        tokio::time::timeout(CLOSE, goodbye).await.ok();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Polls until the first error, and never sends anything itself.
async fn poll(mut events: EventLoop, tx: mpsc::Sender<Polled>) {
    loop {
        let polled = match events.poll().await {
            Ok(Event::Incoming(packet)) => incoming(packet),
            Ok(Event::Outgoing(_)) => continue,
            Err(e) => Polled::Heard(Heard::Over(over(&e))),
        };
        let last = matches!(polled, Polled::Heard(Heard::Over(_)));
        if tx.send(polled).await.is_err() || last {
            return;
        }
    }
}

fn incoming(packet: Incoming) -> Polled {
    Polled::Heard(match packet {
        Incoming::ConnAck(_) => Heard::Connected,
        Incoming::Publish(p) => Heard::Message {
            // A topic that is no text is none of ours.
            topic: String::from_utf8(p.topic.to_vec()).unwrap_or_default(),
            payload: p.payload.to_vec(),
            retained: p.retain,
        },
        Incoming::SubAck(ack) => {
            let granted = ack.return_codes.iter().map(|c| matches!(c, SubscribeReasonCode::Success(_)));
            return Polled::SubAck(granted.collect());
        }
        Incoming::UnsubAck(_) => Heard::Taken,
        _ => Heard::Alive,
    })
}

fn over(error: &ConnectionError) -> Over {
    let refused = |why: &str| Over::Refused(why.to_owned());
    match error {
        ConnectionError::ConnectionRefused(code) => refused(match code {
            ConnectReturnCode::BadUserNamePassword => "bad user name or password",
            ConnectReturnCode::NotAuthorized => "not authorised",
            ConnectReturnCode::BadClientId => "it does not take our client id",
            ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
            ConnectReturnCode::ServiceUnavailable => "it is not available now",
            ConnectReturnCode::Success => "refused",
        }),
        _ => match io_error(error) {
            None => Over::Lost(error.to_string()),
            Some(io) => about_certificates(io).map_or_else(|| Over::Lost(io.to_string()), Over::Certificate),
        },
    }
}

/// The operating system's or the wire's own error behind the library's.
fn io_error(error: &ConnectionError) -> Option<&io::Error> {
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(e) = at {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            return Some(io);
        }
        at = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::Mutex;

    use super::*;

    /// The first byte and the rest of the next packet, which is short.
    async fn packet(wire: &mut DuplexStream) -> Option<(u8, Vec<u8>)> {
        let head = wire.read_u8().await.ok()?;
        let mut rest = vec![0; wire.read_u8().await.ok()?.into()];
        wire.read_exact(&mut rest).await.ok()?;
        Some((head, rest))
    }

    /// Answers everything at once; returns what it was told, in order, and whether it ended with a goodbye.
    async fn broker(mut wire: DuplexStream) -> (Vec<String>, bool) {
        let mut told = Vec::new();
        while let Some((head, rest)) = packet(&mut wire).await {
            match head >> 4 {
                1 => wire.write_all(&[0x20, 2, 0, 0]).await.unwrap(),
                3 => told.push(String::from_utf8_lossy(&rest).into_owned()),
                10 => wire.write_all(&[0xB0, 2, rest[0], rest[1]]).await.unwrap(),
                14 => return (told, true),
                _ => {}
            }
        }
        (told, false)
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_all_is_sent_though_an_earlier_round_is_answered_only_then() {
        let (near, far) = tokio::io::duplex(4096);
        let near = Arc::new(Mutex::new(Some(near)));
        let dial: Dial = Arc::new(move |_| {
            let near = Arc::clone(&near);
            Box::pin(async move {
                let wire = near.lock().await.take().ok_or(io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(wire) as Box<dyn crate::transport::tcp::Stream>)
            })
        });
        let (address, client_id, presence) = ("b:1".to_owned(), "c".to_owned(), "p".to_owned());
        let broker = tokio::spawn(broker(far));
        let mut connection = Connection::open(&Broker { address, client_id, login: None, presence, dial });
        assert_eq!(connection.heard().await, Heard::Connected);
        assert!(connection.publish("a", "1".to_owned()) && connection.ask());
        // The answer lies there, unheard.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(connection.publish("a", "safe".to_owned()));
        connection.close().await;
        let (told, goodbye) = broker.await.unwrap();
        let ends = |n: usize, text: &str| told.get(n).is_some_and(|t| t.ends_with(text));
        assert!(told.len() == 3 && ends(1, "safe") && ends(2, OFFLINE) && goodbye, "{told:?} {goodbye}");
    }
}
