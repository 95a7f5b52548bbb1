//! What the project exists for, as plain functions: money, bills, people, filings, rule books, benefits,
//! year-to-date, the life of a settlement, and the postings it causes.
//!
//! Nothing here does I/O, reads a clock, makes an id or draws a random number: time, ids and stored state come in
//! as arguments, and what should happen comes back as a value.
//!
//! | look in | for |
//! |---|---|
//! | [`money`], [`ids`], [`region`], [`beijing`], [`month`] | amounts, identifiers, the table of regions, days, months |
//! | [`bill`], [`encounter`], [`person`], [`filing`] | what goes into a calculation |
//! | [`rulebook`], [`benefits`] | one region's rules as data, and the steps that apply them |
//! | [`adjudication`], [`year_to_date`], [`postings`] | what comes out, what it uses up, what it books |
//! | [`account`] | whose personal accounts pay for a person |
//! | [`operation`], [`outcome`], [`lifecycle`], [`decide`] | what changes the books, and what one operation does to them |
//! | [`what_if`] | the same case on another footing |
//! | [`restored`] | a home region's book that was restored from an older copy |
//! | [`finding`] | what a check of the books found amiss |
//! | [`refusal`] | every way of saying no |
//! | [`spanned`], [`spreadsheet`] | reading a TOML text with all its faults at once, and cells that spreadsheets leave as they are |

pub mod account;
pub mod adjudication;
pub mod beijing;
pub mod benefits;
pub mod bill;
pub mod decide;
pub mod encounter;
pub mod filing;
pub mod finding;
pub mod ids;
pub mod lifecycle;
pub mod money;
pub mod month;
pub mod operation;
pub mod outcome;
pub mod person;
pub mod postings;
pub mod refusal;
pub mod region;
pub mod restored;
pub mod rulebook;
pub mod spanned;
pub mod spreadsheet;
pub mod what_if;
pub mod year_to_date;
