//! What is expected, and the way of others' forecasts to the planner: they are judged at once and stand from then on.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::identity::identity_of;
use super::services::Api;
use super::{Source, convert};
use crate::forecast::{External, Offer, Outlook, Refusal, Refused, Subject};
use crate::proto::v1;
use crate::proto::v1::forecast_service_server::ForecastService;
use crate::site::Site;
use crate::units::Park;

/// Where those who forecast and the planner meet.
#[derive(Clone, Debug)]
pub struct Forecasts {
    external: Arc<Mutex<Arc<External>>>,
    outlooks: watch::Sender<Option<Arc<Outlook>>>,
}

impl Default for Forecasts {
    fn default() -> Self {
        Self { external: Arc::default(), outlooks: watch::Sender::new(None) }
    }
}

impl Forecasts {
    /// Takes a forecast, or remembers that it was not taken.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn offer(&self, site: &Site, offer: Offer, now: Park) -> Result<(), Refused> {
        let (name, by) = (offer.subject.name(site), offer.by.clone());
        let taken = self.change(|all| all.take(site, offer, now));
        match &taken {
            Ok(()) => tracing::info!(by, "a forecast of {name} is taken"),
            Err(why) => self.refuse(&by, now, &format!("{name}: {why}")),
        }
        taken
    }

    /// Remembers what was not taken.
    pub fn refuse(&self, by: &str, now: Park, why: &str) {
        tracing::warn!(by, "a forecast is not taken: {why}");
        self.change(|all| all.refuse(Refusal { at: now, by: by.to_owned(), why: why.to_owned() }));
    }

    /// Takes back all of one sender for a subject; how many there were.
    pub fn withdraw(&self, subject: Subject, by: &str) -> usize {
        self.change(|all| all.withdraw(subject, by))
    }

    fn change<T>(&self, by: impl FnOnce(&mut External) -> T) -> T {
        by(Arc::make_mut(&mut self.external.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// What stands now.
    #[must_use]
    pub fn external(&self) -> Arc<External> {
        Arc::clone(&self.external.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows what a plan was made from.
    pub fn show(&self, outlook: Outlook) {
        self.outlooks.send_replace(Some(Arc::new(outlook)));
    }
}

impl Api {
    /// Park time, if the hours that are spoken of are known.
    fn hour(&self) -> Result<Park, Status> {
        let now = self.newest()?.now;
        if !now.synchronised {
            let text = "the daemon's wall clock is not synchronised: it does not know of which hours this speaks";
            return Err(Status::failed_precondition(text));
        }
        Ok(now.park)
    }
}

fn wrong(why: &Refused) -> Status {
    Status::invalid_argument(why.to_string())
}

fn time(at: Option<prost_types::Timestamp>, name: &str) -> Result<Park, Status> {
    at.map_or_else(|| Err(Status::invalid_argument(format!("`{name}` is missing"))), convert::park_of)
}

#[tonic::async_trait]
impl ForecastService for Api {
    async fn get_forecast(&self, _: Request<v1::GetForecastRequest>) -> Result<Response<v1::Forecast>, Status> {
        let Source { site, forecasts, .. } = &self.source;
        let outlook = forecasts.outlooks.borrow().clone();
        let outlook = outlook.ok_or_else(|| Status::not_found("no forecast yet: the first dispatch is not done"))?;
        let now = convert::park(&self.source.snapshots.borrow()).unwrap_or(outlook.made);
        Ok(Response::new(convert::forecast(site, &outlook, &forecasts.external(), now)))
    }

    async fn submit_forecast(
        &self,
        request: Request<v1::SubmitForecastRequest>,
    ) -> Result<Response<v1::SubmitForecastResponse>, Status> {
        let by = identity_of(&request).of_the_park("send forecasts")?;
        let now = self.hour()?;
        let Source { site, forecasts, .. } = &self.source;
        let r = request.into_inner();
        let offer = Offer {
            subject: Subject::parse(site, &r.subject).map_err(|e| wrong(&e))?,
            start: time(r.start, "start")?,
            step_s: r.step_s,
            values: r.values,
            p10: r.p10,
            p90: r.p90,
            until: time(r.expires, "expires")?,
            by,
        };
        let until = convert::timestamp(offer.end());
        forecasts.offer(site, offer, now).map_err(|e| wrong(&e))?;
        Ok(Response::new(v1::SubmitForecastResponse { until: Some(until) }))
    }

    async fn withdraw_forecast(
        &self,
        request: Request<v1::WithdrawForecastRequest>,
    ) -> Result<Response<v1::WithdrawForecastResponse>, Status> {
        let by = identity_of(&request).of_the_park("withdraw forecasts")?;
        let Source { site, forecasts, .. } = &self.source;
        let subject = Subject::parse(site, &request.into_inner().subject).map_err(|e| wrong(&e))?;
        if forecasts.withdraw(subject, &by) == 0 {
            return Err(Status::not_found(format!("no forecast of {} by {by} stands", subject.name(site))));
        }
        Ok(Response::new(v1::WithdrawForecastResponse {}))
    }
}
