//! What a refusal leaves in the log: one line with the reason and where it came from, and never a key. The captured
//! log also tells the tests of reloading what has happened.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use identity::client::Expected;
use identity::permit::TreatmentPermit;
use rustls::version::TLS13;

use crate::parties::{HUB, Parties, XINXIANG, load, read};
use crate::raw::{attempt, config};
use crate::service::{ask, calls, serve};

/// Everything logged on this thread, at every level.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    pub fn lines_with(&self, text: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn a_refusal_is_one_line_with_its_reason_and_never_a_key() {
    let (log, _guard) = capture();
    let parties = Parties::new();
    let dir = parties.folder(&[HUB]);
    let hub = serve(load(&dir), |request| TreatmentPermit::from_request(request).map(|_| ())).await;
    let nameless = parties.odd(|odd| odd.subject_alt_names.truncate(1));
    for (own, reason) in [(None, "peer sent no certificates"), (Some(nameless), "carries no name")] {
        attempt(hub.address, config(&dir, own.as_deref(), &TLS13)).await.unwrap_err();
        let lines = log.lines_with(reason);
        assert!(matches!(&lines[..], [line] if line.contains("127.0.0.1:")), "{reason}: {lines:#?}");
    }
    ask(calls(hub.address, parties.credentials(&[XINXIANG]), Expected::Hub)).await.unwrap_err();
    assert_eq!(log.lines_with("no role").len(), 1);
    for line in read(&dir.join("tls.key")).lines() {
        assert!(!log.text().contains(line), "a key was logged");
    }
}
