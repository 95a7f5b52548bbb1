//! A hub's book by itself, without anybody around: settlements are written into it as its money path writes them, and
//! months are cleared on it. For tests of what becomes of a book, whatever happens to those who work on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use broker::clearing::Clearing;
use clearing::calendar::Calendar;
use clearing::period::Pair;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::engine::Location;
use ledger::hub::{Answer, Answering, HubStore, Position, Receipt, Received, Verdict};
use ledger::store::{StoreError, StoreOptions};
use proto::convert;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::beijing;
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::ids::{
    EncounterId, InstitutionCode, MemberCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId,
    TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, ReversalTarget, Reverse, Settle};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::{Insurance, PersonClass};
use settlement::postings::Booking;
use settlement::region::RegionTable;
use settlement::rulebook::RuleBookHash;

/// The numbers of home regions' books count on, whichever book of this process they are written into.
static NEXT_BOOK_SEQ: AtomicU64 = AtomicU64::new(1);

static REGIONS: LazyLock<Arc<RegionTable>> =
    LazyLock::new(|| Arc::new(RegionTable::from_csv(&deployed("regions.csv")).expect("a table")));
static CALENDAR: LazyLock<Arc<Calendar>> =
    LazyLock::new(|| Arc::new(Calendar::parse(&deployed("calendar.toml")).expect("a calendar").without_comparing()));

/// A hub's book.
#[derive(Clone)]
pub struct Book {
    /// The store.
    pub store: HubStore,
    /// The table of regions that the repository comes with.
    pub regions: Arc<RegionTable>,
    /// The calendar that the repository comes with, for a book that has no others to be compared with.
    pub calendar: Arc<Calendar>,
}

/// A settlement as a test speaks of it.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    /// Its id, and its message's.
    pub id: &'static str,
    /// The pool that pays half of it.
    pub home: &'static str,
    /// The whole charges, in yuan.
    pub yuan: i64,
}

/// A settlement whose id is made up as the test goes.
#[derive(Clone, Debug)]
pub struct NewStay {
    /// Its id, and its message's.
    pub id: String,
    /// The pool that pays half of it.
    pub home: &'static str,
    /// The whole charges, in yuan.
    pub yuan: i64,
}

impl From<Stay> for NewStay {
    fn from(Stay { id, home, yuan }: Stay) -> NewStay {
        NewStay { id: id.to_owned(), home, yuan }
    }
}

impl Book {
    /// Opens a book.
    ///
    /// # Errors
    /// When its store cannot be opened.
    pub fn open(location: &Location) -> Result<Book, StoreError> {
        let store = HubStore::open(location, &StoreOptions::default())?;
        Ok(Book { store, regions: REGIONS.clone(), calendar: CALENDAR.clone() })
    }

    /// Clearing on it.
    pub fn clearing(&self) -> Clearing {
        Clearing::new(self.store.clone(), self.regions.clone(), self.calendar.clone())
    }

    /// Writes a settlement of a hospital in Shanghai down, with its answer. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(&self, stay: Stay, at: Timestamp) -> Result<(), StoreError> {
        let stay = stay.into();
        let position = self.receive(&stay, at).await?;
        self.answer(position, &stay, at).await
    }

    /// The same of a resident: half of it from the basic fund of residents.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_resident(&self, stay: Stay, at: Timestamp) -> Result<(), StoreError> {
        let (mut operation, mut settled) = settlement(&stay.into());
        settled.insurance = Insurance::Resident;
        if let Request::Settle(settle) = &mut operation.request {
            settle.insurance = Insurance::Resident;
        }
        let position = self.receive_operation(operation.clone(), at).await?;
        self.keep(position, &operation, Done::Settled(Box::new(settled)), at).await
    }

    /// Writes a settlement down, without an answer yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn receive(&self, stay: &NewStay, at: Timestamp) -> Result<Position, StoreError> {
        self.receive_operation(settlement(stay).0, at).await
    }

    /// Where a settlement was written down; none where it was not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn received(&self, stay: &NewStay) -> Result<Option<Position>, StoreError> {
        let earlier = self.store.operation_find(&settlement(stay).0.key).await?;
        Ok(earlier.map(|earlier| earlier.position))
    }

    /// Keeps the answer to a settlement. The first one stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer(&self, position: Position, stay: &NewStay, at: Timestamp) -> Result<(), StoreError> {
        let (operation, settled) = settlement(stay);
        self.keep(position, &operation, Done::Settled(Box::new(settled)), at).await
    }

    /// Writes the cancellation of a settlement down, under an id of its own.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cancel(&self, id: &str, stay: Stay, at: Timestamp) -> Result<(), StoreError> {
        let (counter, (_, original)) = (settlement_id(id), settlement(&stay.into()));
        let (settlement, home) = (settlement_id(stay.id), pool(stay.home));
        let cancel = Cancel { counter: counter.clone(), settlement, home, treatment: shanghai() };
        let operation = Operation { key: key(id, "2305"), request: Request::Cancel(cancel) };
        let done = Done::Cancelled { counter, original: Box::new(original), account_balance: Money::ZERO };
        let position = self.receive_operation(operation.clone(), at).await?;
        self.keep(position, &operation, done, at).await
    }

    /// Writes the reversal of a cancellation down, under an id of its own: its settlement is in force again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bring_back(&self, id: &str, cancelled: &str, stay: Stay, at: Timestamp) -> Result<(), StoreError> {
        let (counter, (_, original)) = (settlement_id(cancelled), settlement(&stay.into()));
        let OperationKey { institution, message, transaction, person, .. } = key(cancelled, "2305");
        let target = ReversalTarget { institution, message, transaction, person };
        let reverse = Reverse { target, home: pool(stay.home), treatment: shanghai() };
        let operation = Operation { key: key(id, "2601"), request: Request::Reverse(reverse) };
        let undone = Undone::Cancellation { original, counter, account_balance: Money::ZERO };
        let position = self.receive_operation(operation.clone(), at).await?;
        self.keep(position, &operation, Done::Reversed(Box::new(undone)), at).await
    }

    async fn receive_operation(&self, operation: Operation, at: Timestamp) -> Result<Position, StoreError> {
        let receipt = Receipt {
            bytes: convert::write_operation(&operation),
            operation: Arc::new(operation),
            received_at: at,
            regions: self.regions.clone(),
        };
        match self.store.operation_receive(receipt).await? {
            Received::Fresh(fresh) => Ok(fresh.position),
            Received::Earlier(earlier) => Ok(earlier.position),
            other @ (Received::Voided | Received::Misdirected) => panic!("nothing voids what tests send: {other:?}"),
        }
    }

    async fn keep(
        &self,
        position: Position,
        operation: &Operation,
        done: Done,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = Outcome::Accepted { decided_at: at, done };
        let booking = Booking::of(operation, &outcome);
        let book_seq = NEXT_BOOK_SEQ.fetch_add(1, Ordering::Relaxed);
        let outcome = convert::write_outcome(&outcome);
        let answer = Answer { outcome, verdict: Verdict::Accepted, book_seq, answered_at: at };
        match self.store.operation_answer(position, operation.home(), answer, booking).await? {
            Answering::Kept | Answering::Earlier(_) => Ok(()),
            other @ (Answering::EarlierMissing | Answering::Contradicts) => panic!("it can be booked: {other:?}"),
        }
    }
}

