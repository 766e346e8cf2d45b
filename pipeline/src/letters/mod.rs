//! Dead letters: units that a backend refuses for good, kept with the reason until somebody acts.
//!
//! One file for each unit and store, `DIGEST OF THE STORE/UNIT.letter`, which is a frame of the
//! journal's format: it proves that it is whole, it is there or not, and any number of processes may
//! use the folder. A later version of the unit that the store takes clears its letter.

//!
//! Lines of streams that are no unit, or not a good one, are kept beside them, by input.

mod backend;
mod letter;
mod lines;
mod removed;
mod store;

pub use backend::Letters;
pub use letter::{Letter, Refusal};
pub use lines::{InputLetters, LinesListing, NamedUnit, RefusedInput, RefusedLine, RefusedLines};
pub use store::{DeadLetters, Listing, StoredLetter, store_key};
