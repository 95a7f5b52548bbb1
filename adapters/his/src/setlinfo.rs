//! `setlinfo` and `setldetail`: a settlement as the national interface tells it (his-interface.md 2.1 and 2.2). Every
//! settlement answer comes from here: estimates, settlements, cancellations and 5203.

use std::borrow::Cow;

use jiff::Timestamp;
use ledger::treatment::{KnownPerson, StoredEncounter};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use settlement::account::paid_by_family;
use settlement::adjudication::{Fund, Payers};
use settlement::bill::Coverage;
use settlement::ids::{MessageId, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::outcome::Settled;
use settlement::person::{Insurance, PersonClass};

use crate::config::FundSum;
use crate::desk_time;
use crate::operation::clearing_class;
use crate::what_if::{self, Alternative};

/// Whether amounts are told as they are, or as those of a counter-entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// As they are.
    Forward,
    /// Negative.
    Backward,
}

/// A settlement to be told.
pub struct Telling<'a> {
    /// The visit.
    pub encounter: &'a StoredEncounter,
    /// The person.
    pub person: &'a KnownPerson,
    /// What the home region said.
    pub settled: &'a Settled,
    /// The id that the desk is told: of the settlement, of the counter-entry; none for an estimate.
    pub id: Option<&'a SettlementId>,
    /// `setl_time`.
    pub at: Timestamp,
    /// The message that settled or cancelled it (`medins_setl_id`).
    pub message: &'a MessageId,
    /// `med_type`.
    pub category: &'a str,
    /// The pool whose agency pays the hospital.
    pub agency: PoolCode,
    /// How amounts are told.
    pub direction: Direction,
    /// `balc`.
    pub balance: Money,
    /// What `fund_pay_sumamt` counts.
    pub fund_sum: FundSum,
    /// What an estimate comes to on other footings.
    pub alternatives: &'a [Alternative],
}

/// An amount as answers write it: a number with two places.
pub fn amount(money: Money) -> Value {
    let number: Number = money.to_string().parse().expect("an amount in digits is a number");
    Value::Number(number)
}

/// A settlement as it is told.
#[derive(Serialize)]
pub struct Told<'a> {
    /// The settlement.
    pub setlinfo: Fields<'a>,
    setldetail: Vec<PayerRow>,
}

/// The fields of a node, in the order in which they are told. A name comes once.
pub struct Fields<'a>(Vec<(&'static str, Field<'a>)>);

enum Field<'a> {
    Text(Cow<'a, str>),
    Amount(Money),
    Count(i16),
}

impl<'a> Fields<'a> {
    /// Tells a text.
    pub fn text(&mut self, name: &'static str, text: Cow<'a, str>) {
        self.0.push((name, Field::Text(text)));
    }

    /// Tells an amount.
    pub fn amount(&mut self, name: &'static str, money: Money) {
        self.0.push((name, Field::Amount(money)));
    }

    fn count(&mut self, name: &'static str, count: i16) {
        self.0.push((name, Field::Count(count)));
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, field)| (name, field)))
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Field::Text(text) => text.serialize(serializer),
            Field::Amount(money) => amount(*money).serialize(serializer),
            Field::Count(count) => count.serialize(serializer),
        }
    }
}

/// A row of `setldetail`.
#[derive(Serialize)]
struct PayerRow {
    fund_pay_type: &'static str,
    fund_pay_type_name: &'static str,
    inscp_scp_amt: Value,
    crt_payb_lmt_amt: Value,
    fund_payamt: Value,
    setl_proc_info: &'static str,
}

/// A little more than the fields of `setlinfo` with those of 5203, so that its list does not grow.
const FIELDS: usize = 64;

