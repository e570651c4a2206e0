//! What `tracestate` tells of how a trace was sampled: the member `ot` with its threshold `th`.
//!
//! # Source
//! OpenTelemetry specification, TraceState: probability sampling. A trace is sampled whose random number of 56 bits is not
//! below the threshold, so it stands for 2^56 / (2^56 - threshold) traces.

/// How many random numbers there are.
pub(crate) const NUMBERS: u64 = 1 << 56;

const MEMBER: &str = "ot";
const KEY: &str = "th";
/// Members of a `tracestate`, at most.
const MAX_MEMBERS: usize = 32;

/// How many traces one stands for that was sampled with this threshold, to a millionth.
pub(crate) fn weight(threshold: u64) -> f64 {
    let exact = NUMBERS as f64 / NUMBERS.saturating_sub(threshold).max(1) as f64;
    (exact * 1e6).round() / 1e6
}

/// The threshold that a `tracestate` names.
pub(crate) fn read(state: &str) -> Option<u64> {
    let digits = parts(own_member(state)?).find_map(|part| part.strip_prefix(KEY)?.strip_prefix(':'))?;
    if digits.is_empty() || digits.len() > 14 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    // Zeros at the end are left out.
    u64::from_str_radix(digits, 16).ok().map(|number| number << (4 * (14 - digits.len())))
}

/// The `tracestate` with this threshold, which comes first; without any where there is none.
pub(crate) fn write(state: &str, threshold: Option<u64>) -> String {
    let others = own_member(state).into_iter().flat_map(parts).filter(|part| !part.starts_with("th:"));
    let mut own: Vec<String> = others.map(str::to_owned).collect();
    if let Some(threshold) = threshold {
        let digits = format!("{threshold:014x}");
        let digits = digits.trim_end_matches('0');
        own.insert(0, format!("{KEY}:{}", if digits.is_empty() { "0" } else { digits }));
    }
    let mut members = Vec::new();
    if !own.is_empty() {
        members.push(format!("{MEMBER}={}", own.join(";")));
    }
    let rest = state.split(',').map(str::trim).filter(|member| !member.is_empty() && value_of(member).is_none());
    members.extend(rest.map(str::to_owned));
    members.truncate(MAX_MEMBERS);
    members.join(",")
}

fn own_member(state: &str) -> Option<&str> {
    // Most traces have none.
    if state.is_empty() {
        return None;
    }
    state.split(',').find_map(|member| value_of(member.trim()))
}

fn value_of(member: &str) -> Option<&str> {
    member.strip_prefix(MEMBER)?.strip_prefix('=')
}

fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_read_as_the_specification_has_it() {
        for (state, expected) in [
            ("ot=th:0", Some(0)),
            ("ot=th:8", Some(NUMBERS / 2)),
            ("a=1,ot=rv:1234567890abcd;th:c,b=2", Some(NUMBERS / 4 * 3)),
            ("ot=rv:1234567890abcd", None),
            ("ot=th:", None),
            ("ot=th:X", None),
            ("ot=th:123456789012345", None),
            ("other=th:8", None),
            ("", None),
        ] {
            assert_eq!(read(state), expected, "{state}");
        }
        assert_eq!((weight(0), weight(NUMBERS / 2), weight(NUMBERS / 4 * 3)), (1.0, 2.0, 4.0));
    }

    #[test]
    fn what_is_written_is_read_again_and_leaves_the_rest() {
        for (state, threshold, expected) in [
            ("", Some(NUMBERS / 2), "ot=th:8"),
            ("a=1,b=2", Some(0), "ot=th:0,a=1,b=2"),
            ("a=1,ot=rv:ab;th:c,b=2", Some(NUMBERS / 2), "ot=th:8;rv:ab,a=1,b=2"),
            ("a=1,ot=th:c", None, "a=1"),
            ("", None, ""),
        ] {
            assert_eq!(write(state, threshold), expected, "{state}");
            assert_eq!(read(&write(state, threshold)), threshold);
        }
        let threshold = Some(0x00e6_6666_6666_6666);
        assert_eq!(write("", threshold), "ot=th:e6666666666666");
        assert_eq!(read("ot=th:e6666666666666"), threshold);
        let many: Vec<_> = (0..32).map(|index| format!("v{index}=1")).collect();
        assert_eq!(write(&many.join(","), threshold).split(',').count(), MAX_MEMBERS);
    }
}
