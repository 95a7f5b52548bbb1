//! The split of one charge line: above the ceiling, outside the catalogue, first self-pay, and what remains.
//! Rounded to the fen for each line, half up; the remainder stays in the in-policy amount.

use rust_decimal::Decimal;
use settlement::bill::{Coverage, ItemClass};
use settlement::money::Money;

use crate::catalogue::{CatalogueItem, Use};

/// `hosp_appr_flag`: what the hospital says of a restricted item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// 0 or nothing: not asked for.
    #[default]
    NotNeeded,
    /// 1: the condition is met.
    Approved,
    /// 2: it is not met.
    Refused,
}

/// A charge line as far as its split needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// `det_item_fee_sumamt`.
    pub total: Money,
    /// `cnt`.
    pub quantity: Decimal,
    /// `pric`, yuan.
    pub price: Decimal,
    /// `hosp_appr_flag`.
    pub approval: Approval,
}

/// A line split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The class in the catalogue.
    pub item_class: ItemClass,
    /// The class that the line counts as.
    pub class: ItemClass,
    /// The share that the person pays first.
    pub share: Decimal,
    /// The split.
    pub coverage: Coverage,
}

/// Splits a line. An item that is not in the catalogue is self-paid.
pub fn split(charged: &Charged, item: Option<&CatalogueItem>) -> Split {
    let Some(item) = item else { return self_paid(charged, ItemClass::C) };
    let covered = match (item.class, item.usage, charged.approval) {
        (ItemClass::C, _, _) => false,
        (ItemClass::A | ItemClass::B, Use::Restricted, Approval::NotNeeded | Approval::Refused) => false,
        (ItemClass::A | ItemClass::B, Use::Free, Approval::Refused) => false,
        (ItemClass::A | ItemClass::B, Use::Restricted, Approval::Approved) => true,
        (ItemClass::A | ItemClass::B, Use::Free, Approval::NotNeeded | Approval::Approved) => true,
    };
    if covered { covered_split(charged, item) } else { self_paid(charged, item.class) }
}

fn self_paid(charged: &Charged, item_class: ItemClass) -> Split {
    Split {
        item_class,
        class: ItemClass::C,
        share: Decimal::ONE,
        coverage: Coverage { self_paid: charged.total, ..Coverage::default() },
    }
}

fn covered_split(charged: &Charged, item: &CatalogueItem) -> Split {
    let above = item.ceiling.map_or(Decimal::ZERO, |ceiling| (charged.price - ceiling).max(Decimal::ZERO));
    let coverage = Coverage::of_covered(charged.total, above * charged.quantity, item.share);
    Split { item_class: item.class, class: item.class, share: item.share, coverage }
}

