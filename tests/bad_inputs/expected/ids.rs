//! Request ids.

use campanile::record::RequestIdSource;

use crate::run::Seen;
use crate::service::Place;

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let sent: Vec<_> =
        seen.setup.sent.headers.iter().filter(|(name, _)| name == b"x-request-id").map(|(_, value)| value).collect();
    let is_sent = |text: &str| sent.iter().any(|value| **value == text.as_bytes());
    match sentence {
        "same id in event, span and response header" | "kept verbatim" => {
            assert!(is_sent(record.request_id()), "{id}: {}", record.request_id());
            assert_eq!(record.request_id_source(), RequestIdSource::Inbound, "{id}");
            assert_eq!(seen.observed.headers("x-request-id"), [record.request_id()], "{id}");
            // The event that was shown at once, and the request itself.
            let lines = seen.outputs.json();
            let own = lines.iter().filter(|line| line["trace_id"] == record.trace_id().unwrap().to_hex().as_str());
            let ids: Vec<_> = own.map(|line| line["campanile.request.id"].as_str().unwrap()).collect();
            assert_eq!(ids, [record.request_id(); 2], "{id}");
        }
        "new id generated" => {
            assert!(!is_sent(record.request_id()), "{id}");
            assert_eq!(record.request_id_source(), RequestIdSource::Generated, "{id}");
            assert_eq!(record.request_id().len(), 36, "{id}");
        }
        "inbound value not echoed in the response" => {
            for answered in seen.observed.headers("x-request-id") {
                assert!(!is_sent(&answered), "{id}: {answered}");
            }
            if seen.place != Place::InProcess {
                let answer = seen.observed.comparable();
                assert!(sent.iter().all(|value| !answer.contains(&value.escape_ascii().to_string())), "{id}");
            }
        }
        // It is the pipeline's `inbound_ids_refused`, and the record tells what was sent in a form that does no harm.
        "counter inbound_id_rejected += 1" => {
            assert_eq!(seen.outputs.stats.inbound_ids_refused, 1, "{id}");
            let shown = record.inbound_request_id().unwrap_or_default();
            assert!((1..=128).contains(&shown.len()), "{id}: {shown}");
            assert!(!shown.contains(['<', '>', '"', '\'', ' ', '\t', '(']), "{id}: {shown}");
        }
        "no copy larger than 128 bytes stored anywhere" => {
            assert_eq!(seen.outputs.holding(&"a".repeat(129)), [""; 0], "{id}");
            assert!(seen.observed.headers("x-request-id").iter().all(|answered| answered.len() <= 128), "{id}");
        }
        _ => return false,
    }
    true
}
