//! Starting the executable, and waiting for facts about it. Used by every test of this folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ledger::testing::own_port;

/// How long a test waits for a fact before it fails. Not a measure of speed.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Ports of a demo of its own.
pub struct Ports {
    pub desk: u16,
    pub hub: u16,
    pub watch: u16,
}

/// A running demo, killed when dropped.
pub struct Demo {
    pub child: Child,
    pub ports: Ports,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Ports {
    /// Ports that nobody has now.
    pub fn free() -> Ports {
        let port = || own_port().expect("a free port");
        Ports { desk: port(), hub: port(), watch: port() }
    }
}

/// The command `yidi demo` on ports of its own, keeping its files in a folder.
pub fn demo(ports: &Ports, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yidi"));
    command
        .current_dir(repository())
        .arg("demo")
        .args(["--desk-port", &ports.desk.to_string(), "--hub-port", &ports.hub.to_string()])
        .args(["--watch-port", &ports.watch.to_string(), "--data"])
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Starts a demo that stays up, and waits until it serves.
pub fn start(data: &Path, arguments: &[&str]) -> Demo {
    let ports = Ports::free();
    let child = demo(&ports, data, arguments).stdout(Stdio::null()).spawn().expect("the executable starts");
    let mut demo = Demo { child, ports };
    let begun = Instant::now();
    while !get(demo.ports.watch, "/ready").starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < PATIENCE, "the demo is still not ready");
        assert!(demo.child.try_wait().expect("a child can be asked").is_none(), "the demo ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    demo
}

/// Reads a child's standard output until a line holds a text.
pub fn read_until(child: &mut Child, text: &str) {
    let output = child.stdout.as_mut().expect("it is piped");
    let found = BufReader::new(output).lines().map_while(Result::ok).any(|line| line.contains(text));
    assert!(found, "the process ended before it said {text}");
}

/// A page, headers and all; empty when nobody serves it.
pub fn get(port: u16, page: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        let request = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        if stream.write_all(request.as_bytes()).is_ok() {
            let _ = stream.read_to_string(&mut answer);
        }
    }
    answer
}
