//! Where Debian's packages put PostgreSQL's programs, and how to run them: the server refuses to be root, so under root
//! they run as the user `postgres` that the package made.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::store::StoreError;

/// Where Debian's packages keep each major version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The user that Debian's package makes for the server.
const USER: &str = "postgres";
const PSQL: &str = "psql";

/// Why there is no private PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The programs are not there.
    #[error("no PostgreSQL in {VERSIONS}: apt-get install postgresql, or let `cargo xtask test` do it")]
    NotInstalled,
    /// A folder or file of the server cannot be made or read.
    #[error("cannot prepare {path}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program cannot be run at all.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed: {told}")]
    Failed {
        /// The program.
        program: String,
        /// What it said.
        told: String,
    },
    /// A store's tables cannot be made.
    #[error("cannot make the store's tables")]
    Migration {
        /// Why.
        source: Box<StoreError>,
    },
    /// The server does not get ready; its log's end.
    #[error("the server on port {port} does not get ready: {log}")]
    NotReady {
        /// The port.
        port: u16,
        /// The end of its log.
        log: String,
    },
}

/// The programs, and as whom they run.
#[derive(Clone, Debug)]
pub struct Installation {
    programs: PathBuf,
    /// User and group ids to run as; `None` for as we are.
    run_as: Option<(u32, u32)>,
}

impl Installation {
    /// Finds the newest version.
    pub fn find() -> Result<Installation, PostgresError> {
        let versions = std::fs::read_dir(VERSIONS).map_err(|_| PostgresError::NotInstalled)?;
        let newest = versions
            .filter_map(|entry| {
                let programs = entry.ok()?.path();
                let version = programs.file_name()?.to_str()?.parse::<u32>().ok()?;
                Some((version, programs.join("bin")))
            })
            .filter(|(_, programs)| programs.join("initdb").exists() && programs.join("postgres").exists())
            .max();
        let (_, programs) = newest.ok_or(PostgresError::NotInstalled)?;
        let run_as = if id(&["-u"])? == 0 { Some((id(&["-u", USER])?, id(&["-g", USER])?)) } else { None };
        Ok(Installation { programs, run_as })
    }

    /// A program's path.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A program with its arguments, as the user who may run the server.
    pub fn command_line(&self, program: &str, arguments: &[String]) -> Vec<String> {
        let mut line = Vec::new();
        if let Some((user, group)) = self.run_as {
            line.extend(["setpriv", "--init-groups"].map(str::to_owned));
            line.extend([format!("--reuid={user}"), format!("--regid={group}"), "--".to_owned()]);
        }
        line.push(self.program(program).display().to_string());
        line.extend(arguments.iter().cloned());
        line
    }

    /// Runs a program to its end and gives what it wrote.
    pub fn run(&self, program: &str, arguments: &[String]) -> Result<String, PostgresError> {
        let line = self.command_line(program, arguments);
        let mut command = Command::new(&line[0]);
        // Elsewhere than here: the user may not be allowed to enter the current folder.
        command.args(&line[1..]).current_dir("/").stdin(Stdio::null());
        told(program, command.output())
    }

    /// Has psql carry out a statement; it writes nothing but rows.
    pub fn psql(&self, place: &str, statement: &str) -> Result<String, PostgresError> {
        self.run(PSQL, &asking(place, statement))
    }

    /// Has one psql read what another writes.
    pub fn psql_into(&self, from: (&str, &str), to: (&str, &str)) -> Result<(), PostgresError> {
        let cannot = |source| PostgresError::Run { program: PSQL.to_owned(), source };
        let start = |(place, statement): (&str, &str), input: Stdio, output: Stdio| {
            let line = self.command_line(PSQL, &asking(place, statement));
            let mut command = Command::new(&line[0]);
            command.args(&line[1..]).current_dir("/").stdin(input).stdout(output).stderr(Stdio::piped()).spawn()
        };
        let mut writer = start(from, Stdio::null(), Stdio::piped()).map_err(cannot)?;
        let written = writer.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let reader = start(to, written, Stdio::null()).map_err(cannot)?;
        told(PSQL, reader.wait_with_output())?;
        told(PSQL, writer.wait_with_output()).map(drop)
    }

    /// Gives a folder to the user who runs the server.
    pub fn hand_over(&self, folder: &Path) -> Result<(), PostgresError> {
        let Some((user, group)) = self.run_as else { return Ok(()) };
        std::os::unix::fs::chown(folder, Some(user), Some(group))
            .map_err(|source| PostgresError::Folder { path: folder.to_owned(), source })
    }
}

fn asking(place: &str, statement: &str) -> Vec<String> {
    let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname"];
    let statement = [place, "--command", statement];
    options.into_iter().chain(statement).map(str::to_owned).collect()
}

fn id(arguments: &[&str]) -> Result<u32, PostgresError> {
    let told = told("id", Command::new("id").args(arguments).output())?;
    told.trim().parse().map_err(|_| PostgresError::Failed { program: "id".to_owned(), told })
}

fn told(program: &str, ran: std::io::Result<Output>) -> Result<String, PostgresError> {
    let output = ran.map_err(|source| PostgresError::Run { program: program.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = [output.stderr, output.stdout].concat();
    Err(PostgresError::Failed { program: program.to_owned(), told: String::from_utf8_lossy(&told).trim().to_owned() })
}
