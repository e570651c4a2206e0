//! The directory of a store: who may use it, what is in it, and what is removed from it.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Error;
use super::error::Kind;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
const DAMAGED: &str = ".damaged";
/// The history of groups, which has a bound of its own.
pub(super) const GROUPS: &str = "groups.sqlite";

/// One of our files. Nothing else in the directory is ever touched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn new(unix_ms: u64, instance: u32) -> Self {
        Self(format!("segment-{unix_ms:016}-{instance:08x}.sqlite"))
    }

    /// Only the exact pattern.
    fn parse(text: &str) -> Option<Self> {
        let (time, instance) = text.strip_prefix("segment-")?.strip_suffix(".sqlite")?.split_once('-')?;
        let digits = time.len() == 16 && time.bytes().all(|byte| byte.is_ascii_digit());
        let hex = instance.len() == 8 && instance.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && hex).then(|| Self(text.to_owned()))
    }

    /// What tells it from others.
    pub(super) fn short(&self) -> &str {
        self.0.strip_prefix("segment-").and_then(|name| name.strip_suffix(".sqlite")).unwrap_or_default()
    }

    pub(super) fn parse_short(text: &str) -> Option<Self> {
        Self::parse(&format!("segment-{text}.sqlite"))
    }

    /// Who began it.
    pub(super) fn instance(&self) -> u32 {
        let digits = self.0.strip_suffix(".sqlite").and_then(|name| name.rsplit_once('-')).map(|(_, digits)| digits);
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A segment on disk, with what SQLite keeps beside it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) bytes: u64,
    damaged: bool,
    /// When it was last written.
    modified: Option<SystemTime>,
}

