//! Everything that any test of this binary logs, at every level.

use std::io::Write;
use std::sync::{Mutex, Once};

use tracing_subscriber::fmt::MakeWriter;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAPTURE: Once = Once::new();

struct Log;

/// Begins to keep what is logged.
pub fn capture() {
    CAPTURE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(Log).finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else set one");
    });
}

/// What was logged so far.
pub fn written() -> String {
    String::from_utf8_lossy(&LOG.lock().expect("no panic while it was held")).into_owned()
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().expect("no panic while it was held").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log
    }
}
