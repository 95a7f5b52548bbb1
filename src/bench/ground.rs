//! Where a measured line stands: a scratch folder with a private CA, a certificate for every part, and the parts'
//! configuration files. It starts nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use settlement::ids::{PoolCode, RegionCode};
use tempfile::TempDir;

/// The pool whose institutions send.
pub const TREATMENT: &str = "310000";
/// The pool whose enrollees are treated.
pub const HOME: &str = "410700";
/// Another such pool, whose home region can be cut off.
pub const OTHER_HOME: &str = "440300";

/// Four such pools, the two among them.
pub const FOUR_HOMES: [&str; 4] = [HOME, OTHER_HOME, "120000", "330100"];

/// The ground of a run. Its folder goes when it goes.
pub struct Ground {
    folder: TempDir,
    deploy: PathBuf,
}

impl Ground {
    /// Makes the folder and issues the certificates.
    ///
    /// # Errors
    /// When it cannot.
    pub fn new(deploy: &Path) -> Result<Ground> {
        let folder = tempfile::tempdir().context("cannot make a folder for the benchmark")?;
        let ground = Ground { folder, deploy: deploy.to_owned() };
        let authority = CertificateAuthority::init(&ground.path("ca"), "Yidi benchmark CA")?;
        let named =
            |code: &str, role| -> Result<ParticipantName> { Ok(ParticipantName::new(RegionCode::new(code)?, role)?) };
        let mut participants = vec![
            ("hub".to_owned(), ParticipantName::hub()),
            ("treatment".to_owned(), named(TREATMENT, Role::Treatment)?),
        ];
        for home in FOUR_HOMES {
            participants.push((home_named(home), named(home, Role::Home)?));
        }
        for (participant, name) in participants {
            let hosts = vec!["127.0.0.1".to_owned()];
            authority.issue(&ground.path(&participant), &Issue { names: vec![name], hosts, days: 1 })?;
        }
        Ok(ground)
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a home region's certificate.
    pub fn home(&self, code: &str) -> PathBuf {
        self.path(&home_named(code))
    }

    /// The folder of rule books and the demo's data.
    pub fn deploy(&self) -> &Path {
        &self.deploy
    }

    /// The table of regions.
    pub fn regions(&self) -> PathBuf {
        self.deploy.join("regions.csv")
    }

    /// The treatment side's certificate.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn treatment(&self) -> Result<Arc<Credentials>> {
        Ok(Arc::new(Credentials::load(&self.path("treatment"))?))
    }

    /// Writes a configuration file, and says where.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, settings: &toml::Table) -> Result<PathBuf> {
        let path = self.path(&format!("{name}.toml"));
        fs::write(&path, toml::to_string(settings)?).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// A code that is known to be one.
///
/// # Errors
/// When it is none after all.
pub fn pool(code: &str) -> Result<PoolCode> {
    Ok(PoolCode(RegionCode::new(code)?))
}

fn home_named(code: &str) -> String {
    format!("home-{code}")
}
