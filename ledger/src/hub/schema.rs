//! The tables of the hub's store, oldest version first. Evidence is append-only. `doubts`, `sweeps` and `leases` alone
//! change: they are worklists and hints, and can be made again from the evidence.

use super::{asked, break_actions, break_decisions, breaks, express, inquiries, periods, prefunds, told};
use crate::engine::{Fence, Schema, Version};
use crate::{leaves, mailbox};

/// The hub's tables, for [`crate::engine::migrate`].
pub static SCHEMA: Schema = Schema {
    name: "hub",
    versions: &[
        FIRST,
        mailbox::TABLES,
        leaves::TABLES,
        periods::TABLES,
        breaks::TABLES,
        prefunds::TABLES,
        inquiries::TABLES,
        break_actions::TABLES,
        asked::TABLES,
        break_decisions::TABLES,
        mailbox::NODES,
        told::TABLES,
    ],
    fence: Fence::ManyWriters,
};

const FIRST: Version = Version {
    tables: TABLES,
    append_only: &[
        "committers",
        "operations",
        "answers",
        "tombstones",
        "periods",
        "filings",
        "filing_proofs",
        "filing_cancellations",
        "book_falls",
        "book_restorations",
    ],
    postgres: express::FUNCTION,
};

// The two tables of the hot path have no CHECK: SQLite makes a table of a list of words for every row, PostgreSQL reads
// the text of a constraint anew for every statement, a fifth of what it costs to write the rows. What is read back is
// checked instead.
const TABLES: &str = concat!(
    // Each connection that writes takes the next number; see the engine's numbers.
    "CREATE TABLE committers (number INTEGER PRIMARY KEY) STRICT;",
    // A released operation never left, so its key is free again: it comes back as the next attempt. Only the last
    // attempt of a key can be unreleased, and two operations can never share an attempt. A key begins with what a
    // reversal names, so the operations that one is aimed at lie side by side; and that begins with the time of the
    // message id, so that what comes together is written into the same pages, whoever sends it.
    "CREATE TABLE operations (
        position INTEGER PRIMARY KEY,
        home TEXT NOT NULL,
        key TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        kind TEXT NOT NULL,
        filing TEXT,
        bytes BLOB NOT NULL,
        received_at INTEGER NOT NULL,
        UNIQUE (key, attempt)
    ) STRICT;",
    // How an operation ended, and what it booked. A settlement's id stands here with its time first, for the same
    // reason. `step` counts the entries of a settlement: the first makes it count,
    // the second undoes it, the third makes it count again, and so on. No two can share a step, whoever writes them.
    "CREATE TABLE answers (
        position INTEGER PRIMARY KEY,
        home TEXT NOT NULL,
        verdict TEXT NOT NULL,
        outcome BLOB NOT NULL,
        book_seq INTEGER NOT NULL,
        answered_at INTEGER NOT NULL,
        settlement TEXT,
        step INTEGER,
        lines TEXT,
        period INTEGER
    ) STRICT;
    CREATE INDEX answers_by_book ON answers (home, book_seq) WHERE book_seq > 0;
    CREATE UNIQUE INDEX answers_by_settlement ON answers (settlement, step) WHERE settlement IS NOT NULL;",
    // A mark is a key or what a reversal names; the two are never equal, for a key has more parts.
    "CREATE TABLE tombstones (
        mark TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('key', 'target')),
        laid_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;",
    // The newest is open.
    "CREATE TABLE periods (
        number INTEGER PRIMARY KEY,
        opened_at INTEGER NOT NULL
    ) STRICT;
    INSERT INTO periods (number, opened_at) VALUES (1, 0);",
    "CREATE TABLE filings (
        id TEXT PRIMARY KEY,
        home TEXT NOT NULL,
        person TEXT NOT NULL,
        class TEXT NOT NULL,
        destination TEXT NOT NULL,
        first_day TEXT NOT NULL,
        last_day TEXT,
        proof TEXT NOT NULL,
        lodged_at INTEGER NOT NULL,
        lodged_by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX filings_by_person ON filings (home, person);",
    // Of filings that were lodged by commitment: the proof came later.
    "CREATE TABLE filing_proofs (
        id TEXT PRIMARY KEY,
        handed_in_at INTEGER NOT NULL,
        handed_in_by TEXT NOT NULL
    ) STRICT;",
    "CREATE TABLE filing_cancellations (
        id TEXT PRIMARY KEY,
        last_day TEXT,
        cancelled_at INTEGER NOT NULL,
        cancelled_by TEXT NOT NULL
    ) STRICT;",
    // What is asked about: operations that may have no answer. Always read beside the answers.
    "CREATE TABLE doubts (
        home TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (home, position)
    ) STRICT, WITHOUT ROWID;",
    // Up to where each committer's operations are answered, released, or on the list of doubts.
    "CREATE TABLE sweeps (
        committer INTEGER PRIMARY KEY,
        reached INTEGER NOT NULL
    ) STRICT;",
    // Who does a job among several hubs, and until when by the database's clock.
    "CREATE TABLE leases (
        job TEXT PRIMARY KEY,
        holder INTEGER NOT NULL,
        held_until INTEGER NOT NULL
    ) STRICT;",
    // Home regions' books that fell, and when each was made whole again.
    "CREATE TABLE book_falls (
        fall INTEGER PRIMARY KEY,
        home TEXT NOT NULL,
        fell_from INTEGER NOT NULL,
        fell_to INTEGER NOT NULL,
        seen_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE book_restorations (
        fall INTEGER PRIMARY KEY,
        ended_at INTEGER NOT NULL,
        ended_by TEXT NOT NULL
    ) STRICT;",
);
