//! Placeholder for warm-up.
