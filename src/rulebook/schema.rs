//! `yidi rulebook schema`: the JSON Schema of rule books, by which an editor completes keys, says what they mean and gives
//! an example. Keys and forms are what the reader itself asks for, meanings and examples what `docs/rulebooks.md` says, so
//! that neither stands twice. It says less than `check`, which alone knows whether rows overlap or leave a gap.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};
use settlement::rulebook::keys::{Asked, Form, keys};

use crate::output;

/// What the keys mean, with an example of each.
const MANUAL: &str = include_str!("../../docs/rulebooks.md");

/// How to print it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// As JSON, which it is anyway.
    #[arg(long)]
    json: bool,
}

/// Prints the schema.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn run(_: &Arguments) -> Result<()> {
    output::line(&serde_json::to_string_pretty(&schema())?);
    Ok(())
}

/// The schema.
fn schema() -> Value {
    let mut writer = Writer { keys: by_table(keys()), meanings: meanings(MANUAL), shared: Map::new() };
    let mut schema = writer.object("");
    schema["definitions"] = writer.shared.into();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "待遇规则 rule book".into();
    schema["description"] = "One region's benefit rules for one insurance; see docs/rulebooks.md.".into();
    schema
}

/// The forms of each key of each table.
type Keys = BTreeMap<String, BTreeMap<&'static str, BTreeSet<Form>>>;

fn by_table(asked: BTreeSet<Asked>) -> Keys {
    let mut keys = Keys::new();
    for Asked { table, key, form } in asked {
        keys.entry(table).or_default().entry(key).or_default().insert(form);
    }
    for forms in keys.values_mut().flat_map(BTreeMap::values_mut) {
        for (wider, form) in [(Form::MoneyOrUnset, Form::Money), (Form::NumberOrUnset, Form::Number)] {
            if forms.contains(&wider) {
                forms.remove(&form);
            }
        }
    }
    keys
}

/// Writes the schema of a table and of what is below it.
struct Writer {
    keys: Keys,
    meanings: Meanings,
    /// What means the same in many tables, such as conditions: written once.
    shared: Map<String, Value>,
}

impl Writer {
    fn object(&mut self, table: &str) -> Value {
        let mut properties = Map::new();
        for (key, forms) in self.keys.get(table).cloned().unwrap_or_default() {
            let property = self.property(table, key, &forms);
            properties.insert(key.to_owned(), property);
        }
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }

    fn property(&mut self, table: &str, key: &str, forms: &BTreeSet<Form>) -> Value {
        let each: Vec<Value> = forms.iter().map(|form| self.value(table, key, form)).collect();
        let mut property = match <[Value; 1]>::try_from(each) {
            Ok([only]) => only,
            Err(several) => json!({ "anyOf": several }),
        };
        if let Some(told) = self.meanings.of(table, key) {
            property["description"] = told.meaning.as_str().into();
            if let Some(example) = told.example_of(key).as_ref().and_then(as_json) {
                property["examples"] = json!([example]);
            }
        }
        if self.meanings.is_of_table(table, key) {
            return property;
        }
        let shared = self.shared.entry(key).or_insert_with(|| property.clone());
        if *shared == property { json!({ "$ref": format!("#/definitions/{key}") }) } else { property }
    }

    fn value(&mut self, table: &str, key: &str, form: &Form) -> Value {
        let above = if table.is_empty() { String::new() } else { format!("{table}.") };
        match form {
            Form::Text => json!({ "type": "string" }),
            // A day is no JSON; editors give it as a text.
            Form::Day => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
            Form::Flag => json!({ "type": "boolean" }),
            Form::Number => json!({ "type": "integer" }),
            Form::NumberOrUnset => json!({ "anyOf": [{ "type": "integer" }, { "const": "unset" }] }),
            Form::Decimal | Form::Money => amount("^[0-9.]+$"),
            Form::MoneyOrUnset | Form::RatioOrUnset => amount("^([0-9.]+|unset)$"),
            Form::One(wanted) => word(wanted),
            // Places are named by each book for itself.
            Form::Many(_) if key == "place" => one_or_more(&json!({ "type": "string" })),
            Form::Many(wanted) => one_or_more(&word(wanted)),
            Form::Table => self.object(&format!("{above}{key}")),
            Form::Tables => json!({ "type": "array", "items": self.object(&format!("{above}{key}[]")) }),
        }
    }
}

