//! Ports on loopback for servers that are stopped and started again. They lie below those that the system gives to
//! outgoing connections, so none of these can hold one while its server is down.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const LOWEST: u16 = 10_240;
const COUNT: u32 = 20_000;

/// Each process begins elsewhere, and never gives a port twice before it has given all.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port that nobody has now.
///
/// # Errors
/// When all are taken.
pub fn own_port() -> io::Result<u16> {
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    let begin = std::process::id().wrapping_mul(7_919);
    for _ in 0..COUNT {
        let next = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = LOWEST + u16::try_from(next).unwrap_or_default();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(fault) => refused = fault,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_or_where_outgoing_connections_are() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("a range");
        let outgoing: u16 = range.split_whitespace().next().and_then(|first| first.parse().ok()).expect("a port");
        let ports: BTreeSet<u16> = (0..100).map(|_| own_port().expect("a port")).collect();
        assert_eq!(ports.len(), 100);
        assert!(ports.iter().all(|port| *port < outgoing), "{ports:?} and {outgoing}");
    }
}
