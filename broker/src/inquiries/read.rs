//! What operators send about inquiries, checked field by field. Who may send it is decided elsewhere.

use clearing::inquiry::{AnswerFault, Finding, Kind, Party, Words, WordsFault};
use clearing::period::Side;
use proto::v1;
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

use crate::clearing::texts::read_id;
use crate::refusing::invalid;

/// A request to ask, field by field.
pub(super) struct Opening {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) side: Side,
    pub(super) settlement: Option<SettlementId>,
    pub(super) words: Words,
    from: String,
    to: String,
}

pub(super) fn opening(request: v1::OpenInquiryRequest) -> Result<Opening, Refusal> {
    let v1::OpenInquiryRequest { id, kind, settlement, side, from, to, words } = request;
    let id = read_id("id", &id)?;
    let kind = Kind::from_word(&kind).ok_or_else(|| invalid("kind", "is not check, urgent or ordinary"))?;
    let settlement = match settlement.as_str() {
        "" if kind.is_ticket() => None,
        "" => return Err(Refusal::new(Reason::MissingField).of_field("settlement")),
        id => Some(SettlementId::new(id).map_err(|fault| invalid("settlement", fault.to_string()))?),
    };
    let side = match (side.as_str(), kind.is_ticket()) {
        ("" | "home", false) => Side::Home,
        (_, false) => return Err(invalid("side", "a check is asked by the home side")),
        (side, true) => Side::from_word(side).ok_or_else(|| invalid("side", "is not home or treatment"))?,
    };
    if settlement.is_some() && !(from.is_empty() && to.is_empty()) {
        let field = if from.is_empty() { "to" } else { "from" };
        return Err(invalid(field, "is not given beside a settlement, which says between whom it is"));
    }
    let words = self::words(&words)?;
    Ok(Opening { id, kind, side, settlement, words, from, to })
}

impl Opening {
    /// The home and the treatment region, where they are named and no settlement tells them.
    pub(super) fn between(&self, regions: &RegionTable) -> Result<(PoolCode, PoolCode), Refusal> {
        let (from, to) = (pool(regions, "from", &self.from)?, pool(regions, "to", &self.to)?);
        if from == to {
            return Err(invalid("to", "is the region that asks"));
        }
        Ok(match self.side {
            Side::Home => (from, to),
            Side::Treatment => (to, from),
        })
    }

    /// The field that says which regions it is between.
    pub(super) fn regions_field(&self) -> &'static str {
        if self.settlement.is_some() { "settlement" } else { "from" }
    }
}

/// A region's code as it stands in the table; a district's leads to its pool.
fn pool(regions: &RegionTable, field: &'static str, code: &str) -> Result<PoolCode, Refusal> {
    if code.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field(field));
    }
    let pool = RegionCode::new(code).ok().and_then(|code| regions.pool_of(code));
    pool.ok_or_else(|| Refusal::new(Reason::UnknownRegion).of_field(field).because("it is no pooling region"))
}

pub(super) fn words(text: &str) -> Result<Words, Refusal> {
    Words::new(text).map_err(|fault| match fault {
        WordsFault::Empty => Refusal::new(Reason::MissingField).of_field("words"),
        WordsFault::TooLong | WordsFault::ControlCharacter => invalid("words", fault.to_string()),
    })
}

pub(super) fn finding(word: &str, not_owed: i64) -> Result<Option<Finding>, Refusal> {
    let not_owed = Money::from_fen(not_owed);
    let finding = match word {
        "" => None,
        word => Some(Finding::from_word(word, not_owed).ok_or_else(|| invalid("finding", "is not right or wrong"))?),
    };
    if !not_owed.is_zero() && finding.is_none_or(|finding| finding == Finding::Right) {
        return Err(invalid("not_owed", "has a sum, and nothing was found wrong"));
    }
    Ok(finding)
}

/// The field of an answer that is none.
pub(super) fn field_of(fault: AnswerFault) -> &'static str {
    match fault {
        AnswerFault::NothingFound | AnswerFault::TicketFinds => "finding",
        AnswerFault::NothingNotOwed | AnswerFault::AboveThePayment { .. } => "not_owed",
    }
}

/// Which inquiries a list shows.
pub(super) struct Wanted {
    party: Option<Party>,
    tickets: Option<bool>,
    standing: WantedStanding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WantedStanding {
    All,
    Open,
    Overdue,
}

impl Wanted {
    pub(super) fn of(request: &v1::ListInquiriesRequest) -> Result<Wanted, Refusal> {
        let party = match request.direction.as_str() {
            "" => None,
            "to" => Some(Party::Asked),
            "from" => Some(Party::Asker),
            _ => return Err(invalid("direction", "is not to or from")),
        };
        let tickets = match request.kind.as_str() {
            "" => None,
            "check" => Some(false),
            "ticket" => Some(true),
            _ => return Err(invalid("kind", "is not check or ticket")),
        };
        let standing = match request.standing.as_str() {
            "" => WantedStanding::All,
            "open" => WantedStanding::Open,
            "overdue" => WantedStanding::Overdue,
            _ => return Err(invalid("standing", "is not open or overdue")),
        };
        Ok(Wanted { party, tickets, standing })
    }

    /// Whether ended ones are left out.
    pub(super) fn is_open_only(&self) -> bool {
        match self.standing {
            WantedStanding::All => false,
            WantedStanding::Open | WantedStanding::Overdue => true,
        }
    }

    /// Whether only those are wanted that should have been answered.
    pub(super) fn is_overdue_only(&self) -> bool {
        self.standing == WantedStanding::Overdue
    }

    /// Whether an inquiry of a kind is wanted, given whether a party of it is the caller.
    pub(super) fn takes(&self, kind: Kind, is_caller: impl Fn(Party) -> bool) -> bool {
        self.tickets.is_none_or(|tickets| kind.is_ticket() == tickets) && self.party.is_none_or(is_caller)
    }
}
