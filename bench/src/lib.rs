//! What the programs of this crate measure with.
//!
//! Every number is a ratio against a limit or a peer of the same run, for machines differ and this
//! one is noisy. `README.md` has the results.

mod bare;
mod child;
mod copies;
mod corpus;
mod load;
mod machine;
mod ready;
mod scratch;
mod sink;
mod spent;
mod table;
mod units;

pub use bare::Bare;
pub use child::{Finished, astload, run};
pub use copies::{copy, grow};
pub use corpus::{collect, parse};
pub use load::{Load, Loaded};
pub use machine::Machine;
pub use ready::{Numbering, ReadyRows};
pub use scratch::{Lane, Scratch, tree_of};
pub use sink::{SCHEME, SinkFactory};
pub use spent::{Meter, Spent, median};
pub use table::Table;
pub use units::{afresh, at_generation, of_hundred_rows};
