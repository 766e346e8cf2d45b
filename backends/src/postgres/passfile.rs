//! Passwords that are kept in a file.
//!
//! <https://www.postgresql.org/docs/current/libpq-pgpass.html>

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use astload_config::open_regular;

/// Size of a password file that is read.
const BYTES_MAX: u64 = 1 << 20;

/// The password for a host, port, database and user, of `PGPASSFILE` or else `~/.pgpass`.
pub(super) fn password(wanted: [&str; 4]) -> Option<String> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".pgpass"));
    let path = std::env::var_os("PGPASSFILE").map(PathBuf::from).or_else(home)?;
    let text = read(&path)?;
    text.lines().find_map(|line| of_line(line, wanted))
}

/// One that others may read is left alone, as libpq does.
fn read(path: &Path) -> Option<String> {
    let mut file = open_regular(path).ok()?;
    let found = file.metadata().ok()?;
    if found.len() > BYTES_MAX {
        return None;
    }
    if found.permissions().mode() & 0o077 != 0 {
        let path = path.display();
        tracing::warn!("{path} may be read by others and is not used; make it 0600");
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some(text)
}

/// `host:port:database:user:password`; `*` is any, and `\` escapes `:` and itself.
fn of_line(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(chars.next()),
            char => fields.last_mut()?.push(char),
        }
    }
    let [host, port, database, user, password] = <[String; 5]>::try_from(fields).ok()?;
    let fits = |(field, wanted): (&String, &str)| field == "*" || field == wanted;
    let all = [&host, &port, &database, &user].into_iter().zip(wanted).all(fits);
    (all && !password.is_empty()).then_some(password)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let wanted = ["db", "5432", "code", "me"];
        for (line, password) in [
            ("db:5432:code:me:secret", Some("secret")),
            ("*:*:*:me:a\\:b\\\\c", Some("a:b\\c")),
            ("*:*:*:*:with:colon", Some("with:colon")),
            ("other:5432:code:me:secret", None),
            ("#db:5432:code:me:secret", None),
            ("db:5432:code", None),
            ("db:5432:code:me:", None),
        ] {
            assert_eq!(of_line(line, wanted).as_deref(), password, "{line}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pass");
        fs::write(&path, "*:*:*:*:secret").expect("written");
        for (mode, used) in [(0o600, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(read(&path).is_some(), used, "{mode:o}");
        }
    }
}
