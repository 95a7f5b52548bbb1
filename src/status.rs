//! What a command tells of a call that brought no reply: the hub's refusal, or that the hub was not reached, and why. It
//! is for people; between nodes `proto::status` says the same of regions. Called by every command that asks the hub.

use std::error::Error;
use std::fmt;

use identity::client::{ConnectError, never_sent};
use proto::status::carried_refusal;
use settlement::refusal::Refusal;
use tonic::{Code, Status};

/// Why a call to the hub brought no reply.
#[derive(Debug)]
pub enum CallFault {
    /// The hub refuses.
    Refused(Refusal),
    /// No connection could be made: nothing was asked.
    Unreached(String),
    /// The hub does not serve this to the caller, or not at all.
    Denied {
        /// How.
        code: Code,
        /// In the hub's words.
        message: String,
    },
    /// It was asked, and nobody knows what became of it.
    Silent {
        /// How.
        code: Code,
    },
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallFault::Refused(refusal) => refusal.fmt(f),
            CallFault::Unreached(why) => write!(f, "cannot reach the hub {why}"),
            CallFault::Denied { code, message } => write!(f, "the hub does not answer that ({code:?}): {message}"),
            CallFault::Silent { code } => {
                write!(f, "no answer from the hub ({code:?}): whether it was done is not known; asking again is safe")
            }
        }
    }
}

impl Error for CallFault {}

/// What a status says to whoever gave the command.
pub fn to_refusal(status: &Status) -> CallFault {
    const DENIED: [Code; 4] =
        [Code::PermissionDenied, Code::Unauthenticated, Code::Unimplemented, Code::InvalidArgument];
    if let Some(refusal) = carried_refusal(status) {
        return CallFault::Refused(refusal);
    }
    if never_sent(status) {
        return CallFault::Unreached(causes(status));
    }
    let code = status.code();
    if DENIED.contains(&code) {
        return CallFault::Denied { code, message: status.message().to_owned() };
    }
    CallFault::Silent { code }
}

/// Where to, and why not, from where the connection failed on; what carried it has nothing to say.
fn causes(status: &Status) -> String {
    let mut told = String::new();
    let mut cause = status.source();
    while let Some(fault) = cause {
        match fault.downcast_ref::<ConnectError>() {
            Some(ConnectError::Unreachable { address, source }) => return format!("at {address}: {source}"),
            Some(_) => told = format!("as it should be: {fault}"),
            None if told.is_empty() => {}
            None => told = format!("{told}: {fault}"),
        }
        cause = fault.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use identity::client::{Expected, channel};
    use identity::credentials::Credentials;
    use identity::name::{ParticipantName, Role};
    use identity::pki::{CertificateAuthority, Issue};
    use proto::v1::YearRequest;
    use proto::v1::clearing_client::ClearingClient;
    use settlement::refusal::Reason;

    use super::*;

    #[test]
    fn what_a_command_tells_is_whose_fault_it_was() {
        let refusal = Refusal::new(Reason::InvalidField).of_field("month").because("is not a month");
        for (status, told) in [
            (proto::status::of_refusal(&refusal), refusal.to_string()),
            (Status::permission_denied("operators only"), "(PermissionDenied): operators only".to_owned()),
            (Status::deadline_exceeded(""), "no answer from the hub (DeadlineExceeded)".to_owned()),
        ] {
            let text = to_refusal(&status).to_string();
            assert!(text.contains(&told) && !text.contains("RegionUnavailable"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_hub_that_nobody_listens_for_is_told_with_its_address() {
        let folder = tempfile::tempdir().expect("a folder");
        identity::install_crypto_provider();
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "test").expect("an authority");
        let names = vec![ParticipantName::new(identity::name::all_regions(), Role::Operator).expect("a name")];
        let own = folder.path().join("operator");
        authority.issue(&own, &Issue { names, hosts: vec!["127.0.0.1".into()], days: 1 }).expect("a certificate");
        // Bound and let go, so nobody listens there.
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a port");
        let credentials = Arc::new(Credentials::load(&own).expect("credentials"));
        let hub = channel(&free.to_string(), credentials, Expected::Hub, Duration::from_secs(3)).expect("an address");
        let asked = ClearingClient::new(hub).year(YearRequest { year: 2025 }).await;
        let told = to_refusal(&asked.expect_err("nobody is there")).to_string();
        assert!(told.starts_with(&format!("cannot reach the hub at {free}: ")), "{told}");
    }
}
