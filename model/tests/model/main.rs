//! The model from outside: what goes in, what is refused, and that nothing is lost on the way.

mod bad_arrow;
mod bad_columns;
mod bad_ndjson;
mod bad_schema;
mod bad_units;
mod batches;
mod canonical;
mod codecs;
mod documentation;
mod intake;
mod messages;
mod ndjson;
mod numbering;
mod records;
mod round_trips;
mod selection;
mod validation;
