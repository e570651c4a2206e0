//! How much there was to do when a request came, and what the process looked like when it met trouble, in words.

use crate::record::{Record, Vitals};

use super::units::{grouped, ms};

/// How many requests it met.
pub(super) fn met(record: &Record) -> Option<String> {
    let in_flight = grouped(record.in_flight()?.into());
    let of_route = record.in_flight_on_route().map(|count| format!(", {} on its route", grouped(count.into())));
    Some(format!("{in_flight} in flight when it came{}", of_route.unwrap_or_default()))
}

/// What the process looked like at its end.
pub(super) fn process(vitals: Vitals) -> String {
    let facts = [
        vitals.memory_bytes.map(memory),
        vitals.cpu_ratio.map(|cores| format!("{cores:.1} cores")),
        vitals.runtime_lag_ns.map(|lag| format!("lag {}", ms(lag))),
        vitals.runtime_busy_ratio.map(|share| format!("{:.0} % busy", share * 100.0)),
        vitals.runtime_tasks.map(|tasks| format!("{} tasks", grouped(tasks.into()))),
        vitals.open_files.map(|files| format!("{} files", grouped(files.into()))),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn memory(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one place of it is shown")]
    let mebibytes = bytes as f64 / (1024.0 * 1024.0);
    if mebibytes < 10.0 {
        return format!("{mebibytes:.1} MiB");
    }
    if mebibytes < 10_240.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_as_people_read_it() {
        for (bytes, text) in [(0, "0.0 MiB"), (1 << 20, "1.0 MiB"), (512 << 20, "512 MiB"), (48 << 30, "48.0 GiB")] {
            assert_eq!(memory(bytes), text);
        }
    }
}
