//! Proposals: from the wire to the cycle's queue, and what became of them back from its snapshots. Nothing here makes a
//! setpoint, and nothing depends on the client staying: the lease ends what a vanished client left.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::convert;
use super::identity::{Identity, identity_of};
use super::services::Api;
use super::stream::{Replies, Until};
use crate::proto::v1;
use crate::proto::v1::proposal_service_server::ProposalService;
use crate::site::{Answer, Ask, Class, Done, LEASE_MAX, Order, Outcome, ProposalId, Refusal, Site, check};
use crate::snapshot::Snapshot;

/// Orders that wait for the next cycle at most; one more is refused.
pub const WAITING_MAX: usize = 64;
/// The cycle answers within this time, or the client is told that it does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// An order, and where its answer is awaited.
#[derive(Debug)]
pub struct Envelope {
    /// What the cycle is told.
    pub order: Order,
    /// What it says to it.
    pub answer: oneshot::Sender<Answer>,
}

/// The way of orders to the cycle.
#[derive(Clone, Debug)]
pub struct Desk {
    orders: mpsc::Sender<Envelope>,
    /// Park seconds per second of real time.
    speed: f64,
    made: Arc<AtomicU64>,
}

impl Desk {
    /// The desk, and what the cycle empties. `speed` is park seconds per second of real time.
    #[must_use]
    pub fn new(speed: f64) -> (Self, mpsc::Receiver<Envelope>) {
        let (orders, waiting) = mpsc::channel(WAITING_MAX);
        (Self { orders, speed, made: Arc::default() }, waiting)
    }

    /// What the cycle says to an order.
    pub(super) async fn ask(&self, order: Order) -> Result<Done, Status> {
        let (answer, said) = oneshot::channel();
        self.orders.try_send(Envelope { order, answer }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => {
                Status::resource_exhausted("too many orders wait for the next cycle; try again in a second")
            }
            mpsc::error::TrySendError::Closed(_) => Status::unavailable("the daemon is stopping"),
        })?;
        match tokio::time::timeout(ANSWER_WITHIN, said).await {
            Ok(Ok(answer)) => answer.map_err(refused),
            Ok(Err(_)) => Err(Status::unavailable("the daemon is stopping")),
            Err(_) => {
                Err(Status::deadline_exceeded("the cycle did not answer in time; ask what stands before trying again"))
            }
        }
    }
}

fn refused(why: Refusal) -> Status {
    let text = why.to_string();
    match why {
        Refusal::TooMany => Status::resource_exhausted(text),
        Refusal::NotStanding | Refusal::NoAlarm => Status::not_found(text),
        Refusal::NotYours => Status::permission_denied(text),
        _ => Status::invalid_argument(text),
    }
}

/// What is asked for, in the house's words.
fn ask(site: &Site, identity: Identity, request: v1::ProposeRequest) -> Result<Ask, Status> {
    let class = Class::from_name(&request.priority_class).ok_or_else(|| {
        let known = Class::ALL.map(Class::name).join(", ");
        Status::invalid_argument(format!("no class \"{}\"; there are {known}", request.priority_class))
    })?;
    let identity = identity.asking_as(class)?;
    let asset = site.asset(&request.asset).ok_or_else(|| {
        let known: Vec<&str> = site.assets.iter().map(|a| a.id.as_str()).collect();
        Status::invalid_argument(format!("no asset \"{}\"; this site has {}", request.asset, known.join(", ")))
    })?;
    // What is no time at all is refused as a lease of none.
    let lease = Duration::try_from_secs_f64(request.lease_s).unwrap_or(Duration::ZERO);
    let lease = if request.lease_s > LEASE_MAX.as_secs_f64() { Duration::MAX } else { lease };
    let v1::ProposeRequest { key, min_kw, max_kw, preferred_kw, on, reason, .. } = request;
    let ask = Ask { key, class, identity, asset, min_kw, max_kw, preferred_kw, on, lease, reason };
    check(site, &ask).map_err(refused)?;
    Ok(ask)
}

#[tonic::async_trait]
impl ProposalService for Api {
    type ProposeStream = Replies<v1::Outcome>;

    async fn propose(&self, request: Request<v1::ProposeRequest>) -> Result<Response<Self::ProposeStream>, Status> {
        let identity = identity_of(&request);
        let newest = self.newest()?;
        let desk = &self.source.desk;
        let mut ask = ask(&self.source.site, identity, request.into_inner())?;
        if ask.key.is_empty() {
            let nth = desk.made.fetch_add(1, Ordering::Relaxed);
            ask.key = format!("{}-{nth}", newest.now.park.0.as_millisecond());
        }
        let Done::Proposal(id) = desk.ask(Order::Submit(ask)).await? else {
            return Err(Status::internal("the cycle answered to something else"));
        };
        let follow = Follow {
            snapshots: WatchStream::new(self.source.snapshots.clone()),
            speed: desk.speed,
            id,
            last: None,
            waiting: None,
            ended: false,
        };
        Ok(Response::new(Box::pin(Until::new(follow, self.stop.clone()))))
    }

    async fn release(&self, request: Request<v1::ReleaseRequest>) -> Result<Response<v1::ReleaseResponse>, Status> {
        let identity = identity_of(&request).operator()?;
        let id = request.into_inner().id.parse().map_err(Status::invalid_argument)?;
        self.source.desk.ask(Order::Release { id, identity }).await?;
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn list_proposals(
        &self,
        _: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let list = convert::proposals(&self.source.site, &*self.newest()?, self.source.desk.speed);
        Ok(Response::new(list))
    }
}

/// The outcomes of one proposal, as they become new; ends after the last. A slow reader misses what was overtaken.
struct Follow {
    snapshots: WatchStream<Option<Arc<Snapshot>>>,
    speed: f64,
    id: ProposalId,
    last: Option<(Outcome, crate::units::Mono)>,
    waiting: Option<v1::Outcome>,
    ended: bool,
}

impl Follow {
    /// What there is to say of this cycle.
    fn look(&mut self, seen: &Snapshot) -> Option<v1::Outcome> {
        let Some(standing) = seen.proposals.standing.iter().find(|s| s.proposal.id == self.id) else {
            // Not yet shown, or shown for a minute and missed.
            self.ended = self.last.is_some();
            return None;
        };
        self.ended = standing.outcome.is_final();
        let state = (standing.outcome.clone(), standing.proposal.until);
        let say = |of: &Outcome| convert::outcome(seen, standing, of, self.speed);
        let said = match &self.last {
            // Whatever it has become already, it was accepted first.
            None => {
                self.waiting = (standing.outcome != Outcome::Accepted).then(|| say(&standing.outcome));
                Some(say(&Outcome::Accepted))
            }
            // A new lease is news, too.
            Some(last) => (*last != state).then(|| say(&standing.outcome)),
        };
        self.last = Some(state);
        said
    }
}

impl Stream for Follow {
    type Item = v1::Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<v1::Outcome>> {
        loop {
            if let Some(said) = self.waiting.take() {
                return Poll::Ready(Some(said));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match Pin::new(&mut self.snapshots).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(seen)) => {
                    if let Some(said) = seen.and_then(|seen| self.look(&seen)) {
                        return Poll::Ready(Some(said));
                    }
                }
            }
        }
    }
}
