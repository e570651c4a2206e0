use super::*;

#[test]
fn every_propagator_finds_its_own_row() {
    for row in &ROWS {
        assert_eq!(row.propagator.row().map(|found| found.name), Some(row.name));
        assert_eq!(Propagator::parse(&row.name.to_uppercase()), Some(row.propagator));
    }
    assert_eq!(Propagator::parse("ottrace"), None);
}
