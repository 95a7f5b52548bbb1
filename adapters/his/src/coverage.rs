//! How a charge splits by coverage: pure arithmetic of the treatment place's catalogue (his-interface.md section 2).
//! Called where charges come in; nothing splits again afterwards.

pub mod split;
pub mod take_back;
