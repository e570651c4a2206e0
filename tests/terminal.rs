//! On a terminal the command line is coloured and paged, and asks; elsewhere it is not, does not, and says what to write.
#![cfg(all(feature = "cli", feature = "axum", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs around it may fail as loudly as the test")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tower::ServiceExt as _;

/// A store with so many requests.
fn store(count: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let telemetry = campanile::builder().exporter(StoreExporter::new(store)).build().unwrap();
    let app = axum::Router::new().fallback(async || axum::http::StatusCode::BAD_GATEWAY).layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..count {
        let request = axum::http::Request::delete(format!("/orders/{number}")).header("x-request-id", format!("order-{number}"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        runtime.block_on(async { app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(60)));
    directory
}

fn campanile(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.arg("--store").arg(directory).args(arguments);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PAGER", "LESS"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(variables.iter().copied());
    command
}

/// Runs it on a terminal of 10 rows, on which this is typed; what the terminal shows, and the exit code.
fn on_terminal(mut command: Command, typed: &str) -> (String, Option<i32>) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 10, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
    let mut child = command.stdin(end(&theirs)).stdout(end(&theirs)).stderr(end(&theirs)).spawn().unwrap();
    drop((theirs, command));
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    // When nobody has the other end any more, reading fails.
    while let Ok(count @ 1..) = ours.read(&mut buffer) {
        shown.extend_from_slice(buffer.get(..count).unwrap());
    }
    (String::from_utf8(shown).unwrap().replace('\r', ""), child.wait().unwrap().code())
}

fn piped(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

const IS_COLOURED: char = '\u{1b}';

#[test]
fn colours_are_those_that_were_asked_for() {
    let store = store(1);
    let search = |more: &[&str], variables: &[(&str, &str)]| {
        campanile(store.path(), &[&["search", "status:502"], more].concat(), variables)
    };
    for (more, variables, expected) in [
        (&[][..], &[][..], true),
        (&["--color", "never"], &[], false),
        (&[], &[("NO_COLOR", "1")], false),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&[], &[("TERM", "dumb")], false),
    ] {
        let (shown, _) = on_terminal(search(more, variables), "");
        assert_eq!(shown.contains(IS_COLOURED), expected, "{more:?} {variables:?} {shown:?}");
    }
    for (more, variables, expected) in
        [(&[][..], &[][..], false), (&["--color", "always"], &[], true), (&[], &[("CLICOLOR_FORCE", "1")], true)]
    {
        let shown = String::from_utf8(piped(search(more, variables)).stdout).unwrap();
        assert_eq!(shown.contains(IS_COLOURED), expected, "{more:?} {variables:?} {shown:?}");
    }
}

#[test]
fn what_is_more_than_a_screen_goes_to_the_pager() {
    let store = store(30);
    // With quotes and a pipe it is the shell's to read.
    let pager = [("PAGER", "sed 's/^/paged: /' | cat"), ("NO_COLOR", "1")];
    let paged = |arguments: &[&str], variables: &[(&str, &str)]| {
        let (shown, code) = on_terminal(campanile(store.path(), arguments, variables), "");
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("/orders/29"), "{shown}");
        shown.matches("paged: ").count()
    };
    assert_eq!(paged(&["search", "status:502"], &pager), 30);
    assert_eq!(paged(&["search", "status:502", "-n", "3"], &pager), 0, "it fits");
    assert_eq!(paged(&["search", "status:502", "--no-pager"], &pager), 0);
    for none in ["", "cat", "no-such-program-anywhere"] {
        assert_eq!(paged(&["search", "status:502"], &[("PAGER", none), ("NO_COLOR", "1")]), 0, "{none}");
    }
    let output = piped(campanile(store.path(), &["search", "status:502"], &pager));
    assert!(!String::from_utf8(output.stdout).unwrap().contains("paged: "));
}

#[test]
fn a_pager_that_has_seen_enough_ends_it_quietly() {
    let store = store(30);
    let variables = [("PAGER", "head -n 2"), ("NO_COLOR", "1")];
    let (shown, code) = on_terminal(campanile(store.path(), &["search", "status:502"], &variables), "");
    assert_eq!((shown.lines().count(), code), (2, Some(0)), "{shown}");
}

#[test]
fn before_something_is_changed_elsewhere_a_terminal_is_asked() {
    let store = store(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://0.0.0.0:{}", listener.local_addr().unwrap().port());
    let replay = || campanile(store.path(), &["replay", "order-0", "--seconds", "1", "--url", &url], &[]);
    for typed in ["n\n", "\n", "\u{4}"] {
        let (shown, code) = on_terminal(replay(), typed);
        assert!(shown.contains("Go on? [y/N]") && code == Some(2), "{shown}");
    }
    assert!(listener.accept().is_err(), "nobody came");
    // Nobody answers, so it gives up; but it did go there.
    let (shown, code) = on_terminal(replay(), "y\n");
    assert_eq!(code, Some(7), "{shown}");
    assert!(listener.accept().is_ok());
}
