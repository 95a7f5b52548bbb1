//! The region's door for questions about its book as a whole: how far it goes, taking answered operations back after it
//! was restored from an older copy, and which settlements a late change affects. Called by [`crate::service`].

use std::sync::Arc;

use identity::permit::HubPermit;
use jiff::Timestamp;
use ledger::home::{AttachedFilings, BookEnd, Returned, TakenBack};
use prost::Message;
use proto::status::refusal_of_wire_error;
use proto::{convert, page, v1};
use settlement::decide::{BookSeq, Kept};
use settlement::ids::PersonNumber;
use settlement::refusal::{Reason, Refusal};

use crate::affected::{self, Affected, After, Because, Page, Wanted};
use crate::door::{Door, invalid, unread};
use crate::replay::{ReplayError, comes_out};

/// How many people's settlements one answer tells of at most.
const PEOPLE: u32 = 1_000;

impl Door {
    /// How far the book goes.
    ///
    /// # Errors
    /// When the pool is not served here, or the store cannot be read.
    pub async fn book(&self, _: &HubPermit, asked: &v1::BookRequest) -> Result<v1::BookReply, Refusal> {
        self.serves_code(&asked.home)?;
        let BookEnd { last, batches } = self.store.book_end().await.map_err(unread)?;
        Ok(v1::BookReply { last: last.0, batches })
    }

    /// Takes an answered operation back under its old number; why it cannot be is part of the answer.
    ///
    /// # Errors
    /// When the entry cannot be read, or the store fails: taking it back again tells.
    pub async fn reinstate(&self, _: &HubPermit, asked: v1::ReinstateRequest) -> Result<v1::ReinstateReply, Refusal> {
        self.serves_code(&asked.home)?;
        let book_seq = asked.book_seq;
        let returned = read_returned(asked)?;
        let rule_set = self.rules.now().set;
        let taken_back = self.store.operation_take_back(returned, rule_set, comes_out).await.map_err(unread)?;
        Ok(match taken_back {
            Ok(TakenBack::Now) => v1::ReinstateReply { known: false, clash: String::new() },
            Ok(TakenBack::Before) => v1::ReinstateReply { known: true, clash: String::new() },
            Err(clash) => {
                tracing::error!(book_seq, "the answer at place {book_seq} cannot be taken back: {clash}");
                v1::ReinstateReply { known: false, clash: clash.to_string() }
            }
        })
    }

    /// Lists the settlements that a late change affects, each with what it would come to now.
    ///
    /// # Errors
    /// When the request cannot be read, or the book.
    pub async fn affected(&self, _: &HubPermit, asked: v1::AffectedRequest) -> Result<v1::AffectedReply, Refusal> {
        self.serves_code(&asked.home)?;
        let person = Some(asked.person.as_str()).filter(|person| !person.is_empty());
        let person = person.map(PersonNumber::new).transpose().map_err(|fault| invalid("psn_no", fault))?;
        let wanted = Wanted {
            person,
            after: After { person: asked.after, seq: BookSeq(asked.after_seq) },
            people: if asked.people == 0 { PEOPLE } else { asked.people.min(PEOPLE) },
            bytes: page::HEAVIEST,
        };
        let page = affected::list(&self.store, wanted, &Because::BuiltOnChanges).await;
        Ok(write_page(&page.map_err(unworkable)?))
    }
}

fn read_returned(asked: v1::ReinstateRequest) -> Result<Returned, Refusal> {
    let wire = |fault| refusal_of_wire_error(&fault);
    let operation = Arc::new(convert::read_operation(&asked.operation).map_err(wire)?);
    let outcome = convert::read_outcome(&asked.outcome).map_err(wire)?;
    let usage = convert::read_used(&asked.outcome).map_err(wire)?.map(|posting| posting.usage);
    let (seq, after) = (BookSeq(asked.book_seq), BookSeq(asked.after));
    if seq <= after {
        return Err(unread_field("book_seq", "is not after the place of the entry before it"));
    }
    let answered_at = Timestamp::from_microsecond(asked.answered_at);
    Ok(Returned {
        kept: Kept { seq, after, operation, outcome, usage },
        bytes: asked.operation,
        outcome: asked.outcome,
        filings: read_attached(asked.filing)?,
        answered_at: answered_at.map_err(|_| unread_field("answered_at", "is no instant in UTC microseconds"))?,
    })
}

fn read_attached(bytes: bytes::Bytes) -> Result<Option<AttachedFilings>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let wire = v1::Filing::decode(bytes.clone()).map_err(|_| unread_field("filing", "is no yidi.v1.Filing"))?;
    let filings = convert::read_attached_filings(&wire).map_err(|fault| refusal_of_wire_error(&fault))?;
    Ok(Some(AttachedFilings { filings, bytes }))
}

fn unread_field(field: &'static str, problem: &'static str) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

fn write_page(page: &Page) -> v1::AffectedReply {
    let After { person, seq } = page.next.clone().unwrap_or_default();
    let settlements = page.affected.iter().map(write_affected).collect();
    v1::AffectedReply { settlements, last: person, last_seq: seq.0 }
}

/// An affected settlement as it travels.
pub fn write_affected(affected: &Affected) -> v1::AffectedSettlement {
    let Affected { seq, person, causes, reworked, explanation } = affected;
    v1::AffectedSettlement {
        settlement: reworked.settlement.to_string(),
        person: person.to_string(),
        book_seq: seq.0,
        causes: causes.clone(),
        told: Some(convert::write_shares(&reworked.told)),
        now: reworked.now.as_ref().ok().map(convert::write_shares),
        refused: reworked.now.as_ref().err().map(convert::write_refused),
        explanation: explanation.clone(),
    }
}

fn unworkable(fault: ReplayError) -> Refusal {
    tracing::error!(error = &fault as &dyn std::error::Error, "what is affected cannot be worked out");
    Reason::Internal.into()
}
