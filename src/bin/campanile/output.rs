//! Where text goes, and how it may look there.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use crate::args::When;
use crate::failure::Failure;
use crate::pager::Pager;

/// Colours of terminals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Red,
    Green,
}

/// The standard output, with what is known about it.
pub(crate) struct Output {
    out: Out,
    /// What is said beside it once the pager has ended.
    later: Vec<String>,
    is_coloured: bool,
    width: usize,
}

enum Out {
    Direct(BufWriter<Stdout>),
    /// Until it is more than fits the terminal's rows.
    Held {
        text: String,
        rows: usize,
    },
    Paged(Pager),
}

impl Output {
    /// In colour where a terminal knows it and nobody asked for none, or where somebody asked for it.
    pub(crate) fn of_process(colour: When, is_paged: bool) -> Self {
        let out = io::stdout();
        let terminal = terminal_size::terminal_size_of(&out);
        let columns = terminal.map(|(columns, _)| usize::from(columns.0)).or_else(|| env::var("COLUMNS").ok()?.parse().ok());
        let is_terminal = out.is_terminal();
        let rows = terminal.map(|(_, rows)| usize::from(rows.0)).filter(|_| is_paged && is_terminal && io::stdin().is_terminal());
        Self {
            is_coloured: is_coloured(colour, is_terminal, |name| env::var_os(name)),
            width: columns.unwrap_or(100).clamp(40, 400),
            later: Vec::new(),
            out: match rows {
                Some(rows) => Out::Held { text: String::new(), rows },
                None => Out::Direct(BufWriter::new(out)),
            },
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

    /// Whether it goes to a terminal as it is.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.out, Out::Direct(_)) && io::stdout().is_terminal()
    }

    /// To write bytes to it, which no pager shows.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Writes text that ends with a line feed.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let Out::Held { text: held, rows } = &mut self.out else { return Ok(self.out.write_all(text.as_bytes())?) };
        held.push_str(text);
        // The last row is the prompt's.
        if held.lines().count() >= *rows {
            let held = std::mem::take(held);
            self.out = Pager::start().map_or_else(|| Out::Direct(BufWriter::new(io::stdout())), Out::Paged);
            self.out.write_all(held.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// Writes a message beside the output, after it; one that cannot be written is lost.
    pub(crate) fn complain(&mut self, message: &str) {
        let _ = self.flush();
        match &self.out {
            // It would stand in the middle of the pager's screen.
            Out::Paged(_) => self.later.push(message.to_owned()),
            _ => say(message),
        }
    }

    /// Waits until the pager is left, where there is one.
    pub(crate) fn finish(self) {
        if let Out::Paged(pager) = self.out {
            pager.wait();
        }
        self.later.iter().for_each(|message| say(message));
    }
}

impl Out {
    /// Writes what is held, and holds nothing from now on.
    fn let_go(&mut self) -> io::Result<()> {
        if let Self::Held { text, .. } = self {
            let mut out = BufWriter::new(io::stdout());
            out.write_all(text.as_bytes())?;
            *self = Self::Direct(out);
        }
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.let_go()?;
        match self {
            Self::Direct(out) => out.write(bytes),
            Self::Paged(pager) => pager.write(bytes).map(|()| bytes.len()),
            Self::Held { .. } => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Held { text, .. } if text.is_empty() => return Ok(()),
            _ => self.let_go()?,
        }
        match self {
            Self::Direct(out) => out.flush(),
            Self::Paged(pager) => pager.flush(),
            Self::Held { .. } => Ok(()),
        }
    }
}

fn say(message: &str) {
    let _ = writeln!(io::stderr(), "campanile: {message}");
}

/// What was asked for on the command line comes first, then `NO_COLOR`, then `CLICOLOR_FORCE`.
fn is_coloured(asked: When, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, value: &str| variable(name).as_deref() == Some(OsStr::new(value));
    match asked {
        When::Always => true,
        When::Never => false,
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto if is_set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => true,
        When::Auto => is_terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_as_terminals_expect_it() {
        let coloured = |asked, is_terminal, variables: &[(&str, &str)]| {
            is_coloured(asked, is_terminal, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        assert!(coloured(When::Auto, true, &[]) && !coloured(When::Auto, false, &[]));
        assert!(!coloured(When::Auto, true, &[("NO_COLOR", "1")]) && coloured(When::Auto, true, &[("NO_COLOR", "")]));
        assert!(!coloured(When::Auto, true, &[("TERM", "dumb")]) && !coloured(When::Auto, true, &[("CLICOLOR", "0")]));
        assert!(coloured(When::Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!coloured(When::Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!coloured(When::Auto, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(coloured(When::Always, false, &[("NO_COLOR", "1")]) && !coloured(When::Never, true, &[("CLICOLOR_FORCE", "1")]));
    }
}
