//! The tables of a home region's store. Everything that money or a replay rests on is append-only; only the current
//! facts of an enrollee (name, document, which version of the dated facts holds) are replaced.
//!
//! `after_seq` is the last place of the book that came before a row counts: an operation's rows carry its own place,
//! a posting's rows the place after which it was posted. What an operation at place n saw is every row below n. An
//! operation carries its journal entry, where it has one. An account's entry stands under its owner: an operation has
//! several where relatives' accounts pay. Every settlement has its usage, and a usage the visit of its
//! settlement (empty for other usages), so that the one tree in which people lie finds their settlements too. A row of `affected` marks a settlement by what was changed (an
//! operation's place, or a posting) after it had been built on. `lost_places` were filled before the book was restored
//! from an older copy, and nobody outside ever heard what stood there. What is posted between such a restoration and
//! the return of the answers stands before them, and `unseen_postings` says which of them were decided without it.
//!
//! A batch of corrections is a row of `correction_batches` with the number in which it was taken in, and for each of its
//! settlements a row of `corrections`, a posting of kind `correction` (so that it stands in the book as any posting does)
//! and a usage, if an empty one. `correction_marks` are the rows of `affected` that a correction took into account; one
//! that undoes another accounts for what the settlement's correction before that one did.
//!
//! A row of `posted_stays` has the days of a stay that a posting brings; the posting names the institution and the stay, and
//! its usage (if an empty one) leads to both.

use crate::engine::{Fence, Schema, Version};
use crate::{inbox, leaves};

/// A home region's store.
pub static SCHEMA: Schema = Schema {
    name: "home",
    versions: &[FIRST, inbox::TABLES, UNSEEN, leaves::TABLES, CORRECTIONS, STAYS],
    fence: Fence::OneWriter,
};

