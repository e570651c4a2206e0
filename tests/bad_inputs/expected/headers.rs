//! Headers and trailers.

use crate::measure::cost;
use crate::run::Seen;
use crate::service::{Got, Place};

/// The value of the first header of the case, as text.
fn value(seen: &Seen<'_>) -> String {
    String::from_utf8_lossy(&seen.setup.sent.headers[0].1).into_owned()
}

/// No output holds the text.
#[track_caller]
pub(crate) fn nowhere(seen: &Seen<'_>, needle: &str) {
    assert_eq!(seen.outputs.holding(needle), [""; 0], "{}: {needle} stands there", seen.case.id);
}

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let text = |name: &str| {
        let everything = seen.outputs.everything();
        let (_, bytes) = everything.into_iter().find(|(output, _)| *output == name).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    match sentence {
        "no byte 0x1b or 0x07 in text or CLI output" => {
            // Colours of our own are looked at with the invariants.
            for (name, bytes) in
                seen.outputs.everything().iter().filter(|(name, _)| !matches!(*name, "store" | "coloured console"))
            {
                assert!(!bytes.contains(&0x1b) && !bytes.contains(&0x07), "{id}: {name}");
            }
        }
        "JSON carries \\u001b" => assert!(text("otel").contains("\\u001b[2J\\u001b]0;pwned\\u0007"), "{id}: {}", text("otel")),
        "C1 control U+009B escaped" => {
            assert!(text("otel").contains("\\u009b") && !text("console").contains('\u{9b}'), "{id}");
            assert_eq!(seen.json()["user_agent.original"], value(seen).as_str(), "{id}: nothing is lost");
        }
        "one physical line" => assert_eq!(seen.json()["user_agent.original"], value(seen).as_str(), "{id}: nothing is lost"),
        "stored and shown byte-for-byte apart from escaping" | "no expansion" => {
            assert_eq!(record.user_agent(), Some(value(seen).as_str()), "{id}");
            assert_eq!(seen.json()["user_agent.original"], value(seen).as_str(), "{id}");
            assert!(
                cfg!(not(feature = "cli")) || seen.place != Place::Hyper || text("campanile show").contains(&value(seen)),
                "{id}"
            );
        }
        "viewer renders as text" => {
            // The page has it, and no tag of the page does.
            let pages = &seen.outputs.pages;
            let mut tags = pages.split('<').skip(1).filter_map(|rest| rest.split('>').next());
            assert!(cfg!(not(feature = "viewer")) || pages.contains("onmouseover=alert(1)"), "{id}");
            assert!(!tags.any(|tag| tag.contains("onmouseover")), "{id}");
            let kept = record.request_headers().find(|header| header.name() == "referer").and_then(|header| header.value());
            assert_eq!(kept, Some(value(seen).as_str()), "{id}");
            assert!(
                cfg!(not(feature = "cli")) || seen.place != Place::Hyper || text("campanile show").contains(&value(seen)),
                "{id}"
            );
        }
        "stored value <= 1 KiB with a truncation mark" => {
            let header = record.request_headers().find(|header| header.name() == "x-note").expect("the header");
            let kept = header.value().expect("a setting keeps it");
            assert!((1000..=1024).contains(&kept.trim_end_matches("…[cut]").len()), "{id}: {} bytes", kept.len());
            assert!(kept.ends_with("…[cut]"), "{id}: {kept}");
            assert_eq!(header.len_bytes(), 65_000, "{id}: how much there was");
        }
        "neither encoded nor decoded secret present" => {
            for secret in ["Y2FuYXJ5OjEyMw", "canary:123", "canary"] {
                nowhere(seen, secret);
            }
            assert!(
                record.request_headers().any(|header| header.name() == "proxy-authorization"),
                "{id}: that there was one stays"
            );
        }
        "cookie values absent; names may stay" => {
            nowhere(seen, "canary-1");
            nowhere(seen, "dark");
        }
        "none of canary-2..6 anywhere" => nowhere(seen, "canary-"),
        "response side too" => {
            nowhere(seen, "canary-8");
            assert_eq!(seen.observed.headers("set-cookie"), ["sid=canary-8; HttpOnly"], "{id}: the client gets it");
        }
        "event <= 64 KiB" => {
            assert!(record.size_bytes() <= 64 * 1024, "{id}: {}", record.size_bytes());
            for (name, bytes) in &seen.outputs.lines {
                assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 64 * 1024), "{id}: {name}");
            }
        }
        "at most 64 headers captured, rest counted" => {
            let (kept, all) = (record.request_headers().count(), seen.setup.sent.headers.len() + 1);
            assert_eq!((kept, kept + record.dropped().headers as usize), (64, all), "{id}");
        }
        "no more than 3x head size allocated" => {
            let size = seen.setup.sent.headers.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum::<u64>();
            let (cost, _) = cost(&seen.setup.sent);
            assert!(cost.bytes_total <= 3 * size, "{id}: {cost:?} for {size}");
        }
        "the layer logs what the server produced and does not re-parse framing" => {
            let lengths: Vec<_> = record.request_headers().filter(|header| header.name() == "content-length").collect();
            assert_eq!(lengths.iter().map(|header| header.value()).collect::<Vec<_>>(), [Some("5"), Some("6")], "{id}");
            assert_eq!(record.request_body_bytes(), Some(6), "{id}: what really passed");
        }
        "host label is not taken from the second value" => {
            assert_eq!((record.host(), &seen.json()["server.address"]), (Some("a.invalid"), &"a.invalid".into()), "{id}");
        }
        // No host is a label: the conventions leave it to whoever asks, and clients make it up.
        "metric label uses the configured server name" => {
            assert!(seen.outputs.metrics.metric("http.server.request.duration").is_some(), "{id}");
            for host in ["a.invalid", "b.invalid"] {
                assert!(!text("metrics").contains(host), "{id}: {}", text("metrics"));
            }
        }
        "no panic on non-ASCII media type" => {
            let kept = record.request_headers().find(|header| header.name() == "content-type").and_then(|header| header.value());
            assert_eq!(kept, Some("application/json; charset=\u{fffd}"), "{id}");
        }
        "trailers pass through unchanged" => match &seen.observed {
            Got::Wire(answer) => {
                assert!(answer.0.ends_with(b"0\r\nx-checksum-trailer: canary-9\r\n\r\n"), "{id}: {}", answer.0.escape_ascii());
            }
            Got::Local(local) => assert!(local.steps.iter().any(|step| step.contains("canary-9")), "{id}: {local:?}"),
        },
        "trailer capture follows the same allow-list" => {
            assert_eq!(
                record.trailers().map(|header| (header.name(), header.value())).collect::<Vec<_>>(),
                [("x-checksum-trailer", None)]
            );
            nowhere(seen, "canary-9");
        }
        _ => return false,
    }
    true
}
