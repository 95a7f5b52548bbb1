//! What a rule book says beyond plain TOML: ratios, `"unset"`, and words that stand for a case. Called by `parse/`.

use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::DeValue;

use crate::money::Money;
use crate::rulebook::clause::Setting;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::word::Word;
use crate::spanned::{Form, Node, decimal_of};

impl Node<'_> {
    /// One of several words, which may be absent.
    pub(super) fn word<T: Word>(&self, key: &'static str) -> Option<T> {
        self.form(key, &T::wanted(), T::read)
    }

    /// One of several words, which has to be there.
    pub(super) fn required_word<T: Word>(&self, key: &'static str) -> Option<T> {
        self.note(key, || Form::One(T::wanted()));
        self.required(key)?;
        self.word(key)
    }

    /// One of several words or `"unset"`, which has to be there.
    pub(super) fn word_setting<T: Word>(&self, key: &'static str) -> Option<Setting<T>> {
        let wanted = format!("{}, unset", T::wanted());
        self.required_form(key, &wanted, |word| match word {
            "unset" => Some(Setting::Unset),
            _ => T::read(word).map(Setting::Known),
        })
    }

    /// A word or a list of words, which has to be there.
    pub(super) fn required_words<T: Word>(&self, key: &'static str) -> Option<Vec<T>> {
        self.note(key, || Form::Many(T::wanted()));
        self.required(key)?;
        self.forms(key, &T::wanted(), T::read)
    }

    /// An amount of yuan or `"unset"`, which has to be there.
    pub(super) fn money_setting(&self, key: &'static str) -> Option<Setting<Money>> {
        self.note(key, || Form::MoneyOrUnset);
        if is_unset(self.required(key)?) { Some(Setting::Unset) } else { self.money(key).map(Setting::Known) }
    }

    /// A number that is not below zero, which may be absent.
    pub(super) fn decimal(&self, key: &'static str) -> Option<Decimal> {
        self.note(key, || Form::Decimal);
        let value = self.value(key)?;
        let number = decimal_of(value.get_ref()).filter(|number| !number.is_sign_negative());
        self.taken(key, value, number, "a number that is not below 0")
    }

    /// A number that is not below zero, which has to be there.
    pub(super) fn required_decimal(&self, key: &'static str) -> Option<Decimal> {
        self.note(key, || Form::Decimal);
        self.required(key)?;
        self.decimal(key)
    }

    /// An amount of yuan or `"unset"`, which may be absent. The outer option is none only after a fault.
    pub(super) fn optional_money_setting(&self, key: &'static str) -> Option<Option<Setting<Money>>> {
        self.note(key, || Form::MoneyOrUnset);
        if self.has(key) { self.money_setting(key).map(Some) } else { Some(None) }
    }

    /// A ratio up to a bound or `"unset"`, which may be absent.
    pub(super) fn ratio(&self, key: &'static str, most: u32) -> Option<Setting<Ratio>> {
        self.note(key, || Form::RatioOrUnset);
        let value = self.value(key)?;
        if is_unset(value) {
            return Some(Setting::Unset);
        }
        let Some(number) = decimal_of(value.get_ref()) else {
            return self.taken(key, value, None, "a ratio such as \"0.85\"");
        };
        let ratio = Ratio::new(number, most);
        if ratio.is_none() {
            let problem = format!("{number} is not between 0 and {most} with at most four decimals");
            let above = if most == 1 && number > Decimal::ONE { " (above 100 %)" } else { "" };
            self.fault_at(key, problem + above);
        }
        ratio.map(Setting::Known)
    }

    /// A ratio up to a bound or `"unset"`, which has to be there.
    pub(super) fn required_ratio(&self, key: &'static str, most: u32) -> Option<Setting<Ratio>> {
        self.note(key, || Form::RatioOrUnset);
        self.required(key)?;
        self.ratio(key, most)
    }

    /// A whole number from 0 to a bound or `"unset"`, which may be absent.
    pub(super) fn count_setting(&self, key: &'static str, most: i64) -> Option<Setting<i64>> {
        self.note(key, || Form::NumberOrUnset);
        if is_unset(self.value(key)?) {
            return Some(Setting::Unset);
        }
        self.count(key, most).map(Setting::Known)
    }

    /// A whole number from 0 to a bound, which may be absent.
    pub(super) fn count(&self, key: &'static str, most: i64) -> Option<i64> {
        let number = self.number(key)?;
        let fits = (0..=most).contains(&number);
        if !fits {
            self.fault_at(key, format!("is not between 0 and {most}"));
        }
        fits.then_some(number)
    }

    /// The keys whose value is `"unset"`.
    pub(super) fn unset_keys(&self) -> Vec<String> {
        let unset = self.table.iter().filter(|(_, value)| is_unset(value));
        unset.map(|(key, _)| key.get_ref().to_string()).collect()
    }
}

fn is_unset(value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().as_str() == Some("unset")
}
