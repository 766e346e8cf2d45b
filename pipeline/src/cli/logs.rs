//! What is told while something runs: warnings, and on demand the audit stream.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use astload_config::open_regular_with;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::output::{Audience, Discreet, Failure, Harmless, Stderr, tell};

/// The `tracing` target of everything that happens to backends: writes and other changes, probes,
/// registrations, changes of health, dead letters.
const AUDIT: &str = "audit";

/// Tells warnings on standard error, and appends the audit stream to a file, as JSON lines.
pub(super) fn listen(audit: Option<&Path>) -> Result<(), Failure> {
    let audience = Audience::of_process();
    let errors = move || Discreet(Harmless(audience, Stderr));
    let warnings = fmt::layer().with_writer(errors).with_ansi(false).with_target(false);
    let warnings = match audience {
        Audience::Machines => warnings.without_time().json().boxed(),
        Audience::People => warnings.without_time().compact().boxed(),
    };
    let warnings = warnings.with_filter(LevelFilter::WARN);
    let audit = audit.map(audit_layer).transpose()?;
    // Where somebody else listens already, they do.
    tracing_subscriber::registry().with(warnings).with(audit).try_init().ok();
    Ok(())
}

fn audit_layer<S>(path: &Path) -> Result<impl Layer<S> + use<S>, Failure>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let account = Account::open(path);
    let account =
        account.map_err(|error| Failure::usage(format!("--audit {}: {error}", path.display())))?;
    let is_audit = filter_fn(|event| event.target() == AUDIT && event.is_event());
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_level(false)
        .with_writer(Mutex::new(account));
    Ok(lines.with_filter(is_audit.and(LevelFilter::DEBUG)))
}

/// The file of the audit stream.
struct Account {
    file: File,
    path: PathBuf,
    failed: bool,
}

impl Account {
    /// A file that is there already is only added to if it is such an account, and not, say, a store.
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).read(true).append(true);
        // Who reads a pipe may be slow, or never come, and would hold up the load. A device is somebody
        // else's word, such as `/dev/null`.
        let mut file = match std::fs::metadata(path) {
            Ok(found) if found.file_type().is_char_device() => options.open(path)?,
            _ => open_regular_with(path, options)?,
        };
        let mut first = [b'{'];
        if file.metadata()?.is_file() && file.metadata()?.len() > 0 {
            file.read_exact(&mut first)?;
        }
        match first {
            [b'{'] => Ok(Self { file, path: path.to_path_buf(), failed: false }),
            _ => {
                Err(io::Error::other("it holds something else than an account; name another file"))
            }
        }
    }
}

impl Write for Account {
    /// An account with holes must not look whole: the first that fails is told.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Harmless(Audience::Machines, &self.file).write(bytes);
        if let (Err(error), false) = (&written, self.failed) {
            self.failed = true;
            let path = self.path.display();
            tell(&format!("error: --audit {path}: {error}: it lacks what happens now\n"));
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
