//! Asks before something is done that cannot be undone.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use crate::failure::Failure;

/// Goes on where it was said on the command line, or is said on the terminal now. Where nobody can be asked, it does not.
pub(crate) fn confirm(is_agreed: bool, what: &str) -> Result<(), Failure> {
    if is_agreed {
        return Ok(());
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::new(Failure::USAGE, format!("{what}\nIf that is what you want, say so with --yes.")));
    }
    let _ = write!(stderr(), "campanile: {what}\nGo on? [y/N] ");
    let mut answer = String::new();
    let is_read = stdin().read_line(&mut answer).is_ok();
    if is_read && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(Failure::USAGE, "nothing was done"))
}
