//! 计算过程. (under construction)

/// One step of a calculation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step;
