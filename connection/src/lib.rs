//! What keeps a connection to a store usable. Knows no store.

mod backoff;
mod breaker;
mod budget;
mod limiter;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerSettings, BreakerState, Permit, Rejected};
pub use budget::{BudgetSettings, RetryBudget};
pub use limiter::{Limiter, LimiterSettings, Slot};
