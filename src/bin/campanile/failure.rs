//! Why the program ends without success, and the exit code that tells it.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use campanile::exporter::escape;
use campanile::{query, store};

/// The end of the program: an exit code, and what to say first.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: Option<String>,
}

impl Failure {
    /// Nothing was found.
    pub(crate) const NOTHING: u8 = 1;
    /// The command line or the query is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// An id fits several records.
    pub(crate) const SEVERAL: u8 = 3;
    /// The store cannot be read.
    pub(crate) const STORE: u8 = 4;
    /// The output cannot be written.
    pub(crate) const OUTPUT: u8 = 5;

    /// A running process said no.
    #[cfg(unix)]
    pub(crate) const REFUSED: u8 = 6;

    /// A request that was sent again got no answer.
    pub(crate) const NO_ANSWER: u8 = 7;
    /// A file cannot be read, or not all of it.
    pub(crate) const INPUT: u8 = 8;

    /// An end with a message of one or more lines.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever reads has seen enough, as with `| head`.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, message: None };
        }
        Self::new(Self::OUTPUT, format!("cannot write the output: {error}"))
    }
}

impl From<query::Error> for Failure {
    fn from(error: query::Error) -> Self {
        // The error escapes its query, but not invisible characters in it.
        let lines: Vec<_> = error.to_string().lines().map(|line| escape(line).to_string()).collect();
        Self::new(Self::USAGE, format!("{}\n\nKeys and examples: campanile search --help", lines.join("\n")))
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let mut message = with_causes(&error);
        if error.is_unusable_directory() || error.is_not_found() {
            message.push_str("\nGive the directory that the application writes to, with --store DIR or CAMPANILE_STORE.");
        }
        Self::new(Self::STORE, message)
    }
}

#[cfg(unix)]
impl From<campanile::control::Error> for Failure {
    fn from(error: campanile::control::Error) -> Self {
        let code = match () {
            () if error.is_refused() => Self::REFUSED,
            () if error.is_unreachable() => Self::NOTHING,
            () => Self::USAGE,
        };
        Self::new(code, with_causes(&error))
    }
}

/// The error and its causes, escaped.
fn with_causes(error: &dyn Error) -> String {
    let mut message = escape(&error.to_string()).to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(message, ": {}", escape(&cause.to_string()));
        source = cause.source();
    }
    message
}
