//! What a repository is called in the world: by its git remote.

use std::path::Path;

use super::beneath;
use super::git::{FILE_BYTES_MAX, common_directory, git_directory};

/// The remote `origin` of the repository at a root, else the first one, as host/org/name: never with
/// credentials.
pub(super) fn remote(root: &Path) -> Option<String> {
    let config = common_directory(&git_directory(root)?).join("config");
    let config = beneath::text(&config, FILE_BYTES_MAX)?;
    let mut section = String::new();
    let mut found: Option<String> = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section.starts_with("[remote ")
            && let Some(url) = line.strip_prefix("url").map(str::trim_start)
            && let Some(name) = url.strip_prefix('=').and_then(|url| remote_name(url.trim()))
            && (found.is_none() || section == "[remote \"origin\"]")
        {
            found = Some(name);
        }
    }
    found
}

/// `host/org/name` of a remote's URL; `None` where it names no host, as a path does.
///
/// Whatever stands before the last `@` may be a password, in a URL that is malformed, too.
fn remote_name(url: &str) -> Option<String> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => (true, rest),
        None => (false, url),
    };
    let rest = rest.split(['?', '#', ';']).next()?;
    let at = rest.rfind('@').map(|at| at + 1);
    let encoded = rest.rfind("%40").map(|at| at + 3);
    let rest = &rest[at.max(encoded).unwrap_or(0)..];
    let (authority, path) = match scheme {
        true => rest.split_once('/')?,
        // The short form of ssh: user@host:path
        false => rest.split_once(':').filter(|(host, _)| !host.contains('/'))?,
    };
    let host = authority.split(':').next()?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() || path.is_empty() {
        return None;
    }
    Some(format!("{}/{path}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_remote_is_kept_without_its_credentials() {
        let table = [
            ("https://github.com/org/name.git", Some("github.com/org/name")),
            ("https://user:t0ken@github.com/org/name", Some("github.com/org/name")),
            ("https://github.com:8443/org/name/?token=x", Some("github.com/org/name")),
            ("ssh://git@Host.example:22/org/name.git", Some("host.example/org/name")),
            ("git@github.com:org/name.git", Some("github.com/org/name")),
            ("user:s3cret@github.com:org/name", Some("github.com/org/name")),
            ("user:s3/cr@et@github.com:org/name", Some("github.com/org/name")),
            ("user:s3cret%40github.com:org/name", Some("github.com/org/name")),
            ("https://user:s3/cret@github.com/org/name", Some("github.com/org/name")),
            ("https://s3/cret@github.com/org/name", Some("github.com/org/name")),
            ("https:/user:s3cret@github.com/org/name", None),
            ("https:user:s3cret@github.com/org/name", None),
            ("user:s3cret@github.com/org/name", None),
            ("git@github.com:org/name?token=s3cret", Some("github.com/org/name")),
            ("https://github.com/org/name;token=s3cret", Some("github.com/org/name")),
            ("/srv/git/name.git", None),
            ("file:///srv/git/name.git", None),
            ("../name", None),
        ];
        for (url, name) in table {
            assert_eq!(remote_name(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn of_several_remotes_the_origin_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join(".git")).expect("a folder");
        assert_eq!(remote(&root), None);
        let config = "[remote \"up\"]\n\turl = https://a.example/x/y\n\
                      [remote \"origin\"]\n\turl = https://b.example/x/y.git\n";
        fs::write(root.join(".git/config"), config).expect("written");
        assert_eq!(remote(&root).as_deref(), Some("b.example/x/y"));
    }
}
