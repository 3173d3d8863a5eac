//! Who speaks.

use tonic::{Request, Status};

use crate::proto::v1;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Looks.
    #[allow(dead_code)] // plain text on loopback makes none
    Viewer,
    /// Looks and asks.
    Operator,
}

/// Who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub name: String,
    pub role: Role,
}

impl Identity {
    /// The name, if its role may ask for something.
    pub(super) fn operator(self) -> Result<String, Status> {
        match self.role {
            Role::Operator => Ok(self.name),
            Role::Viewer => Err(Status::permission_denied(format!("{} may look, not ask for anything", self.name))),
        }
    }
}

/// A request that says who makes it.
pub(super) trait Named {
    fn named(&self) -> &str;
}

impl Named for v1::ProposeRequest {
    fn named(&self) -> &str {
        &self.identity
    }
}

impl Named for v1::ReleaseRequest {
    fn named(&self) -> &str {
        &self.identity
    }
}

impl Named for v1::AcknowledgeRequest {
    fn named(&self) -> &str {
        &self.identity
    }
}

/// In plain text, on loopback only, everybody is the operator he says he is.
pub(super) fn identity_of<T: Named>(request: &Request<T>) -> Identity {
    Identity { name: request.get_ref().named().trim().to_owned(), role: Role::Operator }
}
