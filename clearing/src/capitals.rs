//! 大写金额: an amount in capital numerals, as notices of payment have it (《会计基础工作规范》 article 52). Written by
//! statements, and read by nobody but a person.

use settlement::money::Money;

const DIGITS: [&str; 10] = ["零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"];
const YI: u64 = 100_000_000;
const WAN: u64 = 10_000;

/// An amount in capital numerals, with the currency before it.
///
/// ```
/// use clearing::capitals::capitals;
/// use settlement::money::Money;
/// assert_eq!(capitals(Money::from_fen(100_200_301)), "人民币壹佰万贰仟零叁元零壹分");
/// ```
pub fn capitals(amount: Money) -> String {
    let sign = if amount.is_negative() { "负" } else { "" };
    let fen = amount.fen().unsigned_abs();
    let (yuan, jiao, fen) = (fen / 100, fen / 10 % 10, fen % 10);
    let mut text = format!("人民币{sign}");
    if yuan > 0 || jiao == 0 && fen == 0 {
        push_whole(&mut text, yuan);
        text.push('元');
    }
    if jiao > 0 {
        push_digit(&mut text, jiao);
        text.push('角');
    } else if yuan > 0 && fen > 0 {
        text.push('零');
    }
    if fen > 0 {
        push_digit(&mut text, fen);
        text.push('分');
    } else {
        text.push('整');
    }
    text
}

fn push_whole(text: &mut String, number: u64) {
    match number {
        0..WAN => push_below_wan(text, number),
        WAN..YI => push_parts(text, number, WAN, '万'),
        YI.. => push_parts(text, number, YI, '亿'),
    }
}

/// One 零 stands for the places that are empty before the rest.
fn push_parts(text: &mut String, number: u64, unit: u64, name: char) {
    let rest = number % unit;
    push_whole(text, number / unit);
    text.push(name);
    if rest > 0 {
        if rest < unit / 10 {
            text.push('零');
        }
        push_whole(text, rest);
    }
}

fn push_below_wan(text: &mut String, number: u64) {
    if number == 0 {
        text.push('零');
        return;
    }
    let (mut begun, mut skipped) = (false, false);
    for (unit, name) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let digit = number / unit % 10;
        if digit == 0 {
            skipped = begun;
            continue;
        }
        if skipped {
            text.push('零');
        }
        push_digit(text, digit);
        text.push_str(name);
        (begun, skipped) = (true, false);
    }
}

fn push_digit(text: &mut String, digit: u64) {
    text.push_str(usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).copied().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_as_accounting_has_them() {
        for (fen, expected) in [
            (0, "零元整"),
            (1, "壹分"),
            (10, "壹角整"),
            (15, "壹角伍分"),
            (100, "壹元整"),
            (101, "壹元零壹分"),
            (150, "壹元伍角整"),
            (1_000, "壹拾元整"),
            (102_350, "壹仟零贰拾叁元伍角整"),
            (100_000_000, "壹佰万元整"),
            (100_050_000, "壹佰万零伍佰元整"),
            (10_000_500_000_000, "壹仟亿零伍佰万元整"),
            (12_345_678_901, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分"),
            (-1_230, "负壹拾贰元叁角整"),
        ] {
            assert_eq!(capitals(Money::from_fen(fen)), format!("人民币{expected}"), "{fen}");
        }
    }

    /// Reads capital numerals back, as a person does: digit, unit, and a unit over everything before it.
    fn read(text: &str) -> i64 {
        let (sign, text) = text.strip_prefix('负').map_or((1, text), |rest| (-1, rest));
        let (mut fen, mut whole, mut section, mut digit) = (0, 0, 0, 0);
        for character in text.chars() {
            let value = DIGITS.iter().position(|known| known.starts_with(character));
            match character {
                _ if value.is_some() => digit = i64::try_from(value.unwrap_or_default()).expect("small"),
                '拾' | '佰' | '仟' => {
                    section += digit
                        * [('拾', 10), ('佰', 100), ('仟', 1000)]
                            .iter()
                            .find(|(unit, _)| *unit == character)
                            .expect("a unit")
                            .1;
                    digit = 0;
                }
                '万' => (whole, section, digit) = (whole + (section + digit) * 10_000, 0, 0),
                '亿' => (whole, section, digit) = ((whole + section + digit) * 100_000_000, 0, 0),
                '元' => (fen, digit) = ((whole + section + digit) * 100, 0),
                '角' => (fen, digit) = (fen + digit * 10, 0),
                '分' => (fen, digit) = (fen + digit, 0),
                '整' => {}
                other => panic!("{other} in {text}"),
            }
        }
        sign * fen
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_amount(fen in -10_i64.pow(15)..10_i64.pow(15), cut in 0_u32..14) {
            // Amounts with many zeros are where numerals go wrong.
            let fen = fen / 10_i64.pow(cut) * 10_i64.pow(cut);
            let written = capitals(Money::from_fen(fen));
            prop_assert_eq!(read(written.strip_prefix("人民币").expect("the currency")), fen);
            prop_assert!(!written.contains("零零"));
        }
    }
}
