//! What the tests use beside Rust and gcc, and the Debian packages that bring it. Nothing is skipped where a tool is
//! missing: it is installed, or the run ends and says what to do.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::announce;

/// A tool, how to see whether it is there, and the package that brings it.
struct Tool {
    name: &'static str,
    is_there: fn() -> bool,
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { name: "openssl", is_there: || answers("openssl"), package: "openssl" },
    Tool { name: "curl", is_there: || answers("curl"), package: "curl" },
    Tool { name: "prlimit and setpriv", is_there: || answers("prlimit") && answers("setpriv"), package: "util-linux" },
    // The package also sets up a server of its own on port 5432; tests leave it alone and start private ones.
    Tool { name: "PostgreSQL's server", is_there: has_postgres, package: "postgresql" },
    // Printed pages are measured as a browser sets them, in the type that they ask for.
    Tool { name: "a browser", is_there: has_browser, package: "chromium" },
    Tool { name: "Chinese type", is_there: has_type, package: "fonts-noto-cjk" },
];

/// Installs what is missing.
///
/// # Errors
/// When a package cannot be installed; the text says which command would.
pub fn install_missing() -> Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !(tool.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let names: Vec<&str> = missing.iter().map(|tool| tool.name).collect();
    announce(&format!("the tests need {}: installing {}", names.join(", "), packages.join(" ")));
    apt_get(&["update"], &packages)?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], &packages[..]].concat(), &packages)?;
    for tool in missing {
        ensure!((tool.is_there)(), "{} was installed, but {} is still not there", tool.package, tool.name);
    }
    Ok(())
}

fn apt_get(arguments: &[&str], packages: &[&str]) -> Result<()> {
    let by_hand = || format!("install it by hand, as root: apt-get install {}", packages.join(" "));
    let status = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
    let status = status.with_context(|| format!("cannot start apt-get; {}", by_hand()))?;
    ensure!(status.success(), "apt-get {} failed; {}", arguments.join(" "), by_hand());
    Ok(())
}

fn answers(program: &str) -> bool {
    Command::new(program).arg("--help").output().is_ok()
}

fn has_browser() -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| {
        ["chromium", "google-chrome", "chromium-browser"].iter().any(|program| folder.join(program).exists())
    })
}

fn has_type() -> bool {
    Path::new("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc").exists()
}

/// Debian keeps each major version's programs in a folder of its own, not on the path.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path()).any(|version| is_complete(&version))
}

fn is_complete(version: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| version.join("bin").join(program).exists())
}
