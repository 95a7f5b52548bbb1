//! Breaks, days on which books agree, and the certificates that say so, as they are recorded. What a break is,
//! `clearing::breaks` judges; comparing is for `broker`.

use clearing::breaks::{Books, Kind, Proposal};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Digest, Node};
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::money::Money;

use super::break_records::{self, Looked};
use super::{HubStore, Position, corrupt, instant, positions, signatures};
use crate::engine::{Row, Sql, Version};
use crate::leaves::Scope;
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version {
    tables: TEXT,
    append_only: &[
        "breaks",
        "break_ends",
        "agreements",
        "differences",
        "certificates",
        "certificate_signatures",
        "certificate_signers",
    ],
    postgres: "",
};

const TEXT: &str = concat!(
    "CREATE TABLE breaks (
        number INTEGER PRIMARY KEY, books TEXT NOT NULL, day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        place INTEGER NOT NULL, kind TEXT NOT NULL, settlement TEXT NOT NULL, operation TEXT NOT NULL,
        outer_total INTEGER NOT NULL, outer_owed INTEGER NOT NULL, inner_total INTEGER NOT NULL,
        inner_owed INTEGER NOT NULL, proposed TEXT NOT NULL, found_at INTEGER NOT NULL) STRICT;
    CREATE INDEX breaks_by_branch ON breaks (books, day, home, treatment);
    CREATE INDEX breaks_by_age ON breaks (found_at, number);
    CREATE TABLE break_ends (
        number INTEGER PRIMARY KEY, ending TEXT NOT NULL, reason TEXT NOT NULL, ended_by TEXT NOT NULL,
        ended_at INTEGER NOT NULL) STRICT;",
    // A root that two books were found to share; a late entry makes another.
    "CREATE TABLE agreements (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, books TEXT NOT NULL, root BLOB NOT NULL,
        operations INTEGER NOT NULL, agreed_at INTEGER NOT NULL,
        PRIMARY KEY (day, home, treatment, books, root)) STRICT, WITHOUT ROWID;
",
    // A root of the hub's to which two books were compared though the other has another one: all that differs is a break,
    // or was in doubt.
    "CREATE TABLE differences (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, books TEXT NOT NULL, root BLOB NOT NULL,
        compared_at INTEGER NOT NULL,
        PRIMARY KEY (day, home, treatment, books, root)) STRICT, WITHOUT ROWID;",
    // `operations` are the places of those that it is about, since the book goes on growing.
    "CREATE TABLE certificates (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL, root BLOB NOT NULL,
        text TEXT NOT NULL, operations BLOB NOT NULL, issued_at INTEGER NOT NULL,
        PRIMARY KEY (day, home, treatment, version)) STRICT, WITHOUT ROWID;
    CREATE INDEX certificates_by_treatment ON certificates (treatment, day, home, version);",
    // A party's next step takes the place of one that no longer holds. Of those that somebody signed with the same
    // certificates, one is enough to see whether they hold.
    "CREATE TABLE certificate_signatures (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, version INTEGER NOT NULL, party TEXT NOT NULL,
        step INTEGER NOT NULL, signer TEXT NOT NULL, signature BLOB NOT NULL, signed_at INTEGER NOT NULL,
        PRIMARY KEY (day, home, treatment, version, party, step)) STRICT, WITHOUT ROWID;
    CREATE TABLE certificate_signers (
        party TEXT NOT NULL, signer TEXT NOT NULL, signature BLOB NOT NULL,
        PRIMARY KEY (party, signer)) STRICT, WITHOUT ROWID;",
);

/// Breaks as [`read_break`] reads them.
macro_rules! breaks {
    ($($where:literal),+) => {
        concat!(
            "SELECT day, home, treatment, number, books, place, kind, settlement, operation, outer_total,
                outer_owed, inner_total, inner_owed, proposed, found_at FROM breaks WHERE ",
            $($where),+
        )
    };
}

/// Those that stand so, as [`query`] asks for them: of some books where any are given, of some days and pools.
macro_rules! breaks_that {
    ($stand:literal) => {
        breaks!(
            "(?1 IS NULL OR books = ?1) AND day >= ?2 AND day <= ?3
              AND (?4 IS NULL OR home = ?4) AND (?5 IS NULL OR treatment = ?5) AND ",
            $stand,
            " ORDER BY found_at, number"
        )
    };
}

pub(super) use {breaks, breaks_that};

/// A break as it was found. They are in order by what they are about first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundBreak {
    /// The day and the pools.
    pub branch: Branch,
    /// Where the operation lies.
    pub place: u64,
    /// The operation's key as text.
    pub operation: String,
    /// How the books differ.
    pub kind: Kind,
    /// What it is about.
    pub settlement: SettlementId,
    /// Whole charges and what is owed by the outer book.
    pub outer: (Money, Money),
    /// The same by the inner one.
    pub inner: (Money, Money),
    /// What is proposed.
    pub proposed: Proposal,
}

