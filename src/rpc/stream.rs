//! Streams that look at the newest and never queue: a slow reader misses some and is told how many.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use super::convert::{plan, snapshot};
use super::{Source, convert};
use crate::proto::v1;
use crate::site::PointIx;

/// What a client reads.
pub(super) type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Each cycle, or one in `every`, with the named points.
pub(super) fn snapshots(
    source: &Source,
    points: Vec<PointIx>,
    every: u32,
    stop: CancellationToken,
) -> Replies<v1::Snapshot> {
    let site = Arc::clone(&source.site);
    let mut pace = Pace { every: u64::from(every.max(1)), last: None };
    let newest = WatchStream::new(source.snapshots.clone());
    Box::pin(Until::new(
        newest.filter_map(move |seen| {
            let seen = seen?;
            let skipped = pace.due(seen.cycle)?;
            Some(v1::Snapshot { skipped, ..snapshot(&site, &seen, &points) })
        }),
        stop,
    ))
}

/// The plan in force, then each new one.
pub(super) fn plans(source: &Source, stop: CancellationToken) -> Replies<v1::Plan> {
    let site = Arc::clone(&source.site);
    let snapshots = source.snapshots.clone();
    let newest = WatchStream::new(source.plans.clone());
    Box::pin(Until::new(
        newest.filter_map(move |made| {
            let now = convert::park(&snapshots.borrow());
            Some(plan(&site, &*made?, now))
        }),
        stop,
    ))
}

/// One in so many cycles, and what was missed.
struct Pace {
    every: u64,
    last: Option<u64>,
}

impl Pace {
    /// How many that were due have been left out before this one; `None` if this one is not due.
    fn due(&mut self, cycle: u64) -> Option<u64> {
        let skipped = match self.last {
            None => 0,
            // Below one step: the same again, or sooner than asked for.
            Some(last) => (cycle.checked_sub(last)? / self.every).checked_sub(1)?,
        };
        self.last = Some(cycle);
        Some(skipped)
    }
}

/// A stream that ends in words when the daemon stops.
pub(super) struct Until<S> {
    inner: S,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    stopped: bool,
}

impl<S> Until<S> {
    pub(super) fn new(inner: S, stop: CancellationToken) -> Self {
        Self { inner, stop: Box::pin(stop.cancelled_owned()), stopped: false }
    }
}

impl<T, S: Stream<Item = T> + Unpin> Stream for Until<S> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stopped {
            return Poll::Ready(None);
        }
        if self.stop.as_mut().poll(cx).is_ready() {
            self.stopped = true;
            return Poll::Ready(Some(Err(Status::unavailable("the daemon is stopping"))));
        }
        Pin::new(&mut self.inner).poll_next(cx).map(|next| next.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn what_was_left_out_is_counted() {
        let mut pace = Pace { every: 1, last: None };
        let seen: Vec<_> = [7, 8, 8, 11, 12].into_iter().map(|c| pace.due(c)).collect();
        assert_eq!(seen, [Some(0), Some(0), None, Some(2), Some(0)]);
    }

    #[test]
    fn what_was_not_asked_for_is_not_missed() {
        let mut pace = Pace { every: 5, last: None };
        let seen: Vec<_> = (1..=11).map(|c| pace.due(c)).collect();
        let due: Vec<_> = seen.iter().enumerate().filter_map(|(i, s)| s.map(|s| (i + 1, s))).collect();
        assert_eq!(due, [(1, 0), (6, 0), (11, 0)]);
        assert_eq!(pace.due(27), Some(2), "those of 16 and 21");
    }
}
