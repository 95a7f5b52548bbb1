//! A wire that can be cut: it stands between two nodes and does to their bytes what it is told to. What it carries is
//! encrypted and none of its business.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It carries everything.
    Whole,
    /// Requests arrive, answers do not.
    LosesAnswers,
    /// Requests do not arrive.
    LosesRequests,
    /// Every piece takes so long.
    Slow(Duration),
    /// The far side seems to have finished speaking, but still listens.
    HalfClosed,
    /// Connections break, and new ones break at once.
    Cut,
}

/// One wire.
pub struct Relay {
    /// Where the near side connects to.
    pub address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
}

impl Relay {
    /// A wire to a node, which need not be there yet.
    pub fn to(far: SocketAddr) -> Relay {
        Relay::among(vec![far])
    }

    /// A wire to several nodes that do the same, as a balancer has it: each connection goes to the next of them that
    /// is there.
    pub fn among(far: Vec<SocketAddr>) -> Relay {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let address = listener.local_addr().expect("it is bound");
        let listener = TcpListener::from_std(listener).expect("inside a runtime");
        let mode = Arc::new(watch::Sender::new(Mode::Whole));
        let watched = mode.clone();
        tokio::spawn(async move {
            let mut turns = (0..far.len()).cycle();
            while let (Ok((near, _)), Some(turn)) = (listener.accept().await, turns.next()) {
                if *watched.borrow() != Mode::Cut {
                    let far = [&far[turn..], &far[..turn]].concat();
                    tokio::spawn(carry(near, far, watched.subscribe()));
                }
            }
        });
        Relay { address, mode }
    }

    /// Does something else from now on. Connections that have lost bytes are cut when it changes.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// From now on requests arrive and answers do not.
    pub fn lose_answers(&self) {
        self.set(Mode::LosesAnswers);
    }

    /// New connections are whole again; the old ones, which have lost bytes, are cut.
    pub fn mend(&self) {
        self.set(Mode::Whole);
    }
}

async fn carry(near: TcpStream, far: Vec<SocketAddr>, mode: watch::Receiver<Mode>) {
    // Tries one after the other.
    let Ok(far) = TcpStream::connect(&far[..]).await else { return };
    // Small messages at once, as the nodes themselves have it.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    tokio::select! {
        () = pump(from_near, to_far, Direction::Requests, mode.clone()) => {}
        () = pump(from_far, to_near, Direction::Answers, mode) => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

/// What becomes of bytes that come now.
enum Fate {
    Carried,
    Delayed(Duration),
    Lost,
    /// Lost, and the receiver is told that no more will come.
    LostAndClosed,
    Broken,
}

fn fate(mode: Mode, direction: Direction) -> Fate {
    match (mode, direction) {
        (Mode::Whole, _) => Fate::Carried,
        (Mode::LosesAnswers, Direction::Answers) | (Mode::LosesRequests, Direction::Requests) => Fate::Lost,
        (Mode::LosesAnswers, Direction::Requests) | (Mode::LosesRequests, Direction::Answers) => Fate::Carried,
        (Mode::Slow(pause), _) => Fate::Delayed(pause),
        (Mode::HalfClosed, Direction::Answers) => Fate::LostAndClosed,
        (Mode::HalfClosed, Direction::Requests) => Fate::Carried,
        (Mode::Cut, _) => Fate::Broken,
    }
}

/// Carries one direction until it ends, breaks, or has lost bytes and the wire changes.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    mut mode: watch::Receiver<Mode>,
) {
    let mut lost = false;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let now = *mode.borrow_and_update();
        match fate(now, direction) {
            Fate::Broken => return,
            Fate::LostAndClosed if !lost => {
                lost = true;
                let _ = to.shutdown().await;
            }
            Fate::Carried | Fate::Delayed(_) if lost => return,
            Fate::Carried | Fate::Delayed(_) | Fate::Lost | Fate::LostAndClosed => {}
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = from.read(&mut bytes) => {
                let Ok(count @ 1..) = read else { return };
                let now = *mode.borrow();
                match fate(now, direction) {
                    Fate::Lost | Fate::LostAndClosed => lost = true,
                    Fate::Broken => return,
                    Fate::Carried | Fate::Delayed(_) if lost => return,
                    Fate::Delayed(pause) => {
                        tokio::time::sleep(pause).await;
                        if to.write_all(&bytes[..count]).await.is_err() { return }
                    }
                    Fate::Carried => if to.write_all(&bytes[..count]).await.is_err() { return },
                }
            }
        }
    }
}
