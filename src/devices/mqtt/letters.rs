//! Messages that a broker has for the daemon itself, not for one of its devices: handed on as they are.

use tokio::sync::mpsc;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Topic below [`Letters::prefix`], without the slash between.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// It is the broker's copy of an old message.
    pub retained: bool,
}

/// Where they go.
#[derive(Clone, Debug)]
pub struct Letters {
    /// All topics of two levels below this one are read.
    pub prefix: String,
    /// Who reads them; what he has no place for is let go.
    pub reader: mpsc::Sender<Letter>,
}

impl Letters {
    pub(super) fn filter(&self) -> String {
        format!("{}/+/+", self.prefix)
    }

    pub(super) fn hand_on(&self, topic: &str, payload: &[u8], retained: bool) {
        let Some(topic) = topic.strip_prefix(self.prefix.as_str()).and_then(|t| t.strip_prefix('/')) else { return };
        let letter = Letter { topic: topic.to_owned(), payload: payload.to_vec(), retained };
        if self.reader.try_send(letter).is_err() {
            tracing::warn!(topic, "too many messages wait for the daemon: this one is passed over");
        }
    }
}
