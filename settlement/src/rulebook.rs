//! 待遇规则: one region's benefit rules for one insurance, as data. (under construction)

/// The content hash of a rule book: what a stored settlement was decided by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuleBookHash(pub [u8; 32]);
