//! What is passed over is what the whole reader leaves alone: both are asked of thousands of texts.

use std::cell::Cell;

use super::windows::LITERALS;
use super::*;
use crate::record::parts::{BodySlot, CUT_MARK, EventSlot, List, Media, Origin, Parts, RedactionSlot, Side, Slot, Text};
use crate::record::{Record, SpanId};
use crate::redact::defaults::{Part, RULES};
use crate::redact::text::{Finder, LOOKED, Nature};
use crate::redact::{Redact, Rules};

thread_local! {
    /// Every text is read.
    pub(super) static EVERYTHING: Cell<bool> = const { Cell::new(false) };
}

/// The same where nothing is passed over.
fn in_full<T>(ask: impl FnOnce() -> T) -> T {
    EVERYTHING.set(true);
    let answer = ask();
    EVERYTHING.set(false);
    answer
}

/// What texts are made of: secrets, parts of them, and what looks like either.
fn pieces() -> Vec<String> {
    let mut all: Vec<String> = [
        "Bearer c4nary.x",
        "bEARER+canarycanarycanarycanary",
        "Basic dXNlcjpjYW5hcnk=",
        "BASIC%20dXNlcjpjYW5hcnk",
        "bearer ",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "-----BEGIN",
        "-----",
        "://u:canary@h",
        "https://u@h/p?q=1#f",
        "postgres://app:ca/nary@db",
        "://",
        "@",
        "a@b.org",
        "/@",
        ":/",
        "4111 1111 1111 1111",
        "4111111111111111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "5555555555554444",
        "4111",
        " 1111",
        "-11",
        "0.4",
        "1700000000000000000",
        "<password>canary</password>",
        "<ns:token a=\"1\">",
        "<api-key>x</api-key>",
        "<b>",
        "</",
        "<",
        "{\"password\":\"canary\"}",
        "{ \"a\" : {\"p\\u0061ss\":[1]}}",
        "[{\"otp\":1}]",
        "[\"a\"]",
        "[[1]]",
        "{",
        "[",
        "}",
        "]",
        "\"",
        "\\\"",
        "\\u0074oken",
        "%70assword=canary",
        "%74oken",
        "pas%73=x",
        "p%61ss=x",
        "%40",
        "%3A%2F%2Fu%3Ac%40h",
        "%",
        "+",
        "&",
        ";",
        "=",
        ":",
        "::",
        "==",
        " = ",
        ": ",
        "=>",
        "?",
        "#",
        "/",
        "//",
        "code=1",
        "c_o-d.e=1",
        "CODE=2",
        "state=2",
        "Some(\"canary\")",
        "Secret { value: \"x\" }",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "é",
        "ü=",
        "漢字",
        "\u{feff}",
        "…",
        CUT_MARK,
        "…[",
        "user",
        "id",
        "iban",
        "IBAN",
        "note",
        "x",
        "q",
        "application/xhtml+xml,*/*;q=0.8",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "request done",
        "rows=4",
        "took 3ms",
        "std::fmt::Error: ",
        "REDACTED",
        "=REDACTED",
        "REDACTED:REDACTED@",
        "null",
        "true",
        "****",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0192f0c1-7b1a-7c3d-9abc-0123456789ab",
        "----------------------------------",
        "                                  ",
        "________",
    ]
    .map(str::to_owned)
    .into();
    for rule in RULES {
        let name = rule.name.trim_start_matches('*');
        match rule.part {
            Part::TokenPrefix => all.extend([name.to_owned(), format!("{name}7canary7canary7"), format!("{name}canary-1canary")]),
            Part::FieldKey | Part::QueryKey => {
                all.extend([name.to_owned(), name.to_uppercase(), format!("{name}=canary1"), format!("\"{name}\": \"canary\"")]);
                all.push(name.chars().flat_map(|char| [char, '_']).collect());
            }
            _ => {}
        }
    }
    all
}

