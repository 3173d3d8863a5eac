//! The way to the daemon, and what to say when it is not open.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};
use hexad::proto::v1;
use hexad::proto::v1::alarm_service_client::AlarmServiceClient;
use hexad::proto::v1::forecast_service_client::ForecastServiceClient;
use hexad::proto::v1::journal_service_client::JournalServiceClient;
use hexad::proto::v1::plan_service_client::PlanServiceClient;
use hexad::proto::v1::proposal_service_client::ProposalServiceClient;
use hexad::proto::v1::site_service_client::SiteServiceClient;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Response, Status, Streaming};

use crate::line::{self, KeyFiles, Wrong};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const PROBE_AFTER: Duration = Duration::from_secs(10);
const PROBE_WITHIN: Duration = Duration::from_secs(5);
const REMEDY: &str =
    "is hexad running? Start it with `hexad run --site FILE`, or name its address with --addr or HEXCTL_ADDR";

/// An address as a person writes it: `host:port`, `http://host:port` or `https://host:port`.
///
/// # Errors
/// In words.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    if !full.starts_with("http://") && !full.starts_with("https://") {
        return Err("write host:port, http://host:port or https://host:port".to_owned());
    }
    let endpoint = Endpoint::from_shared(full).map_err(|e| e.to_string())?;
    match endpoint.uri().port_u16() {
        Some(_) => Ok(text.to_owned()),
        None => Err("the port is missing; write host:port".to_owned()),
    }
}

/// A daemon that has been reached.
pub(crate) struct Daemon {
    address: String,
    secured: bool,
    wrong: Wrong,
    sites: SiteServiceClient<Channel>,
    snapshots: SnapshotServiceClient<Channel>,
    plans: PlanServiceClient<Channel>,
    proposals: ProposalServiceClient<Channel>,
    alarms: AlarmServiceClient<Channel>,
    journal: JournalServiceClient<Channel>,
    forecasts: ForecastServiceClient<Channel>,
}

impl Daemon {
    pub(crate) async fn connect(address: &str, files: &KeyFiles) -> Result<Self> {
        let scheme = if files.authority.is_some() { "https" } else { "http" };
        let address = if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
        let keys = address.starts_with("https://").then(|| files.read()).transpose()?;
        let (secured, wrong) = (keys.is_some(), Wrong::default());
        let endpoint = Endpoint::from_shared(address.clone())?
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(PROBE_AFTER)
            .keep_alive_timeout(PROBE_WITHIN)
            .keep_alive_while_idle(true);
        let noted = wrong.clone();
        let connector = tower::service_fn(move |uri: Uri| {
            let (host, port) = (uri.host().unwrap_or_default().to_owned(), uri.port_u16().unwrap_or_default());
            let made = line::connect(host, port, keys.clone(), noted.clone());
            async move { made.await.map(TokioIo::new) }
        });
        let channel = endpoint
            .connect_with_connector(connector)
            .await
            .map_err(|e| anyhow!("cannot reach the daemon at {address}: {}; {REMEDY}", root_cause(&e)))?;
        Ok(Self {
            address,
            secured,
            wrong,
            sites: SiteServiceClient::new(channel.clone()),
            snapshots: SnapshotServiceClient::new(channel.clone()),
            plans: PlanServiceClient::new(channel.clone()),
            proposals: ProposalServiceClient::new(channel.clone()),
            alarms: AlarmServiceClient::new(channel.clone()),
            journal: JournalServiceClient::new(channel.clone()),
            forecasts: ForecastServiceClient::new(channel),
        })
    }

    /// Who asks, as a request says it: over TLS the certificate says it already.
    pub(crate) fn identity(&self, given: Option<String>) -> String {
        match given {
            Some(name) => name,
            None if self.secured => String::new(),
            None => std::env::var("USER").unwrap_or_else(|_| "operator".to_owned()),
        }
    }

    pub(crate) async fn site(&mut self) -> Result<v1::Site> {
        let answer = within(self.sites.get_site(v1::GetSiteRequest {})).await;
        let site = answer.map_err(|s| self.explain(&s))?.site;
        site.ok_or_else(|| anyhow!("the daemon at {} says nothing of its site", self.address))
    }

    pub(crate) async fn snapshot(&mut self, patterns: Vec<String>) -> Result<v1::Snapshot> {
        let request = v1::GetSnapshotRequest { points: Some(v1::PointFilter { patterns }) };
        within(self.snapshots.get_snapshot(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn stream(&mut self, every: u32) -> Result<Streaming<v1::Snapshot>> {
        let request = v1::StreamSnapshotsRequest { points: None, every };
        within(self.snapshots.stream_snapshots(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn plan(&mut self) -> Result<v1::Plan> {
        within(self.plans.get_plan(v1::GetPlanRequest {})).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn propose(&mut self, request: v1::ProposeRequest) -> Result<Streaming<v1::Outcome>> {
        within(self.proposals.propose(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn release(&mut self, request: v1::ReleaseRequest) -> Result<()> {
        within(self.proposals.release(request)).await.map(|_| ()).map_err(|s| self.explain(&s))
    }

    pub(crate) async fn proposals(&mut self) -> Result<v1::ListProposalsResponse> {
        within(self.proposals.list_proposals(v1::ListProposalsRequest {})).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn forecast(&mut self) -> Result<v1::Forecast> {
        within(self.forecasts.get_forecast(v1::GetForecastRequest {})).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn submit_forecast(
        &mut self,
        request: v1::SubmitForecastRequest,
    ) -> Result<v1::SubmitForecastResponse> {
        within(self.forecasts.submit_forecast(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn withdraw_forecast(&mut self, request: v1::WithdrawForecastRequest) -> Result<()> {
        within(self.forecasts.withdraw_forecast(request)).await.map(|_| ()).map_err(|s| self.explain(&s))
    }

    pub(crate) async fn alarms(&mut self) -> Result<Vec<v1::Alarm>> {
        let answer = within(self.alarms.list_alarms(v1::ListAlarmsRequest {})).await;
        answer.map(|a| a.alarms).map_err(|s| self.explain(&s))
    }

    pub(crate) async fn acknowledge(&mut self, request: v1::AcknowledgeRequest) -> Result<()> {
        within(self.alarms.acknowledge(request)).await.map(|_| ()).map_err(|s| self.explain(&s))
    }

    pub(crate) async fn entries(&mut self, request: v1::ListEntriesRequest) -> Result<v1::ListEntriesResponse> {
        within(self.journal.list_entries(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn new_entries(&mut self, filter: v1::EntryFilter) -> Result<Streaming<v1::EntryOrGap>> {
        let request = v1::StreamEntriesRequest { filter: Some(filter) };
        within(self.journal.stream_entries(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) async fn why(&mut self, request: v1::WhyRequest) -> Result<v1::WhyResponse> {
        within(self.journal.why(request)).await.map_err(|s| self.explain(&s))
    }

    pub(crate) fn explain(&self, status: &Status) -> anyhow::Error {
        let (address, text) = (&self.address, status.message());
        if let Some(wrong) = self.wrong.take() {
            return anyhow!("the connection to the daemon at {address} broke: {wrong}");
        }
        match status.code() {
            Code::Unimplemented => anyhow!("what answers at {address} is no hexad, or another version of it: {text}"),
            Code::DeadlineExceeded => anyhow!("the daemon at {address} does not answer: {text}"),
            Code::Unknown | Code::Internal | Code::Cancelled => {
                anyhow!("the connection to the daemon at {address} broke: {text}; {REMEDY}")
            }
            _ => anyhow!("the daemon at {address} says: {text}"),
        }
    }
}

async fn within<T>(answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}
