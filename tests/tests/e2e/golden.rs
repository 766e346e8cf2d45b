//! Small files of every language, as a store holds them, against what was found right by hand.
//!
//! `ASTLOAD_BLESS=1` writes the dumps anew: look at the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use astload_model::LANGUAGES;
use astload_tests::{Sandbox, Stored};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/languages")
}

/// The file that is not the dump.
fn sample(language: &str) -> PathBuf {
    let listed = fs::read_dir(folder().join(language)).expect("listed");
    let mut files = listed.map(|entry| entry.expect("listed").path());
    files.find(|path| path.file_stem().is_some_and(|stem| stem == "sample")).expect("a sample")
}

fn tree(store: &Stored) -> String {
    let nodes = store.texts(
        "SELECT printf('%d:%d-%d:%d %.*c%s%s%s%s', start_line + 1, start_col + 1, end_line + 1,
                end_col + 1, 2 * (SELECT count(*) FROM nodes AS up
                                  WHERE up.ord < nodes.ord AND up.last >= nodes.ord), ' ',
                coalesce(field || ': ', ''), kind, coalesce(' ' || name, ''),
                CASE WHEN name IS NULL THEN coalesce(' ''' || replace(text, char(10), '\\n') || '''', '')
                     ELSE '' END)
         FROM nodes ORDER BY ord",
    );
    lines(&nodes)
}

fn edges(store: &Stored) -> String {
    let edges = store.texts(
        "SELECT printf('%d:%d %s %s from %s', edges.start_line + 1, edges.start_col + 1,
                edges.kind, symbol, coalesce(nodes.name, nodes.kind))
         FROM edges JOIN nodes ON nodes.unit_id = edges.unit_id AND nodes.ord = edges.src
         ORDER BY edges.start_byte, edges.kind, symbol",
    );
    lines(&edges)
}

fn lines(rows: &[String]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The dump of a language's sample.
fn dump(language: &str) -> String {
    let sandbox = Sandbox::new();
    let path = sample(language);
    let name = path.file_name().expect("a name").to_str().expect("utf-8");
    sandbox.write(name, fs::read(&path).expect("read"));
    let report = sandbox.load("a.db", &[]);
    assert_eq!(report["languages"][language], 1, "{report}");
    let store = sandbox.store("a.db");
    format!("# nodes\n{}\n# edges\n{}", tree(&store), edges(&store))
}

fn is_golden(language: &str) {
    let dump = dump(language);
    assert!(dump.contains(" DEFINES name "), "{language} has no definition");
    assert!(dump.contains(" CALL name "), "{language} has no call");
    let golden = folder().join(language).join("golden.txt");
    if std::env::var_os("ASTLOAD_BLESS").is_some_and(|value| value == "1") {
        fs::write(&golden, &dump).expect("written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let differs = dump.lines().zip(expected.lines()).find(|(now, then)| now != then);
    assert!(
        dump == expected,
        "{language}: {} lines now, {} in {}; first difference (now, then): {differs:#?}\n\
         if it is right: ASTLOAD_BLESS=1 cargo test -p astload-tests golden",
        dump.lines().count(),
        expected.lines().count(),
        golden.display()
    );
}

macro_rules! golden {
    ($($language:ident)*) => {
        $(
            #[test]
            fn $language() {
                is_golden(stringify!($language));
            }
        )*

        #[test]
        fn every_language_has_a_golden_test() {
            assert_eq!([$(stringify!($language)),*], LANGUAGES);
            let listed = fs::read_dir(folder()).expect("listed");
            let mut all: Vec<String> = listed
                .map(|entry| entry.expect("listed").file_name().into_string().expect("utf-8"))
                .collect();
            all.sort();
            assert_eq!(all, LANGUAGES);
        }
    };
}

golden!(c cpp csharp go java javascript php python ruby rust tsx typescript);
