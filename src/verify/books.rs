//! Which books `yidi verify` holds against one another: those of a line in one folder, or the stores of roles that run
//! apart, each named for itself, and any of them left out. They are only looked at, whoever writes to them meanwhile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use ledger::engine::Location;
use ledger::home::HomeStore;
use ledger::hub::HubStore;
use ledger::treatment::TreatmentStore;
use settlement::ids::PoolCode;

/// Where the books are. Whoever serves from them may go on.
#[derive(Debug, Args)]
pub struct Books {
    /// The folder of a line's stores: hub.db, treatment.db, and one home-….db a pool.
    #[arg(long, conflicts_with_all = ["hub", "treatment", "home"])]
    data: Option<PathBuf>,
    /// The hub's store, as its settings name it: a file, or a PostgreSQL database. What takes a store that is not given is
    /// left out, and said to be.
    #[arg(long)]
    hub: Option<Location>,
    /// The treatment side's store.
    #[arg(long)]
    treatment: Option<Location>,
    /// A home region's store; once for each.
    #[arg(long)]
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

/// Those of the books that are at hand.
pub(super) struct AtHand {
    /// The hub's.
    pub hub: Option<HubStore>,
    /// Home regions', by a name for each.
    pub homes: Vec<(String, HomeStore)>,
    /// The treatment side's.
    pub treatment: Option<TreatmentStore>,
    /// Whether these are the books of all that the hub speaks with, as in a line's folder.
    pub is_whole: bool,
}

impl Books {
    /// Opens them, to look at them.
    ///
    /// # Errors
    /// When none is named, or one is missing, another role's, or older than this program.
    pub(super) fn open(&self) -> Result<AtHand> {
        match (&self.data, &self.hub, &self.treatment, &self.home[..]) {
            (None, None, None, []) => {
                bail!("give --data FOLDER, or --hub, --treatment and --home for each store that is at hand")
            }
            (Some(folder), _, _, _) => AtHand::in_folder(folder),
            (None, hub, treatment, homes) => AtHand::at(hub.as_ref(), treatment.as_ref(), homes, false),
        }
    }
}

impl AtHand {
    fn in_folder(folder: &Path) -> Result<AtHand> {
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
        let [hub, treatment] = ["hub.db", "treatment.db"].map(|name| Location::from(folder.join(name)));
        AtHand::at(Some(&hub), Some(&treatment), &homes, true)
    }

    fn at(hub: Option<&Location>, treatment: Option<&Location>, homes: &[Location], is_whole: bool) -> Result<AtHand> {
        for location in hub.into_iter().chain(treatment).chain(homes) {
            ensure_there(location)?;
        }
        let look = |location: &Location| format!("cannot look at the store {location}");
        let home =
            |home: &Location| -> Result<_> { Ok((name_of(home), region::look_at(home).with_context(|| look(home))?)) };
        Ok(AtHand {
            hub: hub.map(|hub| HubStore::open_to_look(hub).with_context(|| look(hub))).transpose()?,
            homes: homes.iter().map(home).collect::<Result<_>>()?,
            treatment: treatment.map(|his| TreatmentStore::open_to_look(his).with_context(|| look(his))).transpose()?,
            is_whole,
        })
    }

    /// What cannot be checked without the books that are not at hand, in words.
    pub fn left_out(&self) -> Vec<String> {
        let mut left_out = Vec::new();
        let mut leave = |what: &str| left_out.push(what.to_owned());
        if self.hub.is_none() {
            leave("the hub's book, clearing, and whether books agree (--hub)");
        }
        if self.treatment.is_none() {
            leave("the treatment side's book, and whether the hub's agrees with it (--treatment)");
        }
        if self.homes.is_empty() && !self.is_whole {
            leave("home regions' books, and whether the hub's agrees with them (--home)");
        }
        left_out
    }

    /// Of the pools that the hub has something of, those whose book is not at hand, as far as one can tell: no book that is
    /// has anything of them.
    pub fn without(&self, of_hub: &BTreeSet<PoolCode>, known: &BTreeSet<PoolCode>) -> BTreeSet<PoolCode> {
        if self.is_whole { BTreeSet::new() } else { of_hub.difference(known).copied().collect() }
    }
}

impl From<&Stores> for AtHand {
    fn from(stores: &Stores) -> AtHand {
        let Stores { hub, homes, treatment } = stores;
        AtHand { hub: Some(hub.clone()), homes: homes.clone(), treatment: Some(treatment.clone()), is_whole: true }
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

#[cfg(test)]
mod tests {
    use settlement::ids::RegionCode;

    use super::*;

    #[test]
    fn what_is_left_out_is_told_for_each_store_that_is_not_given() {
        let books = |is_whole| AtHand { hub: None, homes: Vec::new(), treatment: None, is_whole };
        let named = books(false).left_out();
        let flags = ["(--hub)", "(--treatment)", "(--home)"];
        assert!(
            named.len() == flags.len() && named.iter().zip(flags).all(|(one, flag)| one.ends_with(flag)),
            "{named:?}"
        );
        let pool = |code: &str| PoolCode(RegionCode::new(code).expect("six digits"));
        let (asked, decided) = ([pool("410700"), pool("440300")].into(), [pool("410700")].into());
        assert_eq!(books(false).without(&asked, &decided), [pool("440300")].into());
        assert_eq!(books(true).without(&asked, &decided), [].into(), "a folder holds all of them");
    }
}
