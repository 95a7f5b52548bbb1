//! The tables of a treatment side's store. Called when the store is opened or migrated.

use super::hospital;
use crate::engine::{Fence, Schema, Version};
use crate::{inbox, leaves};

/// See the file.
pub static SCHEMA: Schema = Schema {
    name: "treatment",
    versions: &[
        Version { tables: TABLES, append_only: APPEND_ONLY, postgres: "" },
        inbox::TABLES,
        REFUSALS,
        leaves::TABLES,
        hospital::TABLES,
    ],
    fence: Fence::OneWriter,
};

const TABLES: &str = concat!(
    // Every keyed message. A local one carries its answer. One that asks for an operation carries it, with the bytes as
    // they went out and the lines that it covers; its answer comes later, in `answers`. The encounter index finds what a
    // visit has on its way and settled; the key finds a message, and by its beginning whatever a reversal may mean.
    "CREATE TABLE messages (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL, attempt INTEGER NOT NULL, encounter TEXT NOT NULL,
        digest BLOB NOT NULL, fields BLOB NOT NULL, reference TEXT NOT NULL, received_at INTEGER NOT NULL,
        answer TEXT, warning TEXT,
        kind TEXT, settlement TEXT, undoes TEXT, original INTEGER, batch TEXT, interim INTEGER, home TEXT,
        category TEXT, covers TEXT, bytes BLOB,
        UNIQUE (key, attempt)) STRICT;
    CREATE INDEX messages_by_encounter ON messages (encounter) WHERE kind IS NOT NULL;
    CREATE UNIQUE INDEX messages_by_settlement ON messages (settlement) WHERE settlement IS NOT NULL;",
    // Messages that were undone, and targets that may never take effect.
    "CREATE TABLE reversals (message INTEGER PRIMARY KEY, reversed_by INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE tombstones (target TEXT PRIMARY KEY, laid_by INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE sendings (
        number INTEGER PRIMARY KEY, message INTEGER NOT NULL, taken INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX sendings_by_message ON sendings (message, number);",
    // The answer to an operation; to a settle that was accepted with the sums of the settlement.
    "CREATE TABLE answers (
        message INTEGER PRIMARY KEY, outcome BLOB NOT NULL, book_seq INTEGER NOT NULL, warning TEXT,
        answered_at INTEGER NOT NULL, insurance TEXT, clearing_class TEXT, agency TEXT, settled_at INTEGER,
        total INTEGER, funds INTEGER, account INTEGER, cash INTEGER, hospital INTEGER) STRICT;
    CREATE TABLE settlement_events (
        number INTEGER PRIMARY KEY, settlement TEXT NOT NULL, kind TEXT NOT NULL, counter TEXT NOT NULL,
        message INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX settlement_events_by_settlement ON settlement_events (settlement, number);
    CREATE INDEX settlement_events_by_counter ON settlement_events (counter);",
    // Each event says what happened to a visit and how it stands afterwards, so that the last one tells everything. What
    // settling reads lies in trees in the order of the visits: one page each, where an index beside a table makes two.
    "CREATE TABLE encounters (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, institution TEXT NOT NULL, person TEXT NOT NULL, home TEXT NOT NULL,
        insurance TEXT NOT NULL, hospital_number TEXT NOT NULL, opened_at INTEGER NOT NULL,
        message INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE encounter_events (
        encounter TEXT NOT NULL, message INTEGER NOT NULL, kind TEXT NOT NULL, began TEXT NOT NULL, ended TEXT,
        cancelled INTEGER NOT NULL, category TEXT NOT NULL, disease TEXT, emergency INTEGER NOT NULL,
        referral INTEGER NOT NULL, injury INTEGER NOT NULL, third_party INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (encounter, message)) STRICT, WITHOUT ROWID;
    CREATE TABLE diagnoses (
        number INTEGER PRIMARY KEY, encounter TEXT NOT NULL, kind TEXT NOT NULL, ordinal TEXT NOT NULL,
        code TEXT NOT NULL, main INTEGER NOT NULL, valid INTEGER NOT NULL, message INTEGER NOT NULL) STRICT;
    CREATE INDEX diagnoses_by_encounter ON diagnoses (encounter);",
    // Charge lines carry their split, so that settling adds up and never splits again. Tallies are their sums, one for
    // each message and batch and one for each line withdrawn, so that settling need not read the lines either.
    "CREATE TABLE charges (
        number INTEGER PRIMARY KEY, encounter TEXT NOT NULL, charge TEXT NOT NULL, takes_back TEXT,
        batch TEXT NOT NULL, item TEXT NOT NULL, charged_on TEXT NOT NULL, item_class TEXT NOT NULL,
        class TEXT NOT NULL, category INTEGER NOT NULL, share TEXT NOT NULL, quantity TEXT NOT NULL,
        self_paid INTEGER NOT NULL, over_limit INTEGER NOT NULL, first_self_pay INTEGER NOT NULL,
        in_policy INTEGER NOT NULL, disease TEXT, message INTEGER NOT NULL) STRICT;
    CREATE INDEX charges_by_encounter ON charges (encounter, batch, number);
    CREATE INDEX charges_by_charge ON charges (encounter, charge);
    CREATE INDEX charges_by_message ON charges (message);
    CREATE TABLE withdrawals (
        line INTEGER PRIMARY KEY, message INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE tallies (
        encounter TEXT NOT NULL, batch TEXT NOT NULL, line INTEGER NOT NULL, message INTEGER NOT NULL,
        sums TEXT NOT NULL, PRIMARY KEY (encounter, batch, line, message)) STRICT, WITHOUT ROWID;",
    // What may change: conveniences that no money depends on.
    "CREATE TABLE estimates (
        encounter TEXT NOT NULL, batch TEXT NOT NULL, total INTEGER NOT NULL, self_paid INTEGER NOT NULL,
        over_limit INTEGER NOT NULL, first_self_pay INTEGER NOT NULL, in_policy INTEGER NOT NULL,
        cash INTEGER NOT NULL, PRIMARY KEY (encounter, batch)) STRICT, WITHOUT ROWID;
    CREATE TABLE people (
        person TEXT NOT NULL, known_from INTEGER NOT NULL, name TEXT NOT NULL, document_type TEXT NOT NULL,
        document TEXT NOT NULL, sex TEXT NOT NULL, birth TEXT NOT NULL, category TEXT NOT NULL,
        civil_servant INTEGER NOT NULL, PRIMARY KEY (person, known_from)) STRICT, WITHOUT ROWID;
    CREATE TABLE sign_ins (
        number TEXT PRIMARY KEY, institution TEXT NOT NULL, operator TEXT NOT NULL, signed_in INTEGER NOT NULL,
        signed_out INTEGER) STRICT;
    CREATE TABLE numbers (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
    INSERT INTO numbers VALUES ('ids', 0);",
);

/// What a desk was told for good without anything being sent: a double that comes late must not be judged anew.
const REFUSALS: Version = Version {
    tables: "CREATE TABLE refusals (
        key TEXT NOT NULL, digest BLOB NOT NULL, code INTEGER NOT NULL, field TEXT, detail TEXT, at INTEGER NOT NULL,
        PRIMARY KEY (key, digest)) STRICT, WITHOUT ROWID;",
    append_only: &["refusals"],
    postgres: "",
};

const APPEND_ONLY: &[&str] = &[
    "messages",
    "reversals",
    "tombstones",
    "sendings",
    "answers",
    "settlement_events",
    "encounters",
    "encounter_events",
    "diagnoses",
    "charges",
    "withdrawals",
    "tallies",
];
