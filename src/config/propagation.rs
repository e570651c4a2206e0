//! How context travels: `OTEL_PROPAGATORS`.

use super::value::Reader;
use crate::propagator::{Propagator, Propagators};

const PROPAGATORS: &str = "OTEL_PROPAGATORS";
/// Of the specification, but not made here.
const UNSUPPORTED: [&str; 1] = ["ottrace"];

/// The list, in its order; one that is not known is a warning.
pub(super) fn propagators(reader: &mut Reader<'_>) -> Propagators {
    let Some(list) = reader.text(PROPAGATORS) else { return Propagators::default() };
    let (mut found, mut is_understood) = (Vec::new(), false);
    for (index, name) in list.split(',').map(str::trim).enumerate().filter(|(_, name)| !name.is_empty()) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("none") {
            return Propagators::NONE;
        }
        if let Some(propagator) = Propagator::parse(name) {
            found.push(propagator);
        } else if let Some(unsupported) = UNSUPPORTED.into_iter().find(|name| is(name)) {
            reader.warnings.push(PROPAGATORS, format_args!("names {unsupported}, which is not supported and is left out"));
            is_understood = true;
        } else {
            reader.warnings.push(PROPAGATORS, format_args!("part {} is not a known propagator and is ignored", index + 1));
        }
    }
    // A list of which nothing was understood is as good as none.
    if found.is_empty() && !is_understood { Propagators::default() } else { found.into_iter().collect() }
}
