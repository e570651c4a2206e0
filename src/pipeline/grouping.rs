//! The worker's step that gives a failure its group.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Shared;
use crate::group::Fingerprint;
use crate::record::Record;
use crate::record::parts::MAX_GROUP_KEY_BYTES;
use crate::warn::warn;

/// Puts its group on a record that failed or has an exception on it.
pub(super) fn group(shared: &Shared, record: &mut Record) {
    if record.kind().is_ahead() || !record.has_exception() {
        return;
    }
    if record.group_key().is_none()
        && let Some(key) = named(shared, record)
    {
        let parts = record.parts_mut();
        parts.group_key = parts.push_text(&key, MAX_GROUP_KEY_BYTES);
        // What cannot be read for secrets is nobody's name.
        if catch_unwind(AssertUnwindSafe(|| shared.rules.group_key(record))).is_err() {
            record.parts_mut().group_key = crate::record::parts::Text::EMPTY;
        }
    }
    // A fault of ours costs the group and not the record.
    let id = catch_unwind(AssertUnwindSafe(|| Fingerprint::of(record).map(|fingerprint| fingerprint.id())));
    record.parts_mut().group = id.unwrap_or_default();
}

fn named(shared: &Shared, record: &Record) -> Option<String> {
    shared.group_by.key(record).unwrap_or_else(|_| {
        warn("groups", format_args!("a predicate of group_by panicked and is not asked again; errors are grouped without it"));
        None
    })
}
