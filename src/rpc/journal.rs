//! The journal: asked, and followed. What must be read from files is read beside, one question at a time; what is followed is
//! looked at, never queued.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::convert::{entry, park_of};
use super::services::Api;
use super::stream::{Replies, Until};
use crate::proto::v1;
use crate::proto::v1::journal_service_server::JournalService;
use crate::store::journal::{Book, EntryKind, Query};

/// Entries of one answer at most ...
const LIMIT_MAX: usize = 1000;
/// ... and if nothing is said.
const LIMIT: usize = 100;

/// Questions that read files at once.
static READERS: Semaphore = Semaphore::const_new(1);

impl Api {
    fn filter(&self, filter: Option<v1::EntryFilter>) -> Result<Query, Status> {
        let v1::EntryFilter { kinds, subject } = filter.unwrap_or_default();
        let kind = |name: &String| {
            EntryKind::from_name(name).ok_or_else(|| {
                let known = EntryKind::ALL.map(EntryKind::name).join(", ");
                Status::invalid_argument(format!("no kind \"{name}\" of entry; there are {known}"))
            })
        };
        let kinds = kinds.iter().take(LIMIT).map(kind).collect::<Result<_, _>>()?;
        Ok(Query { kinds, subject: Some(subject).filter(|s| !s.is_empty()), ..Query::default() })
    }

    /// Asks the book on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Book) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Status> {
        let place = READERS.acquire().await;
        let place = place.map_err(|_| Status::unavailable("the daemon is stopping"))?;
        let book = Arc::clone(&self.source.journal);
        let answer = tokio::task::spawn_blocking(move || {
            let _place = place;
            question(&book)
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(Status::internal(format!("the files of the journal cannot be read: {e}"))),
            Err(_) => Err(Status::internal("the journal cannot be read")),
        }
    }
}

#[tonic::async_trait]
impl JournalService for Api {
    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Result<Response<v1::ListEntriesResponse>, Status> {
        let v1::ListEntriesRequest { filter, since, until, limit, oldest_first } = request.into_inner();
        let limit = match limit {
            0 => LIMIT,
            n => usize::try_from(n).unwrap_or(LIMIT_MAX).min(LIMIT_MAX),
        };
        let (since, until) = (since.map(park_of).transpose()?, until.map(park_of).transpose()?);
        let query = Query { since, until, limit, oldest_first, ..self.filter(filter)? };
        // What memory knows does not wait behind a disk that hangs.
        let (book, recent) = (Arc::clone(&self.source.journal), query.clone());
        let known = tokio::task::spawn_blocking(move || book.recent(&recent)).await;
        let found = match known {
            Ok(Some(known)) => known,
            _ => self.read(move |book| book.find(&query)).await?,
        };
        let entries = found.entries.iter().map(entry).collect();
        Ok(Response::new(v1::ListEntriesResponse { entries, more: found.more }))
    }

    type StreamEntriesStream = Replies<v1::EntryOrGap>;

    async fn stream_entries(
        &self,
        request: Request<v1::StreamEntriesRequest>,
    ) -> Result<Response<Self::StreamEntriesStream>, Status> {
        let query = self.filter(request.into_inner().filter)?;
        let journal = Arc::clone(&self.source.journal);
        let news = journal.subscribe();
        let seq = *news.borrow();
        let follow = Follow { news: WatchStream::from_changes(news), journal, query, seq, missed: 0 };
        Ok(Response::new(Box::pin(Until::new(follow, self.stop.clone()))))
    }

    async fn why(&self, request: Request<v1::WhyRequest>) -> Result<Response<v1::WhyResponse>, Status> {
        let v1::WhyRequest { asset, at } = request.into_inner();
        let site = &self.source.site;
        let found = site.asset(&asset).and_then(|ix| site.assets.get(ix.0)).ok_or_else(|| {
            let known: Vec<&str> = site.assets.iter().map(|a| a.id.as_str()).collect();
            Status::invalid_argument(format!("no asset \"{asset}\"; this site has {}", known.join(", ")))
        })?;
        let device = found.device.and_then(|d| site.devices.get(d.0)).map(|d| d.id.clone());
        let at = at.map(park_of).transpose()?.map_or_else(|| self.newest().map(|s| s.now.park), Ok)?;
        let name = asset.clone();
        let why = self.read(move |book| book.why(&name, device.as_deref(), at)).await?;
        let (told, chain) = why.ok_or_else(|| {
            Status::not_found(format!("the journal says nothing of {asset} at {at}: it begins later, or ends before"))
        })?;
        Ok(Response::new(v1::WhyResponse { entry: Some(entry(&told)), chain: chain.iter().map(entry).collect() }))
    }
}

/// New entries that fit, one by one from memory; what a slow reader has missed is counted.
struct Follow {
    news: WatchStream<u64>,
    journal: Arc<Book>,
    query: Query,
    seq: u64,
    missed: u64,
}

impl Follow {
    fn next(&mut self) -> Option<v1::EntryOrGap> {
        use v1::entry_or_gap::Kind;
        while let Some((next, missed)) = self.journal.next_after(self.seq) {
            self.missed += missed;
            if self.missed > 0 {
                let missed = std::mem::take(&mut self.missed);
                self.seq = next.seq.saturating_sub(1);
                return Some(v1::EntryOrGap { kind: Some(Kind::Missed(missed)) });
            }
            self.seq = next.seq;
            if self.query.is_about(&next) {
                return Some(v1::EntryOrGap { kind: Some(Kind::Entry(entry(&next))) });
            }
        }
        None
    }
}

impl Stream for Follow {
    type Item = v1::EntryOrGap;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<v1::EntryOrGap>> {
        loop {
            if let Some(next) = self.next() {
                return Poll::Ready(Some(next));
            }
            match Pin::new(&mut self.news).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(_)) => {}
            }
        }
    }
}