fn amount(pattern: &str) -> Value {
    json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": pattern }] })
}

fn one_or_more(word: &Value) -> Value {
    json!({ "anyOf": [word, { "type": "array", "minItems": 1, "items": word }] })
}

/// A text; of some words alone, where what is wanted names them all: `none, or one of local, long-term`.
fn word(wanted: &str) -> Value {
    let Some((before, listed)) = wanted.split_once("one of ") else {
        return json!({ "type": "string", "title": wanted });
    };
    let words: Vec<&str> =
        before.trim_end_matches("or ").split(", ").chain(listed.split(", ")).map(str::trim).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    json!({ "type": "string", "enum": words })
}

/// What the manual tells of a key.
#[derive(Clone, Debug)]
struct Told {
    meaning: String,
    /// TOML that sets the key, `amount = 1200`, or the head of a table, `[[cap]]`.
    example: String,
}

impl Told {
    /// The value that the example gives a key; none where it is the head of a table or gives none.
    fn example_of(&self, key: &str) -> Option<toml::Value> {
        self.example.parse::<toml::Table>().ok()?.remove(key).filter(|_| !self.example.starts_with('['))
    }
}

/// A value as JSON has it; none of a table.
fn as_json(value: &toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(text.as_str().into()),
        toml::Value::Integer(number) => Some((*number).into()),
        toml::Value::Float(number) => Some((*number).into()),
        toml::Value::Boolean(flag) => Some((*flag).into()),
        toml::Value::Datetime(day) => Some(day.to_string().into()),
        toml::Value::Array(values) => values.iter().map(as_json).collect::<Option<Vec<Value>>>().map(Value::from),
        toml::Value::Table(_) => None,
    }
}

/// What keys mean, from the tables of a manual: a heading names the tables that it is about in backticks, and the rows
/// under it begin with keys in backticks. What stands under a heading without a table is about every table.
struct Meanings {
    of_tables: BTreeMap<(String, String), Told>,
    of_every: BTreeMap<String, Told>,
}

impl Meanings {
    fn is_of_table(&self, table: &str, key: &str) -> bool {
        self.of_tables.contains_key(&(table.replace("[]", ""), key.to_owned()))
    }

    fn of(&self, table: &str, key: &str) -> Option<&Told> {
        let named = self.of_tables.get(&(table.replace("[]", ""), key.to_owned()));
        named.or_else(|| self.of_every.get(key))
    }
}

fn meanings(manual: &str) -> Meanings {
    let mut meanings = Meanings { of_tables: BTreeMap::new(), of_every: BTreeMap::new() };
    let mut tables: Vec<String> = Vec::new();
    for line in manual.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            tables = quoted(heading).into_iter().map(|table| table.replace(['[', ']'], "")).collect();
            // The top of a file has no name.
            if heading.contains("top of the file") {
                tables.push(String::new());
            }
        } else if let Some((first, told)) = row(line) {
            for key in quoted(first) {
                if tables.is_empty() {
                    meanings.of_every.insert(key.clone(), told.clone());
                }
                for table in &tables {
                    meanings.of_tables.insert((table.clone(), key.clone()), told.clone());
                }
            }
        }
    }
    meanings
}