/// Texts of some pieces and some noise, cut anywhere. The same ones each time.
fn each_text(count: usize, mut ask: impl FnMut(&str, &mut fastrand::Rng)) {
    let (pieces, mut random) = (pieces(), fastrand::Rng::with_seed(11));
    for _ in 0..count {
        let mut text = String::new();
        for _ in 0..random.usize(1..9) {
            match random.u8(0..8) {
                0 => (0..random.usize(0..12)).for_each(|_| text.push(random.char(' '..='~'))),
                1 => (0..random.usize(0..20)).for_each(|_| text.push(random.choice("0123456789 -".bytes()).unwrap().into())),
                2 => (0..random.usize(0..40))
                    .for_each(|_| text.push(random.choice("=:<\"'{[ -_@/%+&a1\u{e9}".chars().collect::<Vec<_>>()).unwrap())),
                _ => text.push_str(&pieces[random.usize(..pieces.len())]),
            }
        }
        let start = text.floor_char_boundary(random.usize(0..=text.len() / 4));
        let end = text.floor_char_boundary(text.len() - random.usize(0..=(text.len() - start) / 4));
        ask(&text[start..end.max(start)], &mut random);
    }
}

fn settings() -> [Rules; 4] {
    let own = Redact::new().key("iban").key("*note").key("id").key("ü").show_key("user_token");
    let keyed = Redact::new().path("$.user.*").pattern("done|ü").hashes(false);
    [Rules::default(), own.rules().unwrap(), Redact::new().key("x").rules().unwrap(), keyed.rules().unwrap()]
}

#[test]
fn a_text_that_is_passed_over_holds_no_shape() {
    let (settings, mut passed, mut found) = (settings(), 0, 0);
    each_text(40_000, |text, random| {
        let rules = &settings[random.usize(..3)];
        for is_path in [false, true] {
            let first = Finder::new(text, rules.keys(), Nature { is_path, is_cut: false }).next();
            let is_mail = first.is_some_and(|first| first.reason == "mail address");
            if is_suspect(text.as_bytes(), rules.keys()) {
                found += usize::from(first.is_some());
            } else {
                passed += 1;
                assert!(first.is_none() || is_mail, "{text:?}: {first:?}");
            }
        }
    });
    assert!(passed > 10_000 && found > 10_000, "{passed} passed over, {found} found");
}

#[test]
fn a_record_is_the_same_when_all_of_it_is_read() {
    let settings = settings();
    let (mut texts, mut passed) = (Vec::new(), 0);
    each_text(30_000, |text, random| {
        texts.push(text.to_owned());
        passed += usize::from(!is_suspect(text.as_bytes(), &OwnKeys::NONE));
        if texts.len() < 10 {
            return;
        }
        let rules = &settings[random.usize(..settings.len())];
        let is_cut = random.bool();
        let [fast, full] = [false, true].map(|is_full| {
            let mut record = Record::new(Box::new(record_of(&texts, is_cut)));
            if is_full {
                in_full(|| rules.record(&mut record))
            } else {
                rules.record(&mut record)
            }
            told(record.parts())
        });
        assert_eq!(fast, full, "{texts:?}");
        texts.clear();
    });
    assert!(passed > 5_000, "{passed} passed over");
}

