//! Where the sockets lie, and which of them are dead.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest path of a socket, in bytes: of `sun_path` on Linux 107, on BSD and macOS 103.
pub(super) const MAX_PATH_BYTES: usize = 103;
/// A socket is made before anybody listens at it: what is younger than this is left alone.
const YOUNG: Duration = Duration::from_secs(10);

/// The name for a new socket of this process.
pub(super) fn name(pid: u32, instance: u32) -> String {
    format!("control-{pid}-{instance:08x}.sock")
}

/// Only the exact pattern.
fn is_name(text: &str) -> bool {
    let parts = text.strip_prefix("control-").and_then(|rest| rest.strip_suffix(".sock")?.split_once('-'));
    parts.is_some_and(|(pid, instance)| {
        let is_hex = instance.len() == 8 && instance.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (1..=10).contains(&pid.len()) && pid.bytes().all(|byte| byte.is_ascii_digit()) && is_hex
    })
}

/// The sockets of this user in a directory, in order of their names.
pub(super) fn sockets(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let own = rustix::process::geteuid().as_raw();
    let mut found: Vec<_> = fs::read_dir(directory)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(is_name))
        .map(|entry| entry.path())
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket() && found.uid() == own))
        .collect();
    found.sort();
    Ok(found)
}

/// Removes sockets of our name that nobody listens at any more.
pub(super) fn remove_dead(directory: &Path) {
    for path in sockets(directory).unwrap_or_default() {
        let age = fs::symlink_metadata(&path).ok().and_then(|found| found.modified().ok()?.elapsed().ok());
        let is_dead = || UnixStream::connect(&path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if age.is_some_and(|age| age > YOUNG) && is_dead() {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::net::UnixListener;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_the_exact_name_is_ours() {
        assert!(is_name(&name(17, 0xabcd)));
        for other in [
            "control.key",
            "control-17-0000ABCD.sock",
            "control--0000abcd.sock",
            "control-17-0000abcd.sock2",
            "control-x-0000abcd.sock",
        ] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn only_what_is_old_and_dead_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let age = |name: &str| {
            // A socket has no handle whose times could be set; its file has.
            let hour = SystemTime::now() - Duration::from_secs(3600);
            let stamp = rustix::fs::Timespec {
                tv_sec: hour.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap(),
                tv_nsec: 0,
            };
            let times = rustix::fs::Timestamps { last_access: stamp, last_modification: stamp };
            rustix::fs::utimensat(rustix::fs::CWD, at(name), &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
        };
        let (alive, dead, young) = (name(1, 1), name(2, 2), name(3, 3));
        let _listener = UnixListener::bind(at(&alive)).unwrap();
        for gone in [&dead, &young, &"other.sock".to_owned()] {
            drop(UnixListener::bind(at(gone)).unwrap());
        }
        File::create(at(&name(4, 4))).unwrap();
        for old in [&alive, &dead, &"other.sock".to_owned(), &name(4, 4)] {
            age(old);
        }
        remove_dead(directory.path());
        let mut left: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [alive, young, name(4, 4), "other.sock".to_owned()]);
    }
}
