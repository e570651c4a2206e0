//! Requests as rows of a table that spreadsheets read.

use campanile::exporter::escape;
use campanile::store::Stored;

use crate::render::at_utc;

/// # Source
/// RFC 4180, with the head in its first line.
pub(crate) const HEAD: &str = "time,service,id,request_id,trace_id,method,route,path,status,outcome,duration_ms,ttfb_ms,\
                               request_bytes,response_bytes,user,client,error_type,error_message,group\r\n";

/// The row of a request.
pub(crate) fn row(stored: &Stored) -> String {
    let record = stored.record();
    let ms = |ns: u64| format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
    let optional = |text: Option<String>| text.unwrap_or_default();
    let cells = [
        at_utc(record.start_unix_ns()),
        text(stored.resource().service_name()),
        record.span_id().to_string(),
        text(record.request_id()),
        optional(record.trace_id().map(|id| id.to_string())),
        text(record.method()),
        text(record.route().unwrap_or_default()),
        text(record.path()),
        optional(record.status().map(|status| status.to_string())),
        record.outcome().as_str().to_owned(),
        ms(record.duration_ns()),
        optional(record.time_to_first_byte_ns().map(ms)),
        optional(record.request_body_bytes().map(|bytes| bytes.to_string())),
        record.response_body_bytes().to_string(),
        optional(record.attribute("user.id").map(|id| text(&id.to_string()))),
        optional(record.client_address().map(|address| address.to_string())),
        text(record.error_type().unwrap_or_default()),
        optional(record.failure().map(|failure| text(failure.message()))),
        optional(record.group().map(|group| group.to_string())),
    ];
    format!("{}\r\n", cells.join(","))
}

/// A text in quotation marks, in one line and without what steers a terminal. What a spreadsheet would run as a formula gets an apostrophe in front.
fn text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = escape(text).to_string();
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_one_cell_and_is_no_formula() {
        for (given, cell) in
            [("", ""), ("a,b\"c\"\n", "\"a,b\"\"c\"\"\\n\""), ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""), ("-1", "\"'-1\"")]
        {
            assert_eq!(text(given), cell);
        }
    }
}
