//! The treatment place's catalogue: class, category, ceiling and first self-pay of every item, dated. A pool's own rows
//! win over the common ones. Read once from a CSV file. Called where charges are split.

use std::collections::HashMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use settlement::bill::{FeeCategory, ItemClass};
use settlement::ids::{ItemCode, PoolCode, RegionCode};
use settlement::person::Validity;

use crate::table_file::{Row, TableFault, read_rows};

/// Whether an item is paid only on a hospital's approval (限制使用).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Without condition.
    Free,
    /// On approval.
    Restricted,
}

/// An item during one stretch of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueItem {
    /// `chrgitm_lv`.
    pub class: ItemClass,
    /// `med_chrgitm_type`.
    pub category: FeeCategory,
    /// Yuan a unit; none where there is no ceiling.
    pub ceiling: Option<Decimal>,
    /// The share of a class-B item that the person pays first, 0 to 1.
    pub share: Decimal,
    /// Whether it needs approval.
    pub usage: Use,
    validity: Validity,
}

/// Every item of every pool.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    items: HashMap<ItemCode, Vec<(Option<PoolCode>, CatalogueItem)>>,
}

impl Catalogue {
    /// Reads the catalogue from CSV text with the columns `pool,code,name,list_type,class,category,price_ceiling,
    /// first_self_pay,restricted,valid_from,valid_to`; pool `*` holds everywhere.
    ///
    /// # Errors
    /// Every row that cannot be read.
    pub fn from_csv(text: &str) -> Result<Catalogue, Vec<TableFault>> {
        let mut catalogue = Catalogue::default();
        for (code, pool, item) in read_rows(text, read)? {
            catalogue.items.entry(code).or_default().push((pool, item));
        }
        Ok(catalogue)
    }

    /// An item as it is at a place on a day. A code that the place has a row of its own for on that day is read from
    /// that row alone.
    pub fn find(&self, pool: PoolCode, code: &ItemCode, day: Date) -> Option<&CatalogueItem> {
        let rows = self.items.get(code)?;
        let on_day = |of: Option<PoolCode>| {
            rows.iter().find(|(owner, item)| *owner == of && item.validity.covers(day)).map(|(_, item)| item)
        };
        on_day(Some(pool)).or_else(|| on_day(None))
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

fn read(row: &Row<'_>) -> Result<(ItemCode, Option<PoolCode>, CatalogueItem), String> {
    let code = ItemCode::new(row.get("code")?).map_err(|fault| format!("code {fault}"))?;
    let pool = match row.get("pool")? {
        "*" => None,
        text => Some(PoolCode(RegionCode::new(text).map_err(|fault| format!("pool {fault}"))?)),
    };
    let class = class_of(row.get("class")?)?;
    let share = number(row, "first_self_pay")?.unwrap_or_default();
    if share < Decimal::ZERO || share > Decimal::ONE {
        return Err(format!("first_self_pay {share} is not between 0 and 1"));
    }
    let item = CatalogueItem {
        class,
        category: category_of(row.get("category")?)?,
        ceiling: number(row, "price_ceiling")?,
        share: match class {
            ItemClass::A => Decimal::ZERO,
            ItemClass::B => share,
            ItemClass::C => Decimal::ONE,
        },
        usage: if row.get("restricted")? == "1" { Use::Restricted } else { Use::Free },
        validity: row.validity("valid_from", "valid_to")?,
    };
    Ok((code, pool, item))
}

fn class_of(text: &str) -> Result<ItemClass, String> {
    match text {
        "01" => Ok(ItemClass::A),
        "02" => Ok(ItemClass::B),
        "03" => Ok(ItemClass::C),
        other => Err(format!("class {other} is none of 01, 02, 03")),
    }
}

fn category_of(text: &str) -> Result<FeeCategory, String> {
    let category = text.parse().ok().and_then(FeeCategory::new);
    category.ok_or_else(|| format!("category {text} is not one of 01 to 14"))
}

fn number(row: &Row<'_>, column: &str) -> Result<Option<Decimal>, String> {
    let cell = row.get(column)?;
    if cell.is_empty() {
        return Ok(None);
    }
    cell.parse().map(Some).map_err(|_| format!("{column} {cell:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn a_pools_own_row_wins_and_a_row_ends() {
        let catalogue = Catalogue::from_csv(
            "pool,code,name,list_type,class,category,price_ceiling,first_self_pay,restricted,valid_from,valid_to\n\
             *,X1,甲,101,02,09,,0.10,0,2023-01-01,2025-06-15\n*,X1,甲,101,02,09,,0.05,0,2025-06-16,\n\
             310000,X1,甲,101,02,09,20,0.20,0,2025-01-01,2025-01-31\n",
        )
        .expect("a catalogue");
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let item = ItemCode::new("X1").expect("a code");
        for (place, day, share) in [
            ("650100", date(2025, 1, 15), Some(dec!(0.10))),
            ("310000", date(2025, 1, 15), Some(dec!(0.20))),
            ("310000", date(2025, 6, 16), Some(dec!(0.05))),
            ("310000", date(2022, 6, 16), None),
        ] {
            assert_eq!(catalogue.find(pool(place), &item, day).map(|item| item.share), share, "{place} {day}");
        }
    }
}
