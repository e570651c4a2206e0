//! Laws of fingerprints and templates; verdicts about pairs stand in `tests/grouping.rs`.

use super::*;
use crate::query::sample;

#[test]
fn a_value_of_any_form_leaves_the_same_template() {
    for (message, expected) in [
        ("order 981 not found", "order {} not found"),
        ("order #981 not found.", "order #{} not found."),
        ("order 0192f0c1-7c2d-7000-8000-00000000abcd not found", "order {} not found"),
        ("order 'A 1' of \"it's \\\"Ada\\\"\" not found", "order {} of {} not found"),
        ("can't find it; it isn't there", "can't find it; it isn't there"),
        ("missing field `email` at line 3 column 17", "missing field {} at line {} column {}"),
        ("timed out after 30.5ms", "timed out after {}"),
        ("timed out after 2 s", "timed out after {}"),
        ("timed out after 1m30s", "timed out after {}"),
        ("waited 12 seconds for 3 connections", "waited {} for {} connection"),
        ("waited 1 second for 1 connection", "waited {} for {} connection"),
        ("connect to 10.0.0.7:5432 refused", "connect to {} refused"),
        ("connect to [2001:db8::7]:5432 refused", "connect to {} refused"),
        ("connect to 2001:db8::7 refused", "connect to {} refused"),
        ("connect to db-3.eu.internal:5432 refused", "connect to {} refused"),
        ("GET https://a.example/x?y=1: 502 Bad Gateway", "GET {}: {} Bad Gateway"),
        ("mail to ada@example.org bounced", "mail to {} bounced"),
        ("cannot open /var/lib/shop/a b.db", "cannot open {} b.db"),
        ("cannot open C:\\shop\\a.db", "cannot open {}"),
        ("since 2026-01-31T12:00:00Z", "since {}"),
        ("since Mon, 31 Jan 2026 12:00:00 GMT", "since Mon, {}"),
        ("since 31 Jan 2026", "since {}"),
        ("hash deadbeefcafe1234deadbeefcafe1234deadbeef differs", "hash {} differ"),
        ("pointer 0x7f1e is null", "pointer {} is null"),
        ("session a8f3Kx92 expired", "session {} expired"),
        ("shard-7 is gone", "shard-{} is gone"),
        ("user=ada state==x retries=3", "user={} state==x retries={}"),
        ("lists [1, 2, 3] and [4]", "lists [{}] and [{}]"),
        ("Os { code: 2, kind: NotFound, message: \"No such file\" }", "Os { code: {}, kind: NotFound, message: {} }"),
        ("first\n\n  second 2\nthird", "first second {}"),
        ("token [redacted] refused", "token {} refused"),
        ("", ""),
        ("\u{1}\u{7f}\u{0}", ""),
        ("größer als 5 €", "größer als {} €"),
    ] {
        assert_eq!(template(message), expected, "{message}");
    }
}

#[test]
fn a_template_of_a_template_is_itself() {
    for seed in 0..2000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let pieces =
            ["order", "981", "\"a b\"", "'", "`", "{}", "=", "10.0.0.1", "Jan", "ms", ", ", "[", "]", "é", "\n", "#", "a1b2c3"];
        let text: String =
            (0..rng.usize(0..12)).map(|_| format!("{}{}", rng.choice(pieces).unwrap(), rng.choice([" ", ""]).unwrap())).collect();
        let once = template(&text);
        assert!(once.len() <= 240, "{text:?}");
        assert!(!once.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn every_record_has_a_fingerprint_or_none_and_never_a_panic() {
    for seed in 0..5000 {
        let record = sample::record(seed, 1_800_000_000_000_000_000);
        let fingerprint = Fingerprint::of(&record);
        assert_eq!(fingerprint.is_some(), record.has_exception());
        let Some(fingerprint) = fingerprint else { continue };
        assert_eq!(fingerprint.id(), Fingerprint::of(&record.clone()).unwrap().id());
        assert!(fingerprint.id().to_string().starts_with('1'), "the version comes first");
        assert!(!fingerprint.title().is_empty() && !fingerprint.components().is_empty());
    }
}
