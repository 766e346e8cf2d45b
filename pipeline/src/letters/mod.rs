//! Dead letters: units that a backend refuses for good, kept with the reason until somebody acts.
//!
//! One file for each unit and store, `DIGEST OF THE STORE/UNIT.letter`, which is a frame of the
//! journal's format: it proves that it is whole, it is there or not, and any number of processes may
//! use the folder. A later version of the unit that the store takes clears its letter.

mod letter;
mod store;

pub use letter::{Letter, Refusal};
pub use store::{DeadLetters, Letters, Listing, StoredLetter, store_key};
