//! One role as a process: started, killed, asked to stop, or given no more room on its disk.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::process::{PATIENCE, get, repository};

/// How much of its log a failure shows, in bytes.
const LOG_SHOWN: usize = 6_000;

/// A role's process, killed when dropped.
pub struct Node {
    pub name: String,
    role: &'static str,
    config: PathBuf,
    settings: String,
    watch: u16,
    log: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// A role with its settings, which are written to a file of the folder.
    pub fn new(folder: &Path, name: &str, role: &'static str, settings: String, watch: u16) -> Node {
        let config = folder.join(format!("{name}.toml"));
        let log = config.with_extension("log");
        let node = Node { name: name.to_owned(), role, config, settings, watch, log, child: None };
        node.set("");
        node
    }

    /// Adds a line to its settings from the next start on, in place of one that was added before.
    pub fn set(&self, line: &str) {
        let written = fs::write(&self.config, format!("{line}\n{}", self.settings));
        written.unwrap_or_else(|fault| panic!("{}: {fault}", self.config.display()));
    }

    /// Starts it, without waiting for it.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        // A file that may not grow is an error of the write, as on a full disk, and not a signal.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_yidi"), self.role]);
        command.arg("--config").arg(&self.config).arg("--watch").arg(format!("127.0.0.1:{}", self.watch));
        let piped = command.current_dir(repository()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|fault| panic!("{}: {fault}", self.name));
        // Through a pipe: the log must not count against the room that its stores have.
        let mut errors = child.stderr.take().expect("it is piped");
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let mut log = log.unwrap_or_else(|fault| panic!("{}: {fault}", self.log.display()));
        std::thread::spawn(move || std::io::copy(&mut errors, &mut log));
        self.child = Some(child);
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.assert_alive();
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap_or_else(|fault| panic!("{}: {fault}", self.name));
            child.wait().unwrap_or_else(|fault| panic!("{}: {fault}", self.name));
        }
    }

    /// Asks it to stop, as its supervisor would, and waits until it has.
    pub fn stop(&mut self) {
        self.assert_alive();
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "{} cannot be asked to stop", self.name);
        let status = self.wait_for_end(&mut child);
        assert!(status.success(), "{} ended with {status}: {}", self.name, self.log_end());
    }

    fn wait_for_end(&self, child: &mut Child) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                return status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("{} does not stop: {}", self.name, self.log_end());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// That it ended by nobody's hand but ours.
    pub fn assert_alive(&mut self) {
        let Some(child) = &mut self.child else { panic!("{} is not running", self.name) };
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            panic!("{} ended by itself with {status}: {}", self.name, self.log_end());
        }
    }

    /// Waits until it says that it takes requests.
    pub fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        while !get(self.watch, "/ready").starts_with("HTTP/1.1 200") {
            self.assert_alive();
            assert!(begun.elapsed() < PATIENCE, "{} does not get ready: {}", self.name, self.log_end());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets no file that it writes grow beyond so many bytes; `None` for no bound.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let Some(child) = &self.child else { return };
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", child.id()), format!("--fsize={limit}:")];
        let set = Command::new("prlimit").args(arguments).status();
        assert!(set.is_ok_and(|status| status.success()), "{} cannot be limited", self.name);
    }

    fn log_end(&self) -> String {
        log_end(&self.log)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn log_end(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_SHOWN)..]).into_owned()
}
