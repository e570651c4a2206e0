//! The token that opens the page, and the one that changes need.

use std::fmt;
use std::io;
use std::path::Path;

/// Where they lie, in the store's directory: two lines of 32 digits.
const FILE: &str = "viewer.token";
const DIGITS: usize = 32;

/// Two texts that nobody can guess.
pub(super) struct Secrets {
    token: String,
    change: String,
    /// Why they could not be kept.
    problem: Option<String>,
}

impl Secrets {
    /// Those of a store; made where there are none, and of this process alone where they cannot be kept.
    pub(super) fn of(directory: &Path) -> Self {
        match kept(directory) {
            Ok((token, change)) => Self { token, change, problem: None },
            Err(error) => Self { problem: Some(format!("{FILE} cannot be used: {error}")), ..Self::of_process() },
        }
    }

    /// Those of this process alone.
    pub(super) fn of_process() -> Self {
        Self { token: random(), change: random(), problem: None }
    }

    /// What opens the page.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What a change has to bring.
    pub(super) fn change(&self) -> &str {
        &self.change
    }

    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whether they are the same; takes the same time wherever they differ.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// 128 random bits of the operating system.
fn random() -> String {
    // Of each, six bits are fixed; turned by 32 they are not the same ones.
    let (one, other) = (uuid::Uuid::new_v4().as_u128(), uuid::Uuid::new_v4().as_u128());
    format!("{:032x}", one ^ other.rotate_left(32))
}

fn kept(directory: &Path) -> io::Result<(String, String)> {
    let path = directory.join(FILE);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(directory, &path)?;
            read(&path)
        }
        read => read,
    }
}

fn read(path: &Path) -> io::Result<(String, String)> {
    use std::io::Read as _;
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A pipe that somebody put in its place must not be waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let file = options.open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || !is_private(&found) {
        return Err(io::Error::other("it is no file that its owner alone can read"));
    }
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    let is_one = |line: &&str| line.len() == DIGITS && line.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut lines = text.lines().filter(is_one).map(str::to_owned);
    lines.next().zip(lines.next()).ok_or_else(|| io::Error::other("it does not hold what it should: remove it"))
}

#[cfg(unix)]
fn is_private(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0
}

#[cfg(not(unix))]
const fn is_private(_: &std::fs::Metadata) -> bool {
    true
}

/// Written aside and then named, so that nobody reads half of it, and of two processes that make one the first wins.
fn make(directory: &Path, path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let aside = directory.join(format!("{FILE}.{}", random()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    let text = format!("{}\n{}\n", random(), random());
    let named = file.write_all(text.as_bytes()).and_then(|()| std::fs::hard_link(&aside, path));
    let _ = std::fs::remove_file(&aside);
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        named => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_128_bits_that_differ() {
        let (mut any, mut all) = (0_u128, u128::MAX);
        for _ in 0..200 {
            let number = u128::from_str_radix(&random(), 16).unwrap();
            (any, all) = (any | number, all & number);
        }
        assert_eq!((any, all), (u128::MAX, 0), "no bit is fixed");
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab"));
    }

    #[cfg(unix)]
    #[test]
    fn a_store_keeps_its_token_where_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let made = Secrets::of(directory.path());
        let again = Secrets::of(directory.path());
        assert_eq!((made.token(), made.change()), (again.token(), again.change()));
        assert_ne!(made.token(), made.change());
        assert!(made.problem().is_none());
        let path = directory.path().join(FILE);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let other = Secrets::of(directory.path());
        assert!(other.problem().is_some(), "one that others could read is not used");
        assert_ne!(other.token(), made.token());
        assert_eq!(format!("{made:?}"), "[redacted]");
    }
}
