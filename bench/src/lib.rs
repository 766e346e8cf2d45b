//! What the programs of this crate measure with.
//!
//! Every number is a ratio against a limit or a peer of the same run, for machines differ and this
//! one is noisy. `README.md` has the results.

mod bare;
mod carry;
mod child;
mod copies;
mod corpus;
mod load;
mod machine;
mod pg;
mod ready;
mod resident;
mod scratch;
mod sink;
mod spent;
mod started;
mod table;
mod times;
mod units;

pub use bare::Bare;
pub use carry::{Arrived, Carrying, lane_to};
pub use child::{Finished, astload, run};
pub use copies::{copy, grow};
pub use corpus::{collect, parse};
pub use load::{Load, Loaded};
pub use machine::Machine;
pub use pg::{PgSchema, Server, joined, write_all};
pub use ready::{Numbering, ReadyRows};
pub use resident::{forget_peak, peak, resident};
pub use scratch::{Lane, Scratch, tree_of};
pub use sink::{Encoding, SCHEME, Sink, SinkFactory};
pub use spent::{Meter, Spent, median};
pub use started::Started;
pub use table::Table;
pub use times::Times;
pub use units::{afresh, at_generation, endless, of_hundred_rows, of_one_node};
