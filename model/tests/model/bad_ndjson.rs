//! Bad lines: each between two good ones, which are read all the same.

use astload_fixtures::units::{UnitValue, batch_of};

use crate::codecs::{Read, read_ndjson, write_ndjson};

/// What is said of a line that is refused.
fn problem(line: &[u8]) -> String {
    let good = [UnitValue::sample("a.py"), UnitValue::sample("c.py")];
    let written = good.clone().map(|unit| write_ndjson(&batch_of(&[unit])));
    let text = [written[0].as_bytes(), line, b"\n", written[1].as_bytes()].concat();
    let Read { units, problems, error } = read_ndjson(text);
    assert!(units == good && error.is_none(), "the others are unharmed");
    let [problem] = &problems[..] else { panic!("one problem: {problems:?}") };
    problem.clone()
}

/// A unit with this in its object.
pub(crate) fn unit(fields: &str) -> Vec<u8> {
    format!(r#"{{"repo":"r","path":"p",{fields}}}"#).into_bytes()
}

pub(crate) fn nodes(nodes: &str) -> Vec<u8> {
    unit(&format!(r#""nodes":[{nodes}]"#))
}

pub(crate) fn edge(edge: &str) -> Vec<u8> {
    unit(&format!(r#""nodes":[{{"kind":"m"}}],"edges":[{edge}]"#))
}

fn vector(vector: &str) -> Vec<u8> {
    unit(&format!(r#""nodes":[{{"kind":"m"}}],"vectors":[{vector}]"#))
}

pub(crate) fn properties(json: &str) -> Vec<u8> {
    nodes(&format!(r#"{{"kind":"m","properties":{json}}}"#))
}

pub(crate) fn check(table: &[(&str, Vec<u8>, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(case, line, expected)| (case, problem(line), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(case, found, expected)| {
            format!("{case}:\n  said     {found}\n  expected {expected}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_that_are_no_json_are_refused_with_the_column() {
    check(&[
        ("no JSON at all", b"hello".into(), "line 2: the line is no object, at column 1"),
        ("another type", b"[1]".into(), "line 2: the line is no object, at column 1"),
        ("null", b"null".into(), "line 2: the line is no object, at column 1"),
        (
            "cut in an object",
            br#"{"repo":"r","path""#.into(),
            "line 2: the line ends inside an object, at column 19",
        ),
        (
            "cut in a string",
            br#"{"repo":"r","path":"p"#.into(),
            "line 2: path: the line ends inside a string, at column 20",
        ),
        (
            "cut before a value",
            br#"{"repo":"#.into(),
            "line 2: repo: the line ends where a value should be, at column 9",
        ),
        (
            "cut in a list",
            br#"{"repo":"r","path":"p","nodes":[{"kind":"m"}"#.into(),
            "line 2: nodes: the line ends inside a list, at column 45",
        ),
        (
            "cut in a nested node",
            nodes(r#"{"kind":"m","children":[{"kind":"f""#)[..60].into(),
            "line 2: nodes[1]: the line ends inside a string, at column 58",
        ),
        (
            "two objects",
            [unit(r#""op":1"#), unit(r#""op":1"#)].concat(),
            "line 2: the line goes on after the unit's object; one line is one unit, at column 31",
        ),
        (
            "a comma at the end",
            unit(r#""op":1,"#),
            "line 2: a comma is followed by nothing, at column 31",
        ),
        (
            "a name without quotes",
            b"{repo:1}".into(),
            "line 2: a field's name is no string, at column 2",
        ),
        (
            "raw U+0000 in a string",
            unit("\"revision\":\"a\0\",\"op\":1"),
            "line 2: revision: a string holds a control character that is not escaped, at column 35",
        ),
        (
            "a raw tab in a string",
            unit("\"revision\":\"a\t\",\"op\":1"),
            "line 2: revision: a string holds a control character that is not escaped, at column 35",
        ),
        (
            "bytes that are no UTF-8",
            b"{\"repo\":\"\xff\xfe\"}".into(),
            "line 2: repo: a string is not UTF-8, at column 9",
        ),
        (
            "UTF-8 cut in a character",
            b"{\"repo\":\"\xe2\x82\"}".into(),
            "line 2: repo: a string is not UTF-8, at column 9",
        ),
        (
            "a lone surrogate",
            unit(r#""revision":"\ud800","op":1"#),
            "line 2: revision: an escape is half a surrogate pair, or cut off, at column 35",
        ),
        (
            "a bad escape",
            unit(r#""revision":"\x41","op":1"#),
            "line 2: revision: invalid escape, at column 35",
        ),
        (
            "UTF-16",
            b"\xff\xfe{\0\"\0r\0e\0p\0o\0\"\0".into(),
            "line 2: the line is no object, at column 1",
        ),
        (
            "a byte order mark in the middle",
            "\u{feff}{}".into(),
            "line 2: the line is no object, at column 1",
        ),
    ]);
}

#[test]
fn fields_of_the_wrong_kind_are_refused_by_name() {
    check(&[
        (
            "unknown field",
            unit(r#""colour":"red""#),
            "line 2: unknown field `colour`, at column 33",
        ),
        (
            "unknown field of a node",
            nodes(r#"{"kind":"m","colour":"red"}"#),
            "line 2: nodes[0]: unknown field `colour`, at column 54",
        ),
        (
            "unknown field of an edge",
            edge(r#"{"source":0}"#),
            "line 2: edges[0]: unknown field `source`, at column 66",
        ),
        (
            "unknown field of a vector",
            vector(r#"{"nodes":0}"#),
            "line 2: vectors[0]: unknown field `nodes`, at column 67",
        ),
        ("no repo", br#"{"path":"p","op":1}"#.into(), "line 2: repo: is missing"),
        ("no path", br#"{"repo":"r","op":1}"#.into(), "line 2: path: is missing"),
        ("a null path", br#"{"repo":"r","path":null,"op":1}"#.into(), "line 2: path: is missing"),
        ("no kind", nodes(r#"{"kind":"m"},{"parent":0}"#), "line 2: nodes[1]: kind: is missing"),
        ("no src", edge(r#"{"kind":"CFG","dst_node":0}"#), "line 2: edges[0]: src: is missing"),
        (
            "no text hash",
            vector(r#"{"node":0,"model":"m","vector":[1]}"#),
            "line 2: vectors[0]: text_hash: is missing",
        ),
        (
            "a number for a text",
            br#"{"repo":1}"#.into(),
            "line 2: repo: expected string but found int, at column 9",
        ),
        (
            "a text for a number",
            unit(r#""size_bytes":"1""#),
            "line 2: size_bytes: expected int but found string, at column 37",
        ),
    ]);
}

#[test]
fn numbers_that_do_not_fit_are_refused_by_name() {
    check(&[
        (
            "a fraction",
            nodes(r#"{"kind":"m","ord":0.5}"#),
            "line 2: nodes[0]: ord: 0.5 is no integer from 0 to 4294967295, at column 54",
        ),
        (
            "an exponent",
            nodes(r#"{"kind":"m","ord":1e3}"#),
            "line 2: nodes[0]: ord: 1e3 is no integer from 0 to 4294967295, at column 54",
        ),
        (
            "a negative span",
            nodes(r#"{"kind":"m","start_byte":-1,"end_byte":2}"#),
            "line 2: nodes[0]: start_byte: -1 is no integer from 0 to 4294967295, at column 60",
        ),
        (
            "a number past u32",
            nodes(r#"{"kind":"m","start_byte":4294967296}"#),
            "line 2: nodes[0]: start_byte: 4294967296 is no integer from 0 to 4294967295, at column 68",
        ),
        (
            "a number past u64",
            unit(r#""generation":18446744073709551616"#),
            "line 2: generation: 18446744073709551616 is no integer from 0 to 18446744073709551615, at column 57",
        ),
        (
            "a number without end",
            unit(&format!(r#""generation":{}"#, "9".repeat(5000))),
            "line 2: generation: a number has too many digits, at column 37",
        ),
        (
            "a number past u63",
            unit(r#""op":1,"generation":9223372036854775808"#),
            "line 2: unit r:p: generation: does not fit 63 bits",
        ),
        (
            "NaN",
            vector(r#"{"node":0,"model":"m","vector":[NaN]}"#),
            "line 2: vectors[0]: vector: there is no JSON value, at column 90",
        ),
        (
            "infinity",
            vector(r#"{"node":0,"model":"m","vector":[Infinity]}"#),
            "line 2: vectors[0]: vector: there is no JSON value, at column 90",
        ),
        (
            "a number past f32",
            vector(&format!(
                r#"{{"node":0,"model":"m","text_hash":"{}","vector":[1e39]}}"#,
                "0".repeat(32)
            )),
            "line 2: unit r:p: vectors[0]: vector: number 0 is not finite",
        ),
        (
            "a text in a vector",
            vector(r#"{"node":0,"model":"m","vector":["1"]}"#),
            "line 2: vectors[0]: vector: expected float but found string, at column 90",
        ),
    ]);
}

#[test]
fn words_and_lists_that_cannot_be_are_refused_by_name() {
    check(&[
        (
            "bad hex",
            unit(r#""content_hash":"zz""#),
            "line 2: content_hash: is not 64 hexadecimal digits, at column 43",
        ),
        (
            "hex of another length",
            unit(&format!(r#""content_hash":"{}""#, "0".repeat(63))),
            "line 2: content_hash: is not 64 hexadecimal digits, at column 104",
        ),
        (
            "hex that is no ASCII",
            unit(&format!(r#""content_hash":"{}""#, "é".repeat(32))),
            "line 2: content_hash: is not 64 hexadecimal digits, at column 105",
        ),
        (
            "an unknown op",
            unit(r#""op":"upsert""#),
            "line 2: op: `upsert` is none of replace, delete, at column 37",
        ),
        (
            "an unknown encoding",
            unit(r#""position_encoding":"latin-1""#),
            "line 2: position_encoding: `latin-1` is none of utf-8, utf-16, utf-32, at column 53",
        ),
        (
            "an unknown flag",
            unit(r#""flags":["generated","typo"]"#),
            "line 2: flags: `typo` is none of has_error, generated, test, binary, truncated, text_replaced, at column 51",
        ),
        (
            "an unknown flag of a node",
            nodes(r#"{"kind":"m","flags":["typo"]}"#),
            "line 2: nodes[0]: flags: `typo` is none of named, extra, error, missing, definition, external, at column 60",
        ),
        (
            "a flag that is no word",
            unit(r#""flags":[1]"#),
            "line 2: flags: expected string but found int, at column 33",
        ),
        (
            "nodes that are no list",
            unit(r#""nodes":{"kind":"m"}"#),
            "line 2: nodes: is no list, at column 32",
        ),
        ("a node that is no object", nodes("1"), "line 2: nodes[0]: is no object, at column 33"),
        ("an edge that is null", edge("null"), "line 2: edges[0]: is no object, at column 56"),
        (
            "a field twice",
            unit(r#""path":"q","op":1"#),
            "line 2: path: is given twice, at column 31",
        ),
        (
            "a field of a node twice",
            nodes(r#"{"kind":"m","kind":"n"}"#),
            "line 2: nodes[0]: kind: is given twice, at column 52",
        ),
        (
            "a list twice",
            unit(r#""nodes":[{"kind":"m"}],"nodes":[{"kind":"n"}]"#),
            "line 2: nodes: is given twice, at column 55",
        ),
        (
            "an edge's symbol twice",
            edge(r#"{"symbol":"a","symbol":"b"}"#),
            "line 2: edges[0]: symbol: is given twice, at column 79",
        ),
        (
            "an edge with two symbols",
            edge(r#"{"src":0,"kind":"REF","symbol":"a","dst_symbol":0}"#),
            "line 2: edges[0]: symbol, dst_symbol: both are given",
        ),
    ]);
}

#[test]
fn a_problem_names_the_unit_as_far_as_it_is_known() {
    let names = |line: &str| {
        let mut reader = astload_model::ndjson::Reader::new(line.as_bytes());
        let decoded = reader.next().expect("a batch").expect("is read");
        decoded.problems[0].unit.as_ref().map(ToString::to_string)
    };
    assert_eq!(
        names(r#"{"repo":"r","path":"p","layer":"scip","nodes":[{]}"#),
        Some("r:p (scip)".into())
    );
    assert_eq!(names(r#"{"repo":"r","path":"p"}"#), Some("r:p".into()));
    assert_eq!(names(r#"{"repo":"r","nodes":[{]}"#), None);
    assert_eq!(names("broken"), None);
}

#[test]
fn a_unit_that_comes_again_after_it_was_refused_is_taken() {
    let text = "{\"repo\":\"r\",\"path\":\"p\"}\n{\"repo\":\"r\",\"path\":\"p\",\"op\":1}\n";
    let read = read_ndjson(text);
    assert_eq!(read.problems.len(), 1);
    assert_eq!(read.units.len(), 1);
}

#[test]
fn an_input_that_fails_is_an_error_after_what_was_good() {
    struct Fails<'a>(&'a [u8]);
    impl std::io::Read for Fails<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match std::io::Read::read(&mut self.0, into)? {
                0 => Err(std::io::Error::other("the disk is on fire")),
                read => Ok(read),
            }
        }
    }
    let text = "{\"repo\":\"r\",\"path\":\"p\",\"op\":1}\n";
    let input = std::io::BufReader::new(Fails(text.as_bytes()));
    let mut reader = astload_model::ndjson::Reader::new(input);
    let first = reader.next().expect("a batch").expect("what was good");
    assert_eq!(first.batch.len(), 1);
    let error = reader.next().expect("an error").expect_err("an error");
    assert_eq!(error.to_string(), "reading failed: the disk is on fire");
    assert!(reader.next().is_none());
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(read_ndjson(r#"{"repo":"r","path":"p","op":1}"#).units.len(), 1);
    assert_eq!(read_ndjson(""), Read::default());
}

#[test]
fn problems_come_in_the_order_of_lines() {
    let text = "{\"repo\":\"r\",\"path\":\"a\"}\nbroken\n{\"repo\":\"r\",\"path\":\"b\"}\nbroken\n";
    let problems = read_ndjson(text).problems;
    let lines: Vec<&str> = problems.iter().map(|problem| &problem[..6]).collect();
    assert_eq!(lines, ["line 1", "line 2", "line 3", "line 4"]);
}
