//! A process that must not outlive its owner: a shell holds it, and ends it as soon as the owner's end of a pipe is
//! closed, however the owner died. Nothing of PostgreSQL but the signal is known here.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::installation::PostgresError;

/// Waits for a word or for the end of the pipe, ends the server at once without letting it tidy up, and removes the
/// folder unless the word says to keep it.
const SCRIPT: &str = r#"
folder=$1; shift
trap '' INT TERM HUP
"$@" >>"$folder/log" 2>&1 </dev/null &
server=$!
echo "$server"
read -r word
kill -s QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// A kept process.
#[derive(Debug)]
pub struct Keeper {
    shell: Child,
    /// The process id of what is kept.
    pub pid: u32,
}

impl Keeper {
    /// Starts a command line; what it says goes to the file `log` of the folder, which is removed at the end.
    pub fn start(folder: &Path, line: &[String]) -> Result<Keeper, PostgresError> {
        let fault = |source| PostgresError::Run { program: line[0].clone(), source };
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(folder)
            .args(line)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(fault)?;
        let mut told = String::new();
        let output = shell.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut told).map_err(fault)?;
        let pid = told.trim().parse().map_err(|_| PostgresError::Failed { program: line[0].clone(), told })?;
        Ok(Keeper { shell, pid })
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        // The shell collects it only at the end, so until then it shows as Z.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return true };
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        // A process that has ended already needs no signal.
        let _ = Command::new("kill").args(["-s", name, &self.pid.to_string()]).stderr(Stdio::null()).status();
    }

    /// Ends the process and keeps its folder, for another to go on in it.
    pub fn end_and_keep_folder(mut self) {
        if let Some(pipe) = &mut self.shell.stdin {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
