//! The way to the mailboxes at the hub: over gRPC, or through the network of a simulation.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use identity::client::{ConnectError, Expected, channel};
use identity::credentials::Credentials;
use proto::v1;
use proto::v1::mailboxes_client::MailboxesClient;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an acknowledgement may take. An unacknowledged letter comes again.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes of a call in the end.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send + 'a>>;

/// The participant's mailboxes; the hub knows by its certificate which they are.
pub trait MailboxPort: Send + Sync {
    /// Opens them.
    fn open(&self) -> Call<'_, Box<dyn Letters>>;

    /// Says that a letter is kept, by its number.
    fn acknowledge(&self, number: u64) -> Call<'_, ()>;
}

/// Mailboxes that are open.
pub trait Letters: Send {
    /// The next letter; none when the hub closes them.
    fn next(&mut self) -> Call<'_, Option<v1::Letter>>;
}

/// The mailboxes over gRPC.
pub struct GrpcMailboxes {
    client: MailboxesClient<Channel>,
}

impl GrpcMailboxes {
    /// Prepares the connection to the hub; it is made when the mailboxes are opened.
    ///
    /// # Errors
    /// When the address is not of the form `host:port`.
    pub fn new(hub: &str, credentials: Arc<Credentials>) -> Result<GrpcMailboxes, ConnectError> {
        let client = MailboxesClient::new(channel(hub, credentials, Expected::Hub, CONNECT_TIMEOUT)?);
        Ok(GrpcMailboxes { client })
    }
}

impl MailboxPort for GrpcMailboxes {
    fn open(&self) -> Call<'_, Box<dyn Letters>> {
        let mut client = self.client.clone();
        Box::pin(async move {
            let letters = client.open(v1::OpenMailboxesRequest {}).await?.into_inner();
            Ok(Box::new(letters) as Box<dyn Letters>)
        })
    }

    fn acknowledge(&self, number: u64) -> Call<'_, ()> {
        let mut client = self.client.clone();
        Box::pin(async move {
            let mut request = Request::new(v1::AcknowledgeLetterRequest { number });
            request.set_timeout(ACKNOWLEDGE_TIMEOUT);
            client.acknowledge(request).await.map(drop)
        })
    }
}

impl Letters for Streaming<v1::Letter> {
    fn next(&mut self) -> Call<'_, Option<v1::Letter>> {
        Box::pin(self.message())
    }
}
