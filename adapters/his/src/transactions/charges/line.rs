//! One charge line as a message has it, checked by itself: its quantity, price and total must belong together.

use jiff::civil::Date;
use ledger::treatment::EncounterKind;
use rust_decimal::Decimal;
use settlement::ids::{BatchNumber, ChargeNumber, DiseaseCode, EncounterId, ItemCode, PersonNumber};
use settlement::money::Money;
use settlement::refusal::{Reason, Refusal};

use crate::coverage::split::{Approval, rounding_tolerance};
use crate::node::Node;
use crate::transactions::visit_details::disease;

/// See the file.
#[derive(Clone, Debug)]
pub struct UploadedLine {
    /// `feedetl_sn`.
    pub number: ChargeNumber,
    /// `init_feedetl_sn`: the line that this one takes back.
    pub takes_back: Option<ChargeNumber>,
    /// `mdtrt_id`.
    pub encounter: EncounterId,
    /// `psn_no`.
    pub person: PersonNumber,
    /// `chrg_bchno`; outpatient only.
    pub batch: Option<BatchNumber>,
    /// `dise_codg`; outpatient only.
    pub disease: Option<DiseaseCode>,
    /// `fee_ocur_time`.
    pub charged_on: Date,
    /// `med_list_codg`.
    pub item: ItemCode,
    /// `det_item_fee_sumamt`.
    pub total: Money,
    /// `cnt`.
    pub quantity: Decimal,
    /// `pric`.
    pub price: Decimal,
    /// `hosp_appr_flag`.
    pub approval: Approval,
}

/// Reads a line. None where there is a fault.
pub fn read(node: &Node<'_>, kind: EncounterKind) -> Option<UploadedLine> {
    let number = node.id("feedetl_sn", ChargeNumber::new);
    let takes_back = node.optional_id("init_feedetl_sn", ChargeNumber::new);
    let encounter = node.id("mdtrt_id", EncounterId::new);
    let person = node.id("psn_no", PersonNumber::new);
    let (batch, disease) = match kind {
        EncounterKind::Visit => (node.id("chrg_bchno", BatchNumber::new).map(Some), disease(node)),
        EncounterKind::Stay => (Some(None), Some(None)),
    };
    let charged_on = node.time("fee_ocur_time");
    let item = node.id("med_list_codg", ItemCode::new);
    let total = node.money("det_item_fee_sumamt");
    let quantity = node.number("cnt");
    let price = node.number("pric");
    let approval = approval(node);
    let line = UploadedLine {
        number: number?,
        takes_back: takes_back?,
        encounter: encounter?,
        person: person?,
        batch: batch?,
        disease: disease?,
        charged_on: charged_on?.date(),
        item: item?,
        total: total?,
        quantity: quantity?,
        price: price?,
        approval,
    };
    check(node, line)
}

fn approval(node: &Node<'_>) -> Approval {
    match node.optional(&["hosp_appr_flag"]).as_deref() {
        Some("1") => Approval::Approved,
        Some("2") => Approval::Refused,
        Some(_) | None => Approval::NotNeeded,
    }
}

/// Checks a line by itself.
fn check(node: &Node<'_>, line: UploadedLine) -> Option<UploadedLine> {
    if line.quantity.is_zero() {
        node.invalid("cnt", "数量为0");
        return None;
    }
    if line.price.is_sign_negative() && !line.price.is_zero() {
        node.invalid("pric", "单价为负");
        return None;
    }
    let negative = line.quantity.is_sign_negative();
    if !line.total.is_zero() && line.total.is_negative() != negative {
        node.invalid("det_item_fee_sumamt", "金额与数量的正负不一致");
        return None;
    }
    if negative && line.takes_back.is_none() {
        let fault = Refusal::new(Reason::NegativeBeyondOriginal).of_field(node.path_of("init_feedetl_sn"));
        node.sheet().fault(fault.because("负数明细未填原明细流水号"));
        return None;
    }
    let product = line.quantity.checked_mul(line.price);
    let fits = product.is_some_and(|product| {
        (product - line.total.to_decimal()).abs() <= rounding_tolerance(line.quantity, line.price)
    });
    if !fits {
        let product = product.map(|product| product.round_dp(2).to_string()).unwrap_or_default();
        node.invalid("det_item_fee_sumamt", format!("{}与数量×单价{product}不符", line.total));
        return None;
    }
    Some(line)
}