/// A record with a text in each place.
fn record_of(texts: &[String], is_cut: bool) -> Parts {
    let mut parts = Parts::default();
    let [path, query, host, via, message, note, url, event, body, form] = texts else { panic!("ten texts") };
    parts.path = parts.push_text(&format!("/{path}"), 4096);
    parts.query = Some(parts.push_text(query, 4096));
    parts.host = Some(parts.push_text(host, 4096));
    parts.push_header(Side::Request, "via", Some(via.as_bytes()), via.len());
    parts.push_header(Side::Trailer, "grpc-message", Some(message.as_bytes()), message.len());
    let mut list = List::default();
    for (name, text) in [("note of all", note), ("url.full", url), (event, host)] {
        let (name, value) = (parts.push_text(name, 4096), parts.push_text(text, 4096));
        parts.push_field(&mut list, name, Slot::Text(value));
    }
    parts.attributes = list;
    let origin = Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: tracing::Level::INFO };
    let message = parts.push_text(event, 4096);
    let fields = List::default();
    parts.events.push(EventSlot { time_ns: 0, span: SpanId::INVALID, origin, message, fields, shown: false });
    let mut slot = |text: &str, media| {
        let content = parts.push_text(text, 4096);
        BodySlot { media, content, kept_bytes: u32::try_from(text.len()).unwrap(), skipped: Text::EMPTY }
    };
    let json = format!("{{\"a\":[{note:?},{event:?}],{url:?}:1}}");
    let media = if is_cut {
        (slot(&json, Media::Json), slot(body, Media::Text))
    } else {
        (slot(body, Media::Text), slot(form, Media::Form))
    };
    (parts.request_body, parts.response_body) = (Some(media.0), Some(media.1));
    parts.request_bytes = Some(media.0.kept_bytes.into());
    parts.response_bytes = u64::from(media.1.kept_bytes) + u64::from(is_cut);
    parts
}

/// All that is left in it, and what is told.
fn told(parts: &Parts) -> (String, Vec<String>) {
    let told = |slot: &RedactionSlot| {
        [slot.place, slot.key, slot.rule].map(|text| parts.str(text).to_owned()).join(" ") + &format!(" {}", slot.len)
    };
    (parts.text.clone(), parts.redactions.iter().map(told).collect())
}

#[test]
fn each_literal_is_found_wherever_it_stands() {
    for literal in LITERALS {
        for before in 0..20 {
            for after in 0..20 {
                let text = format!("{}{literal} 7canary7canary7{}", " ".repeat(before), ".".repeat(after))
                    .replace(" 7canary", "7canary");
                let text = if literal.starts_with('b') { text.replacen("7canary", " 7canary", 1) } else { text };
                for text in [&text, &text.replace("bearer", "BeArEr").replace("basic", "bASIC")] {
                    assert!(is_suspect(text.as_bytes(), &OwnKeys::NONE), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn a_number_as_long_as_a_cards_is_found_wherever_it_stands() {
    for number in ["4222222222222", "4111 1111 1111 1", "4111-1111-1111-1111", "378282246310005"] {
        for before in 0..30 {
            for after in 0..30 {
                let text = format!("{}{number}{}", ".".repeat(before), "x".repeat(after));
                assert!(is_suspect(text.as_bytes(), &OwnKeys::NONE), "{text:?}");
            }
        }
    }
}

#[test]
fn ordinary_texts_are_passed_over() {
    for text in [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "en-GB,en;q=0.9,de;q=0.8",
        "203.0.113.195, 198.51.100.17",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Mon, 23 Nov 2026 10:00:00 GMT",
        "max-age=31536000, public",
        "https://shop.example/orders/4711",
        "connection refused: version=3 region: eu duration=12ms",
        "core::result::Result<T, E>: User { id: 7, tags: [1, 2] }",
        "the basics and the bearers of it ask for disk-space and sk-ill",
        "Größe: 12, Straße=7, 漢字",
    ] {
        assert!(!is_suspect(text.as_bytes(), &OwnKeys::NONE), "{text}");
    }
}

#[test]
fn hostile_texts_are_looked_at_in_linear_time() {
    for part in pieces().iter().chain(&[
        "= ".to_owned(),
        "<a".to_owned(),
        "://a".to_owned(),
        "{ ".to_owned(),
        "[ ".to_owned(),
        "1 -".to_owned(),
        "sk-a".to_owned(),
    ]) {
        let text = part.repeat(64 * 1024 / part.len());
        LOOKED.set(0);
        is_suspect(text.as_bytes(), &OwnKeys::NONE);
        assert!(LOOKED.get() <= 100 * text.len(), "{part}: {} bytes looked at, of {}", LOOKED.get(), text.len());
    }
}
