//! What a query may go on with, by what is stored.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{Count, Find, Reader};
use crate::query::{Asked, Completion, Query, complete};

/// Records that are looked at for the names of attributes.
const NEWEST: usize = 200;

impl Reader {
    /// The time that [`complete`](Self::complete) is usually given: nobody waits longer for a suggestion.
    pub const COMPLETE_WITHIN: Duration = Duration::from_millis(100);

    /// What may stand at byte `at` of a query: keys and operators, and the values and attributes of the newest records that
    /// match the rest of it, as far as that can be told within this time.
    ///
    /// Never fails: where the store cannot be read there are only keys and operators.
    pub fn complete(&mut self, text: &str, at: usize, within: Duration) -> Completion {
        let started = Instant::now();
        let known = self.warnings.len();
        let completion = complete(text, at, |asked| {
            let left = within.saturating_sub(started.elapsed());
            match asked {
                Asked::Values(facet, query) => {
                    let options = Count { within: left, ..Count::default() };
                    let counts = self.count(facet, query, &options).unwrap_or_default();
                    counts.values().map(|(value, count)| (value.to_owned(), count)).collect()
                }
                Asked::Attributes(query) => self.attributes(query, left),
            }
        });
        // That it was stopped is expected here.
        self.warnings.truncate(known);
        completion
    }

    /// The names of attributes, and how many of the newest records have each.
    fn attributes(&mut self, query: &Query, within: Duration) -> Vec<(String, u64)> {
        let options = Find { within, ..Find::with_limit(NEWEST) };
        let mut names: HashMap<String, u64> = HashMap::new();
        for stored in self.find(query, &options).unwrap_or_default() {
            for field in stored.record().attributes() {
                *names.entry(field.name().to_owned()).or_default() += 1;
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        names
    }
}

#[cfg(test)]
mod tests {
    use crate::query::{Facet, sample};
    use crate::record::{Losses, Resource};
    use crate::store::{Count, Reader, Settings, Store};

    #[test]
    fn values_are_those_that_are_stored_with_their_counts() {
        let now = 1_800_000_000_000_000_000;
        let records: Vec<_> = (0..500).map(|seed| sample::record(seed, now)).collect();
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(Settings::new(directory.path())).unwrap();
        store.append(&records, &Resource::default(), &Losses::default()).unwrap();
        let mut reader = Reader::open(directory.path()).unwrap();
        let counts = reader.count(&Facet::parse("method").unwrap(), &"status:5xx".parse().unwrap(), &Count::default()).unwrap();
        let completion = reader.complete("method: status:5xx", 7, super::Duration::from_secs(60));
        let items: Vec<_> = completion.items.iter().map(|item| (item.label.as_str(), item.count.unwrap())).collect();
        assert_eq!(items, counts.values().collect::<Vec<_>>());
        let names = reader.complete("order.", 6, super::Duration::from_secs(60)).items;
        assert!(names.iter().any(|item| item.text == "order.id:" && item.count > Some(0)), "{names:?}");
        // Without time there are keys.
        assert_eq!(reader.complete("rou", 3, super::Duration::ZERO).items[0].text, "route:");
        assert_eq!(reader.warnings(), [""; 0]);
    }
}
