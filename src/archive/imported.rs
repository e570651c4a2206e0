//! What came of a file.

use std::fmt;

/// Problems that are told one by one, at most.
const MAX_PROBLEMS: usize = 20;

/// What was read of one or several files, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Requests that were stored.
    pub requests: u64,
    /// Events and spans outside any request that were stored.
    pub outside: u64,
    /// Spans that came again, by their ids, and lines that came again as a whole: left out.
    pub copies: u64,
    /// Traces of which more came after they had been stored, because too much lay between: what came late stands for itself.
    pub late: u64,
    /// Lines of metrics, which have no place here: left out.
    pub metrics: u64,
    /// Lines, entries and spans that could not be read.
    pub unreadable: u64,
    /// Records that could not be stored.
    pub lost: u64,
    /// The first problems, at most 20.
    pub problems: Vec<Problem>,
}

impl Imported {
    /// Records that were stored.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.requests + self.outside
    }

    /// Whether something could not be read or stored.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.unreadable > 0 || self.lost > 0 || !self.problems.is_empty()
    }

    pub(super) fn unreadable(&mut self, place: Place, what: impl Into<String>) {
        self.unreadable += 1;
        self.note(place, what);
    }

    /// Tells a problem that costs nothing by itself.
    pub(super) fn note(&mut self, place: Place, what: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { place, what: what.into() });
        }
    }

    pub(super) fn count(&mut self, counts: &Counts) {
        self.copies += counts.copies;
        self.late += counts.late;
        self.unreadable += counts.unreadable + counts.nameless;
        if counts.nameless > 0 {
            self.note(Place::File, format!("{} spans have no id", counts.nameless));
        }
    }
}

/// Something that could not be read. Holds no text of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => f.write_str(&self.what),
            Place::Line(line) => write!(f, "line {line}: {}", self.what),
            Place::Entry(entry) => write!(f, "entry {entry}: {}", self.what),
        }
    }
}

/// Where in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Line(u64),
    Entry(u64),
}

/// What putting records together has met.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) copies: u64,
    pub(super) late: u64,
    pub(super) unreadable: u64,
    /// Spans without an id.
    pub(super) nameless: u64,
}

/// What is wrong with a piece of JSON, without showing any of it.
pub(super) fn complaint(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => "it ends in the middle; the file may have been cut".to_owned(),
        Category::Syntax => format!("it is no JSON (column {})", error.column()),
        Category::Data => format!("it is JSON of another form than expected (column {})", error.column()),
        Category::Io => "it cannot be read".to_owned(),
    }
}
