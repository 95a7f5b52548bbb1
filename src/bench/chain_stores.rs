//! Where the three roles of the whole chain keep their books: files, or databases on one server. What was prepared is
//! copied for every measurement, so that each finds the same stays unsettled and prepares none.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use ledger::engine::Schema;
use ledger::testing::{Database, PrivatePostgres};

use super::crew::{Crew, DATABASE, Member};

/// The roles with their tables, in the order in which they are started.
const ROLES: [(Role, &Schema); 3] = [
    (Role::Home, &ledger::home::SCHEMA),
    (Role::Hub, &ledger::hub::SCHEMA),
    (Role::Treatment, &ledger::treatment::SCHEMA),
];

/// A role that keeps a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The home region.
    Home,
    /// The hub.
    Hub,
    /// The treatment side.
    Treatment,
}

impl Role {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Home => "home",
            Role::Hub => "hub",
            Role::Treatment => "treatment",
        }
    }
}

/// The books of a chain.
pub struct ChainStores {
    /// The home region's key, and the books where they are files.
    folder: PathBuf,
    databases: Option<(Arc<PrivatePostgres>, [Database; 3])>,
}

impl ChainStores {
    /// Empty ones: files in a folder, or databases where there is a server.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn new(folder: PathBuf, server: Option<&Arc<PrivatePostgres>>) -> Result<ChainStores> {
        fs::create_dir_all(&folder)?;
        let made = |server: &Arc<PrivatePostgres>| -> Result<_> {
            let [home, hub, treatment] = ROLES.map(|(_, schema)| server.migrated(schema));
            Ok((server.clone(), [home?, hub?, treatment?]))
        };
        Ok(ChainStores { folder, databases: server.map(made).transpose()? })
    }

    /// A copy in another folder. Nobody may have the books open.
    ///
    /// # Errors
    /// When they cannot be copied.
    pub fn copy(&self, folder: PathBuf) -> Result<ChainStores> {
        copy_files(&self.folder, &folder)?;
        let copied = |(server, databases): &(Arc<PrivatePostgres>, [Database; 3])| -> Result<_> {
            let [home, hub, treatment] = databases.each_ref().map(|database| server.database_copy(database));
            Ok((server.clone(), [home?, hub?, treatment?]))
        };
        Ok(ChainStores { folder, databases: self.databases.as_ref().map(copied).transpose()? })
    }

    /// Gives back the room that they take.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))?;
        if let Some((server, databases)) = &self.databases {
            databases.iter().try_for_each(|database| server.remove(database))?;
        }
        Ok(())
    }

    /// Where a role's book is, as its configuration says it.
    pub fn location(&self, role: Role) -> String {
        match &self.databases {
            None => self.folder.join(format!("{}.db", role.name())).display().to_string(),
            Some((_, databases)) => {
                let place = ROLES.iter().position(|(known, _)| *known == role);
                place.map(|place| databases[place].app_url.clone()).unwrap_or_default()
            }
        }
    }

    /// The file of the home region's key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("home.key")
    }

    /// The load tool, and the database where it is a process of its own.
    pub fn crew(&self) -> Crew {
        let server = self.databases.as_ref().and_then(|(server, _)| server.pid());
        server.into_iter().fold(Crew::new(), |crew, server| crew.with(DATABASE, Member::Family(server)))
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
    }
    Ok(())
}
