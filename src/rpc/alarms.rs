//! Alarms: what the newest snapshot says, and the way of an acknowledgement to the cycle's queue.

use tonic::{Request, Response, Status};

use super::convert;
use super::identity::identity_of;
use super::services::Api;
use crate::proto::v1;
use crate::proto::v1::alarm_service_server::AlarmService;
use crate::site::Order;

#[tonic::async_trait]
impl AlarmService for Api {
    async fn list_alarms(&self, _: Request<v1::ListAlarmsRequest>) -> Result<Response<v1::ListAlarmsResponse>, Status> {
        let alarms = self.newest()?.alarms.iter().map(convert::alarm).collect();
        Ok(Response::new(v1::ListAlarmsResponse { alarms }))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        let identity = identity_of(&request).of_the_park("acknowledge alarms")?;
        let v1::AcknowledgeRequest { id, note, .. } = request.into_inner();
        let alarm = id.parse().map_err(Status::invalid_argument)?;
        self.source.desk.ask(Order::Acknowledge { alarm, identity, note }).await?;
        Ok(Response::new(v1::AcknowledgeResponse {}))
    }
}
