//! Which books `yidi verify` holds against one another: those of a line in one folder, or the stores of roles that run
//! apart, each named for itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use ledger::engine::Location;
use ledger::home::HomeStore;
use ledger::hub::HubStore;
use ledger::store::StoreOptions;
use ledger::treatment::TreatmentStore;

/// Where the books are. Nobody may be writing to them.
#[derive(Debug, Args)]
pub struct Books {
    /// The folder of a line's stores: hub.db, treatment.db, and one home-….db a pool.
    #[arg(long, conflicts_with_all = ["hub", "treatment", "home"])]
    data: Option<PathBuf>,
    /// The hub's store, as its settings name it: a file, or a PostgreSQL database.
    #[arg(long, requires = "treatment")]
    hub: Option<Location>,
    /// The treatment side's store.
    #[arg(long, requires = "hub")]
    treatment: Option<Location>,
    /// A home region's store; once for each.
    #[arg(long, requires = "hub")]
    home: Vec<Location>,
}

/// The books of a line.
pub struct Stores {
    /// The hub's.
    pub hub: HubStore,
    /// The home regions', by a name for each.
    pub homes: Vec<(String, HomeStore)>,
    /// The treatment side's.
    pub treatment: TreatmentStore,
}

impl Books {
    /// Opens them.
    ///
    /// # Errors
    /// When one is missing, or somebody is writing to it.
    pub fn open(&self) -> Result<Stores> {
        match (&self.data, &self.hub, &self.treatment) {
            (Some(folder), None, None) => Stores::in_folder(folder),
            (None, Some(hub), Some(treatment)) => Stores::at(hub, treatment, &self.home),
            (_, _, _) => bail!("give --data FOLDER, or --hub, --treatment and --home for each store"),
        }
    }
}

impl Stores {
    fn in_folder(folder: &Path) -> Result<Stores> {
        let mut homes = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("home-") && name.ends_with(".db") {
                homes.push(path);
            }
        }
        homes.sort();
        let homes: Vec<Location> = homes.into_iter().map(Location::from).collect();
        Stores::at(&folder.join("hub.db").into(), &folder.join("treatment.db").into(), &homes)
    }

    fn at(hub: &Location, treatment: &Location, homes: &[Location]) -> Result<Stores> {
        for location in [hub, treatment].into_iter().chain(homes) {
            ensure_there(location)?;
        }
        let homes = homes.iter().map(|home| Ok((name_of(home), region::open_location(home)?)));
        Ok(Stores {
            hub: HubStore::open(hub, &StoreOptions::default())?,
            treatment: TreatmentStore::open(treatment, &StoreOptions::default())?,
            homes: homes.collect::<Result<_>>()?,
        })
    }
}

/// Opening would make a file that is not there, and an empty book agrees with everything.
pub(crate) fn ensure_there(location: &Location) -> Result<()> {
    match location {
        Location::File(path) => ensure!(path.exists(), "there is no store {}", path.display()),
        Location::Postgres(_) | Location::Simulated(_) => {}
    }
    Ok(())
}

/// `home-410700.db` is `home 410700`.
fn name_of(home: &Location) -> String {
    match home {
        Location::File(path) => {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            stem.replacen('-', " ", 1)
        }
        Location::Postgres(_) | Location::Simulated(_) => format!("home at {home}"),
    }
}
