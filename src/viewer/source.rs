//! Lines of the application's own source around a place, where it lies at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};

/// Lines before and behind the one that is meant.
const AROUND: usize = 3;
/// A larger file is not read, in bytes.
const MAX_BYTES: u64 = 2 * 1024 * 1024;
/// A longer line is cut, in characters.
const MAX_LINE: usize = 300;

/// Where source files may be read: below the current directory.
pub(super) struct Sources {
    root: Option<PathBuf>,
}

/// A file of the application's own source.
pub(super) struct Found {
    pub(super) path: PathBuf,
    text: String,
    /// When it was last changed, in nanoseconds since 1970.
    pub(super) changed_unix_ns: Option<u64>,
}

impl Sources {
    pub(super) fn here() -> Self {
        Self { root: std::env::current_dir().and_then(|here| here.canonicalize()).ok() }
    }

    /// A file that a record names; only one that ends in `.rs` and lies below, wherever links lead.
    pub(super) fn find(&self, file: &str) -> Option<Found> {
        let root = self.root.as_ref()?;
        let path = root.join(Path::new(file)).canonicalize().ok()?;
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if !is_source || !path.starts_with(root) {
            return None;
        }
        let metadata = fs::metadata(&path).ok().filter(|found| found.is_file() && found.len() <= MAX_BYTES)?;
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let text = fs::read_to_string(&path).ok()?;
        Some(Found { path, text, changed_unix_ns: changed.and_then(|since| u64::try_from(since.as_nanos()).ok()) })
    }
}

impl Found {
    /// Numbers and texts of the lines around this one.
    pub(super) fn around(&self, line: u32) -> Json {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let first = line.saturating_sub(AROUND).max(1);
        let lines = self.text.lines().enumerate().skip(first - 1).take(line.saturating_sub(first) + AROUND + 1);
        lines.map(|(index, text)| json!([index + 1, text.chars().take(MAX_LINE).collect::<String>()])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_source_below_the_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("app");
        fs::create_dir_all(root.join("src")).unwrap();
        let text: String = (1..=9).map(|line| format!("line {line}\n")).collect();
        fs::write(root.join("src/a.rs"), text).unwrap();
        fs::write(root.join("secret.txt"), "canary").unwrap();
        fs::write(directory.path().join("other.rs"), "canary").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(directory.path().join("other.rs"), root.join("link.rs")).unwrap();
        let sources = Sources { root: Some(root.canonicalize().unwrap()) };
        let found = sources.find("./src/a.rs").unwrap();
        assert_eq!(found.around(2), json!([[1, "line 1"], [2, "line 2"], [3, "line 3"], [4, "line 4"], [5, "line 5"]]));
        assert_eq!(found.around(9).as_array().unwrap().len(), 4);
        assert_eq!(found.around(99), json!([]));
        assert_eq!(found.around(0).as_array().unwrap().len(), 4);
        for file in ["secret.txt", "../other.rs", "link.rs", "/etc/passwd", "src", "", "src/../../other.rs", "nothing.rs"] {
            assert!(sources.find(file).is_none(), "{file}");
        }
        assert!(sources.find(directory.path().join("other.rs").to_str().unwrap()).is_none());
        assert!(sources.find(root.join("src/a.rs").to_str().unwrap()).is_some());
    }
}
