//! Rows under a head, each column as wide as it needs.

use std::fmt::Write as _;

/// The cells of a column are on its right where its head begins with a space.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = std::iter::once(head.map(|cell| cell.trim_start().to_owned())).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((cell, head), width) in row.iter().zip(head).zip(widths) {
            let _ = if head.starts_with(' ') { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:width$}  ") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_the_right_and_nothing_trails() {
        let rows = [["1".to_owned(), "a".to_owned()], ["100".to_owned(), "größer".to_owned()]];
        assert_eq!(table([" N", "NAME"], rows), "  N  NAME\n  1  a\n100  größer\n");
    }
}
