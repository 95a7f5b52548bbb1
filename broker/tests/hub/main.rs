//! The hub over real mutual TLS on loopback, between a treatment region and a home region that a test scripts. Every
//! test has its own authority, folders, store and ports.

mod asking;
mod certifying;
mod clearing;
mod corrections;
mod doubt;
mod drain;
mod fake_home;
mod family;
mod given_ids;
mod inquiries;
mod isolation;
mod leftovers;
mod measures;
mod members;
mod operations;
mod payments;
mod permits;
mod prefund_desks;
mod prefunds;
mod reconciling;
mod registry;
mod reporting;
mod requests;
mod seats;
mod several;
mod taken_ids;
mod told;
mod traces;
mod world;
mod years;