/// A break that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBreak {
    /// Its number.
    pub number: i64,
    /// Which books are apart.
    pub books: Books,
    /// What was found.
    pub found: FoundBreak,
    /// When it was first found.
    pub found_at: Timestamp,
}

/// A certificate, with what its parties signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it says.
    pub agreement: Agreement,
    /// Its text.
    pub text: String,
    /// Who signed, each once, and the newest signature as it came.
    pub signatures: Vec<(String, Vec<u8>)>,
}

impl Certificate {
    /// What is kept as a party's signature.
    pub fn signature_of(&self, party: &str) -> Option<&[u8]> {
        self.signatures.iter().find(|(by, _)| by == party).map(|(_, signature)| signature.as_slice())
    }
}

impl HubStore {
    /// Records what two books were found to differ in on some days, or in a stretch of them: what is new is opened, what was
    /// looked for and is found no more was mended by whoever carried its proposal out, or has vanished. What stands already
    /// keeps its number and its age. What a person has decided of a hospital's book stays decided while the same is told of
    /// it, which is until the hospital compares again, and is opened anew if it comes back later; the other books are compared
    /// anew each time, and what is found again is opened.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_record(
        &self,
        books: Books,
        looked: impl Into<Looked>,
        scope: Scope,
        found: Vec<FoundBreak>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let looked = looked.into();
        self.engine.write(move |sql| break_records::record(sql, books, &looked, scope, &found, at)).await
    }

    /// The breaks that stand, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_list(&self, scope: Scope) -> Result<Vec<OpenBreak>, StoreError> {
        self.engine.read(move |sql| open(sql, None, ("0000-01-01", "9999-12-31"), scope)).await
    }

    /// A page of them after one of theirs, by its number; from the first where it is 0.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_page(&self, scope: Scope, after: i64, limit: u32) -> Result<Vec<OpenBreak>, StoreError> {
        const PAGE: &str = breaks!(
            "(?1 IS NULL OR home = ?1) AND (?2 IS NULL OR treatment = ?2)
              AND NOT EXISTS (SELECT 1 FROM break_ends WHERE break_ends.number = breaks.number)
              AND (found_at, number) > (?3, ?4)
            ORDER BY found_at, number LIMIT ?5"
        );
        const PLACE: &str = "SELECT found_at FROM breaks WHERE number = ?1";
        let read = self.engine.read(move |sql| {
            let [home, treatment] = pools(scope);
            let found_at = sql.find(PLACE, values![after], |row| row.number(0))?.unwrap_or(i64::MIN);
            let values = values![home.as_deref(), treatment.as_deref(), found_at, after, i64::from(limit)];
            sql.query(PAGE, values, read_break)
        });
        read.await
    }

    /// Ends a break by somebody's decision. One that has ended stays as it ended. Its settlement stays disputed until the
    /// books come together: see [`HubStore::break_disputing`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_end(&self, number: i64, reason: String, by: (String, Timestamp)) -> Result<bool, StoreError> {
        self.engine
            .write(move |sql| {
                let known = sql.exists("SELECT 1 FROM breaks WHERE number = ?1", values![number])?;
                Ok(known && end(sql, number, "decided", &reason, (&by.0, by.1))?)
            })
            .await
    }

    /// Records that two books share a branch's root.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agreement_record(
        &self,
        books: Books,
        agreed: Vec<(Branch, Node)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const AGREED: &str = "INSERT INTO agreements (day, home, treatment, books, root, operations, agreed_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        self.engine
            .write(move |sql| {
                agreed.iter().try_for_each(|(branch, root)| {
                    let [day, home, treatment] = texts(branch);
                    let digest: &[u8] = &root.digest.0;
                    let operations = root.count.cast_signed();
                    let values =
                        values![&day, &home, &treatment, books.word(), digest, operations, at.as_microsecond()];
                    sql.execute(AGREED, values).map(drop)
                })
            })
            .await
    }

    /// Records that two books were compared to a root of the hub's, and differ.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn difference_record(
        &self,
        books: Books,
        differing: Vec<(Branch, Node)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const DIFFERS: &str = "INSERT INTO differences (day, home, treatment, books, root, compared_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        self.engine
            .write(move |sql| {
                differing.iter().try_for_each(|(branch, root)| {
                    let ([day, home, treatment], digest): (_, &[u8]) = (texts(branch), &root.digest.0);
                    let values = values![&day, &home, &treatment, books.word(), digest, at.as_microsecond()];
                    sql.execute(DIFFERS, values).map(drop)
                })
            })
            .await
    }

    /// The roots that all three books of some days share and that no certificate says yet, each as the next certificate,
    /// which does not say yet what its operations come to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_due(&self, days: (Date, Date)) -> Result<Vec<Agreement>, StoreError> {
        // The newest certificate of a branch says how far it was; what all three share beyond it is the next.
        const DUE: &str = "SELECT roots.day, roots.home, roots.treatment, roots.digest, roots.count,
                COALESCE(newest.version, 0), newest.root
            FROM roots
            JOIN agreements AS outer_books ON outer_books.day = roots.day AND outer_books.home = roots.home
                AND outer_books.treatment = roots.treatment AND outer_books.root = roots.digest
                AND outer_books.books = 'treatment-hub'
            JOIN agreements AS inner_books ON inner_books.day = roots.day AND inner_books.home = roots.home
                AND inner_books.treatment = roots.treatment AND inner_books.root = roots.digest
                AND inner_books.books = 'hub-home'
            LEFT JOIN certificates AS newest ON newest.day = roots.day AND newest.home = roots.home
                AND newest.treatment = roots.treatment AND newest.version = (
                    SELECT MAX(version) FROM certificates WHERE certificates.day = roots.day
                    AND certificates.home = roots.home AND certificates.treatment = roots.treatment)
            WHERE roots.day >= ?1 AND roots.day <= ?2 AND (newest.root IS NULL OR newest.root <> roots.digest)";
        let (first, last) = (days.0.to_string(), days.1.to_string());
        self.engine
            .read(move |sql| {
                sql.query(DUE, values![&first, &last], |row| {
                    let replaces = row.optional_bytes(6)?.map(read_digest).transpose()?;
                    let version = row.number(5)? + 1;
                    Ok(Agreement {
                        branch: read_branch(row, 0)?,
                        version: u32::try_from(version).map_err(|_| corrupt("certificates", version, "no version"))?,
                        operations: row.number(4)?.cast_unsigned(),
                        tally: None,
                        root: read_digest(row.bytes(3)?)?,
                        replaces,
                    })
                })
            })
            .await
    }

    /// Keeps a certificate, and where the operations that it is about stand; one that is there stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_issue(
        &self,
        agreement: Agreement,
        operations: Vec<Position>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const ISSUE: &str =
            "INSERT INTO certificates (day, home, treatment, version, root, text, operations, issued_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        self.engine
            .write(move |sql| {
                let ([day, home, treatment], text) = (texts(&agreement.branch), agreement.to_string());
                let root: &[u8] = &agreement.root.0;
                let (version, written) = (i64::from(agreement.version), positions::write(&operations));
                let (written, at): (&[u8], _) = (&written, at.as_microsecond());
                sql.execute(ISSUE, values![&day, &home, &treatment, version, root, &text, written, at]).map(drop)
            })
            .await
    }

    /// Where the operations stand that a version of a branch's certificate is about, in order; none where there is no such
    /// version.
    ///
    /// # Errors
    /// When the store fails, or what is kept does not read.
    pub async fn certificate_operations(
        &self,
        branch: Branch,
        version: u32,
    ) -> Result<Option<Vec<Position>>, StoreError> {
        const OPERATIONS: &str = "SELECT operations FROM certificates
            WHERE day = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4";
        let read = move |row: Row<'_>| {
            let written = row.bytes(0)?;
            positions::read(written).ok_or_else(|| corrupt("certificates", branch.day, "its operations do not read"))
        };
        self.engine
            .read(move |sql| {
                let [day, home, treatment] = texts(&branch);
                sql.find(OPERATIONS, values![&day, &home, &treatment, i64::from(version)], read)
            })
            .await
    }

    /// The certificates of some days, each in all its versions.
    ///
    /// # Errors
    /// When the store fails, or a certificate does not read.
    pub async fn certificate_list(&self, days: (Date, Date), scope: Scope) -> Result<Vec<Certificate>, StoreError> {
        self.certificate_page(days, scope, None, u32::MAX).await
    }

    /// A page of them, after a version of a branch's certificate.
    ///
    /// # Errors
    /// When the store fails, or a certificate does not read.
    pub async fn certificate_page(
        &self,
        days: (Date, Date),
        scope: Scope,
        after: Option<(Branch, u32)>,
        limit: u32,
    ) -> Result<Vec<Certificate>, StoreError> {
        self.engine.read(move |sql| certificates(sql, days, scope, (after, limit))).await
    }
}

