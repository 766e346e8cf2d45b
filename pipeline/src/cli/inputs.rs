//! What each PATH of `astload load` is: standard input, a stream, or what of which repository.

use std::io::ErrorKind;
use std::path::Path;

use astload_model::limits::NAME_MAX;
use astload_pipeline::languages::Language;
use astload_pipeline::load::Input;
use astload_pipeline::source::directory::Checkout;
use astload_pipeline::source::stream::StreamInput;

use super::args::{Format, LoadArgs};
use super::output::Failure;

/// Extensions of files that hold units.
const STREAMS: [&str; 4] = ["ndjson", "jsonl", "arrow", "arrows"];

/// What each PATH is; those of one repository are its parts.
pub(super) fn inputs(args: &LoadArgs) -> Result<Vec<Input>, Failure> {
    if args.paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(Failure::usage("standard input, -, is named twice"));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for path in &args.paths {
        match input(path, args)? {
            Input::Directory(checkout) => add(&mut inputs, checkout),
            stream @ Input::Stream(_) => inputs.push(stream),
        }
    }
    let directories = inputs.iter().filter(|input| matches!(input, Input::Directory(_))).count();
    let option = match (&args.repo, &args.root) {
        (Some(_), _) => Some("--repo"),
        (None, Some(_)) => Some("--root"),
        (None, None) => None,
    };
    match (option, directories) {
        (Some(option), 0) => Err(Failure::usage(format!(
            "{option} names a directory, and there is none"
        ))
        .with_hint("units from a file or standard input carry the name of their repository")),
        (Some("--repo"), 2..) => Err(Failure::usage("--repo takes one directory")
            .with_hint("load them one by one, each with its own name")),
        _ if args.rename && !is_one_whole(&inputs, args) => {
            Err(Failure::usage("--rename takes one repository, and the whole of it").with_hint(
                "load it alone, by its directory, without --include, --exclude and --languages",
            ))
        }
        _ => Ok(inputs),
    }
}

fn is_one_whole(inputs: &[Input], args: &LoadArgs) -> bool {
    let is_filtered =
        [&args.include, &args.exclude, &args.languages].iter().any(|of| !of.is_empty());
    match inputs {
        [Input::Directory(checkout)] => checkout.parts.are_whole() && !is_filtered,
        _ => false,
    }
}

/// Adds a repository, or to one that is there another part.
fn add(inputs: &mut Vec<Input>, checkout: Checkout) {
    let same = inputs.iter_mut().find_map(|input| match input {
        Input::Directory(known) if known.root == checkout.root => Some(known),
        Input::Directory(_) | Input::Stream(_) => None,
    });
    match same {
        Some(known) => known.parts.add(checkout.parts),
        None => inputs.push(Input::Directory(checkout)),
    }
}

fn input(path: &Path, args: &LoadArgs) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok(Input::Stream(StreamInput::Stdin));
    }
    let unreadable = |error| Failure::usage(format!("{}: {error}", path.display()));
    let is_directory = match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unreadable(error).with_hint(
                "what is gone is deleted by a load of the folder that it was in, or by astload rm",
            ));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_stream = STREAMS.contains(&extension) || args.format != Format::Auto;
    if !is_directory && is_stream {
        return Ok(Input::Stream(StreamInput::File(path.to_path_buf())));
    }
    let whole = path.canonicalize().map_err(unreadable)?;
    let checkout = match &args.root {
        Some(root) => within(root, &whole, path)?,
        None => Checkout::around(&whole),
    };
    // A file is a part of a directory, if that is known.
    if is_directory || checkout.root != whole && Language::by_path(&whole).is_some() {
        return Ok(Input::Directory(named(checkout, args)?));
    }
    let message = format!(
        "{} is neither a directory nor a file of a repository in a known language, and its name does \
         not end in .ndjson, .jsonl, .arrow or .arrows",
        path.display()
    );
    Err(Failure::usage(message).with_hint(
        "name its directory, with --include for the file, or add --root DIR; add --format for a \
                    file of units",
    ))
}

fn within(root: &Path, whole: &Path, path: &Path) -> Result<Checkout, Failure> {
    let wrong = |what: String| Failure::usage(format!("--root {}: {what}", root.display()));
    let top = root.canonicalize().map_err(|error| wrong(error.to_string()))?;
    if !top.is_dir() {
        return Err(wrong("that is no directory".into()));
    }
    if !whole.starts_with(&top) {
        return Err(wrong(format!("{} is not in it", path.display())));
    }
    Ok(Checkout::within(&top, whole))
}

fn named(checkout: Checkout, args: &LoadArgs) -> Result<Checkout, Failure> {
    let checkout = match &args.repo {
        Some(repo) => checkout.named(repo),
        None => checkout,
    };
    let repo = &checkout.repo;
    match repo.is_empty() || repo.contains('\0') || repo.len() > NAME_MAX {
        true => Err(Failure::usage("the name of a repository has 1 to 1024 bytes")),
        false => Ok(checkout),
    }
}
