use std::fs;

use super::*;
use crate::exporter::samples;
use crate::record::{Losses, Reason};

fn export(file: &mut File, count: usize) {
    let given_up = samples::export(file, (0..count).map(|_| samples::answered()), &Losses::default()).unwrap();
    assert_eq!(given_up.total(), 0);
}

fn lines(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    text.lines().count()
}

#[test]
fn lines_are_appended_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.json");
    for _ in 0..2 {
        export(&mut File::open(&path).unwrap(), 3);
    }
    assert_eq!(lines(&path), 6);
}

#[test]
fn a_full_file_becomes_an_older_one_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.json");
    let mut file = File::open(&path).unwrap();
    export(&mut file, 1);
    let line = fs::metadata(&path).unwrap().len();
    let mut file = file.max_bytes(line * 3).keep(2);
    // One batch over several files, then batches of one.
    export(&mut file, 7);
    assert_eq!([lines(&path), lines(&rotate::older(&path, 1)), lines(&rotate::older(&path, 2))], [2, 3, 3]);
    for _ in 0..5 {
        export(&mut file, 1);
    }
    assert_eq!([lines(&path), lines(&rotate::older(&path, 1)), lines(&rotate::older(&path, 2))], [1, 3, 3]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    let mut file = file.keep(0).max_bytes(1);
    export(&mut file, 2);
    assert_eq!(lines(&path), 1, "a line larger than the bound still gets through");
}

#[test]
fn an_old_file_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.json");
    let mut file = File::open(&path).unwrap().max_age(Duration::from_secs(3600));
    export(&mut file, 1);
    let later = SystemTime::now() + Duration::from_secs(3601);
    assert!(file.log.append(b"{}\n", later).error.is_none());
    assert!(file.log.append(b"{}\n", later + Duration::from_secs(3599)).error.is_none());
    assert_eq!((lines(&path), lines(&rotate::older(&path, 1))), (2, 1));
}

#[cfg(unix)]
#[test]
fn a_file_that_was_moved_away_deleted_or_replaced_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("app.json"), dir.path().join("moved.json"));
    let mut file = File::open(&path).unwrap();
    export(&mut file, 1);
    fs::rename(&path, &moved).unwrap();
    export(&mut file, 2);
    assert_eq!((lines(&moved), lines(&path)), (1, 2));
    fs::remove_file(&path).unwrap();
    export(&mut file, 3);
    assert_eq!(lines(&path), 3);
    fs::remove_file(&path).unwrap();
    fs::copy(&moved, &path).unwrap();
    export(&mut file, 1);
    assert_eq!(lines(&path), 2);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it_and_no_link_leads_elsewhere() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (path, link, dangling) = (dir.path().join("app.json"), dir.path().join("link"), dir.path().join("dangling"));
    let mut file = File::open(&path).unwrap();
    export(&mut file, 1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    symlink(&path, &link).unwrap();
    symlink(dir.path().join("nowhere"), &dangling).unwrap();
    for bad in [&link, &dangling, &dir.path().to_owned(), &dir.path().join("missing/app.json")] {
        assert!(File::open(bad).is_err(), "{}", bad.display());
    }
    fs::remove_file(&path).unwrap();
    symlink(&link, &path).unwrap();
    let error = samples::export(&mut file, [samples::answered()], &Losses::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::SinkIoError);
    fs::remove_file(&path).unwrap();
    export(&mut file, 1);
    assert_eq!(lines(&path), 1);
}

#[test]
fn a_directory_that_comes_back_is_written_to_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("logs");
    fs::create_dir(&home).unwrap();
    let path = home.join("app.json");
    let mut file = File::open(&path).unwrap();
    export(&mut file, 1);
    fs::remove_dir_all(&home).unwrap();
    let error = samples::export(&mut file, [samples::answered()], &Losses::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::SinkIoError);
    fs::create_dir(&home).unwrap();
    export(&mut file, 2);
    assert_eq!(lines(&path), 2);
}

#[test]
fn what_fits_is_always_whole_lines() {
    let text = b"one\ntwo\nthree\n";
    for (room, len) in [(0, 4), (3, 4), (4, 4), (7, 4), (8, 8), (13, 8), (14, 14), (99, 14)] {
        assert_eq!(fitting(text, room), len, "{room}");
    }
}