/// The first cell of a row that tells of a key, and what it tells; none for other lines.
fn row(line: &str) -> Option<(&str, Told)> {
    let mut cells = line.strip_prefix('|')?.trim_end_matches('|').split('|').map(str::trim);
    let first = cells.next().filter(|cell| cell.starts_with('`'))?;
    let meaning = cells.next().unwrap_or_default().replace('`', "");
    let example = quoted(cells.next().unwrap_or_default()).into_iter().next().unwrap_or_default();
    Some((first, Told { meaning, example }))
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_deploy_is_the_one_that_is_printed() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rulebooks/rulebook.schema.json");
        let kept = std::fs::read_to_string(&file).expect("the schema is there");
        let printed = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
        let stale = "it is stale: cargo run -- rulebook schema > deploy/rulebooks/rulebook.schema.json";
        assert!(kept == printed, "{stale}");
    }

    #[test]
    fn the_manual_says_what_every_key_means_and_names_no_other() {
        let (keys, meanings) = (by_table(keys()), meanings(MANUAL));
        let all: BTreeSet<(String, String)> = keys
            .iter()
            .flat_map(|(table, keys)| keys.keys().map(|key| (table.replace("[]", ""), (*key).to_owned())))
            .collect();
        let untold: Vec<_> = all.iter().filter(|(table, key)| meanings.of(table, key).is_none()).collect();
        assert!(untold.is_empty(), "docs/rulebooks.md says nothing of {untold:#?}");
        let unknown: Vec<_> = meanings.of_tables.keys().filter(|named| !all.contains(*named)).collect();
        assert!(unknown.is_empty(), "docs/rulebooks.md tells of keys that no book has: {unknown:#?}");
        let names: BTreeSet<&String> = all.iter().map(|(_, key)| key).collect();
        let unknown: Vec<_> = meanings.of_every.keys().filter(|key| !names.contains(key)).collect();
        assert!(unknown.is_empty(), "docs/rulebooks.md tells of keys that no table has: {unknown:#?}");
    }

    /// Whether a value is one that a key may have in a form.
    fn takes(key: &str, form: &Form, value: &toml::Value) -> bool {
        let is_word = |wanted: &str, value: &toml::Value| match (value.as_str(), word(wanted)["enum"].as_array()) {
            (None, _) => false,
            (Some(text), Some(words)) if key != "place" => words.iter().any(|word| word == text),
            (Some(_), Some(_) | None) => true,
        };
        let is_amount = || {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.parse::<rust_decimal::Decimal>().is_ok_and(|amount| !amount.is_sign_negative())
        };
        match form {
            Form::Text => value.is_str(),
            Form::Day => value.is_datetime(),
            Form::Flag => value.is_bool(),
            Form::Number | Form::NumberOrUnset => value.as_integer().is_some_and(|number| number >= 0),
            Form::Decimal => is_amount(),
            Form::Money | Form::MoneyOrUnset => !value.is_str() && is_amount(),
            Form::RatioOrUnset => value.is_str() && is_amount(),
            Form::One(wanted) => is_word(wanted, value),
            Form::Many(wanted) => match value.as_array() {
                Some(values) => !values.is_empty() && values.iter().all(|value| is_word(wanted, value)),
                None => is_word(wanted, value),
            },
            Form::Table | Form::Tables => false,
        }
    }

    /// What is wrong with what the manual gives as an example of a key.
    fn wrong(table: &str, key: &str, forms: &BTreeSet<Form>, told: &Told) -> Option<String> {
        // Tables that are told of together share the head of the first.
        let names_key = told.example.trim_matches(['[', ']']).rsplit('.').next() == Some(key);
        let form = if told.example.starts_with("[[") { Form::Tables } else { Form::Table };
        let is_head = names_key && told.example.starts_with('[') && forms.contains(&form);
        let is_value = told.example_of(key).is_some_and(|value| forms.iter().any(|form| takes(key, form, &value)));
        (!is_head && !is_value).then(|| format!("{table}.{key}: `{}`", told.example))
    }

    #[test]
    fn every_key_has_an_example_that_it_can_have() {
        let (keys, meanings) = (by_table(keys()), meanings(MANUAL));
        let each = keys.iter().flat_map(|(table, keys)| keys.iter().map(move |(key, forms)| (table, *key, forms)));
        let wrong: Vec<String> =
            each.filter_map(|(table, key, forms)| wrong(table, key, forms, meanings.of(table, key)?)).collect();
        assert!(wrong.is_empty(), "docs/rulebooks.md gives no example, or not one of this key:\n{}", wrong.join("\n"));
    }

    #[test]
    fn words_become_a_choice() {
        assert_eq!(word("none, or one of a, b"), json!({ "type": "string", "enum": ["none", "a", "b"] }));
        assert_eq!(word("one of a, b")["enum"], json!(["a", "b"]));
        assert_eq!(word("a disease code"), json!({ "type": "string", "title": "a disease code" }));
    }
}
