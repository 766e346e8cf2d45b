//! Rule 11 of the model by chance: after any edits, a load equals a clean load.

use astload_tests::{Dice, Sandbox, corpus};

const SEEDS: [u64; 2] = [1, 2];

const ROUNDS: usize = 15;

/// What files may hold that is no plain text.
const STRANGE: [&[u8]; 5] =
    [b"\0\0binary", b"x = '\xff'\n", b"", b"\xef\xbb\xbfx = 1\r\n", b"#!/bin/sh\n((((\n"];

/// One random edit of the repository, by name.
pub(crate) fn edit(sandbox: &Sandbox, files: &mut Vec<String>, dice: &mut Dice) -> String {
    let old = (!files.is_empty()).then(|| files.swap_remove(dice.below(files.len())));
    let new = corpus::path(dice);
    let (path, done) = match (dice.below(20), old) {
        (0..=2, Some(old)) if files.len() > 6 => {
            sandbox.remove(&old);
            return format!("remove {old}");
        }
        (3..=5, Some(old)) => {
            let to = sandbox.file(&new);
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            std::fs::rename(sandbox.file(&old), to).expect("renamed");
            (new, format!("rename {old} to"))
        }
        (roll, old) => {
            // Every second edit is one of a file that is there.
            let path = match old {
                Some(old) if roll % 2 == 0 => old,
                Some(old) => {
                    files.push(old);
                    new
                }
                None => new,
            };
            let deep = || format!("{}x{}", "[".repeat(11_000), "]".repeat(11_000)).into_bytes();
            let (what, content) = match roll {
                6 | 7 => ("deepen", deep()),
                8 | 9 => ("make strange", dice.pick(&STRANGE).to_vec()),
                _ => ("write", corpus::text(&path, dice).into_bytes()),
            };
            sandbox.write(&path, content);
            (path, what.to_owned())
        }
    };
    files.retain(|file| *file != path);
    files.push(path.clone());
    format!("{done} {path}")
}

#[test]
fn after_any_edits_a_load_equals_a_clean_one() {
    for seed in SEEDS {
        let sandbox = Sandbox::with(&[("always.py", "x = 1\n")]);
        let (mut dice, mut files) = (Dice::seeded(seed), Vec::new());
        for round in 0..ROUNDS {
            let number = 1 + dice.below(6);
            let edits: Vec<String> =
                (0..number).map(|_| edit(&sandbox, &mut files, &mut dice)).collect();
            sandbox.load("a.db", &["--allow-mass-delete"]);
            sandbox.gc("a.db");
            let what = format!("seed {seed}, round {round}, after {edits:?}");
            sandbox.is_clean(&what, "a.db");
        }
        sandbox.store("a.db").is_whole();
    }
}
