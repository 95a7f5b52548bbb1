//! The tables of clearing. Everything but the sums is evidence: what was carried, stated, answered and paid.

use crate::engine::Version;

/// See the file.
pub(in crate::hub) const TABLES: Version = Version {
    tables: TEXT,
    append_only: &[
        "lot_postings",
        "period_bounds",
        "period_late",
        "clearing_months",
        "clearing_steps",
        "period_members",
        "carried_entries",
        "listed_acts",
        "statements",
        "statement_lots",
        "statement_replies",
        "objected_settlements",
        "notices",
        "payments",
        "payment_acceptances",
        "deductions",
        "deduction_events",
        "deduction_objections",
        "deduction_postings",
        "deduction_moves",
        "correction_batches",
        "corrections",
        "correction_events",
        "correction_records",
        "correction_postings",
        "correction_moves",
    ],
    postgres: "",
};

const TEXT: &str = concat!(
    // What each entry of the journal moves within a lot, and the sums by period: both folded from the journal by a job,
    // and proved from it before a period is stated. `part` is 0 for the settlement's own lot; the accounts of owners
    // whom other pools insure follow. What undoes an entry of an earlier period says of which.
    "CREATE TABLE lot_postings (
        position INTEGER NOT NULL, part INTEGER NOT NULL, period INTEGER NOT NULL,
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, care TEXT NOT NULL,
        settlement TEXT NOT NULL, step INTEGER NOT NULL, day TEXT NOT NULL, corrects INTEGER,
        visits INTEGER NOT NULL, total INTEGER NOT NULL, basic INTEGER NOT NULL, large_sum INTEGER NOT NULL,
        catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL, assistance INTEGER NOT NULL,
        account INTEGER NOT NULL, PRIMARY KEY (position, part)) STRICT, WITHOUT ROWID;
    CREATE INDEX lot_postings_by_lot ON lot_postings (period, home, treatment, insurance, care, position, part);
    CREATE INDEX lot_postings_corrections ON lot_postings (period) WHERE corrects IS NOT NULL;
    CREATE TABLE lot_totals (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL,
        care TEXT NOT NULL, visits INTEGER NOT NULL, total INTEGER NOT NULL, basic INTEGER NOT NULL,
        large_sum INTEGER NOT NULL, catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL,
        assistance INTEGER NOT NULL, account INTEGER NOT NULL,
        PRIMARY KEY (period, home, treatment, insurance, care)) STRICT, WITHOUT ROWID;",
    // Which days between two pools a period holds how many entries of: what is to have been compared before it is stated.
    "CREATE TABLE period_branches (
        period INTEGER NOT NULL, day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, entries INTEGER NOT NULL,
        PRIMARY KEY (period, day, home, treatment)) STRICT, WITHOUT ROWID;",
    // Up to where the book was folded when a period began, and what had no answer then: everything that the period holds
    // lies after the one or is among the other.
    "CREATE TABLE period_bounds (
        period INTEGER NOT NULL, committer INTEGER NOT NULL, reached INTEGER NOT NULL,
        newest INTEGER NOT NULL, PRIMARY KEY (period, committer)) STRICT, WITHOUT ROWID;
    CREATE TABLE period_late (
        period INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (period, position)) STRICT, WITHOUT ROWID;",
    // Which month a period is, and the steps that it has taken. A proof that failed is followed by another.
    "CREATE TABLE clearing_months (period INTEGER PRIMARY KEY, month TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE clearing_steps (
        number INTEGER PRIMARY KEY, period INTEGER NOT NULL, step TEXT NOT NULL, held INTEGER NOT NULL,
        report TEXT NOT NULL, taken_at INTEGER NOT NULL) STRICT;
    CREATE INDEX clearing_steps_by_period ON clearing_steps (period, number);",
    // Which member each pool of a period was of when it was stated.
    "CREATE TABLE period_members (
        period INTEGER NOT NULL, pool TEXT NOT NULL, member TEXT NOT NULL,
        PRIMARY KEY (period, pool)) STRICT, WITHOUT ROWID;",
    // Entries that a period is cleared without; where they go, or that they stand on the list, and which side's member
    // has to find out. What ends on the list goes from period 0: into the one that is open then, or into none where it is
    // returned.
    "CREATE TABLE carried_entries (
        position INTEGER NOT NULL, part INTEGER NOT NULL, from_period INTEGER NOT NULL, into_period INTEGER,
        reason TEXT NOT NULL, owner TEXT NOT NULL, carried_at INTEGER NOT NULL,
        PRIMARY KEY (position, part, from_period)) STRICT, WITHOUT ROWID;
    CREATE INDEX carried_from ON carried_entries (from_period, position, part);
    CREATE INDEX carried_into ON carried_entries (into_period, position, part, from_period)
        WHERE into_period IS NOT NULL;
    CREATE INDEX carried_to_list ON carried_entries (carried_at, position, part)
        WHERE into_period IS NULL AND from_period > 0;
    CREATE TABLE listed_acts (
        settlement TEXT NOT NULL, part INTEGER NOT NULL, step INTEGER NOT NULL, act TEXT NOT NULL, verdict TEXT,
        entries INTEGER NOT NULL, net INTEGER NOT NULL, reason TEXT NOT NULL, seat TEXT NOT NULL,
        done_by TEXT NOT NULL, done_at INTEGER NOT NULL,
        PRIMARY KEY (settlement, part, step)) STRICT, WITHOUT ROWID;",
    // Statements as they were issued, with their lots as they stood; `movement` says which of the sums a row is.
    "CREATE TABLE statements (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL,
        due_employee INTEGER NOT NULL, due_resident INTEGER NOT NULL, issued_on TEXT NOT NULL,
        PRIMARY KEY (period, home, treatment, version)) STRICT, WITHOUT ROWID;
    CREATE TABLE statement_lots (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL,
        movement TEXT NOT NULL, lot_home TEXT NOT NULL, lot_treatment TEXT NOT NULL, insurance TEXT NOT NULL,
        care TEXT NOT NULL, visits INTEGER NOT NULL, total INTEGER NOT NULL, basic INTEGER NOT NULL,
        large_sum INTEGER NOT NULL, catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL,
        assistance INTEGER NOT NULL, account INTEGER NOT NULL,
        PRIMARY KEY (period, home, treatment, version, lot_home, lot_treatment, insurance, care, movement)
    ) STRICT, WITHOUT ROWID;",
    // What members said to a version, once each side; who is silent is written down as such.
    "CREATE TABLE statement_replies (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL,
        side TEXT NOT NULL, reply TEXT NOT NULL, reason TEXT NOT NULL, replied_by TEXT NOT NULL,
        replied_at INTEGER NOT NULL, PRIMARY KEY (period, home, treatment, version, side)) STRICT, WITHOUT ROWID;
    CREATE TABLE objected_settlements (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL,
        side TEXT NOT NULL, settlement TEXT NOT NULL,
        PRIMARY KEY (period, home, treatment, version, side, settlement)) STRICT, WITHOUT ROWID;",
    // What is paid for a statement, each insurance's money by itself, and the payment as each side records it: the newest
    // record of a side is what it says. Two that differ may be accepted by both sides as of one payment.
    "CREATE TABLE notices (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL,
        version INTEGER NOT NULL, due INTEGER NOT NULL, issued_on TEXT NOT NULL,
        PRIMARY KEY (period, home, treatment, insurance)) STRICT, WITHOUT ROWID;
    CREATE TABLE payments (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL,
        side TEXT NOT NULL, record INTEGER NOT NULL, serial TEXT NOT NULL, bank TEXT NOT NULL, paid_on TEXT NOT NULL,
        amount INTEGER NOT NULL, recorded_by TEXT NOT NULL, recorded_at INTEGER NOT NULL,
        PRIMARY KEY (period, home, treatment, insurance, side, record)) STRICT, WITHOUT ROWID;
    CREATE TABLE payment_acceptances (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL,
        side TEXT NOT NULL, paid_record INTEGER NOT NULL, received_record INTEGER NOT NULL, reason TEXT NOT NULL,
        accepted_by TEXT NOT NULL, accepted_at INTEGER NOT NULL,
        PRIMARY KEY (period, home, treatment, insurance, side, paid_record, received_record)) STRICT, WITHOUT ROWID;",
    // What review takes off settlements: lodged under an id that its sender makes, then objected to, agreed on, withdrawn
    // or released; what was released may come back, and then stands again as before. What it takes off a period is a
    // posting of its own; a release gives it back by another.
    // What is taken off a settlement that is carried over goes with it; on the list it is in period 0. What is moved by
    // itself says why, and which side's member has to find out: carried over, onto the list, and off it into the period
    // that is open then, or, where it is returned, from 0 into 0.
    "CREATE TABLE deductions (
        id TEXT PRIMARY KEY, settlement TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        insurance TEXT NOT NULL, care TEXT NOT NULL, basic INTEGER NOT NULL, large_sum INTEGER NOT NULL,
        catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL, assistance INTEGER NOT NULL,
        reason TEXT NOT NULL, lodged_by TEXT NOT NULL, lodged_at INTEGER NOT NULL) STRICT;
    CREATE INDEX deductions_by_settlement ON deductions (settlement);
    CREATE INDEX deductions_by_lodging ON deductions (lodged_at, id);
    CREATE TABLE deduction_events (
        id TEXT NOT NULL, step INTEGER NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL, done_by TEXT NOT NULL,
        done_at INTEGER NOT NULL, PRIMARY KEY (id, step)) STRICT, WITHOUT ROWID;
    CREATE TABLE deduction_objections (
        id TEXT PRIMARY KEY, hospital TEXT NOT NULL, letter TEXT NOT NULL, written_on TEXT NOT NULL,
        reason TEXT NOT NULL) STRICT;
    CREATE TABLE deduction_postings (
        id TEXT NOT NULL, step INTEGER NOT NULL, period INTEGER NOT NULL, basic INTEGER NOT NULL,
        large_sum INTEGER NOT NULL, catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL,
        assistance INTEGER NOT NULL, PRIMARY KEY (id, step)) STRICT, WITHOUT ROWID;
    CREATE INDEX deduction_postings_by_period ON deduction_postings (period);
    CREATE TABLE deduction_moves (
        id TEXT NOT NULL, step INTEGER NOT NULL, from_period INTEGER NOT NULL, into_period INTEGER NOT NULL,
        reason TEXT, owner TEXT, moved_at INTEGER, PRIMARY KEY (id, step, from_period)) STRICT, WITHOUT ROWID;
    CREATE INDEX deduction_moves_into ON deduction_moves (into_period, moved_at, id, step);",
    // Corrections of settlements that a late change affects: batches that one person puts forward and another decides on,
    // settlement by settlement as it counts before and after (account and hospital's part stay). Once a batch is in force
    // each settlement has a posting; every second one gives it back, when its settlement is undone, and every other brings
    // it again. The funds' columns of a posting are what moves. A batch in force says after which place of the region's
    // book it stands, and its number among the batches there. Its record is the region's, for a book that loses it. For
    // whom somebody decides is kept beside each; what the region does has no seat.
    "CREATE TABLE correction_batches (
        id TEXT PRIMARY KEY, home TEXT NOT NULL, undoes TEXT, reason TEXT NOT NULL, digest TEXT NOT NULL,
        proposed_by TEXT NOT NULL, proposed_seat TEXT NOT NULL, proposed_at INTEGER NOT NULL) STRICT;
    CREATE TABLE corrections (
        id TEXT PRIMARY KEY, batch TEXT NOT NULL, settlement TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        insurance TEXT NOT NULL, care TEXT NOT NULL, basic INTEGER NOT NULL, large_sum INTEGER NOT NULL,
        catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL, assistance INTEGER NOT NULL,
        account INTEGER NOT NULL, cash INTEGER NOT NULL, hospital INTEGER NOT NULL, basic_now INTEGER NOT NULL,
        large_sum_now INTEGER NOT NULL, catastrophic_now INTEGER NOT NULL, civil_servant_now INTEGER NOT NULL,
        assistance_now INTEGER NOT NULL, cash_now INTEGER NOT NULL, UNIQUE (batch, settlement)) STRICT;
    CREATE INDEX corrections_by_settlement ON corrections (settlement);
    CREATE TABLE correction_events (
        batch TEXT NOT NULL, step INTEGER NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL, book_seq INTEGER,
        number INTEGER, done_by TEXT NOT NULL, seat TEXT, done_at INTEGER NOT NULL,
        PRIMARY KEY (batch, step)) STRICT, WITHOUT ROWID;
    CREATE TABLE correction_records (batch TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE correction_postings (
        id TEXT NOT NULL, step INTEGER NOT NULL, period INTEGER NOT NULL, basic INTEGER NOT NULL,
        large_sum INTEGER NOT NULL, catastrophic INTEGER NOT NULL, civil_servant INTEGER NOT NULL,
        assistance INTEGER NOT NULL, posted_at INTEGER NOT NULL, PRIMARY KEY (id, step)) STRICT, WITHOUT ROWID;
    CREATE INDEX correction_postings_by_period ON correction_postings (period);
    CREATE TABLE correction_moves (
        id TEXT NOT NULL, step INTEGER NOT NULL, from_period INTEGER NOT NULL, into_period INTEGER NOT NULL,
        reason TEXT, owner TEXT, moved_at INTEGER, PRIMARY KEY (id, step, from_period)) STRICT, WITHOUT ROWID;
    CREATE INDEX correction_moves_into ON correction_moves (into_period, moved_at, id, step);",
    // Settlements with one or the other whose standing has changed: what is to follow them is looked for among these. A
    // worklist.
    "CREATE TABLE turned_settlements (number INTEGER PRIMARY KEY, settlement TEXT NOT NULL) STRICT;",
);
