//! Memory that does not grow with a stream.

use astload_tests::Sandbox;

/// One small unit.
const LINE: &str = "{\"repo\":\"r\",\"path\":\"p\",\"nodes\":[{\"kind\":\"m\"}]}\n";

/// Peak memory, in KiB, of a load of so many lines, when all are read but for what a pipe holds.
fn peak(lines: usize) -> u64 {
    let sandbox = Sandbox::new();
    let mut running = sandbox.start(&["load", "-", "--quiet", "--to", "sqlite:a.db"]);
    running.feed(LINE.repeat(lines).as_bytes());
    let peak = running.peak_kib();
    running.finish().exits(0);
    peak
}

#[test]
fn it_does_not_depend_on_how_often_one_unit_comes() {
    // So many wait for the store that what they take shows, and is bounded.
    let [some, six_times] = [5_000, 30_000].map(peak);
    assert!(six_times < 2 * some, "{some} and then {six_times} KiB");
}
