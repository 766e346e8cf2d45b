//! Many threads at one registry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_backends::{Backend, ErrorKind, Registry, RegistryEvent, TypeInfo};
use fastrand::Rng;
use serde_json::json;

use crate::{Changed, config};

const THREADS: u64 = 8;
/// Fewer in all than a subscriber may be behind.
const OPERATIONS: usize = 120;
const NAMES: [(&str, &str); 3] = [("one", "one:x"), ("two", "two:x"), ("three", "three:x")];

/// A type that is known by its number in each of its parts.
fn numbered(name: usize, number: usize) -> Changed {
    let (name, example) = NAMES[name];
    let mut factory = Changed::default();
    factory.info = TypeInfo { name, example, ..factory.info };
    factory.info.capabilities.concurrency = number;
    factory.options["title"] = json!(number);
    factory
}

fn number_of(info: &TypeInfo) -> usize {
    info.capabilities.concurrency
}

/// One thread's share; how many of its changes were made.
fn work(registry: &Registry, numbers: &AtomicUsize, random: &mut Rng) -> usize {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut changes = 0;
    let mut open: Vec<Arc<dyn Backend>> = Vec::new();
    for _ in 0..OPERATIONS {
        let at = random.usize(..NAMES.len());
        let name = NAMES[at].0;
        match random.u8(0..5) {
            0 => {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                changes += usize::from(registry.register(Arc::new(numbered(at, number))).is_ok());
            }
            1 => changes += usize::from(registry.deregister(name).is_ok()),
            2 => match runtime.block_on(registry.create(name, config())) {
                Ok(backend) => {
                    assert_eq!(backend.info().type_name, "memory");
                    open.push(backend);
                }
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::Misconfigured);
                    assert!(error.message.starts_with("unknown backend type"), "{error}");
                }
            },
            3 => drop(open.pop()),
            _ => {
                let types = registry.discover();
                assert!(types.is_sorted_by(|a, b| a.info.name < b.info.name), "no type twice");
                for known in types {
                    assert_eq!(known.options["title"], number_of(&known.info), "a whole type");
                }
            }
        }
    }
    changes
}

#[test]
fn eight_threads_leave_what_the_events_say_and_nothing_open() {
    for seed in 0..20 {
        let registry = Registry::default();
        let mut events = registry.subscribe();
        let numbers = AtomicUsize::new(1);
        let changes: usize = std::thread::scope(|scope| {
            let (registry, numbers) = (&registry, &numbers);
            let work =
                move |thread| work(registry, numbers, &mut Rng::with_seed(seed * THREADS + thread));
            let running: Vec<_> =
                (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        let mut there = BTreeMap::new();
        let mut told = 0;
        while let Ok(event) = events.try_recv() {
            told += 1;
            match event {
                RegistryEvent::Registered(info) => {
                    assert_eq!(there.insert(info.name, number_of(&info)), None, "seed {seed}");
                }
                RegistryEvent::Deregistered(info) => {
                    assert_eq!(there.remove(info.name), Some(number_of(&info)), "seed {seed}");
                }
            }
        }
        assert_eq!(told, changes, "every change is told, once");
        let left = registry.discover();
        assert!(left.iter().all(|known| known.status.open == 0), "{left:?}");
        let left: BTreeMap<_, _> =
            left.iter().map(|known| (known.info.name, number_of(&known.info))).collect();
        assert_eq!(left, there);
    }
}
