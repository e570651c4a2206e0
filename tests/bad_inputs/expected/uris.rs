//! Targets and methods.

use std::collections::BTreeSet;

use super::headers::nowhere;
use crate::run::Seen;
use crate::service::Place;

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let target = String::from_utf8(seen.setup.sent.target.clone()).unwrap();
    let path = target.split(['?', '#']).next().unwrap();
    let json = seen.json();
    match sentence {
        "one line per event" => {}
        "path stored still percent-encoded"
        | "not decoded before logging"
        | "no normalisation that changes what was requested" => {
            assert_eq!((record.path(), &json["url.path"]), (path, &path.into()), "{id}");
        }
        "no panic on invalid UTF-8 after decoding" => {
            assert_eq!(record.query().map(|query| format!("{path}?{query}")).as_deref(), Some(target.as_str()), "{id}");
        }
        "at most 64 pairs examined" => {
            // What is not looked at is not shown either.
            let query = record.query().unwrap();
            assert!(query.ends_with("…[cut]"), "{id}: {query}");
            assert!(query.split('&').count() <= 65, "{id}: {} pairs", query.split('&').count());
            assert_eq!(json["url.query"], query, "{id}");
        }
        "fragment never logged" => {
            nowhere(seen, "access_token");
            nowhere(seen, "canary-11");
            assert_eq!(record.path(), "/cb", "{id}");
        }
        "userinfo removed" => {
            nowhere(seen, "canary-12");
            nowhere(seen, "user:");
            assert_eq!((record.host(), record.path()), (Some("host.invalid"), "/p"), "{id}");
        }
        "matched route template logged" => {
            let template = (seen.place == Place::Axum).then_some("/u/{mail}/card/{number}");
            assert_eq!((record.route(), json["http.route"].as_str()), (template, template), "{id}");
        }
        "raw path passes the card and mail patterns" => {
            nowhere(seen, "alice@example.org");
            nowhere(seen, "4111111111111111");
        }
        "metric method == _OTHER" => {
            let duration = seen.outputs.metrics.metric("http.server.request.duration").expect("a request was made");
            let methods: BTreeSet<_> = duration
                .points()
                .iter()
                .flat_map(|point| point.attributes().filter(|(name, _)| *name == "http.request.method"))
                .map(|(_, value)| value.to_string())
                .collect();
            // The control is a GET.
            let expected: &[&str] = if seen.place == Place::InProcess { &["_OTHER"] } else { &["GET", "_OTHER"] };
            assert_eq!(methods, expected.iter().map(|method| (*method).to_owned()).collect(), "{id}");
            assert_eq!(json["http.request.method"], "_OTHER", "{id}");
        }
        "original method <= 32 bytes in the event" => {
            assert!(record.method().len() <= 32, "{id}: {} bytes", record.method().len());
            let original = json["http.request.method_original"].as_str().unwrap();
            assert!((1..=32).contains(&original.len()), "{id}: {original}");
        }
        "authority-form logged without a port-scan style label" => {
            assert_eq!((record.method(), record.known_method()), ("CONNECT", Some("CONNECT")), "{id}");
            // The authority is what was asked for; neither it nor its port is a route, which is what labels are made of.
            assert_eq!(
                (record.path(), record.host(), record.port()),
                ("host.invalid:443", Some("host.invalid"), Some(443)),
                "{id}"
            );
            assert_eq!((record.route(), json.get("http.route")), (None, None), "{id}");
        }
        _ => return false,
    }
    true
}
