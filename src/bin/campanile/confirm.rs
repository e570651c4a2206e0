//! Asks before something is done that cannot be undone.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use crate::failure::Failure;

/// What was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Asks on the terminal; anything but a clear yes is a no.
pub(crate) fn ask(question: &str) -> Answer {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Answer::Nobody;
    }
    let _ = write!(stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let is_read = stdin().read_line(&mut answer).is_ok();
    if is_read && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Answer::Yes } else { Answer::No }
}

/// Goes on where it was said on the command line, or is said on the terminal now. Where nobody can be asked, it does not.
pub(crate) fn confirm(is_agreed: bool, what: &str) -> Result<(), Failure> {
    if is_agreed {
        return Ok(());
    }
    match ask(&format!("campanile: {what}\nGo on?")) {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::new(Failure::USAGE, "nothing was done")),
        Answer::Nobody => Err(Failure::new(Failure::USAGE, format!("{what}\nIf that is what you want, say so with --yes."))),
    }
}
