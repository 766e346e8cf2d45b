//! Two stores side by side: whether they hold the same, and how one gets what the other has.

mod backfill;
mod difference;
mod side;
mod verify;

pub use backfill::{Backfilled, backfill};
pub use side::Side;
pub use verify::{Difference, Kind, Verified, verify};