const FIRST: Version = Version {
    tables: "CREATE TABLE operations (
        book_seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        person TEXT NOT NULL,
        bytes BLOB NOT NULL,
        filing BLOB,
        enrollee INTEGER,
        rule_set INTEGER NOT NULL,
        accepted INTEGER NOT NULL,
        outcome BLOB NOT NULL,
        journal TEXT,
        decided_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE settlements (
        book_seq INTEGER PRIMARY KEY,
        settlement TEXT NOT NULL UNIQUE,
        home TEXT NOT NULL,
        person TEXT NOT NULL,
        encounter TEXT NOT NULL,
        institution TEXT NOT NULL,
        treatment TEXT NOT NULL,
        care TEXT NOT NULL,
        admitted TEXT NOT NULL,
        discharged TEXT NOT NULL,
        charge_batch TEXT NOT NULL,
        interim INTEGER NOT NULL,
        level TEXT NOT NULL,
        diagnosis TEXT NOT NULL,
        rule_book BLOB NOT NULL
    ) STRICT;
    CREATE TABLE undoings (
        book_seq INTEGER PRIMARY KEY,
        settlement TEXT NOT NULL,
        becomes TEXT NOT NULL,
        counter TEXT NOT NULL
    ) STRICT;
    CREATE INDEX undoings_by_settlement ON undoings (settlement, book_seq);
    CREATE UNIQUE INDEX undoings_by_counter ON undoings (counter) WHERE counter <> '';
    CREATE TABLE usages (
        person TEXT NOT NULL,
        after_seq INTEGER NOT NULL,
        posting TEXT NOT NULL,
        encounter TEXT NOT NULL,
        day TEXT NOT NULL,
        year INTEGER NOT NULL,
        insurance TEXT NOT NULL,
        care TEXT NOT NULL,
        disease TEXT NOT NULL,
        month TEXT NOT NULL,
        stays INTEGER NOT NULL,
        deductible INTEGER NOT NULL,
        in_policy INTEGER NOT NULL,
        basic INTEGER NOT NULL,
        above_cap INTEGER NOT NULL,
        large_sum INTEGER NOT NULL,
        catastrophic_base INTEGER NOT NULL,
        catastrophic INTEGER NOT NULL,
        civil_servant_base INTEGER NOT NULL,
        civil_servant INTEGER NOT NULL,
        assistance_base INTEGER NOT NULL,
        assistance INTEGER NOT NULL,
        tilt_base INTEGER NOT NULL,
        tilt INTEGER NOT NULL,
        PRIMARY KEY (person, after_seq, posting)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE account_entries (
        person TEXT NOT NULL,
        after_seq INTEGER NOT NULL,
        posting TEXT NOT NULL,
        amount INTEGER NOT NULL,
        PRIMARY KEY (person, after_seq, posting)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tombstones (
        target TEXT PRIMARY KEY,
        book_seq INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE affected (
        settlement TEXT NOT NULL,
        after_seq INTEGER NOT NULL,
        posting TEXT NOT NULL,
        PRIMARY KEY (settlement, after_seq, posting)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lost_places (
        book_seq INTEGER PRIMARY KEY,
        noted_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE rule_books (
        hash BLOB PRIMARY KEY,
        home TEXT NOT NULL,
        insurance TEXT NOT NULL,
        content TEXT NOT NULL,
        loaded_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE rule_sets (
        rule_set INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE rule_set_books (
        rule_set INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (rule_set, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE postings (
        id TEXT PRIMARY KEY,
        person TEXT NOT NULL,
        kind TEXT NOT NULL,
        institution TEXT NOT NULL,
        encounter TEXT NOT NULL,
        cancels TEXT NOT NULL,
        content TEXT NOT NULL,
        after_seq INTEGER NOT NULL,
        posted_at INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX postings_by_cancelled ON postings (cancels) WHERE cancels <> '';
    CREATE INDEX claims_by_person ON postings (person) WHERE kind = 'manual-claim';
    CREATE TABLE enrollees (
        person TEXT PRIMARY KEY,
        enrollee INTEGER NOT NULL,
        home TEXT NOT NULL,
        content BLOB NOT NULL,
        sex TEXT NOT NULL,
        document_type TEXT NOT NULL,
        document_digest BLOB NOT NULL,
        card_digest BLOB NOT NULL,
        name BLOB NOT NULL,
        document BLOB NOT NULL,
        card BLOB NOT NULL
    ) STRICT;
    CREATE INDEX enrollees_by_document ON enrollees (document_digest);
    CREATE INDEX enrollees_by_card ON enrollees (card_digest);
    CREATE TABLE enrollee_versions (
        enrollee INTEGER PRIMARY KEY,
        person TEXT NOT NULL,
        home TEXT NOT NULL,
        birth TEXT NOT NULL,
        died TEXT NOT NULL
    ) STRICT;
    CREATE TABLE entitlements (
        enrollee INTEGER NOT NULL,
        position INTEGER NOT NULL,
        insurance TEXT NOT NULL,
        category TEXT NOT NULL,
        valid_from TEXT NOT NULL,
        valid_to TEXT NOT NULL,
        continuous_since TEXT NOT NULL,
        tier TEXT NOT NULL,
        civil_servant INTEGER NOT NULL,
        suspended_from TEXT NOT NULL,
        suspended_to TEXT NOT NULL,
        paid_on TEXT NOT NULL,
        lapsed_months INTEGER NOT NULL,
        lapsed_years INTEGER NOT NULL,
        repaired_years INTEGER NOT NULL,
        joined_as TEXT NOT NULL,
        retired_on TEXT NOT NULL,
        claim_free_years INTEGER NOT NULL,
        employer TEXT NOT NULL,
        PRIMARY KEY (enrollee, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE identities (
        enrollee INTEGER NOT NULL,
        position INTEGER NOT NULL,
        class TEXT NOT NULL,
        valid_from TEXT NOT NULL,
        valid_to TEXT NOT NULL,
        PRIMARY KEY (enrollee, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE qualifications (
        enrollee INTEGER NOT NULL,
        position INTEGER NOT NULL,
        disease TEXT NOT NULL,
        name TEXT NOT NULL,
        valid_from TEXT NOT NULL,
        valid_to TEXT NOT NULL,
        PRIMARY KEY (enrollee, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE shared_accounts (
        enrollee INTEGER NOT NULL,
        position INTEGER NOT NULL,
        owner TEXT NOT NULL,
        pool TEXT NOT NULL,
        insurance TEXT NOT NULL,
        kept_here INTEGER NOT NULL,
        valid_from TEXT NOT NULL,
        valid_to TEXT NOT NULL,
        PRIMARY KEY (enrollee, position)
    ) STRICT, WITHOUT ROWID;",
    append_only: &[
        "operations",
        "settlements",
        "undoings",
        "usages",
        "account_entries",
        "tombstones",
        "affected",
        "lost_places",
        "rule_books",
        "rule_sets",
        "rule_set_books",
        "postings",
        "enrollee_versions",
        "entitlements",
        "identities",
        "qualifications",
        "shared_accounts",
    ],
    postgres: "",
};

const UNSEEN: Version = Version {
    tables: "CREATE TABLE unseen_postings (
        book_seq INTEGER NOT NULL,
        posting TEXT NOT NULL,
        PRIMARY KEY (book_seq, posting)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX postings_by_person ON postings (person);",
    append_only: &["unseen_postings"],
    postgres: "",
};

const CORRECTIONS: Version = Version {
    tables: "CREATE TABLE correction_batches (
        batch TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        home TEXT NOT NULL,
        undoes TEXT NOT NULL,
        after_seq INTEGER NOT NULL,
        approved_at INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX correction_batches_by_undone ON correction_batches (undoes) WHERE undoes <> '';
    CREATE TABLE corrections (
        settlement TEXT NOT NULL,
        number INTEGER NOT NULL,
        posting TEXT NOT NULL UNIQUE,
        told_basic INTEGER NOT NULL,
        told_large_sum INTEGER NOT NULL,
        told_catastrophic INTEGER NOT NULL,
        told_civil_servant INTEGER NOT NULL,
        told_assistance INTEGER NOT NULL,
        told_account INTEGER NOT NULL,
        told_cash INTEGER NOT NULL,
        told_hospital INTEGER NOT NULL,
        now_basic INTEGER NOT NULL,
        now_large_sum INTEGER NOT NULL,
        now_catastrophic INTEGER NOT NULL,
        now_civil_servant INTEGER NOT NULL,
        now_assistance INTEGER NOT NULL,
        now_account INTEGER NOT NULL,
        now_cash INTEGER NOT NULL,
        now_hospital INTEGER NOT NULL,
        PRIMARY KEY (settlement, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX corrections_by_number ON corrections (number);
    CREATE TABLE correction_marks (
        settlement TEXT NOT NULL,
        number INTEGER NOT NULL,
        after_seq INTEGER NOT NULL,
        posting TEXT NOT NULL,
        PRIMARY KEY (settlement, number, after_seq, posting)
    ) STRICT, WITHOUT ROWID;",
    append_only: &["correction_batches", "corrections", "correction_marks"],
    postgres: "",
};

const STAYS: Version = Version {
    tables: "CREATE TABLE posted_stays (
        posting TEXT PRIMARY KEY,
        admitted TEXT NOT NULL,
        discharged TEXT NOT NULL,
        level TEXT NOT NULL,
        diagnosis TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;",
    append_only: &["posted_stays"],
    postgres: "",
};
