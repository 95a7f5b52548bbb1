//! Deciding, seen from outside: tables of what one operation does after others, and properties of long histories.
//! The rule of benefits here is a tiny one; real ones are tested beside `benefits`.

mod corrections;
mod family;
mod late;
mod properties;
mod tables;
mod world;
