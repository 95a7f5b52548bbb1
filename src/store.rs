//! `yidi store migrate`: brings a role's store to the version that this program needs, as the owner of its tables. The
//! roles themselves never migrate a PostgreSQL database; they say what to run.

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use ledger::engine::{Location, Schema, migrate};
use serde_json::json;

use crate::output;

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring it to the newest version. Running it again changes nothing; roles may go on serving meanwhile.
    Migrate {
        /// Whose store it is.
        #[arg(long, value_enum)]
        role: StoreRole,
        /// Where it is, as its owner reaches it: `postgres://owner@host:port/database`, or a file.
        #[arg(long)]
        store: Location,
        /// The database role that the serving process uses. It is given what it needs, and owns nothing. Name it every
        /// time: new tables are given to nobody else.
        #[arg(long)]
        application_role: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The roles that keep a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreRole {
    /// The hub.
    Hub,
    /// A home region.
    Region,
    /// A treatment side.
    His,
}

impl StoreRole {
    fn schema(self) -> &'static Schema {
        match self {
            StoreRole::Hub => &ledger::hub::SCHEMA,
            StoreRole::Region => &ledger::home::SCHEMA,
            StoreRole::His => &ledger::treatment::SCHEMA,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be reached, or a statement fails: then nothing was changed.
pub fn run(command: Command) -> Result<()> {
    let Command::Migrate { role, store, application_role, json: as_json } = command;
    let migrated = migrate(&store, role.schema(), application_role.as_deref())
        .with_context(|| format!("cannot migrate the store {store}"))?;
    if as_json {
        let told = json!({ "store": store.to_string(), "from": migrated.from, "to": migrated.to });
        output::line(&serde_json::to_string_pretty(&told)?);
    } else if migrated.from == migrated.to {
        output::line(&format!("{store} has version {} already", migrated.to));
    } else {
        output::line(&format!("{store} was brought from version {} to {}", migrated.from, migrated.to));
    }
    Ok(())
}
