//! Counts how many records have each value of a key.

use std::time::Duration;

use super::counting::Counting;
use super::{Error, Reader, Search};
use crate::query::{Facet, Query};

/// How far [`Reader::count`] goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Count {
    /// Records that match, at most.
    pub records: u64,
    /// How long it may take.
    pub within: Duration,
}

impl Count {
    /// The default of [`records`](Self::records).
    pub const DEFAULT_RECORDS: u64 = 100_000;
    /// The default of [`within`](Self::within).
    pub const DEFAULT_WITHIN: Duration = Duration::from_secs(10);

    /// The default options with this many records.
    #[must_use]
    pub fn with_records(records: u64) -> Self {
        Self { records, ..Self::default() }
    }
}

impl Default for Count {
    fn default() -> Self {
        Self { records: Self::DEFAULT_RECORDS, within: Self::DEFAULT_WITHIN }
    }
}

/// The values of a key, and how many records have each.
///
/// # When full
/// There are up to 10,000 values of up to 256 bytes; records with others are counted in [`others`](Self::others).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(super) values: Vec<(String, u64)>,
    pub(super) records: u64,
    pub(super) others: u64,
    pub(super) is_late: bool,
}

impl Counts {
    /// The most frequent first; of those that are equally frequent, in their order as texts.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.values.iter().map(|(value, count)| (value.as_str(), *count))
    }

    /// Records that match, with a value or without.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Records whose value is not among [`values`](Self::values).
    #[must_use]
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// Whether the time was over before all were counted.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        self.is_late
    }
}

