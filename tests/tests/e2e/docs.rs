//! What the documentation names is there.

use std::fs;
use std::path::Path;

/// What a page names that is not there: paths, and functions, each of the file that was named before.
fn missing(root: &Path, page: &str) -> Vec<String> {
    let (mut missing, mut file) = (Vec::new(), "");
    for named in page.split('`').skip(1).step_by(2) {
        if named.contains(['/', '.']) {
            file = named;
            if !root.join(file).exists() {
                missing.push(file.to_owned());
            }
            continue;
        }
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        if !text.contains(&format!("fn {named}(")) {
            missing.push(format!("{named} of {file}"));
        }
    }
    missing
}

#[test]
fn what_the_acceptance_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/acceptance.md")).expect("a page");
    let criteria: Vec<&str> = page.split("\n## ").skip(1).collect();
    assert_eq!(criteria.len(), 14);
    for criterion in criteria {
        let name = criterion.lines().next().unwrap_or_default();
        assert!(criterion.contains(".rs`:"), "no function shows {name}");
        assert_eq!(missing(&root, criterion), [""; 0], "of {name}");
    }
}

#[test]
fn what_is_not_there_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = "* `tests/e2e/docs.rs`: `missing`, `missed`\n* `tests/gone.rs`: `missing`";
    let found = ["missed of tests/e2e/docs.rs", "tests/gone.rs", "missing of tests/gone.rs"];
    assert_eq!(missing(root, page), found);
}
