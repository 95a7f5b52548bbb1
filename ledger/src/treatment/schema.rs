//! The tables of a treatment side's store. Called when the store is opened.

use crate::append_only;
use crate::store::Migrations;

pub const MIGRATIONS: Migrations = &[concat!(
    // Every keyed message. A local one carries its answer; an operation's answer comes later, in `answers`.
    "CREATE TABLE messages (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL, attempt INTEGER NOT NULL, target TEXT NOT NULL,
        transaction_number TEXT NOT NULL, encounter TEXT NOT NULL, digest BLOB NOT NULL, fields BLOB NOT NULL,
        reference TEXT NOT NULL, received_at INTEGER NOT NULL, answer TEXT, warning TEXT,
        UNIQUE (key, attempt)) STRICT;
    CREATE INDEX messages_by_target ON messages (target);",
    // Messages that were undone, and targets that may never take effect.
    "CREATE TABLE reversals (message INTEGER PRIMARY KEY, reversed_by INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE tombstones (target TEXT PRIMARY KEY, laid_by INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;",
    "CREATE TABLE operations (
        message INTEGER PRIMARY KEY, kind TEXT NOT NULL, settlement TEXT NOT NULL, undoes TEXT NOT NULL,
        original INTEGER, institution TEXT NOT NULL, person TEXT NOT NULL, encounter TEXT NOT NULL,
        batch TEXT NOT NULL, interim INTEGER NOT NULL, home TEXT NOT NULL, category TEXT NOT NULL,
        bytes BLOB NOT NULL) STRICT;
    CREATE INDEX operations_by_encounter ON operations (encounter);
    CREATE TABLE sendings (
        number INTEGER PRIMARY KEY, message INTEGER NOT NULL, taken INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX sendings_by_message ON sendings (message, number);
    CREATE TABLE answers (
        message INTEGER PRIMARY KEY, outcome BLOB NOT NULL, book_seq INTEGER NOT NULL, warning TEXT,
        answered_at INTEGER NOT NULL) STRICT;",
    "CREATE TABLE encounters (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, institution TEXT NOT NULL, person TEXT NOT NULL, home TEXT NOT NULL,
        insurance TEXT NOT NULL, hospital_number TEXT NOT NULL, opened_at INTEGER NOT NULL,
        message INTEGER NOT NULL) STRICT;
    CREATE TABLE encounter_events (
        number INTEGER PRIMARY KEY, encounter TEXT NOT NULL, kind TEXT NOT NULL, began TEXT, ended TEXT,
        category TEXT, disease TEXT, emergency INTEGER, referral INTEGER, injury INTEGER, third_party INTEGER,
        at INTEGER NOT NULL, message INTEGER NOT NULL) STRICT;
    CREATE INDEX encounter_events_by_encounter ON encounter_events (encounter, number);
    CREATE TABLE diagnoses (
        number INTEGER PRIMARY KEY, encounter TEXT NOT NULL, kind TEXT NOT NULL, ordinal TEXT NOT NULL,
        code TEXT NOT NULL, main INTEGER NOT NULL, valid INTEGER NOT NULL, message INTEGER NOT NULL) STRICT;
    CREATE INDEX diagnoses_by_encounter ON diagnoses (encounter);",
    // Charge lines carry their split, so that settling adds up and never splits again.
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
        line INTEGER PRIMARY KEY, message INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;",
    "CREATE TABLE settled_ranges (
        settlement TEXT NOT NULL, after INTEGER NOT NULL, upto INTEGER NOT NULL,
        PRIMARY KEY (settlement, after)) STRICT, WITHOUT ROWID;
    CREATE TABLE settlements (
        id TEXT PRIMARY KEY, message INTEGER NOT NULL, institution TEXT NOT NULL, person TEXT NOT NULL,
        encounter TEXT NOT NULL, batch TEXT NOT NULL, interim INTEGER NOT NULL, insurance TEXT NOT NULL,
        clearing_class TEXT NOT NULL, agency TEXT NOT NULL, settled_at INTEGER NOT NULL, total INTEGER NOT NULL,
        funds INTEGER NOT NULL, account INTEGER NOT NULL, cash INTEGER NOT NULL, hospital INTEGER NOT NULL) STRICT;
    CREATE INDEX settlements_by_encounter ON settlements (encounter);
    CREATE INDEX settlements_by_institution ON settlements (institution, settled_at);
    CREATE TABLE settlement_events (
        number INTEGER PRIMARY KEY, settlement TEXT NOT NULL, kind TEXT NOT NULL, counter TEXT NOT NULL,
        message INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX settlement_events_by_settlement ON settlement_events (settlement, number);
    CREATE INDEX settlement_events_by_counter ON settlement_events (counter);",
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
    append_only!(
        "messages",
        "reversals",
        "tombstones",
        "operations",
        "sendings",
        "answers",
        "encounters",
        "encounter_events",
        "diagnoses",
        "charges",
        "withdrawals",
        "settled_ranges",
        "settlements",
        "settlement_events",
    )
)];
