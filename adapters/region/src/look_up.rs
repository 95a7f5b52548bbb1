//! 1101: finds a person by what was shown at the desk: `02` a document, `03` a card, `01` an electronic credential,
//! whose token is the card's number or the person's number in the demo's data. A name, where given, must be the
//! person's. Whoever finds nobody learns nothing else.

use jiff::civil::Date;
use ledger::home::{Credential, Enrollee, EntitlementRow, HomeStore};
use proto::v1;
use settlement::benefits::{HeldBack, held_back};
use settlement::ids::{PersonNumber, PoolCode};
use settlement::money::Money;
use settlement::person::{Entitlement, Person};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::{DecidingDates, RuleBooks};

use crate::people::{card_digest, document_digest};
use crate::sealing::{Matter, Sealing};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The pool.
    pub home: PoolCode,
    /// `mdtrt_cert_type`.
    pub credential_type: String,
    /// `mdtrt_cert_no`.
    pub credential: String,
    /// `psn_name`; may be empty.
    pub name: String,
    /// The day asked about.
    pub on: Date,
}

/// Finds a person.
///
/// # Errors
/// [`Reason::UnknownPerson`] when nobody fits, [`Reason::NotInsured`] when the person has no coverage to show.
pub async fn run(
    store: &HomeStore,
    sealing: &Sealing,
    books: &RuleBooks,
    question: &Question,
) -> Result<v1::LookUpReply, Refusal> {
    let enrollee = find(store, sealing, question).await?;
    let name = opened(sealing, Matter::Name, &enrollee.sealed.name)?;
    let asked = question.name.trim();
    if !asked.is_empty() && asked != name {
        return Err(Refusal::new(Reason::UnknownPerson).of_field("psn_name"));
    }
    let number = enrollee.facts.number.clone();
    let (balance, seq) = store.account_balance_read(number.clone()).await.map_err(crate::door::unread)?;
    let coverages = coverages(&enrollee, books, question.on, balance);
    if coverages.is_empty() {
        return Err(Refusal::new(Reason::NotInsured).because(question.on.to_string()));
    }
    let identities = enrollee.facts.identities.iter().filter(|identity| identity.validity.covers(question.on));
    Ok(v1::LookUpReply {
        person: number.to_string(),
        name,
        document_type: enrollee.sealed.document_type.clone(),
        document: opened(sealing, Matter::Document, &enrollee.sealed.document)?,
        sex: enrollee.sex.clone(),
        birth: enrollee.facts.birth.to_string(),
        coverages,
        identities: identities
            .map(|identity| v1::IdentityRow {
                kind: identity.class.word().into(),
                from: identity.validity.from.to_string(),
                to: date_text(identity.validity.to),
            })
            .collect(),
        book_seq: seq.0,
    })
}

async fn find(store: &HomeStore, sealing: &Sealing, question: &Question) -> Result<Enrollee, Refusal> {
    let shown = question.credential.trim();
    let unknown = || Refusal::new(Reason::UnknownPerson).of_field("mdtrt_cert_no");
    if shown.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field("mdtrt_cert_no"));
    }
    let tried = match question.credential_type.as_str() {
        "02" => vec![Credential::Document(document_digest(sealing, shown))],
        "03" => vec![Credential::Card(card_digest(sealing, shown))],
        "01" => {
            let number = PersonNumber::new(shown).map(Credential::Number);
            [Credential::Card(card_digest(sealing, shown))].into_iter().chain(number).collect()
        }
        _ => return Err(Refusal::new(Reason::InvalidField).of_field("mdtrt_cert_type")),
    };
    for credential in tried {
        let found = store.enrollee_find(question.home, credential).await.map_err(crate::door::unread)?;
        if let Some(enrollee) = found {
            return Ok(enrollee);
        }
    }
    Err(unknown())
}

fn opened(sealing: &Sealing, matter: Matter, sealed: &[u8]) -> Result<String, Refusal> {
    sealing.open(matter, sealed).ok_or_else(|| {
        tracing::error!(
            "a name or document cannot be opened: the key beside the store is not the one it was sealed with"
        );
        Refusal::new(Reason::Internal)
    })
}

/// The coverages that have begun, the active one first, then those under which benefits are not due, then the ended, the
/// latest of each first.
fn coverages(enrollee: &Enrollee, books: &RuleBooks, on: Date, balance: Money) -> Vec<v1::CoverageRow> {
    let person = enrollee.facts.clone().person();
    let begun = enrollee.facts.entitlements.iter().filter(|row| row.entitlement.validity.from <= on);
    let mut rows: Vec<(Standing, &EntitlementRow)> =
        begun.map(|row| (Standing::of(books, &person, &row.entitlement, on), row)).collect();
    rows.sort_by_key(|(standing, row)| (standing.status, std::cmp::Reverse(row.entitlement.validity.from)));
    rows.into_iter()
        .map(|(standing, row)| v1::CoverageRow {
            insurance: row.entitlement.insurance.word().into(),
            person_category: row.category.clone(),
            status: standing.status.into(),
            from: row.entitlement.validity.from.to_string(),
            suspended_from: date_text(standing.since),
            civil_servant: row.entitlement.civil_servant,
            home: enrollee.facts.home.to_string(),
            account_balance: balance.fen(),
            employer: row.employer.clone(),
            benefits_from: date_text(standing.benefits_from),
            held_back_by: standing.held_back_by.into(),
        })
        .collect()
}

/// Whether benefits are due under a stretch of insurance on a day, and why not.
struct Standing {
    /// `psn_insu_stas`.
    status: &'static str,
    /// Since when they are not, or were not.
    since: Option<Date>,
    /// The first day after a waiting period that is not over.
    benefits_from: Option<Date>,
    /// The word of the other insurance that holds it back.
    held_back_by: &'static str,
}

impl Standing {
    fn of(books: &RuleBooks, person: &Person, entitlement: &Entitlement, on: Date) -> Standing {
        let since = entitlement.suspended.map(|suspended| suspended.from);
        let plain = |status| Standing { status, since, benefits_from: None, held_back_by: "" };
        if !entitlement.validity.covers(on) {
            return plain("4");
        }
        if !entitlement.runs_on(on) {
            return plain("2");
        }
        let book = books.in_force(person.home, entitlement.insurance, DecidingDates::on(on));
        // A rule that nobody knows is told by whoever settles; here it says nothing.
        match book.and_then(|book| held_back(book, person, entitlement, on)) {
            Ok(Some(HeldBack::DoubleCover { by, since })) => {
                Standing { since: Some(since), held_back_by: by.word(), ..plain("2") }
            }
            Ok(Some(HeldBack::Waiting { first })) => {
                Standing { since: Some(entitlement.validity.from), benefits_from: Some(first), ..plain("2") }
            }
            Ok(None) | Err(_) => plain("1"),
        }
    }
}

pub(crate) fn date_text(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}
