//! How each backend is: asked now and then, and seen from its writes.

mod monitor;
mod state;

pub use monitor::{HealthEvent, Monitor, MonitorSettings};
pub use state::{Health, Signs};