#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Creates it where it is missing, and makes sure that nobody else can plant files in it.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => check(path, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(|error| Error::directory(path, "cannot be created").because(error))?;
                let metadata =
                    fs::symlink_metadata(path).map_err(|error| Error::directory(path, "cannot be created").because(error))?;
                check(path, &metadata)?;
                // What is stored here must not end in somebody's repository. A missing note harms nobody else.
                let _ = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(path.join(".gitignore"))
                    .and_then(|mut file| file.write_all(b"*\n"));
            }
            Err(error) => return Err(Error::directory(path, "cannot be used").because(error)),
        }
        // SQLite is told to follow no links, and that holds for the whole path: resolve those above the directory here.
        let path = path.canonicalize().map_err(|error| Error::directory(path, "cannot be used").because(error))?;
        Ok(Self { path })
    }

    /// An existing one, for reading.
    pub(super) fn existing(path: &Path) -> Result<Self, Error> {
        match path.canonicalize() {
            Ok(path) if path.is_dir() => Ok(Self { path }),
            Ok(_) => Err(Error::directory(path, "is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(Kind::NotFound, format!("there is no store at '{}'", path.display())))
            }
            Err(error) => Err(Error::directory(path, "cannot be read").because(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &Name) -> PathBuf {
        self.path.join(name.as_str())
    }

    /// Makes an empty file that only its owner may read, and refuses a directory that belongs to somebody else.
    pub(super) fn create_file(&self, name: &Name) -> Result<(), Error> {
        self.create_private(name.as_str())
    }

    pub(super) fn create_private(&self, name: &str) -> Result<(), Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let path = self.path.join(name);
        let made = options.open(&path).and_then(|file| file.metadata());
        let made = made.map_err(|error| {
            let kind = if error.kind() == io::ErrorKind::StorageFull { Kind::Full } else { Kind::Directory };
            Error::new(kind, format!("no file can be created in '{}'", self.path.display())).because(error)
        })?;
        let directory = fs::metadata(&self.path).map_err(|e| Error::directory(&self.path, "cannot be used").because(e))?;
        if !same_owner(&made, &directory) {
            let _ = fs::remove_file(&path);
            return Err(Error::directory(&self.path, "belongs to another user: choose one of your own"));
        }
        Ok(())
    }

    pub(super) fn contains(&self, name: &Name) -> bool {
        fs::symlink_metadata(self.file(name)).is_ok_and(|metadata| metadata.is_file())
    }

    /// Whether the disk has too little room left, where that can be told.
    pub(super) fn is_nearly_full(&self) -> bool {
        free_and_total_bytes(&self.path).is_some_and(|(free, total)| is_below_floor(free, total))
    }

    /// Whether there is anything in the log beside a segment.
    pub(super) fn has_log(&self, name: &Name) -> bool {
        fs::symlink_metadata(self.path.join(format!("{}-wal", name.as_str()))).is_ok_and(|metadata| metadata.len() > 0)
    }

    /// What a segment takes on disk.
    pub(super) fn bytes_of(&self, name: &Name) -> u64 {
        self.bytes_with_beside(name.as_str())
    }

    fn bytes_with_beside(&self, name: &str) -> u64 {
        let beside = BESIDE.iter().map(|suffix| format!("{name}{suffix}"));
        let all = std::iter::once(name.to_owned()).chain(beside);
        all.filter_map(|file| fs::symlink_metadata(self.path.join(file)).ok()).map(|metadata| metadata.len()).sum()
    }

    /// The segments that can be read, oldest first.
    pub(super) fn segments(&self) -> Result<Vec<Name>, Error> {
        Ok(self.entries()?.into_iter().filter(|entry| !entry.damaged).map(|entry| entry.name).collect())
    }

    /// Everything of ours, also what was set aside, oldest first.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Error> {
        let failed = |error| Error::directory(&self.path, "cannot be read").because(error);
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.path).map_err(failed)? {
            let file = file.map_err(failed)?;
            let text = file.file_name();
            let Some(text) = text.to_str() else { continue };
            let (text, damaged) = text.strip_suffix(DAMAGED).map_or((text, false), |text| (text, true));
            let Some(name) = Name::parse(text) else { continue };
            // A segment may vanish at any time, and a link or a directory of that name is not ours.
            let Some(metadata) = fs::symlink_metadata(file.path()).ok().filter(Metadata::is_file) else { continue };
            let bytes = if damaged { metadata.len() } else { self.bytes_of(&name) };
            // Readers make an empty log; that is no sign of life.
            let wal = fs::symlink_metadata(self.path.join(format!("{}-wal", name.as_str()))).ok().filter(|wal| wal.len() > 0);
            let modified = [Some(metadata), wal].into_iter().flatten().filter_map(|m| m.modified().ok()).max();
            entries.push(Entry { name, bytes, damaged, modified });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Removes the oldest files until `wanted` more bytes fit below `max_bytes`, and one file that has grown too old.
    ///
    /// One at a time for age: a clock that jumps must not empty the store at once. `current` is kept, and so is the history
    /// of groups, which the segments give way to.
    pub(super) fn prune(&self, limits: &Limits, current: Option<&Name>) -> Result<u64, Error> {
        let entries = self.entries()?;
        // A history that outgrew its bound does not empty the store.
        let groups = self.bytes_with_beside(GROUPS).min(limits.max_bytes / 2);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum::<u64>().saturating_add(groups);
        bytes = bytes.saturating_add(self.prune_damaged_groups(limits, bytes));
        let mut files = entries.len();
        let mut removed = 0;
        let mut aged = false;
        for entry in entries.iter().filter(|entry| entry.damaged || Some(&entry.name) != current) {
            let too_much = bytes.saturating_add(limits.wanted) > limits.max_bytes || files > limits.max_files;
            let too_old = !aged && limits.is_too_old(entry.modified);
            if !too_much && !too_old {
                continue;
            }
            aged |= !too_much;
            self.remove(entry);
            bytes = bytes.saturating_sub(entry.bytes);
            files -= 1;
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes a history that could not be read, where it has grown too old or there is too little room beside so many bytes
    /// for it: nobody can use it but to find out what happened. What it takes if it stays.
    fn prune_damaged_groups(&self, limits: &Limits, beside: u64) -> u64 {
        let path = self.path.join(format!("{GROUPS}{DAMAGED}"));
        let Some(metadata) = fs::symlink_metadata(&path).ok().filter(Metadata::is_file) else { return 0 };
        let all = beside.saturating_add(metadata.len()).saturating_add(limits.wanted);
        if all <= limits.max_bytes && !limits.is_too_old(metadata.modified().ok()) {
            return metadata.len();
        }
        let _ = fs::remove_file(path);
        0
    }

    fn remove(&self, entry: &Entry) {
        let name = entry.name.as_str();
        if entry.damaged {
            let _ = fs::remove_file(self.path.join(format!("{name}{DAMAGED}")));
            return;
        }
        self.remove_segment(&entry.name);
    }

    pub(super) fn remove_segment(&self, name: &Name) {
        let _ = fs::remove_file(self.file(name));
        self.remove_beside(name.as_str());
    }

    /// Renames a file that cannot be used any more, so that nobody takes it for ours; one that was renamed before gives way
    /// to it.
    pub(super) fn set_aside(&self, name: &str) {
        let _ = fs::rename(self.path.join(name), self.path.join(format!("{name}{DAMAGED}")));
        self.remove_beside(name);
    }

    fn remove_beside(&self, name: &str) {
        for suffix in BESIDE {
            let _ = fs::remove_file(self.path.join(format!("{name}{suffix}")));
        }
    }
}

/// How much may stay.
pub(super) struct Limits {
    pub(super) max_bytes: u64,
    pub(super) max_files: usize,
    pub(super) max_age: Duration,
    pub(super) now: SystemTime,
    /// Bytes that have to fit in addition.
    pub(super) wanted: u64,
}

impl Limits {
    fn is_too_old(&self, modified: Option<SystemTime>) -> bool {
        modified.and_then(|modified| self.now.duration_since(modified).ok()).is_some_and(|age| age > self.max_age)
    }
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.file_type().is_symlink() {
        return Err(Error::directory(path, "is a symbolic link: name the directory that it leads to"));
    }
    if !metadata.is_dir() {
        return Err(Error::directory(path, "is not a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o002 != 0 {
        return Err(Error::directory(path, "may be written by everybody: take that permission away, or choose another"));
    }
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
pub(super) fn same_owner(file: &Metadata, directory: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.uid() == directory.uid()
}

#[cfg(not(unix))]
pub(super) fn same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// A disk that telemetry filled would stop the application that it tells about.
fn is_below_floor(free: u64, total: u64) -> bool {
    free < (total / 20).max(256 * 1024 * 1024)
}

#[cfg(unix)]
fn free_and_total_bytes(path: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

#[cfg(not(unix))]
fn free_and_total_bytes(_: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_is_ours() {
        let name = Name::new(1_795_392_000_250, 0xabcd);
        assert_eq!(name.as_str(), "segment-0001795392000250-0000abcd.sqlite");
        assert_eq!(name.instance(), 0xabcd);
        assert_eq!(Name::parse(name.as_str()), Some(name));
        for other in
            ["segment-1-0.sqlite", "segment-0001795392000250-0000ABCD.sqlite", "segment-0001795392000250-0000abcd.sqlite-wal"]
        {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_history_of_groups_counts_and_only_a_damaged_one_is_removed() {
        let path = tempfile::tempdir().unwrap();
        let directory = Directory::create(path.path()).unwrap();
        let put = |name: &str, bytes: usize| fs::write(path.path().join(name), vec![0; bytes]).unwrap();
        let left = || {
            let files = fs::read_dir(path.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut files: Vec<_> = files.filter(|name| name != ".gitignore").collect();
            files.sort();
            files
        };
        let limits = |max_bytes, max_age| Limits {
            max_bytes,
            max_files: 10,
            max_age: Duration::from_secs(max_age),
            now: SystemTime::now() + Duration::from_secs(10),
            wanted: 0,
        };
        let segments: Vec<_> = (1..=3).map(|time| Name::new(time, 7)).collect();
        segments.iter().for_each(|name| put(name.as_str(), 100));
        [GROUPS, "groups.sqlite-wal", "groups.sqlite-shm"].into_iter().for_each(|name| put(name, 50));
        put("groups.sqlite.damaged", 60);
        put("groups.sqlite.mine", 1000);
        assert_eq!(directory.prune(&limits(510, 100), None).unwrap(), 0, "all of it fits");
        assert_eq!(directory.prune(&limits(509, 100), None).unwrap(), 0);
        assert!(!left().contains(&"groups.sqlite.damaged".to_owned()), "it is the first to go");
        put("groups.sqlite.damaged", 10);
        directory.prune(&limits(1000, 5), Some(&segments[2])).unwrap();
        assert!(!left().contains(&"groups.sqlite.damaged".to_owned()), "too old");
        directory.prune(&limits(300, 100), Some(&segments[2])).unwrap();
        let kept = [GROUPS, "groups.sqlite-shm", "groups.sqlite-wal", "groups.sqlite.mine", segments[2].as_str()];
        assert_eq!(left(), kept, "segments give way to the history");
        // However large that is, half is left to them.
        put(GROUPS, 1000);
        assert_eq!(directory.prune(&limits(200, 100), None).unwrap(), 0);
        assert_eq!(directory.prune(&limits(198, 100), None).unwrap(), 1);
    }

    #[test]
    fn the_last_of_a_disk_is_left_alone() {
        const GIB: u64 = 1024 * 1024 * 1024;
        assert!(is_below_floor(4 * GIB, 100 * GIB));
        assert!(!is_below_floor(6 * GIB, 100 * GIB));
        assert!(is_below_floor(GIB / 8, GIB));
        assert!(!is_below_floor(GIB / 2, GIB));
    }
}