pub(super) fn end(
    sql: &Sql<'_>,
    number: i64,
    ending: &str,
    reason: &str,
    (by, at): (&str, Timestamp),
) -> Result<bool, StoreError> {
    const END: &str = "INSERT INTO break_ends (number, ending, reason, ended_by, ended_at)
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    Ok(sql.execute(END, values![number, ending, reason, by, at.as_microsecond()])? == 1)
}

pub(super) fn open(
    sql: &Sql<'_>,
    books: Option<Books>,
    days: (&str, &str),
    scope: Scope,
) -> Result<Vec<OpenBreak>, StoreError> {
    const OPEN: &str = breaks_that!("NOT EXISTS (SELECT 1 FROM break_ends WHERE break_ends.number = breaks.number)");
    query(sql, OPEN, books, days, scope)
}

/// Breaks by a text of [`breaks_that`].
pub(super) fn query(
    sql: &Sql<'_>,
    text: &'static str,
    books: Option<Books>,
    (first, last): (&str, &str),
    scope: Scope,
) -> Result<Vec<OpenBreak>, StoreError> {
    let [home, treatment] = pools(scope);
    let values = values![books.map(Books::word), first, last, home.as_deref(), treatment.as_deref()];
    sql.query(text, values, read_break)
}

pub(super) fn read_break(row: Row<'_>) -> Result<OpenBreak, StoreError> {
    let number = row.number(3)?;
    let malformed = |what: &str| corrupt("breaks", number, format!("its {what} is not one of ours"));
    let amount = |place| row.number(place).map(Money::from_fen);
    Ok(OpenBreak {
        number,
        books: Books::from_word(row.text(4)?).ok_or_else(|| malformed("books"))?,
        found: FoundBreak {
            branch: read_branch(row, 0)?,
            place: row.number(5)?.cast_unsigned(),
            operation: row.text(8)?.to_owned(),
            kind: Kind::from_word(row.text(6)?).ok_or_else(|| malformed("kind"))?,
            settlement: SettlementId::from_time_first(row.text(7)?).map_err(|_| malformed("settlement"))?,
            outer: (amount(9)?, amount(10)?),
            inner: (amount(11)?, amount(12)?),
            proposed: Proposal::from_word(row.text(13)?).ok_or_else(|| malformed("proposal"))?,
        },
        found_at: instant("breaks", number, row.number(14)?)?,
    })
}

