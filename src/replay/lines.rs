//! Which lines of two texts are the same.

/// Cells of the table that is filled at most; where there are more, all lines between the common ends count as changed.
const MAX_CELLS: usize = 4_000_000;

/// A line of two texts that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// It stands in both.
    Same(String),
    /// It stood in the first alone.
    Before(String),
    /// It stands in the second alone.
    After(String),
}

/// The lines of both, in order: as many of them as the same as can be, what went before what came.
pub(super) fn compare(before: &[&str], after: &[&str]) -> Vec<Line> {
    let head = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let (same, before, after) =
        (before.get(..head).unwrap_or_default(), before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let (before, end) = before.split_at(before.len() - tail);
    let (after, _) = after.split_at(after.len() - tail);
    let own = |line: &&str| (*line).to_owned();
    let mut out: Vec<Line> = same.iter().map(|line| Line::Same(own(line))).collect();
    if before.len().saturating_mul(after.len()) > MAX_CELLS {
        out.extend(before.iter().map(|line| Line::Before(own(line))));
        out.extend(after.iter().map(|line| Line::After(own(line))));
    } else {
        middle(before, after, &mut out);
    }
    out.extend(end.iter().map(|line| Line::Same(own(line))));
    out
}

/// By the longest common subsequence.
fn middle(before: &[&str], after: &[&str], out: &mut Vec<Line>) {
    let width = after.len() + 1;
    // How many lines are the same from here to both ends.
    let mut table = vec![0_u32; (before.len() + 1) * width];
    let at = |table: &[u32], row: usize, column: usize| table.get(row * width + column).copied().unwrap_or_default();
    for (row, one) in before.iter().enumerate().rev() {
        for (column, other) in after.iter().enumerate().rev() {
            let best = if one == other {
                at(&table, row + 1, column + 1) + 1
            } else {
                at(&table, row + 1, column).max(at(&table, row, column + 1))
            };
            if let Some(cell) = table.get_mut(row * width + column) {
                *cell = best;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    loop {
        match (before.get(row), after.get(column)) {
            (Some(one), Some(other)) if one == other => {
                out.push(Line::Same((*one).to_owned()));
                (row, column) = (row + 1, column + 1);
            }
            (Some(one), other) if other.is_none() || at(&table, row + 1, column) >= at(&table, row, column + 1) => {
                out.push(Line::Before((*one).to_owned()));
                row += 1;
            }
            (_, Some(other)) => {
                out.push(Line::After((*other).to_owned()));
                column += 1;
            }
            (_, None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> String {
        let (before, after): (Vec<_>, Vec<_>) = (before.split(' ').collect(), after.split(' ').collect());
        let lines = compare(&before, &after);
        let mark = |line: &Line| match line {
            Line::Same(line) => line.clone(),
            Line::Before(line) => format!("-{line}"),
            Line::After(line) => format!("+{line}"),
        };
        lines.iter().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn as_many_lines_as_can_be_are_the_same() {
        assert_eq!(shown("a b c", "a b c"), "a b c");
        assert_eq!(shown("a b c d", "a x c d y"), "a -b +x c d +y");
        assert_eq!(shown("a a b", "b a a"), "+b a a -b");
        assert_eq!(shown("a", "b"), "-a +b");
    }

    #[test]
    fn very_long_texts_are_compared_at_their_ends_only() {
        let before: Vec<_> = (0..3000).map(|number| format!("b{number}")).collect();
        let after: Vec<_> = (0..3000).map(|number| format!("a{number}")).collect();
        let texts = |lines: &[String]| format!("x {} y", lines.join(" "));
        let shown = shown(&texts(&before), &texts(&after));
        assert!(shown.starts_with("x -b0 -b1 ") && shown.ends_with(" +a2999 y"));
    }
}
