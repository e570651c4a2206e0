//! Over HTTP/1.1 and 1.0, byte by byte: several requests on a connection, written at once.

use std::fmt::Write as _;

use crate::pair::Pair;
use crate::play::{Case, Flavour, Step, combinations, is_ours, numbers};
use crate::support::raw;

/// Cases of one pair of servers, and most requests on one connection.
const AT_ONCE: usize = 120;
const ON_ONE_CONNECTION: usize = 12;

pub(crate) fn compare() -> u64 {
    let numbers: Vec<_> = numbers(2_400, 1).collect();
    crate::block_on(async {
        for (numbers, combination) in numbers.chunks(AT_ONCE).zip(combinations()) {
            let cases: Vec<_> = numbers.iter().map(|number| Case::new(*number, Flavour::Http1)).collect();
            let pair = Pair::new(combination, &cases, |_| ()).await;
            for batch in batches(&cases) {
                let bytes = written(batch);
                let (bare, with) = tokio::join!(raw(&pair.bare.server, &bytes), raw(&pair.with.server, &bytes));
                pair.same(shown(&with), shown(&bare), batch);
            }
            pair.stop(|number, is_catching| Case::new(number, Flavour::Http1).outcome(Flavour::Http1, is_catching)).await;
        }
    });
    numbers.len() as u64
}

/// What goes over one connection: nothing can follow a case that ends it.
fn batches(cases: &[Case]) -> impl Iterator<Item = &[Case]> {
    cases.split_inclusive(Case::ends_connection).flat_map(|batch| batch.chunks(ON_ONE_CONNECTION))
}

/// Requests one after the other; the last asks for the end of the connection, in one or the other version's way.
pub(crate) fn written(batch: &[Case]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, case) in batch.iter().enumerate() {
        let is_last = index + 1 == batch.len();
        let is_old = is_last && case.sends.steps.is_empty() && case.number.is_multiple_of(4);
        bytes.extend_from_slice(head(case, is_old, is_last && !is_old, "").as_bytes());
        bytes.extend_from_slice(&body(case));
    }
    bytes
}

pub(crate) fn head(case: &Case, is_old: bool, is_last: bool, more: &str) -> String {
    let version = if is_old { "1.0" } else { "1.1" };
    let mut head = format!("{} {} HTTP/{version}\r\nhost: x\r\n", case.method, case.target());
    for (name, value) in &case.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if is_last {
        head.push_str("connection: close\r\n");
    }
    if is_chunked(case) {
        head.push_str("transfer-encoding: chunked\r\n");
    } else if !case.sends.steps.is_empty() {
        let _ = write!(head, "content-length: {}\r\n", case.sends.data_bytes());
    }
    head + more + "\r\n"
}

fn is_chunked(case: &Case) -> bool {
    case.sends.says_end || case.sends.steps.iter().any(|step| matches!(step, Step::Trailers(_)))
}

pub(crate) fn body(case: &Case) -> Vec<u8> {
    let mut bytes = Vec::new();
    let is_chunked = is_chunked(case);
    let mut trailers = String::new();
    for step in &case.sends.steps {
        match step {
            Step::Data(data) if is_chunked => {
                bytes.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                bytes.extend_from_slice(data);
                bytes.extend_from_slice(b"\r\n");
            }
            Step::Data(data) => bytes.extend_from_slice(data),
            Step::Trailers(pairs) => {
                for (name, value) in pairs {
                    let _ = write!(trailers, "{name}: {value}\r\n");
                }
            }
            _ => {}
        }
    }
    if is_chunked {
        bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    }
    bytes
}

/// Everything that was received but the lines that may differ.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let may_differ =
        |line: &str| line.split_once(": ").is_some_and(|(name, value)| name == "date" || is_ours(name, value.as_bytes()));
    text.split_inclusive("\r\n").filter(|line| !may_differ(line)).collect()
}
