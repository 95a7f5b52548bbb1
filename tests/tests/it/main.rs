//! Tests of several crates at work together, in one executable: built once, linked once.

mod clearing_altered;
mod clearing_crashes;
mod clearing_cut_off;
mod clearing_interleavings;
mod clearing_uncompared;
mod clearing_verified;
mod commands;
mod corrections;
mod demo_arithmetic;
mod inquiries;
mod letters;
mod mending;
mod nothing_compared;
mod older_copy;
mod prefund_races;
mod rulebook_arithmetic;
mod sequences;
mod tidiness;
mod verifying;
mod whole_line;
