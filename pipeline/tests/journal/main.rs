//! The journal: on disks that crash, with lanes that lag, at its bounds.

mod cli;
mod disk;
mod durable;
mod entries;
mod limits;
mod model;
mod temporary;
