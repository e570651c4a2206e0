//! Which of the differences are more than chance, and worth telling.

use super::numbers::Comparison;
use super::odds::{Fisher, Table, as_float, stratified};
use super::tally::{Counted, Counts, Tally};
use super::{Difference, Finding, Stage};

/// The chance that anything at all is told where nothing differs, at most.
const FALSE_ALARMS: f64 = 0.01;
/// Records with a value, on both sides together, below which nothing can be said of it.
const LEAST_WITH: u64 = 3;
/// Numbers on each side, below which nothing can be said of them.
const LEAST_NUMBERS: usize = 8;
/// What is smaller is not worth telling, however certain: shares, odds, and how often a number is above another.
const LEAST_DIFFERENCE: f64 = 0.05;
const LEAST_ODDS: f64 = 2.0;
const LEAST_ABOVE: f64 = 0.65;

/// What is told, the strongest first, and how many comparisons were made for it.
pub(super) fn judge(tally: &Tally, leave_out: &[&str]) -> (Vec<Finding>, u64) {
    let mut candidates = Vec::new();
    let all = Counts::default().table(tally.records);
    let fisher = Fisher::new(all.selected + all.rest);
    for (stage, name, counted) in tally.names().filter(|(_, name, _)| !leave_out.contains(name)) {
        values(tally, &fisher, (stage, name), counted, &mut candidates);
        numbers(stage, name, counted, &mut candidates);
    }
    let compared = candidates.len() as u64;
    // Bonferroni: so many chances for an accident divide what each may have.
    let bound = FALSE_ALARMS / as_float(compared.max(1));
    let mut findings: Vec<Finding> =
        candidates.into_iter().filter(|candidate| candidate.chance <= bound && is_worth_telling(&candidate.difference)).collect();
    findings.sort_by(|a, b| {
        (a.stage.cmp(&b.stage)).then_with(|| b.strength.total_cmp(&a.strength)).then_with(|| a.name.cmp(&b.name))
    });
    let by_value: Vec<_> =
        findings.iter().filter(|finding| !finding.is_of_numbers()).map(|finding| finding.name.clone()).collect();
    findings.retain(|finding| !finding.is_of_numbers() || !by_value.contains(&finding.name));
    (findings, compared)
}

fn values(tally: &Tally, fisher: &Fisher, (stage, name): (Stage, &str), counted: &Counted, candidates: &mut Vec<Finding>) {
    let all = if counted.is_detail { tally.detailed } else { tally.records };
    let absent = counted.is_single.then(|| (None, counted.present.counts.out_of(all)));
    let values = counted.values.iter().map(|(value, found)| (Some(&**value), found.counts));
    for (value, counts) in values.chain(absent) {
        let table = counts.table(all);
        if table.selected_with + table.rest_with < LEAST_WITH || table.selected == 0 || table.rest == 0 {
            continue;
        }
        // Values come from the selection; that there is none is asked in any case.
        let pooled = if value.is_some() { fisher.chance_of_seen(table) } else { fisher.chance(table) };
        // Routes cannot be compared within themselves.
        let is_route = name == "http.route";
        let rest_share = if is_route { share(table.rest_with, table.rest) } else { standard_share(counts, all) };
        let is_one_route = all.tables(all).filter(|table| table.selected > 0).count() <= 1;
        let chance = if is_route || is_one_route { pooled } else { pooled.max(stratified(counts.tables(all))) };
        let difference = Difference::Value {
            value: value.map(str::to_owned),
            selected_with: table.selected_with,
            selected: table.selected,
            rest_with: table.rest_with,
            rest: table.rest,
        };
        let strength = least_difference(table, rest_share);
        candidates.push(Finding { stage, name: name.to_owned(), difference, chance, strength });
    }
}

fn numbers(stage: Stage, name: &str, counted: &Counted, candidates: &mut Vec<Finding>) {
    let Some(numbers) = &counted.numbers else { return };
    let Some(Comparison { above, chance }) = numbers.compare(LEAST_NUMBERS) else { return };
    let (Some(selected), Some(rest)) = (numbers.spread(true), numbers.spread(false)) else { return };
    let difference = Difference::Numbers { selected, rest, above };
    candidates.push(Finding { stage, name: name.to_owned(), difference, chance, strength: 2.0 * (above - 0.5).abs() });
}

fn is_worth_telling(difference: &Difference) -> bool {
    match difference {
        Difference::Value { selected_with, selected, rest_with, rest, .. } => {
            let [with, without] = [*selected_with, selected - selected_with].map(|count| as_float(count) + 0.5);
            let [rest_with_half, rest_without] = [*rest_with, rest - rest_with].map(|count| as_float(count) + 0.5);
            share(*selected_with, *selected) - share(*rest_with, *rest) >= LEAST_DIFFERENCE
                && with * rest_without / (without * rest_with_half) >= LEAST_ODDS
        }
        Difference::Numbers { above, .. } => *above >= LEAST_ABOVE || *above <= 1.0 - LEAST_ABOVE,
    }
}

/// The share that the rest would have with the selection's mix of routes.
fn standard_share(counts: Counts, all: Counts) -> f64 {
    let tables = || counts.tables(all).filter(|table| table.rest > 0);
    let selected: u64 = tables().map(|table| table.selected).sum();
    let shares = tables().map(|table| as_float(table.selected) * share(table.rest_with, table.rest));
    if selected == 0 { 0.0 } else { shares.sum::<f64>() / as_float(selected) }
}

/// How much larger the selection's share is at least, as far as the counts can tell.
///
/// # Source
/// Agresti and Caffo, 2000: the interval for the difference of two shares after adding two records to each side.
fn least_difference(table: Table, rest_share: f64) -> f64 {
    let (selected, rest) = (as_float(table.selected) + 2.0, as_float(table.rest) + 2.0);
    let with = (as_float(table.selected_with) + 1.0) / selected;
    let rest_with = (rest_share * as_float(table.rest) + 1.0) / rest;
    let error = (with * (1.0 - with) / selected + rest_with * (1.0 - rest_with) / rest).sqrt();
    with - rest_with - 1.96 * error
}

pub(super) fn share(with: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { as_float(with) / as_float(all) }
}
