//! The `astload` command.

mod cli;

use std::process::ExitCode;

/// Trees are made of many small pieces: tree-sitter's too, for it overrides the C allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run()
}
