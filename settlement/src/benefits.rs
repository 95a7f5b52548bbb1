//! The steps that apply a rule book to a bill. (under construction)
pub mod explanation;