impl Telling<'_> {
    /// Both nodes of the answer.
    pub fn output(&self) -> Told<'_> {
        Told { setlinfo: self.setlinfo(), setldetail: self.setldetail() }
    }

    /// The node `setlinfo`.
    fn setlinfo(&self) -> Fields<'_> {
        let mut node = self.who();
        for (name, money) in self.amounts() {
            node.amount(name, money);
        }
        node.count("pool_prop_selfpay", 0);
        node.amount("balc", self.balance);
        for (name, text) in [
            ("medins_setl_id", self.message.as_str().into()),
            ("clr_optins", self.agency.0.to_string().into()),
            ("clr_way", "1".into()),
            ("clr_type", clearing_class(self.category).into()),
            ("exp_content", self.bag()),
        ] {
            node.text(name, text);
        }
        if let Some(id) = self.id {
            node.text("setl_id", id.as_str().into());
        }
        node
    }

    fn bag(&self) -> Cow<'_, str> {
        let filing = self.settled.filing;
        if self.alternatives.is_empty() {
            return filing.map_or("{}", filing_bag).into();
        }
        what_if::bag(filing, self.alternatives, self.fund_sum).into()
    }

    fn who(&self) -> Fields<'_> {
        let person = self.person;
        let mut node = Fields(Vec::with_capacity(FIELDS));
        for (name, text) in [
            ("mdtrt_id", self.encounter.id.as_str()),
            ("psn_no", self.encounter.person.as_str()),
            ("psn_name", &person.name),
            ("psn_cert_type", if person.document_type.is_empty() { "01" } else { &person.document_type }),
            ("certno", &person.document),
            ("gend", &person.sex),
            ("brdy", &person.birth),
            ("insutype", self.settled.insurance.code()),
            ("psn_type", if person.category.is_empty() { class_code(self.settled.class) } else { &person.category }),
            ("cvlserv_flag", if self.settled.civil_servant { "1" } else { "0" }),
            ("med_type", self.category),
        ] {
            node.text(name, text.into());
        }
        node.text("setl_time", desk_time::write(self.at).into());
        if let Some(age) = age(&person.birth, self.at) {
            node.count("age", age);
        }
        node
    }

    /// Every amount under its name, in the order of the interface.
    fn amounts(&self) -> [(&'static str, Money); 21] {
        amounts(self.settled, self.fund_sum).map(|(name, money)| (name, self.directed(money)))
    }

    /// The node `setldetail`: one row for every payer with an amount, the account and the hospital among them.
    fn setldetail(&self) -> Vec<PayerRow> {
        let payers = &self.settled.payers;
        let insurance = self.settled.insurance;
        let funds = payers.funds.iter().map(|(fund, money)| (fund.national_code(insurance), fund.name(), money));
        let others = [("310200", "个人账户", payers.account), ("999996", "医院负担", payers.hospital)];
        let rows = funds.chain(others).filter(|(_, _, money)| !money.is_zero());
        rows.map(|(code, name, money)| PayerRow {
            fund_pay_type: code,
            fund_pay_type_name: name,
            inscp_scp_amt: amount(self.directed(self.settled.coverage.in_policy)),
            crt_payb_lmt_amt: amount(Money::ZERO),
            fund_payamt: amount(self.directed(money)),
            setl_proc_info: "",
        })
        .collect()
    }

    /// An amount as this is told.
    pub fn directed(&self, money: Money) -> Money {
        match self.direction {
            Direction::Forward => money,
            Direction::Backward => -money,
        }
    }
}

/// Every amount of a settlement under its name, in the order of the interface. `act_pay_dedc` is what the person bears of
/// the deductible, so it is inside `psn_part_amt`.
pub fn amounts(settled: &Settled, fund_sum: FundSum) -> [(&'static str, Money); 21] {
    let Settled { coverage, payers, deductible, family, .. } = settled;
    let Coverage { self_paid, over_limit, first_self_pay, in_policy } = *coverage;
    let Payers { funds, account, cash, hospital } = *payers;
    let counted = match fund_sum {
        FundSum::WithoutAccount => Money::ZERO,
        FundSum::WithAccount => account,
    };
    [
        ("medfee_sumamt", coverage.total()),
        ("fulamt_ownpay_amt", self_paid),
        ("overlmt_selfpay", over_limit),
        ("preselfpay_amt", first_self_pay),
        ("inscp_scp_amt", in_policy),
        ("act_pay_dedc", *deductible),
        ("hifp_pay", funds.of(Fund::Basic)),
        ("cvlserv_pay", funds.of(Fund::CivilServant)),
        ("hifes_pay", Money::ZERO),
        ("hifmi_pay", funds.of(Fund::Catastrophic)),
        ("hifob_pay", funds.of(Fund::LargeSum)),
        ("maf_pay", funds.of(Fund::Assistance)),
        ("hifdm_pay", Money::ZERO),
        ("oth_pay", Money::ZERO),
        ("fund_pay_sumamt", funds.total() + counted),
        ("psn_part_amt", account + cash),
        ("acct_pay", account),
        ("psn_cash_pay", cash),
        ("pdn_cash_pay", cash),
        ("hosp_part_amt", hospital),
        ("acct_mulaid_pay", paid_by_family(family)),
    ]
}

/// The class of filing that was applied, in the extension bag: a JSON text.
fn filing_bag(class: settlement::filing::FilingClass) -> &'static str {
    use settlement::filing::FilingClass;
    match class {
        FilingClass::LongTerm => r#"{"filing_class":"long-term"}"#,
        FilingClass::Referral => r#"{"filing_class":"referral"}"#,
        FilingClass::Emergency => r#"{"filing_class":"emergency"}"#,
        FilingClass::OtherTemporary => r#"{"filing_class":"other-temporary"}"#,
    }
}

/// `psn_type` of a class, for people who were never looked up here.
fn class_code(class: PersonClass) -> &'static str {
    match class {
        PersonClass::Working => "11",
        PersonClass::Retired => "12",
        PersonClass::Adult => "15",
        PersonClass::Student => "1404",
        PersonClass::Child => "1405",
    }
}

/// `insutype` of the word that travels; a word of another system stays as it is.
pub fn insurance_code(word: &str) -> &str {
    match Insurance::from_word(word) {
        Some(insurance) => insurance.code(),
        None => word,
    }
}

/// Age in full years, where the date of birth is known.
pub fn age(birth: &str, at: Timestamp) -> Option<i16> {
    let birth: jiff::civil::Date = birth.parse().ok()?;
    let day = settlement::beijing::day_of(at);
    let had_birthday = (day.month(), day.day()) >= (birth.month(), birth.day());
    Some(day.year() - birth.year() - i16::from(!had_birthday))
}
