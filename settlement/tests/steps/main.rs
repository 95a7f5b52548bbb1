//! The benefit steps one by one. Each test takes a small invented book, changes one section of it, and holds rows of
//! cases against rows of amounts, all in the words of a rule book, so that someone from an insurance desk can check
//! them. Every row shows its working.

mod basic_fund;
mod bounds;
mod caps;
mod entitlement;
mod explanation;
mod family;
mod filed;
mod filings;
mod gate;
mod identities;
mod invented;
mod layers;
mod moved;
mod off_site;
mod out_of_order;
mod places;
mod proof;
mod ratios;
mod several;
mod stay;
mod unknown;
mod unmet;
mod upper_layers;
mod waiting;
mod year_due;
