//! Deciding, seen from outside: tables of what one operation does after others, and properties of long histories.
//! The rule of benefits here is a tiny one, but for what the book tells rules of earlier settlements (`history`); real
//! ones are tested beside `benefits`.

mod corrections;
mod family;
mod history;
// Of the book that the steps share, its text alone is used here.
#[allow(dead_code)]
#[path = "../steps/invented.rs"]
mod invented;
mod late;
mod properties;
mod tables;
mod world;
