//! What keeps a connection to a store usable. Knows no store.

mod backoff;
mod breaker;
mod budget;
mod limiter;
mod pool;

pub use backoff::{Backoff, BackoffSettings};
pub use breaker::{Breaker, BreakerSettings, BreakerState, Permit, Rejected};
pub use budget::{BudgetSettings, RetryBudget};
pub use limiter::{Limiter, LimiterSettings, Slot};
pub use pool::{PoolSettings, pool};
