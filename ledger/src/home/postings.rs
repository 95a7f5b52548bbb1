//! What a region posts beside direct settlements: opening balances, local settlements, manual claims, account
//! deposits, and what cancels one of them. Each has an id of its own; posting it again changes nothing.

use jiff::{SignedDuration, Timestamp};
use settlement::decide::{BookSeq, StayFacts, UsagePosting};
use settlement::ids::{EncounterId, InstitutionCode, PersonNumber, PoolCode};
use settlement::money::Money;

use super::affected::Late;
use super::append::place;
use super::row::Columns;
use super::rows::{ACCOUNT_ENTRY, USAGE, UsageRow};
use super::{HomeStore, affected, load, stays};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// What kind of posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PostingKind {
    /// 期初余额: what was used and held before this book began.
    OpeningBalance,
    /// 本地结算: a settlement at home that did not pass through the hub.
    LocalSettlement,
    /// 手工报销: a bill that was paid at a desk at home.
    ManualClaim,
    /// 个人账户划入: money that the account receives.
    AccountDeposit,
}

impl PostingKind {
    /// Every kind.
    pub const ALL: [PostingKind; 4] = [
        PostingKind::OpeningBalance,
        PostingKind::LocalSettlement,
        PostingKind::ManualClaim,
        PostingKind::AccountDeposit,
    ];

    /// The word in files and books.
    pub fn word(self) -> &'static str {
        match self {
            PostingKind::OpeningBalance => "opening-balance",
            PostingKind::LocalSettlement => "local-settlement",
            PostingKind::ManualClaim => "manual-claim",
            PostingKind::AccountDeposit => "account-deposit",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<PostingKind> {
        PostingKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its id.
    pub id: String,
    /// Whose.
    pub person: PersonNumber,
    /// The pools whose people the poster answers for.
    pub pools: Vec<PoolCode>,
    /// What kind.
    pub kind: PostingKind,
    /// What it uses up.
    pub usage: Option<UsagePosting>,
    /// What the account receives; negative for what it paid.
    pub account: Money,
    /// The bill that a manual claim paid, or the stay.
    pub bill: Option<(InstitutionCode, EncounterId)>,
    /// The days of the stay, from which later ones may go on; beside it are what it uses up, and the bill.
    pub stay: Option<StayFacts>,
    /// The posting that it takes back; then everything else is taken from there.
    pub cancels: Option<String>,
    /// The row as it was given: what *the same content* means.
    pub content: String,
}

/// What became of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was posted now.
    Now,
    /// It was posted before, with the same content.
    Before,
}

/// Why a posting is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingFault {
    /// Its id is taken.
    #[error("this id was posted before with other content")]
    ContentDiffers,
    /// Nobody of that number is enrolled here.
    #[error("nobody of this number is enrolled here")]
    UnknownPerson,
    /// What it cancels was never posted, or is somebody else's.
    #[error("cancels a posting that this person does not have")]
    UnknownOriginal,
    /// What it cancels is cancelled.
    #[error("cancels a posting that is cancelled already, by {0}")]
    CancelledBefore(String),
    /// What it cancels cancels something itself.
    #[error("cancels a posting that is itself a cancellation")]
    CancelsCancellation,
    /// The bill was settled directly.
    #[error("this bill is settled directly and in force as {0}")]
    SettledDirectly(String),
    /// Another manual claim paid the bill.
    #[error("this bill is paid by manual claim {0}")]
    ClaimedBefore(String),
}

impl HomeStore {
    /// Posts, in the given order, which stays known: each a microsecond after the one before. The same id again with the
    /// same content is a repeat and changes nothing.
    ///
    /// # Errors
    /// When a statement fails: then nothing of it was posted. Why one posting is not taken comes back as a value.
    pub async fn posting_post(
        &self,
        postings: Vec<Posting>,
        at: Timestamp,
    ) -> Result<Vec<Result<Posted, PostingFault>>, StoreError> {
        let at = move |index: i64| at + SignedDuration::from_micros(index);
        let post_all =
            move |sql: &Sql<'_>| (0..).zip(&postings).map(|(index, posting)| post(sql, posting, at(index))).collect();
        self.engine.write(post_all).await
    }
}

fn post(sql: &Sql<'_>, posting: &Posting, at: Timestamp) -> Result<Result<Posted, PostingFault>, StoreError> {
    let known = text(sql, "SELECT content FROM postings WHERE id = ?1", &[&posting.id])?;
    if let Some(content) = known {
        return Ok(if content == posting.content { Ok(Posted::Before) } else { Err(PostingFault::ContentDiffers) });
    }
    if let Some(fault) = fault(sql, posting)? {
        return Ok(Err(fault));
    }
    append(sql, posting, at)?;
    Ok(Ok(Posted::Now))
}

fn fault(sql: &Sql<'_>, posting: &Posting) -> Result<Option<PostingFault>, StoreError> {
    if !enrolled(sql, posting)? {
        return Ok(Some(PostingFault::UnknownPerson));
    }
    if let Some(original) = &posting.cancels {
        return cancel_fault(sql, posting, original);
    }
    match &posting.bill {
        Some(bill) => bill_fault(sql, posting, bill),
        None => Ok(None),
    }
}

