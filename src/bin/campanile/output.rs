//! Where text goes, and how it may look there.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use crate::failure::Failure;

/// Colours of terminals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Red,
    Green,
}

/// The standard output, with what is known about it.
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    is_coloured: bool,
    width: usize,
}

impl Output {
    /// Colour only on a terminal that knows it, and only when nobody asked for none.
    pub(crate) fn of_process() -> Self {
        let out = io::stdout();
        let refuses = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").as_deref() == Some(OsStr::new("dumb"));
        let terminal = terminal_size::terminal_size_of(&out).map(|(columns, _)| usize::from(columns.0));
        let columns = terminal.or_else(|| env::var("COLUMNS").ok()?.parse().ok());
        Self {
            is_coloured: out.is_terminal() && !refuses && !is_dumb,
            width: columns.unwrap_or(100).clamp(40, 400),
            out: BufWriter::new(out),
        }
    }

    pub(crate) const fn is_coloured(&self) -> bool {
        self.is_coloured
    }

    /// The text in a colour, where there are colours. It holds no codes of its own.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
        };
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Cells of a line.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Whether somebody looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.out.get_ref().is_terminal()
    }

    /// To write bytes to it.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Writes text that ends with a line feed.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// Writes a message beside the output, after it; one that cannot be written is lost.
    pub(crate) fn complain(&mut self, message: &str) {
        let _ = self.out.flush();
        let _ = writeln!(io::stderr(), "campanile: {message}");
    }
}
