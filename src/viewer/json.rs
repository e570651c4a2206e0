//! Parts of records as JSON.

use serde_json::{Value as Json, json};

use crate::record::{Field, Value, Vitals};

/// Nanoseconds as milliseconds with their fraction.
pub(super) fn ms(ns: u64) -> Json {
    #[expect(clippy::cast_precision_loss, reason = "of a moment, a quarter of a microsecond is lost")]
    let ms = ns as f64 / 1e6;
    json!(ms)
}

/// What the process looked like.
pub(crate) fn vitals(vitals: Vitals) -> Json {
    json!({
        "memory_bytes": vitals.memory_bytes,
        "open_files": vitals.open_files,
        "cpu_ratio": vitals.cpu_ratio,
        "runtime_lag_ms": vitals.runtime_lag_ns.map(ms),
        "runtime_busy_ratio": vitals.runtime_busy_ratio,
        "runtime_tasks": vitals.runtime_tasks,
    })
}

/// Pairs, since a name may come twice.
pub(super) fn fields<'a>(fields: impl Iterator<Item = Field<'a>>) -> Json {
    fields.map(|field| json!([field.name(), value(field.value())])).collect()
}

pub(super) fn value(value: Value<'_>) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I64(value) if value.unsigned_abs() > EXACT => json!(value.to_string()),
        Value::I64(value) => json!(value),
        Value::U64(value) if value > EXACT => json!(value.to_string()),
        Value::U64(value) => json!(value),
        Value::F64(number) if number.is_finite() => json!(number),
        Value::F64(number) => json!(number.to_string()),
        Value::Str(text) => json!(text),
    }
}

/// A script knows whole numbers up to 2^53; larger ones go as text.
const EXACT: u64 = 1 << 53;
