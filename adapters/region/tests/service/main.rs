//! A home region seen from the hub, through real mutual TLS: a process's worth of region in a folder that goes away
//! with the test.

#[macro_use]
mod world;

mod answers;
mod corrections;
mod family;
mod files;
mod filings;
mod histories;
mod identity;
mod late;
mod moved;
mod older_copy;
mod posted_stays;
mod questions;
