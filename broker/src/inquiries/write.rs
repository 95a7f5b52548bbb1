//! Inquiries as operators see them, and as letters tell both regions of them. Nothing is decided here.

use bytes::Bytes;
use clearing::calendar::Calendar;
use clearing::calendar::working_days::Unlisted;
use clearing::inquiry::{Finding, Party, days_left, proposes};
use jiff::civil::Date;
use ledger::hub::{Happened, Inquiry, InquiryChange, LotPosting};
use ledger::mailbox::{Letter, Notice};
use prost::Message;
use proto::convert::cleared::write_lot;
use proto::v1;
use settlement::beijing;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::due_of;

/// The kind of letters that tell of inquiries; see `proto/yidi/v1/mailbox.proto`.
const KIND: &str = "inquiry";

/// An inquiry with its history, as it is seen on a day.
pub(super) fn view(inquiry: &Inquiry, calendar: &Calendar, today: Date) -> v1::InquiryView {
    let due = due_of(inquiry, calendar);
    let answer = inquiry.answer();
    let (finding, is_named) = answer.map_or((None, false), |answer| (answer.finding, answer.deduction.is_some()));
    v1::InquiryView {
        inquiry: Some(write(inquiry, due, inquiry.history.iter())),
        days_left: due.ok().and_then(|due| days_left(inquiry.standing, due, today)),
        proposed_deduction: proposes(inquiry.standing, finding, is_named).fen(),
    }
}

/// A view as a row of a list: without its history.
pub(super) fn row(view: v1::InquiryView) -> v1::InquiryView {
    let inquiry = view.inquiry.map(|inquiry| v1::Inquiry { events: Vec::new(), ..inquiry });
    v1::InquiryView { inquiry, ..view }
}

/// What both regions are told once something has happened: how it stands from now on. Letters carry the last event; those
/// before it went with earlier ones.
pub(super) fn letters(inquiry: &Inquiry, calendar: &Calendar) -> Vec<Notice> {
    let (subject, version) = (format!("inquiry {}", inquiry.asking.id), inquiry.step());
    let told = write(inquiry, due_of(inquiry, calendar), inquiry.history.last().into_iter());
    let (id, body) = (format!("{subject} {version}"), Bytes::from(told.encode_to_vec()));
    let letter = Letter { id, subject, version, kind: KIND.to_owned(), body };
    Party::ALL.map(|party| Notice { mailbox: inquiry.asking.mailbox(party), letter: letter.clone() }).into()
}

/// A settlement that is expected to be checked.
pub(super) fn expected(posting: &LotPosting) -> v1::ExpectedCheck {
    v1::ExpectedCheck {
        settlement: posting.settlement.to_string(),
        lot: Some(write_lot(&posting.posting.lot)),
        day: posting.day.to_string(),
        total: posting.posting.sums.total.fen(),
        paid: posting.posting.sums.funds.total().fen(),
        position: posting.position.0.cast_unsigned(),
    }
}

fn write<'a>(
    inquiry: &Inquiry,
    due: Result<Date, Unlisted>,
    events: impl Iterator<Item = &'a Happened>,
) -> v1::Inquiry {
    let (asking, answer) = (&inquiry.asking, inquiry.answer());
    v1::Inquiry {
        id: asking.id.clone(),
        kind: asking.kind.word().into(),
        asker: asking.asker.word().into(),
        home: asking.home.to_string(),
        treatment: asking.treatment.to_string(),
        settlement: asking.settlement.as_ref().map(SettlementId::to_string).unwrap_or_default(),
        paid: inquiry.paid.fen(),
        standing: inquiry.standing.word().into(),
        step: inquiry.step(),
        asked_on: beijing::day_of(inquiry.asked_at).to_string(),
        due: due.map(|due| due.to_string()).unwrap_or_default(),
        finding: answer.map(finding_word).unwrap_or_default(),
        not_owed: answer.map(not_owed).unwrap_or_default().fen(),
        deduction: answer.and_then(|answer| answer.deduction.clone()).unwrap_or_default(),
        events: events.map(write_event).collect(),
        calendar_lacks: due.err().map_or(0, |Unlisted(year)| i32::from(year)),
    }
}

fn write_event(happened: &Happened) -> v1::InquiryEvent {
    let Happened { step, change, at } = happened;
    v1::InquiryEvent {
        step: *step,
        event: change.event.word().into(),
        party: change.party.word().into(),
        words: change.words.to_string(),
        finding: finding_word(change),
        not_owed: not_owed(change).fen(),
        deduction: change.deduction.clone().unwrap_or_default(),
        done_at: at.as_microsecond(),
    }
}

fn finding_word(change: &InquiryChange) -> String {
    change.finding.map(Finding::word).unwrap_or_default().to_owned()
}

fn not_owed(change: &InquiryChange) -> Money {
    change.finding.map(Finding::not_owed).unwrap_or_default()
}