fn certificates(
    sql: &Sql<'_>,
    (first, last): (Date, Date),
    scope: Scope,
    (after, limit): (Option<(Branch, u32)>, u32),
) -> Result<Vec<Certificate>, StoreError> {
    const CERTIFICATES: &str = "SELECT text FROM certificates WHERE day >= ?1 AND day <= ?2
          AND (?3 IS NULL OR home = ?3) AND (?4 IS NULL OR treatment = ?4)
          AND (day, home, treatment, version) > (?5, ?6, ?7, ?8)
        ORDER BY day, home, treatment, version LIMIT ?9";
    let ((first, last), [home, treatment]) = ((first.to_string(), last.to_string()), pools(scope));
    let [after_day, after_home, after_treatment] = after.as_ref().map(|(branch, _)| texts(branch)).unwrap_or_default();
    let version = after.map_or(0, |(_, version)| i64::from(version));
    let values = values![
        &first,
        &last,
        home.as_deref(),
        treatment.as_deref(),
        &after_day,
        &after_home,
        &after_treatment,
        version,
        i64::from(limit)
    ];
    let found = sql.query(CERTIFICATES, values, |row| Ok(row.text(0)?.to_owned()))?;
    found.into_iter().map(|text| signatures::with_signatures(sql, text)).collect()
}

fn pools(scope: Scope) -> [Option<String>; 2] {
    [scope.home, scope.treatment].map(|pool| pool.map(|pool| pool.to_string()))
}

pub(super) fn texts(branch: &Branch) -> [String; 3] {
    [branch.day.to_string(), branch.home.to_string(), branch.treatment.to_string()]
}

pub(super) fn read_branch(row: Row<'_>, first: usize) -> Result<Branch, StoreError> {
    let malformed = |column: &str, problem: String| StoreError::Column { column: column.into(), problem };
    let pool = |place, column| {
        RegionCode::new(row.text(place)?).map(PoolCode).map_err(|fault| malformed(column, fault.to_string()))
    };
    let day = row.text(first)?;
    Ok(Branch {
        day: day.parse().map_err(|_| malformed("day", day.to_owned()))?,
        home: pool(first + 1, "home")?,
        treatment: pool(first + 2, "treatment")?,
    })
}

fn read_digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    let malformed = |_| StoreError::Column { column: "root".into(), problem: format!("{} bytes", bytes.len()) };
    bytes.try_into().map(Digest).map_err(malformed)
}
