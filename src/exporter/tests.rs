//! What every local exporter keeps to.

use std::io::{self, Write};

use super::samples::{self, Shared};
use super::*;
use crate::escape::is_hidden;
use crate::record::{Losses, Reason};

/// Each text exporter over a writer.
fn over<W: Write + Send + Clone + 'static>(writer: &W) -> Vec<Box<dyn Exporter>> {
    let mut all: Vec<Box<dyn Exporter>> = Vec::new();
    for schema in Schema::ALL {
        all.push(Box::new(Json::new(writer.clone()).schema(schema)));
    }
    #[cfg(feature = "console")]
    all.push(Box::new(Console::new(writer.clone()).width(400)));
    all
}

/// Every text field of a record, every local exporter that writes text: EV-01, EV-02, HD-01, HD-02, HD-04, SE-12, UR-01
/// and UR-02 of the catalogue.
#[test]
fn no_character_from_outside_breaks_a_line_or_hides() {
    let codes = (0..0x20).chain(0x7f..0xa0).chain(0x200b..0x2010).chain(0x2028..0x202f).chain(0x2060..0x2070);
    let codes = codes.chain([0xad, 0x61c, 0x180e, 0xfeff, 0xfff9, 0xe0041, 0x22, 0x5c, 0x3d]);
    let count = over(&Shared::default()).len();
    let write = |index: usize, text: &str| {
        let shared = Shared::default();
        let mut exporter = over(&shared).remove(index);
        samples::export(exporter.as_mut(), samples::everywhere(text), &Losses::default()).unwrap();
        shared.text()
    };
    let harmless: Vec<_> = (0..count).map(|index| write(index, "a.b").lines().count()).collect();
    for char in codes.filter_map(char::from_u32) {
        for text in [format!("a.{char}b"), format!("{char}")] {
            for (index, lines) in harmless.iter().enumerate() {
                let out = write(index, &text);
                assert!(out.ends_with('\n') && out.lines().count() == *lines, "{text:?}: {out}");
                assert!(!out.chars().any(|char| char != '\n' && is_hidden(char)), "{text:?}: {out}");
                if out.starts_with('{') {
                    let mut texts = Vec::new();
                    out.lines().for_each(|line| strings(&serde_json::from_str(line).unwrap(), &mut texts));
                    assert!(texts.contains(&text), "whoever parses it gets the same text back: {text:?}: {out}");
                }
            }
        }
    }
}

/// Cases of the catalogue as they stand there: HD-01, HD-02, HD-04, HD-06, EV-01, SE-12 and SE-14.
#[test]
fn hostile_texts_stay_texts() {
    for text in [
        "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{1b}[31m",
        "ok\u{9b}31mred",
        "a\u{2028}b\u{2029}c\u{85}d",
        "{{7*7}} {0} %s %n ${env:HOME} #{1+1} ${jndi:ldap://x}",
        "a\nFAKE level=error msg=\"x\"",
        "\r\u{1b}[1Aapproved",
        "</script><script>alert(1)</script>\u{2028}",
    ] {
        for index in 0..over(&Shared::default()).len() {
            let shared = Shared::default();
            let mut exporter = over(&shared).remove(index);
            samples::export(exporter.as_mut(), samples::everywhere(text), &Losses::default()).unwrap();
            let out = shared.text();
            assert!(!out.chars().any(|char| char != '\n' && is_hidden(char)), "{out}");
            assert!(out.lines().all(|line| !line.starts_with("FAKE") && !line.contains("49} ")), "{out}");
            if text.starts_with("{{") {
                assert!(out.contains("{0} %s %n ${env:HOME} #{1+1} ${jndi:ldap://x}"), "HD-06: {out}");
            }
        }
    }
}

fn strings(value: &serde_json::Value, all: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => all.push(text.clone()),
        serde_json::Value::Array(list) => list.iter().for_each(|value| strings(value, all)),
        serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, all)),
        _ => {}
    }
}

