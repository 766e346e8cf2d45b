//! Memory that does not grow with a stream.

use astload_tests::Sandbox;

/// One small unit.
const LINE: &str = "{\"repo\":\"r\",\"path\":\"p\",\"nodes\":[{\"kind\":\"m\"}]}\n";

/// What the process takes by itself, the 32 MiB that may wait for a store, and as much again for what
/// the allocator keeps.
const PEAK_KIB_MAX: u64 = 128 << 10;

#[test]
fn it_does_not_depend_on_how_often_one_unit_comes() {
    let sandbox = Sandbox::new();
    let mut running = sandbox.start(&["load", "-", "--quiet", "--to", "sqlite:a.db"]);
    running.feed(LINE.repeat(30_000).as_bytes());
    // All lines are read, but for what a pipe holds.
    let peak = running.peak_kib();
    running.finish().exits(0);
    assert!(peak < PEAK_KIB_MAX, "{peak} KiB");
}
