//! A running gRPC service on a port of its own: the standard health service, behind whatever permit a test asks for.
//! Used by the tests of admission, calling and reloading.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::server::{MtlsListener, builder};
use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

pub type Check = fn(&Request<()>) -> Result<(), Status>;

/// Stops when dropped.
pub struct Service {
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

pub async fn serve(credentials: Arc<Credentials>, check: Check) -> Service {
    let listener = MtlsListener::bind("127.0.0.1:0", credentials).await.expect("a port");
    let address = listener.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(run(listener, check, async {
        let _ = stopped.await;
    }));
    Service { address, _stop: stop }
}

pub async fn run(listener: MtlsListener, check: Check, stop: impl Future<Output = ()>) {
    let health = HealthService::from_health_reporter(HealthReporter::new());
    let health = HealthServer::with_interceptor(health, move |request| check(&request).map(|()| request));
    builder().add_service(health).serve_with_incoming_shutdown(listener, stop).await.expect("a service that ends well");
}

/// Lets in whoever the handshake let in.
pub fn anyone(_: &Request<()>) -> Result<(), Status> {
    Ok(())
}

pub fn calls(address: SocketAddr, credentials: Arc<Credentials>, expected: Expected) -> Channel {
    channel(&address.to_string(), credentials, expected, Duration::from_secs(5)).expect("an address")
}

pub async fn ask(channel: Channel) -> Result<(), Status> {
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.map(|_| ())
}
