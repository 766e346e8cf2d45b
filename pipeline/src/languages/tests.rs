//! What the tables promise: names, lookups and queries that fit their grammars.

mod constructs;
mod samples;
mod tags;

use std::path::Path;
use std::sync::LazyLock;

use tree_sitter::Query;

use super::{Language, root_kind};

fn name(language: Option<&'static Language>) -> Option<&'static str> {
    language.map(|language| language.name)
}

/// The compiled query of a language. They are compiled once, for that takes seconds without
/// optimisation.
fn compiled(language: &Language) -> &'static Query {
    static QUERIES: LazyLock<Vec<Query>> = LazyLock::new(|| {
        let compile = |language: &Language| {
            Query::new(&language.grammar(), &language.tags_query())
                .unwrap_or_else(|error| panic!("{}: {error}", language.name))
        };
        Language::all().iter().map(compile).collect()
    });
    let same = |known: &Language| known.name == language.name;
    &QUERIES[Language::all().iter().position(same).expect("a known language")]
}

#[test]
fn the_languages_that_may_be_selected_are_those_with_a_grammar() {
    let names: Vec<&str> = Language::all().iter().map(|language| language.name).collect();
    assert_eq!(names, astload_model::LANGUAGES);
}

#[test]
fn names_are_sorted_and_found() {
    let names: Vec<&str> = Language::all().iter().map(|language| language.name).collect();
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    for wanted in &names {
        assert_eq!(name(Language::by_name(wanted)), Some(*wanted));
    }
    for unknown in ["", "C", "Rust", "c#", "zig"] {
        assert_eq!(name(Language::by_name(unknown)), None, "{unknown}");
    }
}

#[test]
fn grammar_versions_are_those_of_the_manifest() {
    let manifest = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    for language in Language::all() {
        let (grammar, version) = language.grammar_version.split_once('@').expect("crate@version");
        let dependency = format!("{grammar} = \"{version}\"");
        assert!(manifest.lines().any(|line| line == dependency), "{dependency}");
    }
}

