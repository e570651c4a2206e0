//! Tokens that are revoked: for this process, and in a file of the store for those that are started later.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where they are noted, in the store's directory: a line each, the id and when it is forgotten.
const FILE: &str = "control.revoked";
/// What is read of it at most, in bytes: its end. One that is half as large is written anew.
const MAX_BYTES: u64 = 64 * 1024;

/// The file of one store.
pub(super) struct Noted(PathBuf);

impl Noted {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.join(FILE))
    }

    /// Those that are noted and not yet forgotten, the newest last; where there is none, none.
    pub(super) fn read(&self, now: u64, max: usize) -> io::Result<Vec<(u64, u64)>> {
        let mut bytes = Vec::new();
        let mut file = match open(OpenOptions::new().read(true), &self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        // The newest stand at its end. A line that the border cuts is none.
        let found = file.metadata()?.len();
        file.seek(SeekFrom::Start(found.saturating_sub(MAX_BYTES)))?;
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut revoked: Vec<(u64, u64)> = Vec::new();
        for (id, until) in text.lines().filter_map(line).filter(|(_, until)| *until > now) {
            revoked.retain(|(known, _)| *known != id);
            revoked.push((id, until));
        }
        revoked.drain(..revoked.len().saturating_sub(max));
        if found >= MAX_BYTES / 2 {
            // Where that fails, what was read still holds.
            let _ = self.write(&revoked);
        }
        Ok(revoked)
    }

    /// Notes one more.
    pub(super) fn add(&self, id: u64, until: u64) -> io::Result<()> {
        let mut file = open(OpenOptions::new().append(true).create(true).mode(0o600), &self.0)?;
        // At once, so that two processes do not write into each other's line.
        file.write_all(text(id, until).as_bytes())
    }

    fn write(&self, revoked: &[(u64, u64)]) -> io::Result<()> {
        // Numbers of processes come again, in a container at each start.
        let aside = self.0.with_extension(format!("revoked.{}-{:016x}", std::process::id(), fastrand::u64(..)));
        let all: String = revoked.iter().map(|(id, until)| text(*id, *until)).collect();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        let named = file.write_all(all.as_bytes()).and_then(|()| fs::rename(&aside, &self.0));
        if named.is_err() {
            let _ = fs::remove_file(&aside);
        }
        named
    }
}

fn open(options: &mut OpenOptions, path: &Path) -> io::Result<fs::File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

fn text(id: u64, until: u64) -> String {
    format!("{id:016x} {until}\n")
}

fn line(text: &str) -> Option<(u64, u64)> {
    let (id, until) = text.split_once(' ')?;
    Some((super::tokens::parse_id(id)?, until.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_until_its_time_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let noted = Noted::new(directory.path());
        assert_eq!(noted.read(0, 10).unwrap(), []);
        for (id, until) in [(1, 100), (2, 200), (1, 300), (3, 400)] {
            noted.add(id, until).unwrap();
        }
        assert_eq!(noted.read(0, 10).unwrap(), [(2, 200), (1, 300), (3, 400)]);
        assert_eq!(noted.read(200, 10).unwrap(), [(1, 300), (3, 400)]);
        assert_eq!(noted.read(0, 2).unwrap(), [(1, 300), (3, 400)]);
    }

    #[test]
    fn of_a_file_that_has_grown_far_the_newest_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let (noted, path) = (Noted::new(directory.path()), directory.path().join(FILE));
        let old: String = (0..4_000).map(|id| text(id, 100)).collect();
        let cut_and_spoilt = [old.as_bytes(), b"\xff\xfe\n", text(9_999, 300).as_bytes()].concat();
        assert!(cut_and_spoilt.len() as u64 > MAX_BYTES);
        fs::write(&path, cut_and_spoilt).unwrap();
        assert_eq!(noted.read(200, 10).unwrap(), [(9_999, 300)], "a token that was revoked last is refused");
        assert_eq!(noted.read(200, 10).unwrap(), [(9_999, 300)], "also by the next process");
    }

    #[test]
    fn what_cannot_be_written_anew_is_read_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (noted, path) = (Noted::new(directory.path()), directory.path().join(FILE));
        fs::write(&path, (0..2_000).map(|id| text(id, 100)).collect::<String>()).unwrap();
        // What a process of the same number left that died while it wrote.
        fs::write(path.with_extension(format!("revoked.{}", std::process::id())), "").unwrap();
        assert_eq!(noted.read(0, 2).unwrap(), [(1_998, 100), (1_999, 100)]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_file_that_has_grown_is_written_anew_and_garbage_in_it_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let (noted, path) = (Noted::new(directory.path()), directory.path().join(FILE));
        fs::write(&path, format!("x\n{}0000000000000001 100\n0000000000000002 x\n", "z \n".repeat(15_000))).unwrap();
        assert_eq!(noted.read(0, 10).unwrap(), [(1, 100)]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "0000000000000001 100\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(noted.read(0, 10).is_err() && noted.add(1, 1).is_err(), "no link is followed");
    }
}
