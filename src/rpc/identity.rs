//! Who speaks, and what he may ask for.
//!
//! In plain text, on loopback only, everybody is who he says he is and may ask for anything. Over TLS the certificate
//! speaks: its common name is the name, its organisational unit the role. A certificate without one of the four roles is
//! refused rather than let look: an authority may sign for others than this park.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Status};

use crate::proto::v1;
use crate::site::Class;
use crate::transport::tls::{Certificate, Term, WallClock};

/// The wall clock may be set while a connection stands: its certificate is judged anew at least this often.
const JUDGED_EVERY_S: i64 = 60;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Plain text on loopback: whoever may log in here.
    Local,
    /// Looks.
    Viewer,
    /// Looks, and asks as the park's own people, its market and its optimiser do.
    Operator,
    /// Looks, and limits what may cross the PCC: the network's operator. Not the park's own people: they must not be able to
    /// make a limit, nor to end one.
    GridOperator,
    /// Looks, and asks above all others: protection and safety systems, which are machines.
    Protection,
}

impl Role {
    fn of_unit(unit: &str) -> Option<Self> {
        match unit {
            "viewer" => Some(Self::Viewer),
            "operator" => Some(Self::Operator),
            "grid_operator" => Some(Self::GridOperator),
            "protection" => Some(Self::Protection),
            _ => None,
        }
    }

    /// The classes of proposal it may use.
    fn classes(self) -> &'static [Class] {
        match self {
            Self::Local => &Class::ALL,
            Self::Viewer => &[],
            Self::Operator => &[Class::Operator, Class::Market, Class::Optimiser],
            Self::GridOperator => &[Class::GridOperator],
            Self::Protection => &[Class::Protection, Class::Safety],
        }
    }
}

/// Who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub name: String,
    pub role: Role,
    /// Who he says he is.
    claimed: String,
}

impl Identity {
    /// The name, if its role may ask for something, and if it is the one that is claimed.
    pub(super) fn operator(self) -> Result<String, Status> {
        let Self { name, role, claimed } = self;
        if role.classes().is_empty() {
            return Err(Status::permission_denied(format!("{name} may look, not ask for anything")));
        }
        if !claimed.is_empty() && claimed != name {
            let text = format!("the certificate says {name}, the request {claimed}: leave `identity` empty");
            return Err(Status::permission_denied(text));
        }
        Ok(name)
    }

    /// The same, if it is one of the park's own people: whoever takes note of an alarm, or says what is to come, answers for
    /// what comes of it.
    pub(super) fn of_the_park(self, what: &str) -> Result<String, Status> {
        match self.role {
            Role::Local | Role::Operator => self.operator(),
            _ => Err(Status::permission_denied(format!("{} may not {what}; an operator may", self.name))),
        }
    }

    /// The same, if it may ask in this class.
    pub(super) fn asking_as(self, class: Class) -> Result<String, Status> {
        let classes = self.role.classes();
        let name = self.operator()?;
        if classes.contains(&class) {
            return Ok(name);
        }
        let may: Vec<&str> = classes.iter().map(|c| c.name()).collect();
        let text = format!("{name} may not ask as {}; its certificate permits {}", class.name(), may.join(", "));
        Err(Status::permission_denied(text))
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

impl Named for v1::SubmitForecastRequest {
    fn named(&self) -> &str {
        &self.identity
    }
}

impl Named for v1::WithdrawForecastRequest {
    fn named(&self) -> &str {
        &self.identity
    }
}

/// Who makes a request that [`admit`] has let pass.
pub(super) fn identity_of<T: Named>(request: &Request<T>) -> Identity {
    let claimed = request.get_ref().named().trim().to_owned();
    match request.extensions().get::<Peer>() {
        Some(Peer::Local) => Identity { name: claimed.clone(), role: Role::Local, claimed },
        Some(Peer::Shown(shown)) => {
            let role = shown.role.unwrap_or(Role::Viewer);
            Identity { name: shown.certificate.name.clone(), role, claimed }
        }
        None => Identity { name: "nobody".to_owned(), role: Role::Viewer, claimed },
    }
}

/// The other end of a connection.
#[derive(Clone)]
pub(super) enum Peer {
    /// In plain text on loopback.
    Local,
    /// It has shown a certificate.
    Shown(Arc<Shown>),
}

/// A certificate that was shown in a handshake.
pub(super) struct Shown {
    certificate: Arc<Certificate>,
    role: Option<Role>,
    wall: WallClock,
}

impl Shown {
    pub(super) fn new(certificate: Arc<Certificate>, wall: WallClock) -> Self {
        Self { role: Role::of_unit(&certificate.unit), certificate, wall }
    }

    /// Returns once the certificate has ended.
    pub(super) async fn ended(&self) {
        loop {
            let now = (self.wall)().time;
            let left_s = self.certificate.not_after.as_second() - now.as_second();
            if self.certificate.term(now) == Term::Ended {
                return;
            }
            let wait_s = left_s.clamp(1, JUDGED_EVERY_S).unsigned_abs();
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
    }
}

/// Every request passes here: its connection's certificate must still be in force and carry a role.
pub(super) fn admit(request: Request<()>) -> Result<Request<()>, Status> {
    let Some(Peer::Shown(shown)) = request.extensions().get::<Peer>() else { return Ok(request) };
    let Shown { certificate, role, wall } = &**shown;
    let now = wall().time;
    if !certificate.term(now).in_force() {
        let text = format!("the certificate of {} {}", certificate.name, certificate.term_in_words(now));
        return Err(Status::unauthenticated(text + "; issue another and connect anew"));
    }
    if role.is_none() || certificate.name.is_empty() {
        return Err(Status::permission_denied(format!(
            "a certificate with the common name \"{}\" and the organisational unit \"{}\" has no role here: the name must be \
             there once, the unit must be viewer, operator, grid_operator or protection",
            certificate.name, certificate.unit
        )));
    }
    Ok(request)
}
