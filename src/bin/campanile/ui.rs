//! `campanile ui`: the page of a store in a browser.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use campanile::exporter::escape;
use campanile::viewer::{Server, Viewer};

use crate::args::Ui;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;

/// Serves it until the program is ended.
pub(crate) fn run(args: &Ui, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let directory = place::find(store)?;
    if !directory.is_dir() {
        let shown = directory.display().to_string();
        return Err(Failure::new(Failure::STORE, format!("there is no store at '{}'", escape(&shown))));
    }
    let server = serve(&Viewer::of_store(&directory), args.port)?;
    if let Some(warning) = server.warning() {
        output.complain(warning);
    }
    let url = server.url();
    output.write(&format!("{url}\n"))?;
    output.flush()?;
    if args.open && !open(&url) {
        output.complain("no browser could be started: open the address by hand");
    }
    loop {
        thread::park();
    }
}

/// At the port that is asked for, else at the usual one, else at any.
fn serve(viewer: &Viewer, port: Option<u16>) -> Result<Server, Failure> {
    let at = |port: u16| viewer.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let served = match port {
        Some(port) => at(port),
        None => at(Viewer::DEFAULT_PORT).or_else(|_| at(0)),
    };
    served.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::new(Failure::OUTPUT, format!("{error}{cause}"))
    })
}

/// Has the desktop open it.
fn open(url: &str) -> bool {
    let command: &[&str] = if cfg!(target_os = "macos") {
        &["open"]
    } else if cfg!(windows) {
        &["cmd", "/c", "start", ""]
    } else {
        &["xdg-open"]
    };
    let Some((program, arguments)) = command.split_first() else { return false };
    let quiet =
        Command::new(program).args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    quiet.is_ok()
}