impl Reader {
    /// How many of the newest records that match have each value of a key.
    ///
    /// They are the newest give or take a thousand: records are read by the block. A record that is written meanwhile may be
    /// among them or not.
    ///
    /// # Errors
    /// When the directory cannot be read.
    ///
    /// # Example
    /// ```no_run
    /// use campanile::query::{Facet, Query};
    /// use campanile::store::{Count, Reader};
    ///
    /// let mut reader = Reader::open(".campanile")?;
    /// let counts = reader.count(&Facet::parse("route")?, &Query::parse("status:5xx")?, &Count::default())?;
    /// for (route, count) in counts.values().take(10) {
    ///     eprintln!("{count:8} {route}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(&mut self, facet: &Facet, query: &Query, options: &Count) -> Result<Counts, Error> {
        let counts = self.count_each(std::slice::from_ref(facet), query, options)?;
        Ok(counts.into_iter().next().unwrap_or_default())
    }

    /// As [`count`](Self::count), of several keys at once: the records are read once for all of them.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn count_each(&mut self, facets: &[Facet], query: &Query, options: &Count) -> Result<Vec<Counts>, Error> {
        let mut counting = Counting::new(facets, options);
        let search = Search::new(query, query.wants_partial());
        let mut ranges = Vec::new();
        for name in self.refresh()? {
            let plan = self.visit(&name, |connection, rows| search.plan(connection, rows, (i64::MIN, i64::MAX)));
            ranges.extend(plan.iter().flat_map(|plan| plan.ranges()).map(|range| (*range, name.clone())));
        }
        ranges.sort_by_key(|(range, _)| std::cmp::Reverse(range.latest_unix_ns));
        for (range, name) in ranges {
            // Where no row matches, nobody else looks at the clock.
            counting.look_at_the_clock();
            if !counting.goes_on() {
                break;
            }
            let _ = self.visit(&name, |connection, rows| {
                let (from, binds, decides) = search.of_range(rows.version, &range);
                if decides {
                    counting.rows(connection, rows, &from, binds)
                } else {
                    counting.records(connection, rows, &from, binds, &search)
                }
            });
        }
        Ok(counting.done())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::query::sample;
    use crate::record::{Losses, Record, Resource};
    use crate::store::reader::counting::{MAX_VALUE_BYTES, MAX_VALUES, STEP};
    use crate::store::{Settings, Store};

    fn store(records: &[Record]) -> (tempfile::TempDir, Resource) {
        let directory = tempfile::tempdir().unwrap();
        let mut resource = Resource::default();
        resource.set("service.version", "1.2.3");
        let mut store = Store::open(Settings::new(directory.path())).unwrap();
        for some in records.chunks(700) {
            store.append(some, &resource, &Losses::default()).unwrap();
        }
        (directory, resource)
    }

    #[test]
    fn what_is_counted_is_what_matching_records_tell() {
        let now = 1_800_000_000_000_000_000;
        let records: Vec<_> = (0..2500).map(|seed| sample::record(seed, now)).collect();
        let (directory, resource) = store(&records);
        let mut reader = Reader::open(directory.path()).unwrap();
        let keys = [
            "status", "method", "route", "path", "user", "outcome", "class", "kind", "kept", "error", "group", "request",
            "release", "service", "host", "agent", "order.id", "user.id",
        ];
        for (key, text) in keys
            .into_iter()
            .flat_map(|key| ["", "status:5xx", "-status:200 kind:request", "stock", "group:1"].map(|text| (key, text)))
        {
            let (facet, query) = (Facet::parse(key).unwrap(), Query::parse(text).unwrap());
            let mut expected: HashMap<String, u64> = HashMap::new();
            let matching: Vec<_> = records.iter().filter(|record| query.matches_from(&resource, record, now)).collect();
            for value in matching.iter().filter_map(|record| facet.of(&resource, record)) {
                *expected.entry(value.into_owned()).or_default() += 1;
            }
            let counts = reader.count(&facet, &query, &Count::default()).unwrap();
            assert_eq!(counts.values.iter().cloned().collect::<HashMap<_, _>>(), expected, "{key} of {text}");
            assert_eq!((counts.records(), counts.others()), (matching.len() as u64, 0), "{key} of {text}");
            let values = counts.values.iter().map(|(value, count)| (std::cmp::Reverse(*count), value));
            assert!(values.is_sorted(), "{key} of {text}");
        }
        // All at once are as each by itself.
        let facets = keys.map(|key| Facet::parse(key).unwrap());
        for query in ["", "status:5xx", "stock"].map(|text| Query::parse(text).unwrap()) {
            let each = reader.count_each(&facets, &query, &Count::default()).unwrap();
            for (facet, counts) in facets.iter().zip(each) {
                assert_eq!(counts, reader.count(facet, &query, &Count::default()).unwrap(), "{}", facet.as_str());
            }
        }
        assert_eq!(reader.warnings(), [""; 0]);
    }

    #[test]
    fn only_the_newest_are_counted_over_all_segments_and_only_as_long_as_there_is_time() {
        let directory = tempfile::tempdir().unwrap();
        let mut stores = [1, 2].map(|_| Store::open(Settings::new(directory.path())).unwrap());
        for number in 0..60 {
            let records: Vec<_> = (number * 100..number * 100 + 100)
                .map(|start| {
                    let mut parts = Box::<crate::record::parts::Parts>::default();
                    parts.start_unix_ns = start;
                    parts.status = Some(if start < 3000 { 200 } else { 404 });
                    Record::new(parts)
                })
                .collect();
            stores[number as usize % 2].append(&records, &Resource::default(), &Losses::default()).unwrap();
        }
        drop(stores);
        let mut reader = Reader::open(directory.path()).unwrap();
        let mut count = |options: &Count| reader.count(&Facet::parse("status").unwrap(), &Query::default(), options).unwrap();
        let newest = count(&Count::with_records(1500));
        assert_eq!(newest.values().collect::<Vec<_>>(), [("404", 1500)]);
        assert_eq!(count(&Count::default()).values().collect::<Vec<_>>(), [("200", 3000), ("404", 3000)]);
        let hurried = count(&Count { within: Duration::ZERO, ..Count::default() });
        assert!(hurried.is_late() && hurried.records() <= STEP);
        // Also where no row matches.
        let (facet, query) = (Facet::parse("route").unwrap(), Query::parse("route:/nowhere").unwrap());
        let options = Count { within: Duration::ZERO, ..Count::default() };
        assert!(reader.count(&facet, &query, &options).unwrap().is_late());
    }

    #[test]
    fn values_that_are_too_many_or_too_long_are_counted_as_others() {
        let records: Vec<_> = (0..12_000_usize)
            .map(|number| {
                let mut parts = Box::<crate::record::parts::Parts>::default();
                let path = if number % 12 == 0 { "x".repeat(MAX_VALUE_BYTES + 1) } else { format!("/{number}") };
                parts.path = parts.push_text(&path, path.len());
                Record::new(parts)
            })
            .collect();
        let (directory, _) = store(&records);
        let mut reader = Reader::open(directory.path()).unwrap();
        let counts = reader.count(&Facet::parse("path").unwrap(), &Query::default(), &Count::default()).unwrap();
        assert_eq!((counts.values().len(), counts.others(), counts.records()), (MAX_VALUES, 2000, 12_000));
    }
}