fn deployed(file: &str) -> String {
    std::fs::read_to_string(crate::repository().join("deploy").join(file)).expect("the repository has it")
}

/// Noon of a day of 2025, Beijing time.
pub fn noon(month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(2025, month, day).at(12, 0, 0, 0)).expect("an instant")
}

/// Henan, which owes, and Shanghai, which is owed.
pub fn henan_shanghai() -> Pair {
    Pair { home: MemberCode(region("410000")), treatment: MemberCode(region("310000")) }
}

/// The id of a settlement.
pub fn settlement_id(text: &str) -> SettlementId {
    SettlementId::new(text).expect("an id")
}

fn region(code: &str) -> RegionCode {
    RegionCode::new(code).expect("six digits")
}

fn pool(code: &str) -> PoolCode {
    PoolCode(region(code))
}

fn shanghai() -> PoolCode {
    pool("310000")
}

fn hospital() -> InstitutionCode {
    InstitutionCode::new("H31010100001").expect("a code")
}

fn key(message: &str, transaction: &str) -> OperationKey {
    OperationKey {
        institution: hospital(),
        message: MessageId::new(message).expect("an id"),
        transaction: TransactionNumber::new(transaction).expect("a number"),
        person: PersonNumber::new("41070000001").expect("a number"),
        encounter: None,
        batch: None,
    }
}

/// Half from the basic fund, half in cash.
fn settlement(NewStay { id, home, yuan }: &NewStay) -> (Operation, Settled) {
    let total = Money::from_yuan(*yuan);
    let category = CategorySum {
        category: FeeCategory::new(9).expect("western drugs"),
        class_a: total,
        class_b: Money::ZERO,
        class_c: Money::ZERO,
        over_limit: Money::ZERO,
    };
    let coverage = Coverage { in_policy: total, ..Coverage::default() };
    let encounter = Encounter {
        id: EncounterId::new("310000001").expect("an id"),
        institution: hospital(),
        area: region("310101"),
        pool: shanghai(),
        member: None,
        level: HospitalLevel::Third,
        care: CareKind::Inpatient,
        admitted: date(2025, 6, 10),
        discharged: Some(date(2025, 6, 20)),
        disease: None,
        diagnosis: None,
        batch: None,
        interim: false,
        marks: Marks::default(),
    };
    let settle = Settle {
        settlement: settlement_id(id),
        home: pool(home),
        insurance: Insurance::Employee,
        encounter,
        bill: Bill::new(coverage, vec![category], Vec::new()).expect("it adds up"),
        account: AccountUse::Own,
    };
    let half = Money::from_fen(total.fen() / 2);
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, half);
    let settled = Settled {
        settlement: settlement_id(id),
        insurance: Insurance::Employee,
        coverage,
        payers: Payers { funds, account: Money::ZERO, cash: total - half, hospital: Money::ZERO },
        deductible: Money::ZERO,
        account_balance: Money::ZERO,
        family: Vec::new(),
        filing: None,
        class: PersonClass::Retired,
        civil_servant: false,
        during_stay: false,
        rule_book: RuleBookHash([0; 32]),
        explanation: [0; 32],
    };
    (Operation { key: key(id, "2304"), request: Request::Settle(Box::new(settle)) }, settled)
}
