//! What the treatment side's store promises, on both databases alike. The promises are in the files beside; here is what
//! runs each of them on a SQLite file and on a PostgreSQL database whose application role owns nothing.

mod evidence;
mod facts;
mod hospital;
mod writers;

use ::settlement::bill::{Coverage, FeeCategory, ItemClass};
use ::settlement::ids::{
    ChargeNumber, EncounterId, InstitutionCode, ItemCode, MessageId, PersonNumber, PoolCode, RegionCode,
    TransactionNumber,
};
use ::settlement::money::Money;
use ::settlement::person::Insurance;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::dec;
use tempfile::TempDir;

use super::*;
use crate::engine::migrate;
use crate::testing::{Database, PrivatePostgres};

/// A place for one store, and its own.
pub struct Place {
    location: Location,
    database: Option<Database>,
    _folder: Option<TempDir>,
}

impl Place {
    fn file() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let location = folder.path().join("his.db").into();
        Place { location, database: None, _folder: Some(folder) }
    }

    fn postgres() -> Place {
        let database = PrivatePostgres::shared().database().expect("a database");
        let owner = database.owner_url.parse().expect("a location");
        migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
        let location = database.app_url.parse().expect("a location");
        Place { location, database: Some(database), _folder: None }
    }

    fn open(&self) -> Result<TreatmentStore, StoreError> {
        TreatmentStore::open(&self.location, &StoreOptions::default())
    }

    fn store(&self) -> TreatmentStore {
        self.open().expect("a store")
    }
}

/// Runs promises on both databases.
macro_rules! promises {
    ($($promise:ident;)*) => {
        mod on_a_file {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::super::Place::file()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::super::Place::postgres()).await;
            })*
        }
    };
}
use promises;

/// Carries out a change that nothing refuses.
async fn changed<T: Send + 'static>(
    store: &TreatmentStore,
    mut work: impl FnMut(&Session<'_, '_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    let done: Result<T, ()> = store.change(move |session| work(session).map(Ok)).await.expect("a store");
    done.expect("nothing is refused")
}

fn stay() -> EncounterId {
    EncounterId::new("310000175129920000000000000001").expect("an id")
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn new_stay() -> NewEncounter {
    NewEncounter {
        id: stay(),
        kind: EncounterKind::Stay,
        institution: InstitutionCode::new("H1").expect("a code"),
        person: PersonNumber::new("1").expect("a number"),
        home: PoolCode(RegionCode::new("410700").expect("a code")),
        insurance: Insurance::Employee,
        hospital_number: "ZY1".into(),
    }
}

fn charge(number: &str, category: u8, class: ItemClass, in_policy: i64) -> Charge {
    Charge {
        number: ChargeNumber::new(number).expect("a number"),
        takes_back: None,
        batch: None,
        item: ItemCode::new("XA").expect("a code"),
        charged_on: date(2025, 6, 11),
        item_class: class,
        class,
        category: FeeCategory::new(category).expect("a category"),
        share: dec!(0.10),
        quantity: dec!(1),
        coverage: Coverage { in_policy: Money::from_fen(in_policy), ..Coverage::default() },
        disease: None,
    }
}

fn key(message: &str, encounter: &str) -> MessageKey {
    MessageKey {
        institution: InstitutionCode::new("H1").expect("a code"),
        message: MessageId::new(message).expect("an id"),
        transaction: TransactionNumber::new("2304").expect("a number"),
        subject: "1".into(),
        encounter: encounter.into(),
        batch: String::new(),
    }
}

fn message(id: &str, encounter: &str, attempt: u32) -> NewMessage {
    NewMessage {
        key: key(id, encounter),
        attempt,
        encounter: encounter.into(),
        content: Content { digest: [1; 32], fields: vec![2; 16] },
        reference: "r".into(),
        received_at: at(),
        answer: None,
        warning: None,
    }
}

fn settle(id: &str, covers: Vec<ChargeRange>) -> NewOperation {
    NewOperation {
        kind: OperationKind::Settle,
        settlement: Some(id.into()),
        undoes: None,
        original: None,
        batch: String::new(),
        interim: false,
        home: PoolCode(RegionCode::new("410700").expect("a code")),
        category: "21".into(),
        covers,
        bytes: Bytes::from_static(b"operation"),
    }
}

fn answer() -> StoredAnswer {
    StoredAnswer { outcome: Bytes::from_static(b"outcome"), book_seq: 7, warning: Some("w".into()) }
}

fn sums() -> SettledSums {
    SettledSums {
        insurance: "310".into(),
        clearing_class: "21".into(),
        agency: "310000".into(),
        settled_at: at(),
        total: Money::from_fen(3),
        funds: Money::from_fen(1),
        account: Money::ZERO,
        cash: Money::from_fen(2),
        hospital: Money::ZERO,
    }
}