/// How far a line's total may lie from quantity times price: one fen, and what rounding the price to the places in
/// which it is written can make. A price of 0.33 may stand for 0.3333: a hundred of them cost 33.33.
pub fn rounding_tolerance(quantity: Decimal, price: Decimal) -> Decimal {
    let half_a_place = Decimal::new(5, (price.scale().max(2) + 1).min(Decimal::MAX_SCALE));
    Decimal::new(1, 2) + half_a_place * quantity.abs()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::catalogue::Catalogue;
    use settlement::ids::{ItemCode, PoolCode, RegionCode};

    fn catalogue() -> Catalogue {
        Catalogue::from_csv(
            "pool,code,name,list_type,class,category,price_ceiling,first_self_pay,restricted,valid_from,valid_to\n\
             *,A,甲类,201,01,03,,0,0,2023-01-01,\n*,B,乙类,101,02,09,,0.10,0,2023-01-01,\n\
             *,BC,乙类限价,301,02,08,50,0.20,0,2023-01-01,\n*,AC,甲类限价,201,01,01,40,0,0,2023-01-01,\n\
             *,BR,乙类限制,101,02,09,,0.10,1,2023-01-01,\n*,C,丙类,201,03,14,,1,0,2023-01-01,\n",
        )
        .expect("a catalogue")
    }

    #[test]
    fn a_line_splits_by_class_ceiling_and_approval() {
        use Approval::{Approved, NotNeeded, Refused};
        let catalogue = catalogue();
        let pool = PoolCode(RegionCode::new("310000").expect("a code"));
        // item, quantity, price, total, approval: self-paid, over-limit, first self-pay, in-policy (fen)
        for (item, quantity, price, total, approval, expected) in [
            ("A", dec!(2), dec!(10), 2_000, NotNeeded, [0, 0, 0, 2_000]),
            ("A", dec!(2), dec!(10), 2_000, Refused, [2_000, 0, 0, 0]),
            ("B", dec!(3), dec!(33.33), 9_999, NotNeeded, [0, 0, 1_000, 8_999]),
            ("B", dec!(1), dec!(0.05), 5, NotNeeded, [0, 0, 1, 4]),
            ("BC", dec!(2), dec!(60), 12_000, NotNeeded, [0, 2_000, 2_000, 8_000]),
            ("AC", dec!(3), dec!(45.50), 13_650, NotNeeded, [0, 1_650, 0, 12_000]),
            ("BR", dec!(1), dec!(100), 10_000, NotNeeded, [10_000, 0, 0, 0]),
            ("BR", dec!(1), dec!(100), 10_000, Approved, [0, 0, 1_000, 9_000]),
            ("BR", dec!(1), dec!(100), 10_000, Refused, [10_000, 0, 0, 0]),
            ("C", dec!(1), dec!(100), 10_000, Approved, [10_000, 0, 0, 0]),
            ("absent", dec!(1), dec!(100), 10_000, NotNeeded, [10_000, 0, 0, 0]),
        ] {
            let found = catalogue.find(pool, &ItemCode::new(item).expect("a code"), jiff::civil::date(2025, 6, 1));
            let charged = Charged { total: Money::from_fen(total), quantity, price, approval };
            let coverage = split(&charged, found).coverage;
            assert_eq!(coverage.parts().map(|(_, amount)| amount.fen()), expected, "{item} {approval:?}");
            assert_eq!(coverage.total(), charged.total);
        }
    }

    #[test]
    fn the_tolerance_is_what_the_written_price_can_hide() {
        for (quantity, price, tolerance) in [
            (dec!(1), dec!(12.50), dec!(0.015)),
            (dec!(100), dec!(0.33), dec!(0.51)),
            (dec!(-100), dec!(0.33), dec!(0.51)),
            (dec!(100), dec!(0.333333), dec!(0.01005)),
            (dec!(1), dec!(0.3333333333333333333333333333), dec!(0.0100000000000000000000000005)),
        ] {
            assert_eq!(rounding_tolerance(quantity, price).normalize(), tolerance, "{quantity} × {price}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_parts_make_up_the_line_and_none_is_negative(
            fen in 0i64..100_000_000, quantity in 1i64..1_000, share in 0i64..=100, ceiling in 0i64..1_000_000,
        ) {
            let text = format!(
                "pool,code,name,list_type,class,category,price_ceiling,first_self_pay,restricted,valid_from,valid_to\n\
                 *,B,x,101,02,09,{},{},0,2023-01-01,\n", Decimal::new(ceiling, 2), Decimal::new(share, 2));
            let catalogue = Catalogue::from_csv(&text).expect("a catalogue");
            let pool = PoolCode(RegionCode::new("310000").expect("a code"));
            let item = catalogue.find(pool, &ItemCode::new("B").expect("a code"), jiff::civil::date(2025, 6, 1));
            let quantity = Decimal::from(quantity);
            let total = Money::from_fen(fen);
            let charged = Charged { total, quantity, price: total.to_decimal() / quantity, approval: Approval::NotNeeded };
            let coverage = split(&charged, item).coverage;
            proptest::prop_assert_eq!(coverage.total(), total);
            proptest::prop_assert!(coverage.parts().iter().all(|(_, amount)| !amount.is_negative()));
        }
    }
}
