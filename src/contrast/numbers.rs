//! Numbers of both sides, in bounded memory, and whether one side's are larger.

use fastrand::Rng;

use super::Spread;
use super::odds::{as_float, upper_tail};

/// Numbers of one side that are kept; of more, a random choice.
const KEPT: usize = 2048;

/// Numbers of one name.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    sides: [Side; 2],
    rng: Rng,
}

#[derive(Clone, Debug, Default)]
struct Side {
    kept: Vec<f64>,
    seen: u64,
    least: f64,
    most: f64,
}

/// How the selection's numbers compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    /// How often a number of the selection is above one of the rest, from 0 to 1; 0.5 where nothing differs.
    pub(super) above: f64,
    /// The chance of at least such a difference, either way, if there were none.
    pub(super) chance: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        // The same records give the same answer each time.
        Self { sides: Default::default(), rng: Rng::with_seed(0x6361_6d70) }
    }
}

impl Numbers {
    pub(super) fn add(&mut self, is_selected: bool, number: f64) {
        let [rest, selected] = &mut self.sides;
        let side = if is_selected { selected } else { rest };
        if !number.is_finite() {
            return;
        }
        (side.least, side.most) = if side.seen == 0 { (number, number) } else { (side.least.min(number), side.most.max(number)) };
        side.seen += 1;
        if side.kept.len() < KEPT {
            side.kept.push(number);
        } else if let Ok(place) = usize::try_from(self.rng.u64(..side.seen))
            && let Some(kept) = side.kept.get_mut(place)
        {
            *kept = number;
        }
    }

    pub(super) fn spread(&self, is_selected: bool) -> Option<Spread> {
        let side = self.side(is_selected);
        let mut sorted = side.kept.clone();
        sorted.sort_by(f64::total_cmp);
        let median = *sorted.get(sorted.len() / 2)?;
        Some(Spread { count: side.seen, least: side.least, median, most: side.most })
    }

    const fn side(&self, is_selected: bool) -> &Side {
        let [rest, selected] = &self.sides;
        if is_selected { selected } else { rest }
    }

    /// The test of Mann and Whitney, two-sided, with correction for ties and continuity; `None` for too few numbers.
    pub(super) fn compare(&self, least: usize) -> Option<Comparison> {
        let (selected, rest) = (&self.side(true).kept, &self.side(false).kept);
        if selected.len() < least || rest.len() < least {
            return None;
        }
        let mut all: Vec<(f64, bool)> = selected.iter().map(|number| (*number, true)).collect();
        all.extend(rest.iter().map(|number| (*number, false)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            let count = as_float(same.len() as u64);
            let rank = before + f64::midpoint(count, 1.0);
            rank_sum += rank * as_float(same.iter().filter(|(_, is_selected)| *is_selected).count() as u64);
            ties += count.powi(3) - count;
            before += count;
        }
        let (n, m) = (as_float(selected.len() as u64), as_float(rest.len() as u64));
        let u = rank_sum - n * (n + 1.0) / 2.0;
        let variance = n * m / 12.0 * ((before + 1.0) - ties / (before * (before - 1.0)));
        if variance <= 0.0 {
            return None;
        }
        let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
        Some(Comparison { above: u / (n * m), chance: (2.0 * upper_tail(distance / variance.sqrt())).min(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(selected: impl IntoIterator<Item = f64>, rest: impl IntoIterator<Item = f64>) -> Numbers {
        let mut numbers = Numbers::default();
        selected.into_iter().for_each(|number| numbers.add(true, number));
        rest.into_iter().for_each(|number| numbers.add(false, number));
        numbers
    }

    #[test]
    fn larger_numbers_are_noticed_and_equal_ones_are_not() {
        let apart = numbers((100..120).map(f64::from), (0..80).map(f64::from)).compare(8).unwrap();
        assert!(apart.above > 0.999 && apart.chance < 1e-8, "{apart:?}");
        let mixed = numbers((0..100).map(|n| f64::from(n % 7)), (0..900).map(|n| f64::from(n % 7))).compare(8).unwrap();
        assert!((mixed.above - 0.5).abs() < 0.05 && mixed.chance > 0.5, "{mixed:?}");
        assert_eq!(numbers([1.0; 50], [1.0; 50]).compare(8), None, "all the same");
        assert_eq!(numbers([1.0; 7], [2.0; 50]).compare(8), None, "too few");
    }

    #[test]
    fn any_number_of_numbers_takes_the_same_room() {
        let all = numbers((0..100_000).map(f64::from), [f64::NAN, f64::INFINITY, 3.0]);
        assert_eq!(all.side(true).kept.len(), KEPT);
        let spread = all.spread(true).unwrap();
        assert_eq!((spread.count, spread.least, spread.most), (100_000, 0.0, 99_999.0));
        assert!((spread.median - 50_000.0).abs() < 5_000.0, "{spread:?}");
        assert_eq!(all.spread(false).unwrap().count, 1, "what is no number is left out");
    }
}