#[test]
fn a_key_belongs_to_one_language() {
    let tables: [fn(&Language) -> &'static [&'static str]; 3] =
        [|known| known.extensions, |known| known.file_names, |known| known.interpreters];
    for keys in tables {
        let mut all: Vec<&str> = Language::all().iter().flat_map(keys).copied().collect();
        all.sort_unstable();
        let twice: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

#[test]
fn a_path_tells_the_language() {
    let cases = [
        ("src/main.rs", Some("rust")),
        ("a/b.py", Some("python")),
        ("typings/b.pyi", Some("python")),
        ("SConstruct", Some("python")),
        ("a.b.mjs", Some("javascript")),
        ("a.cjs", Some("javascript")),
        ("View.jsx", Some("javascript")),
        ("View.tsx", Some("tsx")),
        ("index.d.ts", Some("typescript")),
        ("index.mts", Some("typescript")),
        ("index.cts", Some("typescript")),
        ("main.go", Some("go")),
        ("Main.java", Some("java")),
        ("list.c", Some("c")),
        ("list.h", Some("c")),
        ("list.hpp", Some("cpp")),
        ("list.cc", Some("cpp")),
        ("list.c++", Some("cpp")),
        ("list.C", Some("cpp")),
        ("list.H", Some("cpp")),
        ("Rakefile", Some("ruby")),
        ("lib/Gemfile", Some("ruby")),
        ("config.ru", Some("ruby")),
        ("a.gemspec", Some("ruby")),
        ("tasks/a.rake", Some("ruby")),
        ("Program.cs", Some("csharp")),
        ("index.php", Some("php")),
        ("view.blade.php", Some("php")),
        ("SETUP.PY", Some("python")),
        ("MAIN.CPP", Some("cpp")),
        ("rs", None),
        (".rs", None),
        ("", None),
        ("/", None),
        ("src/..", None),
        ("BUILD", None),
        ("BUILD.bazel", None),
        ("Gemfile.lock", None),
        ("main.rs.bak", None),
        ("main.rs/", Some("rust")),
        ("main.rs/README", None),
        ("a.jsonx", None),
        ("a.json", None),
        ("a.Md", None),
        ("gemfile", None),
    ];
    for (path, expected) in cases {
        assert_eq!(name(Language::by_path(Path::new(path))), expected, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let source = Path::new(OsStr::from_bytes(b"\xff.rs"));
    assert_eq!(name(Language::by_path(source)), Some("rust"));
    let other = Path::new(OsStr::from_bytes(b"a.\xff"));
    assert_eq!(name(Language::by_path(other)), None);
}

#[test]
fn a_shebang_tells_the_language() {
    let cases: [(&[u8], Option<&str>); 34] = [
        (b"#!/usr/bin/python\n", Some("python")),
        (b"#!/usr/bin/python3.13t\nimport os", Some("python")),
        (b"#! /usr/bin/env python", Some("python")),
        (b"#!/usr/bin/env -S python3 -u\n", Some("python")),
        (b"#!/usr/bin/env -S uv run --script\n", Some("python")),
        (b"#!/usr/bin/env PYTHONPATH=/lib pypy3\r\n", Some("python")),
        (b"#!/usr/bin/env -u HOME -i python2\n", Some("python")),
        (b"#!/usr/bin/ruby2.7\n", Some("ruby")),
        (b"#!/usr/bin/env rake\n", Some("ruby")),
        (b"#!/opt/ruby/bin/ruby-3.4 -w\n", Some("ruby")),
        (b"#!/usr/bin/env node\n", Some("javascript")),
        (b"#!/usr/bin/nodejs --harmony\n", Some("javascript")),
        (b"#!/usr/bin/env -S deno run --allow-read\n", Some("typescript")),
        (b"#!/usr/bin/env bun\n", Some("typescript")),
        (b"#!/usr/bin/env tsx\n", Some("typescript")),
        (b"#!/usr/bin/env -S npx --yes\n", None),
        (b"#!/usr/bin/php8.3\n<?php", Some("php")),
        (b"#!/usr/bin/java --source 21\n", Some("java")),
        (b"#!/usr/bin/env -S cargo +nightly -Zscript\n", Some("rust")),
        (b"#!/usr/bin/env rust-script\n", Some("rust")),
        (b"#!/usr/bin/tcc -run\n", Some("c")),
        (b"#!/usr/bin/env dotnet-script\n", Some("csharp")),
        (b"#!/usr/bin/env -S dotnet fsi\n", None),
        (b"#!/bin/sh\nexec python3\n", None),
        (b"#!/usr/bin/env bash\n# python\n", None),
        (b"#!/usr/bin/env\n", None),
        (b"#!/usr/bin/env -S\n", None),
        (b"#!/usr/bin/env -u\n", None),
        (b"#!\n", None),
        (b"#!", None),
        (b"", None),
        (b"#!/usr/bin/\xff\n", None),
        (b"#/usr/bin/python\n", None),
        (b" #!/usr/bin/python\n", None),
    ];
    for (head, expected) in cases {
        let shown = String::from_utf8_lossy(head);
        assert_eq!(name(Language::by_shebang(head)), expected, "{shown}");
    }
}

#[test]
fn every_pattern_has_a_name_and_a_role_at_a_known_root() {
    for language in Language::all() {
        let (query, text) = (compiled(language), language.tags_query());
        let names = query.capture_names();
        let known = |name: &&str| name.starts_with("definition.") || name.starts_with("reference.");
        assert!(names.iter().all(|name| *name == "name" || known(name)), "{names:?}");
        for pattern in 0..query.pattern_count() {
            let range = query.start_byte_for_pattern(pattern)..query.end_byte_for_pattern(pattern);
            let pattern = &text[range];
            assert!(pattern.contains("@name"), "{}: {pattern}", language.name);
            let kind = root_kind(pattern).unwrap_or_default();
            let root = language.grammar().id_for_node_kind(kind, true);
            assert!(root != 0, "{}: {pattern}", language.name);
            assert!(language.tag_roots(query).contains(&root), "{}: {pattern}", language.name);
        }
    }
}
