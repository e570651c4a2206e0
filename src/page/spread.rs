//! How numbers are spread, in a few kilobytes however many there are.

/// Steps between a number and its double.
const STEPS: usize = 32;
/// Up to 2^44: nanoseconds of almost five hours.
const OCTAVES: usize = 45;

/// Numbers by how large they are, to 1/32 of each.
#[derive(Clone, Debug)]
pub struct Spread {
    counts: Vec<u64>,
    count: u64,
    most: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self::new()
    }
}

impl Spread {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: Vec::new(), count: 0, most: 0 }
    }

    /// A number that stands for so many.
    pub fn add(&mut self, number: u64, times: u64) {
        if self.counts.is_empty() {
            self.counts = vec![0; OCTAVES * STEPS];
        }
        let last = self.counts.len().saturating_sub(1);
        if let Some(count) = self.counts.get_mut(place(number).min(last)) {
            *count = count.saturating_add(times);
        }
        self.count = self.count.saturating_add(times);
        self.most = self.most.max(number);
    }

    /// The number that so many in a thousand do not exceed, to 1/32; `None` of none.
    #[must_use]
    pub fn per_mille(&self, share: u64) -> Option<u64> {
        let wanted = (u128::from(self.count) * u128::from(share)).div_ceil(1000).max(1);
        let mut seen = 0_u128;
        let at = self.counts.iter().position(|count| {
            seen += u128::from(*count);
            seen >= wanted
        })?;
        Some(end(at).min(self.most))
    }
}

/// Small numbers one by one, the others by their first six binary digits.
fn place(number: u64) -> usize {
    let octave = (number.max(1).ilog2() as usize).saturating_sub(STEPS.ilog2() as usize);
    octave * STEPS + usize::try_from(number >> octave).unwrap_or_default()
}

/// The largest number of a place.
fn end(place: usize) -> u64 {
    let octave = (place / STEPS).saturating_sub(1);
    (((place - octave * STEPS) as u64 + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_to_a_32nd() {
        for number in (0..5000).chain([1_000_000, 123_456_789, 1 << 43]) {
            let end = end(place(number));
            assert!(end >= number && end - number <= number / 32, "{number} {end}");
        }
    }

    #[test]
    fn shares_are_those_of_the_numbers() {
        let mut spread = Spread::new();
        assert_eq!(spread.per_mille(500), None);
        (1..=1000).for_each(|number| spread.add(number * 1000, 1));
        for share in [1, 500, 900, 990, 1000] {
            let told = spread.per_mille(share).unwrap();
            assert!(told >= share * 1000 && told <= share * 1000 * 33 / 32, "{share} {told}");
        }
        spread.add(7, 100_000);
        assert_eq!((spread.per_mille(500), spread.most, spread.count), (Some(7), 1_000_000, 101_000));
        spread.add(u64::MAX, 1);
        assert!(spread.per_mille(1000).is_some());
    }
}
