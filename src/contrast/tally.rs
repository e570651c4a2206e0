//! Counts of values on both sides, in bounded memory.

use std::collections::HashMap;

use super::Stage;
use super::facts::{Fact, What};
use super::numbers::Numbers;
use super::odds::Table;
use crate::record::parts::cut_at;

/// Names that are compared, at most.
const MAX_NAMES: usize = 256;
/// Values of one name, and of all, at most.
const MAX_VALUES: usize = 1000;
const MAX_ALL_VALUES: usize = 50_000;
/// Bytes of a value; longer ones count by their start.
pub(super) const MAX_VALUE_BYTES: usize = 200;
/// Groups that are compared each within itself; further routes share the last one.
pub(super) const STRATA: usize = 8;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    names: [HashMap<String, Counted>; 2],
    /// Records of each group, and those of them that tell their detail.
    pub(super) records: Counts,
    pub(super) detailed: Counts,
    values: usize,
    /// Number of the record that is counted now, so that what it says twice counts once.
    record: u32,
    /// Whether something found no room.
    pub(super) is_full: bool,
}

/// What is counted of one name.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) values: HashMap<Box<str>, OfValue>,
    /// Records that have any value, where there is one place for it.
    pub(super) present: OfValue,
    pub(super) numbers: Option<Numbers>,
    pub(super) is_single: bool,
    pub(super) is_detail: bool,
}

/// Records that have a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfValue {
    pub(super) counts: Counts,
    last: u32,
}

impl OfValue {
    /// False where the record was counted already.
    fn add(&mut self, record: u32, stratum: usize, is_selected: bool) -> bool {
        if self.last == record {
            return false;
        }
        self.last = record;
        self.counts.add(stratum, is_selected);
        true
    }
}

/// How many of the rest and of the selection, in each group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts([[u32; 2]; STRATA]);

impl Counts {
    fn add(&mut self, stratum: usize, is_selected: bool) {
        if let Some(count) = self.0.get_mut(stratum).and_then(|sides| sides.get_mut(usize::from(is_selected))) {
            *count = count.saturating_add(1);
        }
    }

    /// Those of `all` that are not among these.
    pub(super) fn out_of(self, all: Self) -> Self {
        let mut left = all;
        for (left, mine) in left.0.iter_mut().flatten().zip(self.0.iter().flatten()) {
            *left = left.saturating_sub(*mine);
        }
        left
    }

    pub(super) fn tables(self, all: Self) -> impl Iterator<Item = Table> {
        self.0.into_iter().zip(all.0).map(|([rest_with, selected_with], [rest, selected])| Table {
            selected_with: selected_with.into(),
            selected: selected.into(),
            rest_with: rest_with.into(),
            rest: rest.into(),
        })
    }

    pub(super) fn table(self, all: Self) -> Table {
        self.tables(all).fold(Table::default(), |sum, table| Table {
            selected_with: sum.selected_with + table.selected_with,
            selected: sum.selected + table.selected,
            rest_with: sum.rest_with + table.rest_with,
            rest: sum.rest + table.rest,
        })
    }
}

impl Tally {
    /// Every name with what was counted of it.
    pub(super) fn names(&self) -> impl Iterator<Item = (Stage, &str, &Counted)> {
        let [arrival, course] = &self.names;
        let of = |stage, names| std::iter::Iterator::map(names, move |(name, counted): (&String, _)| (stage, name, counted));
        let all = of(Stage::Arrival, arrival.iter()).chain(of(Stage::Course, course.iter()));
        all.map(|(stage, name, counted)| (stage, name.as_str(), counted))
    }

    /// Counts a record's facts. The selection comes first: what it has not shown need not be counted of the rest.
    pub(super) fn add(&mut self, facts: &[Fact<'_>], stratum: usize, is_selected: bool, is_detailed: bool) {
        self.record = self.record.wrapping_add(1);
        self.records.add(stratum, is_selected);
        if is_detailed {
            self.detailed.add(stratum, is_selected);
        }
        for fact in facts {
            self.fact(fact, stratum, is_selected);
        }
    }

    fn fact(&mut self, fact: &Fact<'_>, stratum: usize, is_selected: bool) {
        let has_room = self.names.iter().map(HashMap::len).sum::<usize>() < MAX_NAMES;
        let [arrival, course] = &mut self.names;
        let names = if fact.stage == Stage::Arrival { arrival } else { course };
        let counted = match names.contains_key(&*fact.name) || !has_room {
            true => names.get_mut(&*fact.name),
            false => Some(names.entry(fact.name.clone().into_owned()).or_default()),
        };
        let Some(counted) = counted else {
            self.is_full = true;
            return;
        };
        let value = match &fact.what {
            What::Number(number) => return counted.numbers.get_or_insert_default().add(is_selected, *number),
            What::Is(value) => {
                counted.is_single = true;
                // There is one place for it, and the first counts.
                if !counted.present.add(self.record, stratum, is_selected) {
                    return;
                }
                value
            }
            What::Has(value) => value,
            What::HasInDetail(value) => {
                counted.is_detail = true;
                value
            }
        };
        let value = cut_at(value, MAX_VALUE_BYTES).0;
        if let Some(of_value) = counted.values.get_mut(value) {
            of_value.add(self.record, stratum, is_selected);
        } else if is_selected {
            if counted.values.len() >= MAX_VALUES || self.values >= MAX_ALL_VALUES {
                self.is_full = true;
            } else {
                self.values += 1;
                counted.values.entry(value.into()).or_default().add(self.record, stratum, is_selected);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_names_and_values_takes_bounded_room() {
        let mut tally = Tally::default();
        for record in 0..2000 {
            let facts: Vec<_> = (0..100)
                .map(|name| Fact {
                    stage: Stage::Arrival,
                    name: format!("name {}", name + record).into(),
                    what: What::Is(format!("{record}{}", "ü".repeat(5000)).into()),
                })
                .collect();
            tally.add(&facts, 0, true, false);
        }
        assert_eq!(tally.names().count(), MAX_NAMES);
        assert!(tally.is_full);
        let values: Vec<_> = tally.names().flat_map(|(_, _, counted)| counted.values.keys()).collect();
        assert!(values.len() <= MAX_ALL_VALUES && values.iter().all(|value| value.len() <= MAX_VALUE_BYTES));
        let one = Fact { stage: Stage::Arrival, name: "name 0".into(), what: What::Is("new".into()) };
        let before = tally.values;
        tally.add(&[one], 0, false, false);
        assert_eq!(tally.values, before, "the rest adds no values");
    }
}