fn enrolled(sql: &Sql<'_>, posting: &Posting) -> Result<bool, StoreError> {
    let home = sql.find("SELECT home FROM enrollees WHERE person = ?1", values![posting.person.as_str()], |row| {
        Columns::of(row, "enrollees").pool("home")
    })?;
    Ok(home.is_some_and(|home| posting.pools.contains(&home)))
}

fn cancel_fault(sql: &Sql<'_>, posting: &Posting, original: &str) -> Result<Option<PostingFault>, StoreError> {
    let person = posting.person.as_str();
    let found = text(
        sql,
        "SELECT cancels FROM postings WHERE id = ?1 AND person = ?2 AND kind <> 'correction'",
        &[original, person],
    )?;
    let cancelled_by = text(sql, "SELECT id FROM postings WHERE cancels = ?1 AND cancels <> ''", &[original])?;
    Ok(match (found, cancelled_by) {
        (None, _) => Some(PostingFault::UnknownOriginal),
        (Some(cancels), _) if !cancels.is_empty() => Some(PostingFault::CancelsCancellation),
        (Some(_), Some(by)) => Some(PostingFault::CancelledBefore(by)),
        (Some(_), None) => None,
    })
}

/// A manual claim, or a posted stay, and a direct settlement of one bill exclude each other.
fn bill_fault(
    sql: &Sql<'_>,
    posting: &Posting,
    (institution, encounter): &(InstitutionCode, EncounterId),
) -> Result<Option<PostingFault>, StoreError> {
    const SETTLED: &str = "SELECT settlement FROM settlements
          WHERE encounter = ?1 AND institution = ?2
            AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                           ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force'
          ORDER BY book_seq LIMIT 1";
    const CLAIMED: &str = "SELECT id FROM postings AS claim
          WHERE kind = 'manual-claim' AND cancels = '' AND encounter = ?1 AND institution = ?2 AND person = ?3
            AND NOT EXISTS (SELECT 1 FROM postings AS counter
                             WHERE counter.cancels = claim.id AND counter.cancels <> '')
          ORDER BY id LIMIT 1";
    let (encounter, institution) = (encounter.as_str(), institution.as_str());
    let settled = text(sql, SETTLED, &[encounter, institution])?;
    let claimed = text(sql, CLAIMED, &[encounter, institution, posting.person.as_str()])?;
    Ok(settled.map(PostingFault::SettledDirectly).or_else(|| claimed.map(PostingFault::ClaimedBefore)))
}

/// The one text that a statement finds.
fn text(sql: &Sql<'_>, statement: &'static str, texts: &[&str]) -> Result<Option<String>, StoreError> {
    let values: Vec<_> = texts.iter().map(|text| (*text).into()).collect();
    sql.find(statement, &values, |row| Ok(row.text(0)?.to_owned()))
}

fn append(sql: &Sql<'_>, posting: &Posting, at: Timestamp) -> Result<(), StoreError> {
    let after = load::last_seq(sql)?;
    let (institution, encounter) =
        posting.bill.as_ref().map_or(("", ""), |(institution, encounter)| (institution.as_str(), encounter.as_str()));
    let (usage, account, original_at) = match &posting.cancels {
        Some(original) => counter(sql, &posting.person, original)?,
        None => (posting.usage.clone(), posting.account, None),
    };
    sql.execute(
        "INSERT INTO postings (id, person, kind, institution, encounter, cancels, content, after_seq, posted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        values![
            &posting.id,
            posting.person.as_str(),
            posting.kind.word(),
            institution,
            encounter,
            posting.cancels.as_deref().unwrap_or_default(),
            &posting.content,
            place(after),
            at.as_microsecond(),
        ],
    )?;
    if let Some(facts) = &posting.stay {
        stays::insert(sql, &posting.id, facts)?;
    }
    let person = posting.person.as_str();
    if let Some(usage) = &usage {
        sql.execute(USAGE, &UsageRow::of_posting(person, after, &posting.id, usage).values())?;
        let takes_back = posting.cancels.as_deref().zip(original_at);
        let late = Late { seq: after, posting: &posting.id, used: usage, takes_back, corrects: None };
        affected::mark(sql, &affected::readers(sql, person, load::NOW)?, &late)?;
    }
    if !account.is_zero() {
        sql.execute(ACCOUNT_ENTRY, values![person, place(after), &posting.id, account.fen()])?;
    }
    Ok(())
}

/// What takes a posting back, and the place after which that one stands.
pub(super) fn counter(
    sql: &Sql<'_>,
    person: &PersonNumber,
    original: &str,
) -> Result<(Option<UsagePosting>, Money, Option<BookSeq>), StoreError> {
    const USED: &str = concat!("SELECT ", load::usage!(), " FROM usages WHERE person = ?1 AND posting = ?2");
    const ENTERED: &str = "SELECT amount FROM account_entries WHERE person = ?1 AND posting = ?2";
    let values = values![person.as_str(), original];
    let usage = sql.find(USED, values, |row| load::usage_posting(&Columns::of(row, "usages")))?;
    let amount = sql.find(ENTERED, values, |row| row.number(0))?;
    let after = sql.find("SELECT after_seq FROM postings WHERE id = ?1", values![original], |row| row.number(0))?;
    Ok((usage.map(|usage| usage.counter()), -Money::from_fen(amount.unwrap_or(0)), after.map(load::seq)))
}