#[test]
fn a_broken_writer_loses_records_counts_them_and_is_tried_again() {
    #[derive(Clone, Default)]
    struct Flaky {
        out: Shared,
        calls: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    }
    impl Write for Flaky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                // Half of the first batch, then the device is full.
                0 => self.out.write(&bytes[..bytes.len() / 2]),
                1 => Err(io::ErrorKind::StorageFull.into()),
                2 => Err(io::ErrorKind::Interrupted.into()),
                _ => self.out.write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for index in 0..over(&Flaky::default()).len() {
        let flaky = Flaky::default();
        let mut exporter = over(&flaky).remove(index);
        let three = || [samples::answered(), samples::answered(), samples::answered()];
        let given_up = samples::export(exporter.as_mut(), three(), &Losses::default()).unwrap();
        assert_eq!(given_up.of(Reason::SinkIoError), 2, "one of three got through");
        samples::export(exporter.as_mut(), three(), &Losses::default()).unwrap();
        let text = flaky.out.text();
        let whole = text.lines().filter(|line| line.contains("8f2c1a2b")).count();
        assert_eq!((text.lines().count(), whole >= 4), (5, true), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error_and_no_panic() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut json = Json::new(full());
    let error = samples::export(&mut json, [samples::answered()], &Losses::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::SinkIoError);
    #[cfg(feature = "console")]
    assert!(samples::export(&mut Console::new(full()), [samples::answered()], &Losses::default()).is_err());
}

#[test]
fn losses_are_told_when_the_writer_works_again() {
    let mut losses = Losses::default();
    losses.add(Reason::QueueFull, 7);
    struct Late(Shared, bool);
    impl Write for Late {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.1, true) { self.0.write(bytes) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let shared = Shared::default();
    let mut json = Json::new(Late(shared.clone(), false));
    assert!(samples::export(&mut json, [samples::answered()], &losses).is_err());
    samples::export(&mut json, [samples::answered()], &Losses::default()).unwrap();
    assert!(shared.text().contains("7 records dropped"), "{}", shared.text());
}

#[test]
fn memory_keeps_the_newest_and_counts_the_rest() {
    let memory = Memory::with_max_records(2);
    let mut exporter = memory.clone();
    for sequence in 1..=3 {
        let parts = crate::record::parts::Parts { sequence, ..samples::answered() };
        samples::export(&mut exporter, [parts], &Losses::default()).unwrap();
    }
    let sequences: Vec<_> = memory.records().iter().map(crate::record::Record::sequence).collect();
    assert_eq!((sequences, memory.dropped()), (vec![2, 3], 1));
    assert_eq!(memory.take().len(), 2);
    assert!(memory.records().is_empty());
}

#[test]
fn memory_waits_for_records_and_gives_up_in_time() {
    let memory = Memory::new();
    assert!(memory.wait_for(1, Duration::from_millis(1)).is_empty());
    let mut exporter = memory.clone();
    let writer = std::thread::spawn(move || samples::export(&mut exporter, [samples::failed()], &Losses::default()).unwrap());
    let records = memory.wait_until(Duration::from_secs(10), |records| records.iter().any(|record| record.is_failed()));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].failure().unwrap().message(), "template `invoice` missing field `vat`");
    writer.join().unwrap();
}

#[test]
fn every_exporter_takes_every_kind_of_record_and_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = over(&Shared::default());
    all.push(Box::new(File::open(dir.path().join("app.json")).unwrap()));
    all.push(Box::new(Memory::new()));
    #[cfg(feature = "store")]
    {
        let store = crate::store::Store::open(crate::store::Settings::new(dir.path().join("store"))).unwrap();
        all.push(Box::new(StoreExporter::new(store)));
    }
    let mut losses = Losses::default();
    losses.add(Reason::QueueFull, 3);
    for exporter in &mut all {
        for text in ["", "plain", "a\n\u{1b}[2J\u{202e}", &"long ".repeat(4_000)] {
            let given_up = samples::export(exporter.as_mut(), samples::everywhere(text), &losses).unwrap();
            assert_eq!(given_up.total(), 0, "{}", exporter.name());
        }
        exporter.flush().unwrap();
        assert!(exporter.name().bytes().all(|byte| byte.is_ascii_lowercase()), "{}", exporter.name());
    }
}

#[test]
fn ev_13_ev_14_times_at_both_ends_of_the_clock_are_written_by_every_exporter() {
    // What the clock can say after it was clamped, see `crate::time`.
    for unix_ns in [0, i64::MAX as u64, u64::MAX] {
        for duration_ns in [0, u64::MAX] {
            let dir = tempfile::tempdir().unwrap();
            let shared = Shared::default();
            let mut all = over(&shared);
            all.push(Box::new(File::open(dir.path().join("app.json")).unwrap()));
            #[cfg(feature = "store")]
            {
                let store = crate::store::Store::open(crate::store::Settings::new(dir.path().join("store"))).unwrap();
                all.push(Box::new(StoreExporter::new(store)));
            }
            for exporter in &mut all {
                let records = samples::everywhere("a").into_iter().enumerate().map(|(index, mut parts)| {
                    (parts.start_unix_ns, parts.duration_ns, parts.sequence) = (unix_ns, duration_ns, 1 + index as u64);
                    parts
                });
                let given_up = samples::export(exporter.as_mut(), records, &Losses::default()).unwrap();
                assert_eq!(given_up.total(), 0, "{} at {unix_ns}", exporter.name());
                exporter.flush().unwrap();
            }
            for line in shared.text().lines().filter(|line| line.starts_with('{')) {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
            // Records of one moment keep the order of their numbers; the newest is read first.
            #[cfg(feature = "store")]
            {
                let mut reader = crate::store::Reader::open(dir.path().join("store")).unwrap();
                let options = crate::store::Find::default();
                let found = reader.find(&crate::query::Query::parse("").unwrap(), &options).unwrap();
                let sequences: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
                assert!(!sequences.is_empty() && sequences.is_sorted_by(|one, next| one > next), "{sequences:?} at {unix_ns}");
            }
        }
    }
}
