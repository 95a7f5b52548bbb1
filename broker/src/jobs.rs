//! What runs by itself. Every job takes no input, is safe to run twice at once, and leaves a trace in the measures.

pub mod books;
pub mod resolve;
