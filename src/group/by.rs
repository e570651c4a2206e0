//! Groups that the application names.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::record::Record;

/// Names the group of a failed record, or leaves it to the next one.
type Namer = dyn Fn(&Record) -> Option<String> + Send + Sync;

/// What names groups, in the order in which it is asked.
#[derive(Default)]
pub(crate) struct GroupBy {
    namers: Vec<(Box<Namer>, AtomicBool)>,
}

/// One of them panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl GroupBy {
    pub(crate) fn push(&mut self, namer: Box<Namer>) {
        self.namers.push((namer, AtomicBool::new(false)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.namers.is_empty()
    }

    /// The first name that somebody gives.
    ///
    /// # Errors
    /// When one of them panicked; it is not asked again.
    pub(crate) fn key(&self, record: &Record) -> Result<Option<String>, Panicked> {
        for (namer, is_broken) in &self.namers {
            if is_broken.load(Ordering::Relaxed) {
                continue;
            }
            match catch_unwind(AssertUnwindSafe(|| namer(record))) {
                Ok(Some(key)) if !key.trim().is_empty() => return Ok(Some(key)),
                Ok(_) => {}
                Err(_) => {
                    is_broken.store(true, Ordering::Relaxed);
                    return Err(Panicked);
                }
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBy").field("namers", &self.namers.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_counts_and_one_that_panics_is_not_asked_again() {
        let mut by = GroupBy::default();
        by.push(Box::new(|_| None));
        by.push(Box::new(|record| if record.path() == "/bad" { panic!("in a namer") } else { Some("one".to_owned()) }));
        by.push(Box::new(|_| Some("two".to_owned())));
        let record = |path| {
            let parts = crate::record::parts::Parts { path: crate::record::parts::Text::Static(path), ..Default::default() };
            Record::new(Box::new(parts))
        };
        assert_eq!(by.key(&record("/")), Ok(Some("one".to_owned())));
        assert_eq!(by.key(&record("/bad")), Err(Panicked));
        assert_eq!(by.key(&record("/")), Ok(Some("two".to_owned())));
    }
}
