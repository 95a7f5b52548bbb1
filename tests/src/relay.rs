//! A wire that can be cut: it stands between the hub and a home region and, when told to, loses every answer while
//! requests still arrive. What it carries is encrypted and none of its business.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// One wire.
pub struct Relay {
    /// Where the hub connects to.
    pub address: SocketAddr,
    loses_answers: Arc<watch::Sender<bool>>,
}

impl Relay {
    /// A wire to a home region.
    pub fn to(home: SocketAddr) -> Relay {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let address = listener.local_addr().expect("it is bound");
        let listener = TcpListener::from_std(listener).expect("inside a runtime");
        let loses_answers = Arc::new(watch::Sender::new(false));
        let state = loses_answers.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, home, state.subscribe()));
            }
        });
        Relay { address, loses_answers }
    }

    /// From now on requests arrive and answers do not.
    pub fn lose_answers(&self) {
        self.loses_answers.send_replace(true);
    }

    /// New connections are whole again; the old ones, which have lost bytes, are cut.
    pub fn mend(&self) {
        self.loses_answers.send_replace(false);
    }
}

async fn carry(near: TcpStream, home: SocketAddr, mut losing: watch::Receiver<bool>) {
    let Ok(far) = TcpStream::connect(home).await else { return };
    let (mut from_hub, mut to_hub) = near.into_split();
    let (mut from_home, mut to_home) = far.into_split();
    let requests = tokio::spawn(async move { tokio::io::copy(&mut from_hub, &mut to_home).await });
    let mut lost = false;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            read = from_home.read(&mut bytes) => {
                let Ok(count @ 1..) = read else { break };
                if *losing.borrow() {
                    lost = true;
                } else if lost || to_hub.write_all(&bytes[..count]).await.is_err() {
                    break;
                }
            }
            changed = losing.changed() => {
                if changed.is_err() || (lost && !*losing.borrow()) {
                    break;
                }
            }
        }
    }
    requests.abort();
}
