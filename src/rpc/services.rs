//! The three services that show over one source.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::stream::{self, Replies};
use super::{Source, convert, filter};
use crate::proto::v1;
use crate::proto::v1::plan_service_server::PlanService;
use crate::proto::v1::site_service_server::SiteService;
use crate::proto::v1::snapshot_service_server::SnapshotService;
use crate::site::PointIx;
use crate::snapshot::Snapshot;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) source: Source,
    pub(super) stop: CancellationToken,
}

impl Api {
    pub(super) fn new(source: Source, stop: CancellationToken) -> Self {
        Self { source, stop }
    }

    pub(super) fn newest(&self) -> Result<Arc<Snapshot>, Status> {
        let newest = self.source.snapshots.borrow().clone();
        newest.ok_or_else(|| Status::unavailable("no cycle yet: the daemon has just started; try again in a second"))
    }

    fn points(&self, filter: Option<v1::PointFilter>) -> Result<Vec<PointIx>, Status> {
        let patterns = filter.map(|f| f.patterns).unwrap_or_default();
        filter::points(&self.source.site, &patterns).map_err(Status::invalid_argument)
    }
}

#[tonic::async_trait]
impl SiteService for Api {
    async fn get_site(&self, _: Request<v1::GetSiteRequest>) -> Result<Response<v1::GetSiteResponse>, Status> {
        Ok(Response::new(v1::GetSiteResponse { site: Some(convert::site(&self.source.site)) }))
    }
}

#[tonic::async_trait]
impl SnapshotService for Api {
    async fn get_snapshot(&self, request: Request<v1::GetSnapshotRequest>) -> Result<Response<v1::Snapshot>, Status> {
        let points = self.points(request.into_inner().points)?;
        Ok(Response::new(convert::snapshot(&self.source.site, &*self.newest()?, &points)))
    }

    type StreamSnapshotsStream = Replies<v1::Snapshot>;

    async fn stream_snapshots(
        &self,
        request: Request<v1::StreamSnapshotsRequest>,
    ) -> Result<Response<Self::StreamSnapshotsStream>, Status> {
        let v1::StreamSnapshotsRequest { points, every } = request.into_inner();
        let points = self.points(points)?;
        Ok(Response::new(stream::snapshots(&self.source, points, every, self.stop.clone())))
    }
}

#[tonic::async_trait]
impl PlanService for Api {
    async fn get_plan(&self, _: Request<v1::GetPlanRequest>) -> Result<Response<v1::Plan>, Status> {
        let plan = self.source.plans.borrow().clone();
        let plan = plan.ok_or_else(|| Status::not_found("no plan yet: the first dispatch is not done"))?;
        let now = convert::park(&self.source.snapshots.borrow());
        Ok(Response::new(convert::plan(&self.source.site, &plan, now)))
    }

    type StreamPlansStream = Replies<v1::Plan>;

    async fn stream_plans(
        &self,
        _: Request<v1::StreamPlansRequest>,
    ) -> Result<Response<Self::StreamPlansStream>, Status> {
        Ok(Response::new(stream::plans(&self.source, self.stop.clone())))
    }
}
