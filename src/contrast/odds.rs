//! How likely it is that chance alone made a difference.

/// Counts of one value: how many of the selection and of the rest have it, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) selected_with: u64,
    pub(super) selected: u64,
    pub(super) rest_with: u64,
    pub(super) rest: u64,
}

impl Table {
    const fn with(self) -> u64 {
        self.selected_with + self.rest_with
    }

    const fn all(self) -> u64 {
        self.selected + self.rest
    }
}

/// Fisher's exact test, exact also where the numbers are small.
#[derive(Debug)]
pub(super) struct Fisher {
    /// Logarithms of the factorials.
    ln: Vec<f64>,
}

impl Fisher {
    /// For up to so many records in all.
    pub(super) fn new(records: u64) -> Self {
        let mut sum = 0.0;
        let ln = (0..=records).map(|factor| {
            sum += as_float(factor.max(1)).ln();
            sum
        });
        Self { ln: ln.collect() }
    }

    /// The chance of at least so many in the selection, if who has the value did not depend on being selected.
    pub(super) fn chance(&self, table: Table) -> f64 {
        let (with, without, selected) = (table.with(), table.all() - table.with(), table.selected);
        let most = with.min(selected);
        let ways = self.ln_choose(with + without, selected);
        let mut sum = 0.0;
        for count in table.selected_with..=most {
            if selected - count > without {
                continue;
            }
            let chance = (self.ln_choose(with, count) + self.ln_choose(without, selected - count) - ways).exp();
            sum += chance;
            // Behind the summit every further one is smaller; these change nothing any more.
            let is_falling = as_float(count) * as_float(table.all()) > as_float(selected) * as_float(with);
            if is_falling && chance < sum * 1e-12 {
                break;
            }
        }
        sum.min(1.0)
    }

    /// [`chance`](Self::chance) for a value that is looked at only because the selection has it.
    pub(super) fn chance_of_seen(&self, table: Table) -> f64 {
        let seen = self.chance(Table { selected_with: 1, rest_with: table.with().saturating_sub(1), ..table });
        if seen > 0.0 { (self.chance(table) / seen).min(1.0) } else { 1.0 }
    }

    fn ln_choose(&self, n: u64, k: u64) -> f64 {
        let ln = |n: u64| usize::try_from(n).ok().and_then(|n| self.ln.get(n)).copied().unwrap_or(f64::INFINITY);
        if k > n { f64::NEG_INFINITY } else { ln(n) - ln(k) - ln(n - k) }
    }
}

/// The same over several groups, each compared within itself, so that a mix of routes explains nothing.
///
/// The test of Cochran, Mantel and Haenszel, one-sided, with correction for continuity.
pub(super) fn stratified(tables: impl Iterator<Item = Table>) -> f64 {
    let (mut excess, mut variance) = (0.0, 0.0);
    for table in tables.filter(|table| table.selected > 0 && table.rest > 0) {
        let all = as_float(table.all());
        let (selected, rest, with) = (as_float(table.selected), as_float(table.rest), as_float(table.with()));
        excess += as_float(table.selected_with) - selected * with / all;
        variance += selected * rest * with * (all - with) / (all * all * (all - 1.0).max(1.0));
    }
    if variance <= 0.0 {
        return 1.0;
    }
    upper_tail((excess - 0.5) / variance.sqrt())
}

/// The chance of a standard normal number above `z`.
///
/// # Source
/// Numerical Recipes, `erfc` by a Chebyshev fit; the relative error is below 1.2e-7 everywhere.
pub(super) fn upper_tail(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = fit.iter().rev().fold(0.0, |sum, factor| sum * t + factor);
    let erfc = t * (-x * x + sum).exp();
    if z >= 0.0 { erfc / 2.0 } else { 1.0 - erfc / 2.0 }
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 records, and 2^53 ns are 104 days")]
pub(super) const fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= expected.abs() * 1e-6 + 1e-12, "{found} is not {expected}");
    }

    fn table(selected_with: u64, selected: u64, rest_with: u64, rest: u64) -> Table {
        Table { selected_with, selected, rest_with, rest }
    }

    #[test]
    fn chances_are_those_of_the_books() {
        let fisher = |table| Fisher::new(200).chance(table);
        // The lady tasting tea: all four right of eight cups, and three right.
        near(fisher(table(4, 4, 0, 4)), 1.0 / 70.0);
        near(fisher(table(3, 4, 1, 4)), 17.0 / 70.0);
        near(fisher(table(0, 4, 4, 4)), 1.0);
        near(fisher(table(3, 3, 0, 100)), 1.0 / 176_851.0);
        near(upper_tail(0.0), 0.5);
        near(upper_tail(1.959_963_985), 0.025);
        near(upper_tail(-1.0), 0.841_344_746);
    }

    #[test]
    fn a_value_that_has_to_be_seen_is_less_surprising() {
        let fisher = Fisher::new(1000);
        // One of ten, in a selection of ten among a thousand: it is looked at because it is there.
        near(fisher.chance_of_seen(table(1, 10, 9, 990)), 1.0);
        assert!(fisher.chance(table(1, 10, 9, 990)) < 0.1);
        let common = table(9, 10, 500, 990);
        assert!(fisher.chance_of_seen(common) / fisher.chance(common) < 1.01, "one that is common is seen anyway");
    }

    #[test]
    fn what_only_the_mix_of_routes_makes_is_no_difference() {
        // Nobody differs within a route; the selection has more of the route where the value is common.
        let routes = [table(90, 100, 90, 100), table(10, 100, 100, 1000)];
        assert!(stratified(routes.into_iter()) > 0.4);
        let pooled = table(100, 200, 190, 1100);
        assert!(Fisher::new(1300).chance(pooled) < 1e-10);
        assert!(stratified([table(90, 100, 50, 100), table(60, 100, 100, 1000)].into_iter()) < 1e-10);
    }
}
