//! The tables of the hub's store, oldest version first. Evidence is append-only; `waiting` alone is a worklist, kept
//! so that nobody searches the whole book for what has no answer, and can be made again from the evidence.

use crate::append_only;
use crate::store::Migrations;

pub(super) const MIGRATIONS: Migrations = &[concat!(
    // A released operation never left, so its key is free again: it comes back as the next attempt. Only the last
    // attempt of a key can be unreleased, and two operations can never share an attempt.
    "CREATE TABLE operations (
        position INTEGER PRIMARY KEY,
        home TEXT NOT NULL,
        key TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        target TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('settle', 'cancel', 'reverse')),
        institution TEXT NOT NULL,
        person TEXT NOT NULL,
        encounter TEXT,
        filing TEXT,
        bytes BLOB NOT NULL,
        received_at INTEGER NOT NULL,
        UNIQUE (key, attempt)
    ) STRICT;
    CREATE INDEX operations_by_target ON operations (target);",
    "CREATE TABLE releases (
        position INTEGER PRIMARY KEY REFERENCES operations,
        released_at INTEGER NOT NULL
    ) STRICT;",
    "CREATE TABLE answers (
        position INTEGER PRIMARY KEY REFERENCES operations,
        home TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'refused')),
        outcome BLOB NOT NULL,
        book_seq INTEGER NOT NULL,
        answered_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX answers_by_book ON answers (home, book_seq);",
    // A mark is a key or what a reversal names; the two are never equal, for a key has more parts.
    "CREATE TABLE tombstones (
        mark TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('key', 'target')),
        laid_at INTEGER NOT NULL
    ) STRICT;",
    "CREATE TABLE journal_entries (
        position INTEGER PRIMARY KEY REFERENCES answers,
        settlement TEXT NOT NULL,
        turn INTEGER NOT NULL CHECK (turn IN (1, -1))
    ) STRICT;
    CREATE INDEX journal_entries_by_settlement ON journal_entries (settlement);",
    "CREATE TABLE journal_lines (
        position INTEGER NOT NULL,
        line INTEGER NOT NULL,
        account TEXT NOT NULL,
        pool TEXT,
        insurance TEXT,
        fund TEXT,
        party TEXT,
        amount INTEGER NOT NULL CHECK (amount <> 0),
        PRIMARY KEY (position, line)
    ) STRICT, WITHOUT ROWID;",
    "CREATE TABLE filings (
        id TEXT PRIMARY KEY,
        home TEXT NOT NULL,
        person TEXT NOT NULL,
        class TEXT NOT NULL,
        destination TEXT NOT NULL,
        first_day TEXT NOT NULL,
        last_day TEXT,
        lodged_at INTEGER NOT NULL,
        lodged_by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX filings_by_person ON filings (home, person);",
    "CREATE TABLE filing_cancellations (
        id TEXT PRIMARY KEY REFERENCES filings,
        last_day TEXT,
        cancelled_at INTEGER NOT NULL,
        cancelled_by TEXT NOT NULL
    ) STRICT;",
    "CREATE TABLE book_falls (
        fall INTEGER PRIMARY KEY,
        home TEXT NOT NULL,
        fell_from INTEGER NOT NULL,
        fell_to INTEGER NOT NULL,
        seen_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE book_restorations (
        fall INTEGER PRIMARY KEY REFERENCES book_falls,
        ended_at INTEGER NOT NULL,
        ended_by TEXT NOT NULL
    ) STRICT;",
    "CREATE TABLE waiting (
        position INTEGER PRIMARY KEY REFERENCES operations,
        home TEXT NOT NULL
    ) STRICT;",
    append_only!(
        "operations",
        "releases",
        "answers",
        "tombstones",
        "journal_entries",
        "journal_lines",
        "filings",
        "filing_cancellations",
        "book_falls",
        "book_restorations"
    ),
)];
