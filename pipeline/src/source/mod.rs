//! Where units come from.

pub mod directory;
pub mod stream;
