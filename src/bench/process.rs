//! A part of a measured line as a process of its own, so that its CPU time and memory can be told apart. It is the
//! same executable, and ends when its standard input closes: it never outlives this process.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::part::Part;

/// How long a part may take to end before it is killed.
const ENDING: Duration = Duration::from_secs(20);

/// A part that runs. Dropping it lets it end in good order.
pub struct Process {
    child: Child,
    words: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    /// Starts a part, and returns once it listens.
    ///
    /// # Errors
    /// When it ends before it listens; it has said on standard error why.
    pub fn start(part: &Part) -> Result<Process> {
        let program = std::env::current_exe().context("cannot find this executable")?;
        let mut child = Command::new(program)
            .arg("bench-part")
            .args(part.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a part of the line")?;
        let words = child.stdin.take();
        let mut said = BufReader::new(child.stdout.take().context("a part has no standard output")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let address = line.trim().parse();
        if address.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let address = address.with_context(|| format!("part {} did not start", part.name()))?;
        Ok(Process { child, words, said, address })
    }

    /// Runs a part that ends by itself, and gives what it came to, which it has written as JSON.
    ///
    /// # Errors
    /// When it fails; it has said on standard error why.
    pub fn come_to(part: &Part) -> Result<Value> {
        let program = std::env::current_exe().context("cannot find this executable")?;
        let mut command = Command::new(program);
        command.arg("bench-part").args(part.arguments()).stdin(Stdio::null()).stderr(Stdio::inherit());
        let ended = command.output().context("cannot start a part of the measurement")?;
        ensure!(ended.status.success(), "part {} failed", part.name());
        serde_json::from_slice(&ended.stdout).with_context(|| format!("part {} said no JSON", part.name()))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its number in the operating system.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it a word to act on.
    ///
    /// # Errors
    /// When it has ended.
    pub fn tell(&mut self, word: &str) -> Result<()> {
        let words = self.words.as_mut().context("the part was told to end")?;
        writeln!(words, "{word}").context("a part of the line has ended")
    }

    /// Gives it a word to act on, and waits for the line that it says when that is done.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ask(&mut self, word: &str) -> Result<String> {
        self.tell(word)?;
        let mut line = String::new();
        ensure!(self.said.read_line(&mut line)? > 0, "a part of the line has ended");
        Ok(line.trim().to_owned())
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("a part of the line has ended")?;
        self.child.wait().context("cannot wait for a part")?;
        Ok(())
    }

    /// Lets it end in good order.
    ///
    /// # Errors
    /// When it does not, or complains.
    pub fn stop(mut self) -> Result<()> {
        drop(self.words.take());
        ensure!(self.child.wait()?.success(), "a part of the line ended with a complaint");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.words.take());
        let begun = Instant::now();
        while begun.elapsed() < ENDING {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
