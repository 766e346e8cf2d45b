//! Builds tree-sitter's C library with bounds on what one step of a parser may take.
//!
//! A file of 32 KiB (`a<a<a<…` in C#, casts in C, C++ and Java) takes the published library gigabytes and
//! minutes within one step that no progress callback can interrupt: where the input ends, every path
//! through an ambiguous stack is copied. The sources come from the crate `tree-sitter` as it is published,
//! `tree-sitter.patch` says what is changed, and the object is linked as a whole, so that the linker has
//! no use for the published one. Trees of files that stay within the bounds are the same.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The sources that the patch changes; everything else is compiled from where it is.
const PATCH: &str = include_str!("tree-sitter.patch");

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=tree-sitter.patch");
    let include = PathBuf::from(env::var("DEP_TREE_SITTER_INCLUDE")?);
    let source = include.with_file_name("src");
    let patched = PathBuf::from(env::var("OUT_DIR")?).join("tree-sitter");
    fs::create_dir_all(&patched)?;
    copy(&source, &patched)?;
    for part in PATCH.split("diff -ru ").skip(1) {
        let patch = diffy::Patch::from_str(part)?;
        let name = patch.modified().and_then(|name| Path::new(name).file_name());
        let file = patched.join(name.ok_or("a part of the patch names no file")?);
        let text = diffy::apply(&fs::read_to_string(&file)?, &patch)?;
        fs::write(&file, text)?;
    }
    cc::Build::new()
        .std("c11")
        .flag_if_supported("-fvisibility=hidden")
        .include(&patched)
        .include(&include)
        .define("_POSIX_C_SOURCE", "200112L")
        .define("_DEFAULT_SOURCE", None)
        .define("_BSD_SOURCE", None)
        .define("_DARWIN_C_SOURCE", None)
        .warnings(false)
        .cargo_metadata(false)
        .file(patched.join("lib.c"))
        .try_compile("tree-sitter-bounded")?;
    println!("cargo:rustc-link-search=native={}", env::var("OUT_DIR")?);
    println!("cargo:rustc-link-lib=static:+whole-archive=tree-sitter-bounded");
    Ok(())
}

/// Copies a folder of sources with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => {
                fs::create_dir_all(&target)?;
                copy(&entry.path(), &target)?;
            }
            false => drop(fs::copy(entry.path(), &target)?),
        }
    }
    Ok(())
}
