//! What the documentation names is there.

use std::path::Path;

#[test]
fn every_path_that_the_acceptance_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/acceptance.md")).expect("a page");
    let quoted: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let paths: Vec<&&str> = quoted.iter().filter(|text| text.contains(['/', '.'])).collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        assert!(root.join(path).exists(), "{path} is named and not there");
    }
}
