//! Whether the process that wrote something is still there: a file that it keeps locked for its life.
//!
//! The system lets go of the lock when the process ends, however it ends. A store that is closed removes its file. So one
//! that is locked belongs to a process that lives, one that is not to a process that died and of which nobody has told
//! yet, and where there is none, nothing is left to tell.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::directory::{Directory, Name};

/// Files of dead processes that are looked at, at most.
const MAX_DEAD: usize = 64;
/// What a file is called before it is locked.
const NEW: &str = "new";
/// Longer than a process takes from making its file to naming it.
const LONG: Duration = Duration::from_secs(60);

/// This process, or another part of it that has the store open.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) id: u32,
    path: PathBuf,
    /// Locked as long as it is open.
    _file: Option<File>,
}

impl Instance {
    /// Where no such file can be made, readers take the process for one that has ended.
    pub(super) fn begin(directory: &Directory) -> Self {
        sweep(directory);
        let id = fastrand::u32(..);
        let path = directory.path().join(file_name(id));
        // It is locked before it has its name, so that nobody takes it for a dead one in between.
        let new = path.with_extension(NEW);
        let file = create(&new).ok().filter(|file| {
            // A file system without locks leaves it unknown who lives.
            let _ = file.try_lock();
            fs::rename(&new, &path).is_ok()
        });
        Self { id, path, _file: file }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the process that wrote a segment is still there, or nobody can tell.
pub(super) fn is_running(directory: &Directory, segment: &Name) -> bool {
    let path = directory.path().join(file_name(segment.instance()));
    // Looked at first: a pipe of this name would be waited for.
    is_file(&path) && File::open(path).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// A process that died, and of which nobody has told yet. As long as this is kept, nobody else takes it up.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) id: u32,
    path: PathBuf,
    _file: File,
}

impl Dead {
    /// It has been told.
    pub(super) fn bury(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Those that nobody else has taken up.
pub(super) fn dead(directory: &Directory) -> Vec<Dead> {
    let Ok(files) = fs::read_dir(directory.path()) else { return Vec::new() };
    files.filter_map(|file| take_up(file.ok()?.path())).take(MAX_DEAD).collect()
}

/// Removes what dead processes left whose segments are gone too.
pub(super) fn forget(directory: &Directory) {
    let (Ok(files), Ok(segments)) = (fs::read_dir(directory.path()), directory.segments()) else { return };
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let is_unknown = |id: u32| !segments.iter().any(|name| name.instance() == id);
        if id_of(&path).is_some_and(is_unknown)
            && let Some(dead) = take_up(path)
        {
            dead.bury();
        }
    }
}

/// Removes what a process left that died before its file had its name.
fn sweep(directory: &Directory) {
    let Ok(files) = fs::read_dir(directory.path()) else { return };
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let is_ours = path.extension().is_some_and(|end| end == NEW) && id_of(&path.with_extension("lock")).is_some();
        // One that is locked is about to be named.
        if is_ours
            && is_older_than(&path, LONG)
            && File::open(&path).is_ok_and(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether it is a file, and was last written so long ago.
fn is_older_than(path: &Path, age: Duration) -> bool {
    let modified = fs::symlink_metadata(path).ok().filter(Metadata::is_file).and_then(|metadata| metadata.modified().ok());
    modified.and_then(|modified| SystemTime::now().duration_since(modified).ok()).is_some_and(|passed| passed > age)
}

/// Takes up a process that died, unless somebody else has.
fn take_up(path: PathBuf) -> Option<Dead> {
    let id = id_of(&path)?;
    let file = is_file(&path).then(|| OpenOptions::new().read(true).write(true).open(&path).ok()).flatten()?;
    // It may have been buried just before.
    (file.try_lock().is_ok() && path.exists()).then_some(Dead { id, path, _file: file })
}

/// A link leads wherever its owner likes.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn file_name(id: u32) -> String {
    format!("instance-{id:08x}.lock")
}

/// Only the exact pattern.
fn id_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("instance-")?.strip_suffix(".lock")?;
    let id = u32::from_str_radix(digits, 16).ok()?;
    (file_name(id) == name).then_some(id)
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_as_long_as_its_file_is_locked() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Directory::create(directory.path()).unwrap();
        let instance = Instance::begin(&directory);
        let segment = Name::new(1, instance.id);
        assert!(is_running(&directory, &segment));
        assert!(dead(&directory).is_empty(), "nobody buries the living");
        drop(instance);
        assert!(!is_running(&directory, &segment));
        assert!(dead(&directory).is_empty(), "one that was closed leaves nothing behind");

        // What a process that was killed leaves.
        create(&directory.path().join(file_name(0xab))).unwrap();
        let segment = Name::new(1, 0xab);
        assert!(!is_running(&directory, &segment));
        let found = dead(&directory);
        assert_eq!(found.iter().map(|dead| dead.id).collect::<Vec<_>>(), [0xab]);
        assert!(dead(&directory).is_empty(), "somebody has taken it up");
        drop(found);
        dead(&directory).into_iter().for_each(Dead::bury);
        assert!(dead(&directory).is_empty());
    }

    #[test]
    fn what_was_never_named_is_removed_at_the_next_start_and_only_that() {
        let path = tempfile::tempdir().unwrap();
        let directory = Directory::create(path.path()).unwrap();
        let put = |name: &str, age: u64| {
            let file = create(&path.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        put("instance-000000ab.new", 120);
        let stay = ["instance-000000ac.new", "instance-ab.new", "instance-000000AB.new", "instance-000000ab.newer"];
        stay.into_iter().zip([10, 120, 120, 120]).for_each(|(name, age)| drop(put(name, age)));
        let locked = put("instance-000000ad.new", 120);
        locked.lock().unwrap();
        drop(Instance::begin(&directory));
        assert!(!path.path().join("instance-000000ab.new").exists());
        for name in stay.iter().chain(&["instance-000000ad.new"]) {
            assert!(path.path().join(name).exists(), "{name} is young, alive or not ours");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_neither_waited_for_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Directory::create(directory.path()).unwrap();
        let path = directory.path().join(file_name(7));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(!is_running(&directory, &Name::new(1, 7)) && dead(&directory).is_empty());
        forget(&directory);
        assert!(fs::symlink_metadata(&path).is_ok());
    }
}
