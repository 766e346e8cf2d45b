//! Rule 11 of the model by chance: after any edits, a load equals a clean load.

use astload_tests::{Dice, Sandbox, corpus, store::assert_same};

const ROUNDS: usize = 30;

/// One random edit of the repository.
fn edit(sandbox: &Sandbox, files: &mut Vec<String>, dice: &mut Dice) -> String {
    match dice.below(10) {
        0..=1 if files.len() > 6 => {
            let gone = files.swap_remove(dice.below(files.len()));
            sandbox.remove(&gone);
            format!("remove {gone}")
        }
        2 if !files.is_empty() => {
            let at = dice.below(files.len());
            let (from, to) = (files[at].clone(), corpus::path(dice));
            let folder = sandbox.file(&to);
            std::fs::create_dir_all(folder.parent().expect("a folder")).expect("a folder");
            std::fs::rename(sandbox.file(&from), sandbox.file(&to)).expect("renamed");
            files.swap_remove(at);
            files.retain(|file| *file != to);
            files.push(to.clone());
            format!("rename {from} to {to}")
        }
        3 => {
            let path = corpus::path(dice);
            let bytes =
                *dice.pick(&[&b"\0\0binary"[..], b"x = '\xff'\n", b"", b"\xef\xbb\xbfx\r\n"]);
            sandbox.write(&path, bytes);
            files.retain(|file| *file != path);
            files.push(path.clone());
            format!("strange {path}")
        }
        4 => {
            let path = corpus::path(dice);
            sandbox.write(&path, format!("{}x{}", "(".repeat(11_000), ")".repeat(11_000)));
            files.retain(|file| *file != path);
            files.push(path.clone());
            format!("deep {path}")
        }
        _ => {
            let path = corpus::path(dice);
            sandbox.write(&path, corpus::text(&path, dice));
            files.retain(|file| *file != path);
            files.push(path.clone());
            format!("write {path}")
        }
    }
}

#[test]
fn after_any_edits_a_load_equals_a_clean_one() {
    for seed in [1, 2] {
        let sandbox = Sandbox::new();
        let (mut dice, mut files) = (Dice::seeded(seed), Vec::new());
        sandbox.write("always.py", "x = 1\n");
        for round in 0..ROUNDS / 2 {
            let edits: Vec<String> =
                (0..1 + dice.below(6)).map(|_| edit(&sandbox, &mut files, &mut dice)).collect();
            sandbox.load("a.db", &["--allow-mass-delete"]);
            sandbox.gc("a.db");
            let what = format!("seed {seed}, round {round}, after {edits:?}");
            assert_same(&what, &sandbox.store("a.db").dump(), &sandbox.clean_dump(&[]));
        }
        sandbox.store("a.db").is_whole();
    }
}
