use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::query::{Query, sample};
use crate::record::parts::{Parts, Text};
use crate::record::{Kind, Losses, Reason, Record, Resource, SpanId};

fn resource(name: &str) -> Resource {
    let mut resource = Resource::default();
    resource.set("service.name", name);
    resource
}

fn now() -> u64 {
    unix_ns(SystemTime::now())
}

/// A request of this number, with a path of `bytes` bytes.
fn request(number: u64, bytes: usize) -> Record {
    let mut parts = Box::<Parts>::default();
    parts.sequence = number;
    parts.span_id = SpanId(number.to_be_bytes());
    parts.start_unix_ns = now();
    parts.path = parts.push_text(&"x".repeat(bytes), bytes);
    Record::new(parts)
}

fn open(directory: &Path) -> Store {
    Store::open(Settings::new(directory)).unwrap()
}

fn append(store: &mut Store, numbers: impl IntoIterator<Item = u64>) {
    let records: Vec<_> = numbers.into_iter().map(|number| request(number, 10)).collect();
    let lost = store.append(&records, &resource("shop"), &Losses::default()).unwrap();
    assert_eq!(lost.total(), 0);
}

fn all(reader: &mut Reader) -> Vec<u64> {
    let found = reader.find(&Query::default(), &Find::with_limit(Find::MAX_LIMIT)).unwrap();
    let mut numbers: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
    numbers.sort_unstable();
    numbers
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn segments(directory: &Path) -> Vec<String> {
    files(directory).into_iter().filter(|name| name.starts_with("segment-") && name.ends_with(".sqlite")).collect()
}

fn bytes_in(directory: &Path) -> u64 {
    let files = files(directory).into_iter().filter(|name| name.starts_with("segment-"));
    files.map(|name| fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len())).sum()
}

fn same(a: &Record, b: &Record) {
    let mut bytes = (Vec::new(), Vec::new());
    codec::encode(a, &mut bytes.0);
    codec::encode(b, &mut bytes.1);
    assert_eq!(bytes.0, bytes.1);
}

proptest::proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(seed: u64) {
        let record = sample::record(seed, now());
        let mut bytes = Vec::new();
        codec::encode(&record, &mut bytes);
        bytes.extend_from_slice(b"of a later version");
        let back = codec::decode(&bytes).unwrap();
        same(&record, &back);
        let id = |record: &Record| crate::group::Fingerprint::of(record).map(|fingerprint| fingerprint.id());
        proptest::prop_assert_eq!(id(&record), id(&back));
        // NaN differs from itself, so the views are compared as they print.
        let view = |record: &Record| {
            let events: Vec<_> = record.events().map(|event| format!(
                "{} {:?} {} {} {:?} {:?} {} {} {:?}",
                event.time_ns(), event.span_id(), event.level(), event.target(), event.file(), event.line(), event.message(),
                event.was_shown(), event.fields().map(|field| (field.name(), field.value())).collect::<Vec<_>>(),
            )).collect();
            let spans: Vec<_> = record.spans().map(|span| format!(
                "{} {:?} {} {} {} {} {} {:?}",
                span.id(), span.parent_id(), span.name(), span.target(), span.start_ns(), span.end_ns(), span.is_finished(),
                span.fields().map(|field| (field.name(), field.value())).collect::<Vec<_>>(),
            )).collect();
            let failures: Vec<_> = record.failures().map(|failure| format!(
                "{:?} {} {:?} {:?} {} {:?} {:?} {:?} {:?}",
                failure.kind(), failure.time_ns(), failure.span_id(), failure.type_name(), failure.message(), failure.file(),
                failure.line(), failure.backtrace(),
                failure.causes().map(|cause| (cause.type_name(), cause.message())).collect::<Vec<_>>(),
            )).collect();
            let headers = |headers: &mut dyn Iterator<Item = crate::record::Header<'_>>| format!(
                "{:?}", headers.map(|header| (header.name().to_owned(), header.value().map(str::to_owned), header.len_bytes())).collect::<Vec<_>>()
            );
            let attributes: Vec<_> = record.attributes().map(|field| format!("{} {:?}", field.name(), field.value())).collect();
            let texts = format!("{:?}", (
                record.trace_state(), record.request_id(), record.method(), record.route(), record.path(), record.query(),
                record.scheme(), record.host(), record.protocol_version(), record.user_agent(), record.error_type(),
            ));
            let numbers = format!("{:?}", (
                (record.kind(), record.sequence(), record.trace_id(), record.span_id(), record.parent_span_id()),
                (record.parent_is_remote(), record.trace_flags(), record.request_id_source(), record.start_unix_ns()),
                (record.duration_ns(), record.head_ns(), record.time_to_first_byte_ns(), record.port(), record.peer()),
                (record.status(), record.is_rpc(), record.rpc_status(), record.outcome(), record.request_body_bytes()),
                (record.response_body_bytes(), record.dropped(), record.kept(), record.weight(), record.vitals()),
                (record.in_flight(), record.in_flight_on_route(), record.group(), record.group_key(), record.report()),
            ));
            let all_headers = [
                headers(&mut record.request_headers()), headers(&mut record.response_headers()), headers(&mut record.trailers()),
            ];
            (texts, numbers, attributes, all_headers, spans, events, failures)
        };
        proptest::prop_assert_eq!(view(&record), view(&back));
    }

    #[test]
    fn no_bytes_break_the_decoder(seed: u64, noise: Vec<u8>, at: u16, byte: u8, cut: u16) {
        let mut bytes = Vec::new();
        codec::encode(&sample::record(seed, now()), &mut bytes);
        let (at, cut) = (usize::from(at) % bytes.len(), usize::from(cut) % bytes.len());
        proptest::prop_assert!(codec::decode(&bytes[..cut]).is_err());
        bytes[at] = byte;
        let noise = [&[1], noise.as_slice()].concat();
        for bytes in [bytes.as_slice(), noise.as_slice()] {
            if let Ok(record) = codec::decode(bytes) {
                let _ = Query::parse("~nothing-like-it").unwrap().matches(&record, 0);
            }
        }
    }
}

#[test]
fn what_is_replaced_in_a_record_is_not_stored() {
    let mut parts = Box::<Parts>::default();
    parts.path = parts.push_text("the-secret", 100);
    parts.path = Text::Static("[redacted]");
    let mut bytes = Vec::new();
    codec::encode(&Record::new(parts), &mut bytes);
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
}

#[test]
fn the_store_finds_what_the_live_matcher_matches() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let now = now();
    let records: Vec<_> = (0..80).map(|seed| sample::record(seed, now)).collect();
    store.append(&records, &resource("shop"), &Losses::default()).unwrap();
    let mut reader = Reader::open(directory.path()).unwrap();
    for seed in 0..600 {
        let text = sample::query(seed, false);
        let query = Query::parse(&text).unwrap();
        let expected: Vec<_> =
            records.iter().filter(|record| query.matches(record, now)).map(crate::record::Record::sequence).collect();
        let mut found: Vec<_> =
            reader.find(&query, &Find::with_limit(1000)).unwrap().iter().map(|stored| stored.record().sequence()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(reader.warnings(), [""; 0]);
}

/// Records by the seed, written a few hundred at a time, so that blocks end anywhere in a batch.
fn append_samples(directory: &Path, records: &[Record]) {
    let mut store = open(directory);
    let mut rest = records;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rest.len().min(389));
        assert_eq!(store.append(batch, &resource("shop"), &Losses::default()).unwrap().total(), 0);
        rest = later;
    }
    // Some rows are in no block yet.
    std::mem::forget(store);
}

#[test]
fn what_blocks_tell_hides_nothing_that_matches() {
    let directory = tempfile::tempdir().unwrap();
    let now = now();
    let records: Vec<_> = (0..1500).map(|seed| sample::record(seed, now)).collect();
    append_samples(directory.path(), &records);
    let mut reader = Reader::open(directory.path()).unwrap();
    let of_records = records.iter().step_by(300).flat_map(|record| {
        let (id, trace) = (record.span_id().to_hex(), record.trace_id().map(|id| id.to_string()));
        [
            id.as_str().to_owned(),
            id.as_str()[..5].to_owned(),
            trace.unwrap_or_default(),
            format!("request:{}", record.request_id()),
        ]
    });
    let by_hand =
        ["abcd1234", "\"out of stock\" status:5xx", "stock -status:200", "grüße or invoice", "path:/orders/981 user:42"];
    for text in (1000..1020).map(|seed| sample::query(seed, false)).chain(of_records).chain(by_hand.map(str::to_owned)) {
        let query = Query::parse(&text).unwrap();
        let expected: Vec<_> =
            records.iter().filter(|record| query.matches(record, now)).map(crate::record::Record::sequence).collect();
        let mut found: Vec<_> = reader
            .find(&query, &Find { within: Duration::MAX, ..Find::with_limit(10_000) })
            .unwrap()
            .iter()
            .map(|stored| stored.record().sequence())
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(reader.warnings(), [""; 0]);
}

#[test]
fn a_reader_that_is_open_finds_what_is_written_and_not_what_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, mut reader) = (open(directory.path()), None);
    let number = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for round in 0..6_u64 {
        // Blocks are filled in the middle of a round, and what was in none is then in one.
        let numbers = (round * 700 + 1..=round * 700 + 700).map(number);
        append(&mut store, numbers);
        let reader = reader.get_or_insert_with(|| Reader::open(directory.path()).unwrap());
        for wanted in [1, round * 700 + 1, round * 700 + 350, round * 700 + 700].map(number) {
            let id = SpanId(wanted.to_be_bytes()).to_hex();
            for text in [id.as_str(), &id.as_str()[..12]] {
                let found = reader.by_id(text).unwrap();
                assert_eq!(found.iter().map(|it| it.record().sequence()).collect::<Vec<_>>(), [wanted], "{round}");
            }
        }
        assert_eq!(
            reader.find(&Query::parse("xxxxxxxxxx").unwrap(), &Find::with_limit(10_000)).unwrap().len() as u64,
            round * 700 + 700
        );
    }
    let mut reader = reader.unwrap();
    drop(store);
    for name in files(directory.path()).iter().filter(|name| name.starts_with("segment-")) {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    append(&mut open(directory.path()), [number(9000)]);
    assert_eq!(all(&mut reader), [number(9000)]);
    let gone = SpanId(number(1).to_be_bytes()).to_hex();
    assert!(reader.by_id(gone.as_str()).unwrap().is_empty());
    assert_eq!(reader.warnings(), [""; 0]);
}

#[test]
fn a_search_for_a_rare_word_or_an_id_reads_hardly_any_other_rows() {
    let directory = tempfile::tempdir().unwrap();
    let records: Vec<_> = (1..=4000_u64)
        .map(|number| {
            let mut parts = request(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0).into_parts();
            parts.sequence = number;
            parts.status = Some(if number == 3000 { 418 } else { 200 });
            let path = if number == 1234 { "/articles/Quetzal".to_owned() } else { format!("/articles/{number}") };
            parts.path = parts.push_text(&path, 100);
            let id = parts.push_text(&format!("01a207ea-fcb6-7874-b7ab-{number:012x}"), 100);
            parts.request_id = id;
            Record::new(parts)
        })
        .collect();
    let ids = |number: usize| (records[number - 1].span_id().to_short().to_string(), records[number - 1].request_id());
    let mut store = open(directory.path());
    store.append(&records, &resource("shop"), &Losses::default()).unwrap();
    drop(store);
    let path = directory.path().join(&segments(directory.path())[0]);
    // Whoever reads another part stumbles over these.
    let ruin = "UPDATE record SET data = x'01ff' WHERE (id - 1) / 128 NOT IN (1233 / 128, 2999 / 128)";
    rusqlite::Connection::open(path).unwrap().execute_batch(ruin).unwrap();
    let mut undisturbed = 0;
    let mut find = |text: &str| -> Vec<u64> {
        let mut reader = Reader::open(directory.path()).unwrap();
        let found = reader.find(&Query::parse(text).unwrap(), &Find::default()).unwrap();
        undisturbed += usize::from(reader.warnings().is_empty());
        found.iter().map(|stored| stored.record().sequence()).collect()
    };
    assert_eq!(find("quetzal"), [1234]);
    assert_eq!(find("path:/articles/quetzal"), [1234]);
    assert_eq!(find("quetzal status:418"), [] as [u64; 0]);
    assert_eq!(find("quetzal or status:418"), [3000, 1234]);
    assert_eq!(find("absent since:1h"), [] as [u64; 0]);
    for number in [1234, 3000] {
        let (short, request) = ids(number);
        let number = number as u64;
        assert_eq!([find(&short), find(request), find(&format!("request:{request}"))], [[number]; 3]);
        assert_eq!([find(&format!("id:{short}")), find(&format!("id:{}", &short[..6]))], [[number]; 2]);
    }
    assert!(undisturbed >= 13, "a filter is wrong now and then, but not in {} of 15", 15 - undisturbed);
    let mut reader = Reader::open(directory.path()).unwrap();
    reader.find(&Query::parse("~uetza").unwrap(), &Find::default()).unwrap();
    assert_eq!(reader.warnings().len(), 1, "a part of a word may be anywhere");
}

#[test]
fn blocks_that_tell_what_cannot_be_hide_nothing() {
    let numbers = |reader: &mut Reader, text: &str| {
        let found = reader.find(&Query::parse(text).unwrap(), &Find::with_limit(10_000)).unwrap();
        let mut numbers: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
        numbers.sort_unstable();
        numbers
    };
    for ruin in [
        "UPDATE block SET last = last + 700",
        "UPDATE block SET last = first - 1",
        "INSERT INTO block SELECT first + 5, last, 0, 0, 0, 0, x'', 0 FROM block WHERE first = 1",
        "UPDATE block SET statuses = zeroblob(5000)",
        "UPDATE piece SET data = x'ffffffffff'",
        "UPDATE piece SET data = x'7f00'",
        "UPDATE piece SET data = 7",
        "DELETE FROM piece",
        "DELETE FROM block",
        "UPDATE block SET last = 9223372036854775807 WHERE first > 1",
        "UPDATE block SET first = -9223372036854775808 WHERE first = 1",
        "UPDATE block SET first = 9223372036854775800, last = 9223372036854775807 WHERE first = 1",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let records: Vec<_> = (1..=2100).map(|number| request(number, 4)).collect();
        append_samples(directory.path(), &records);
        let path = directory.path().join(&segments(directory.path())[0]);
        rusqlite::Connection::open(path).unwrap().execute_batch(ruin).unwrap();
        let mut reader = Reader::open(directory.path()).unwrap();
        let all: Vec<u64> = (1..=2100).collect();
        assert_eq!(numbers(&mut reader, ""), all, "{ruin}");
        assert!(ruin.contains("piece SET data = x'7f00'") || numbers(&mut reader, "xxxx") == all, "{ruin}");
        assert_eq!(reader.warnings(), [""; 0], "{ruin}");
    }
}

#[test]
fn a_part_with_too_many_words_is_read_by_every_search() {
    use std::fmt::Write as _;
    let directory = tempfile::tempdir().unwrap();
    let mut long = request(1, 0).into_parts();
    let words = (0..140_000).fold(String::new(), |mut words, number| {
        let _ = write!(words, "{number:x}z ");
        words
    });
    long.path = long.push_text(&words, words.len());
    let records: Vec<_> = std::iter::once(Record::new(long)).chain((2..=200).map(|number| request(number, 3))).collect();
    let mut store = open(directory.path());
    store.append(&records, &resource("shop"), &Losses::default()).unwrap();
    drop(store);
    let mut reader = Reader::open(directory.path()).unwrap();
    let mut count = |text: &str| reader.find(&Query::parse(text).unwrap(), &Find::with_limit(500)).unwrap().len();
    assert_eq!((count("77z"), count("222dfz"), count("xxx"), count("yyy")), (1, 1, 199, 0));
}

#[test]
fn columns_alone_answer_what_the_live_matcher_answers() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let now = now();
    let records: Vec<_> = (0..80).map(|seed| sample::record(seed, now)).collect();
    store.append(&records, &resource("shop"), &Losses::default()).unwrap();
    let connection = rusqlite::Connection::open(directory.path().join(&segments(directory.path())[0])).unwrap();
    for seed in 0..600 {
        let text = sample::query(seed, true);
        let query = Query::parse(&text).unwrap();
        let sql = query.to_sql(now, true);
        let binds = sql.binds.iter().map(|bind| -> Box<dyn rusqlite::ToSql> {
            match bind {
                crate::query::Bind::Integer(value) => Box::new(*value),
                crate::query::Bind::Text(text) => Box::new(text.clone()),
                crate::query::Bind::Blob(bytes) => Box::new(bytes.clone()),
            }
        });
        let mut statement = connection.prepare(&format!("SELECT sequence FROM record WHERE {}", sql.text)).unwrap();
        let found: HashSet<i64> =
            statement.query_map(rusqlite::params_from_iter(binds), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let expected: HashSet<i64> = records
            .iter()
            .filter(|record| query.matches(record, now))
            .map(|record| i64::try_from(record.sequence()).unwrap())
            .collect();
        assert_eq!(found, expected, "{text}: {}", sql.text);
    }
}

#[test]
fn a_long_query_is_not_too_deep_for_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, [1]);
    let mut reader = Reader::open(directory.path()).unwrap();
    let nested = format!("{}-ms>1{}", "(a or ".repeat(30), ")".repeat(30));
    for text in ["-ms>1 ".repeat(256), "id:a or ".repeat(255) + "x", nested] {
        reader.find(&Query::parse(&text).unwrap(), &Find::default()).unwrap();
        assert_eq!(reader.warnings(), [""; 0], "{text}");
    }
    assert!(Query::parse(&"a ".repeat(257)).is_err());
}

#[test]
fn records_come_newest_first_with_who_wrote_them() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["old", "new"] {
        let mut store = open(directory.path());
        let records: Vec<_> = (1..=3).map(|number| request(number, 10)).collect();
        store.append(&records, &resource(name), &Losses::default()).unwrap();
    }
    let mut reader = Reader::open(directory.path()).unwrap();
    let found = reader.find(&Query::default(), &Find::with_limit(4)).unwrap();
    let seen: Vec<_> = found.iter().map(|stored| (stored.resource().service_name(), stored.record().sequence())).collect();
    assert_eq!(seen, [("new", 3), ("new", 2), ("new", 1), ("old", 3)]);
}

#[test]
fn live_records_are_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let mut parts = Box::<Parts>::default();
    parts.kind = Kind::Live;
    store.append(&[Record::new(parts), request(2, 1)], &resource("shop"), &Losses::default()).unwrap();
    assert_eq!(all(&mut Reader::open(directory.path()).unwrap()), [2]);
}

#[test]
fn a_short_prefix_finds_every_request_that_begins_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, [0xa81f_0000_0000_0001, 0xa81f_ffff_0000_0002, 0xa820_0000_0000_0003]);
    let mut reader = Reader::open(directory.path()).unwrap();
    let mut found = |id: &str| reader.by_id(id).unwrap().len();
    assert_eq!(found("a81f"), 2);
    assert_eq!(found("A81F0"), 1);
    assert_eq!(found("a81f000000000001"), 1);
    assert_eq!(found("a81"), 0);
    assert_eq!(found("' or 1=1 --"), 0);
}

#[test]
fn two_writers_share_a_directory_and_a_reader_follows_both() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(directory.path()), open(directory.path()));
    append(&mut one, [1]);
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), [1]);
    let mut cursor = reader.position();
    let mut poll = |cursor: &mut Cursor| -> Vec<u64> {
        reader.poll(&Query::default(), cursor).unwrap().iter().map(|stored| stored.record().sequence()).collect()
    };
    append(&mut two, [2]);
    append(&mut one, [3]);
    assert_eq!(poll(&mut cursor), [2, 3]);
    assert!(poll(&mut cursor).is_empty());
    // The application starts again.
    drop(one);
    append(&mut open(directory.path()), [4]);
    append(&mut two, [5]);
    assert_eq!(poll(&mut cursor), [4, 5]);
    let mut from_the_start = Cursor::default();
    assert_eq!(poll(&mut from_the_start), [1, 2, 3, 4, 5]);
}

#[test]
fn a_process_that_is_killed_loses_nothing_committed() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    // A block, and rows that are in none.
    (0..15).for_each(|batch| append(&mut store, batch * 100 + 1..=batch * 100 + 100));
    // Nothing is closed, so the log is not carried over.
    std::mem::forget(store);
    append(&mut open(directory.path()), 1501..=1510);
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), (1..=1510).collect::<Vec<_>>());
    for number in [1_u64, 1024, 1025, 1500, 1501] {
        assert_eq!(reader.by_id(&format!("{number:016x}")).unwrap().len(), 1, "{number}");
    }
}

#[test]
fn the_size_limit_is_never_exceeded_and_the_newest_stay() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = Settings::MIN_MAX_BYTES;
    let mut store = Store::open(Settings { max_bytes, ..Settings::new(directory.path()) }).unwrap();
    let mut reader: Option<Reader> = None;
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..300_u64 {
        let records: Vec<_> = (0..20).map(|index| request(round * 20 + index, random.usize(0..6000))).collect();
        store.append(&records, &resource("shop"), &Losses::default()).unwrap();
        assert!(bytes_in(directory.path()) <= max_bytes, "{} in round {round}", bytes_in(directory.path()));
        // A reader that holds files open while they are removed.
        if round % 10 == 5 {
            let reader = reader.get_or_insert_with(|| Reader::open(directory.path()).unwrap());
            let numbers = all(reader);
            assert_eq!(numbers.last(), Some(&(round * 20 + 19)));
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "only the oldest are gone");
        }
    }
    assert_eq!(reader.unwrap().warnings(), [""; 0]);
    assert!(segments(directory.path()).len() > 3);
}

#[test]
fn a_record_that_is_too_large_is_lost_alone_and_noted() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(Settings { max_bytes: 0, ..Settings::new(directory.path()) }).unwrap();
    let records = [request(1, 10), request(2, 500_000), request(3, 10)];
    let mut before = Losses::default();
    before.add(Reason::QueueFull, 7);
    let lost = store.append(&records, &resource("shop"), &before).unwrap();
    assert_eq!((lost.total(), lost.of(Reason::TooLarge)), (1, 1));
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), [1, 3]);
    let gaps = reader.gaps(0).unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].losses().to_string(), "queue_full 7, too_large 1");
}

#[test]
fn old_segments_are_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    append(&mut open(directory.path()), [1]);
    append(&mut open(directory.path()), [2]);
    let keep = [
        "notes.txt",
        "segment-1.sqlite",
        "segment-0000000000000001-0000000g.sqlite",
        "segment-0000000000000001-00000000.sqlite.bak",
    ];
    for name in keep {
        fs::write(directory.path().join(name), "mine").unwrap();
    }
    let aged = SystemTime::now() - Duration::from_secs(3600);
    for name in segments(directory.path()) {
        fs::File::options().append(true).open(directory.path().join(name)).unwrap().set_modified(aged).unwrap();
    }
    let settings = Settings { max_age: Duration::from_secs(1800), ..Settings::new(directory.path()) };
    let mut store = Store::open(settings.clone()).unwrap();
    append(&mut store, [3]);
    // One for each start: a clock that jumped must not empty the store at once.
    assert_eq!(all(&mut Reader::open(directory.path()).unwrap()), [2, 3]);
    drop(Store::open(settings).unwrap());
    assert_eq!(all(&mut Reader::open(directory.path()).unwrap()), [3]);
    let left = files(directory.path());
    assert!(keep.iter().all(|name| left.iter().any(|file| file == name)), "{left:?}");
}

#[test]
fn a_segment_that_was_removed_or_ruined_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, [1]);
    let mut reader = Reader::open(directory.path()).unwrap();
    let mut cursor = Cursor::default();
    assert_eq!(reader.poll(&Query::default(), &mut cursor).unwrap().len(), 1);
    for name in files(directory.path()) {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    append(&mut store, [2]);
    assert_eq!(all(&mut reader), [2]);
    assert_eq!(reader.poll(&Query::default(), &mut cursor).unwrap().len(), 1);

    let ruined = directory.path().join(segments(directory.path()).pop().unwrap());
    let planted = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 9999; PRAGMA schema_version = 77";
    rusqlite::Connection::open(&ruined).unwrap().execute_batch(planted).unwrap();
    append(&mut store, [3]);
    append(&mut store, [4]);
    assert_eq!(store.files_set_aside(), 1);
    assert!(files(directory.path()).iter().any(|name| name.ends_with(".sqlite.damaged")));
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), [3, 4]);
    assert_eq!(reader.warnings(), [""; 0]);
}

#[test]
fn what_is_no_segment_is_left_out_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    append(&mut open(directory.path()), [1]);
    let good = directory.path().join(&segments(directory.path())[0]);
    let file = |number: u32| directory.path().join(format!("segment-{number:016}-00000000.sqlite"));
    fs::write(file(1), "not a database, and long enough not to be taken for an empty one".repeat(100)).unwrap();
    let bytes = fs::read(&good).unwrap();
    fs::write(file(2), &bytes[..bytes.len() / 2]).unwrap();
    for (number, change) in [
        (3, "PRAGMA user_version = 999"),
        (4, "PRAGMA application_id = 7"),
        (5, "CREATE VIEW planted AS SELECT 1"),
        (6, "CREATE TRIGGER planted AFTER INSERT ON loss BEGIN SELECT 1; END"),
    ] {
        fs::copy(&good, file(number)).unwrap();
        rusqlite::Connection::open(file(number)).unwrap().execute_batch(change).unwrap();
    }
    rusqlite::Connection::open(file(7)).unwrap().execute_batch("CREATE TABLE other(a)").unwrap();
    fs::write(file(8), "").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&good, file(9)).unwrap();
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), [1]);
    assert_eq!(reader.warnings().len(), 7, "{:#?}", reader.warnings());
    all(&mut reader);
    assert_eq!(reader.warnings().len(), 7, "each once");
    assert!(reader.warnings().iter().any(|warning| warning.ends_with("it was written by a newer version of campanile")));
    // Writing goes on whatever is there.
    append(&mut open(directory.path()), [2]);
    assert_eq!(all(&mut reader), [1, 2]);
}

#[test]
fn a_damaged_record_does_not_hide_the_others() {
    let directory = tempfile::tempdir().unwrap();
    append(&mut open(directory.path()), [1, 2, 3]);
    let path = directory.path().join(&segments(directory.path())[0]);
    rusqlite::Connection::open(path).unwrap().execute_batch("UPDATE record SET data = x'01ff' WHERE id = 2").unwrap();
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(all(&mut reader), [1, 3]);
    assert_eq!(reader.warnings().len(), 1);
}

#[test]
fn nothing_to_read_is_told_apart_from_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Reader::open(directory.path().join("missing")).unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    let empty = Reader::open(directory.path()).unwrap_err();
    assert!(empty.is_not_found(), "{empty}");
    fs::write(directory.path().join("file"), "").unwrap();
    let file = Reader::open(directory.path().join("file")).unwrap_err();
    assert!(!file.is_not_found() && file.is_unusable_directory(), "{file}");
}

#[test]
fn a_process_without_records_leaves_no_segment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    drop(open(&path));
    assert_eq!(files(&path), [".gitignore"]);
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut store = open(&path);
    append(&mut store, [1]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let ours: Vec<_> = files(&path).into_iter().filter(|name| name.starts_with("segment-")).collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    assert!(ours.iter().all(|name| mode(&path.join(name)) == 0o600));
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_may_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let error = Store::open(Settings::new(path)).unwrap_err();
        assert!(error.is_unusable_directory());
        error.to_string()
    };
    let open_to_all = directory.path().join("open");
    fs::create_dir(&open_to_all).unwrap();
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refused(&open_to_all).contains("may be written by everybody"));
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(directory.path(), &link).unwrap();
    assert!(refused(&link).contains("is a symbolic link"));
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refused(&file).contains("is not a directory"));
    assert!(files(&open_to_all).is_empty());
}

#[test]
fn a_full_page_is_the_newest_over_all_segments() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(directory.path()), open(directory.path()));
    for number in 1..=40 {
        append(if number % 3 == 0 { &mut one } else { &mut two }, [number]);
    }
    let mut reader = Reader::open(directory.path()).unwrap();
    let found = reader.find(&Query::default(), &Find::with_limit(10)).unwrap();
    let seen: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
    assert_eq!(seen, (31..=40).rev().collect::<Vec<_>>());
}

#[test]
fn a_finished_segment_is_read_where_nothing_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    append(&mut open(directory.path()), [1]);
    let name = segments(directory.path()).pop().unwrap();
    let path = directory.path().join("odd ?#%").join(&name);
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::copy(directory.path().join(&name), &path).unwrap();
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = rusqlite::Connection::open_with_flags(super::open::immutable_uri(&path), flags).unwrap();
    let count: i64 = connection.query_row("SELECT count(*) FROM record", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    assert_eq!(files(path.parent().unwrap()), [name]);
}

/// A failed request that the application named the group of.
fn failed(number: u64, group: &str) -> Record {
    let mut record = request(number, 10);
    record.parts_mut().status = Some(500);
    let key = record.parts_mut().push_text(group, 100);
    record.parts_mut().group_key = key;
    record.parts_mut().group = crate::group::Fingerprint::of(&record).map(|fingerprint| fingerprint.id());
    record
}

#[test]
fn groups_are_bounded_and_those_that_were_resolved_stay_longest() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(directory.path());
    settings.max_bytes = Settings::MIN_MAX_BYTES;
    let mut store = Store::open(settings).unwrap();
    let mut put = |number: u64, name: &str| {
        let mut record = failed(number, name);
        record.parts_mut().start_unix_ns += number;
        store.append([&record], &resource("shop"), &Losses::default()).unwrap();
    };
    put(0, "resolved");
    let groups = Groups::open(directory.path()).unwrap();
    assert!(groups.resolve(groups.list().unwrap()[0].id(), Some("9")).unwrap());
    (1..300).for_each(|number| put(number, &format!("group {number}")));
    let titles: Vec<_> = groups.list().unwrap().iter().map(|group| group.title().to_owned()).collect();
    assert!((250..=256).contains(&titles.len()), "{}", titles.len());
    assert!(titles.contains(&"resolved".to_owned()) && titles.contains(&"group 299".to_owned()));
    assert!(!titles.contains(&"group 1".to_owned()), "the one that was seen least recently goes");
}

#[test]
fn two_processes_count_into_one_history() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(directory.path()), open(directory.path()));
    for number in 0..10 {
        one.append([&failed(number, "both")], &resource("shop"), &Losses::default()).unwrap();
        other.append([&failed(number, "both")], &resource("shop"), &Losses::default()).unwrap();
    }
    let groups = Groups::open(directory.path()).unwrap().list().unwrap();
    assert_eq!(groups.iter().map(Group::count).collect::<Vec<_>>(), [20]);
}

/// A report about the request of this number, with so many bytes of path; the last one where `report` is none.
fn report(number: u64, report: Option<u32>, bytes: usize) -> Record {
    let mut parts = request(number, bytes).into_parts();
    (parts.kind, parts.sequence, parts.report) = (Kind::Partial, 0, report);
    parts.duration_ns = u64::from(report.unwrap_or_default()) + 1;
    Record::new(parts)
}

fn write(store: &mut Store, records: &[Record]) {
    assert_eq!(store.append(records, &resource("shop"), &Losses::default()).unwrap().total(), 0);
}

/// Numbers of the requests that have no record, and of their newest reports.
fn unfinished(directory: &Path) -> Vec<(u64, u32, bool)> {
    let found = Reader::open(directory).unwrap().unfinished().unwrap();
    let mut all: Vec<_> = found
        .iter()
        .map(|it| (u64::from_be_bytes(it.record().span_id().0), it.record().report().unwrap(), it.is_running()))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn of_the_reports_about_a_request_the_newest_stays_until_its_record_comes() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    write(&mut store, &[report(1, Some(0), 10), report(2, Some(0), 10), report(1, Some(1), 10)]);
    write(&mut store, &[report(2, Some(1), 10), report(3, Some(0), 10)]);
    assert_eq!(unfinished(directory.path()), [(1, 1, true), (2, 1, true), (3, 0, true)]);
    let mut reader = Reader::open(directory.path()).unwrap();
    let mut cursor = Cursor::default();
    assert!(all(&mut reader).is_empty() && reader.poll(&Query::default(), &mut cursor).unwrap().is_empty());
    let asked = Query::parse("kind:partial").unwrap();
    assert_eq!(reader.find(&asked, &Find::default()).unwrap().len(), 3);
    // Whoever follows the store misses nothing because of rows that were taken out.
    write(&mut store, &[request(1, 10), report(3, None, 10)]);
    assert_eq!(reader.poll(&Query::default(), &mut cursor).unwrap().len(), 1);
    // Taken back in the batch in which it came.
    write(&mut store, &[report(4, Some(0), 10), report(4, None, 10), report(2, None, 10), request(2, 10)]);
    assert_eq!(reader.poll(&Query::default(), &mut cursor).unwrap().len(), 1);
    assert_eq!(unfinished(directory.path()), []);
    assert_eq!(all(&mut reader), [1, 2]);
}

#[test]
fn a_report_in_an_earlier_segment_goes_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(Settings { max_bytes: 0, ..Settings::new(directory.path()) }).unwrap();
    write(&mut store, &[report(1, Some(0), 10), report(2, Some(0), 10)]);
    let first = segments(directory.path());
    for number in 10.. {
        write(&mut store, &[request(number, 100_000)]);
        if segments(directory.path()).len() > first.len() {
            break;
        }
    }
    write(&mut store, &[report(1, Some(1), 10), request(2, 10)]);
    assert_eq!(unfinished(directory.path()), [(1, 1, true)]);
    let connection = rusqlite::Connection::open(directory.path().join(&first[0])).unwrap();
    let left: u32 = connection.query_row("SELECT count(*) FROM record WHERE kind = 'partial'", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    drop(store);
    assert_eq!(unfinished(directory.path()), [], "a store that is closed leaves nothing in flight");
}

#[test]
fn what_a_process_left_in_flight_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    write(&mut store, &[report(1, Some(0), 10), request(2, 10)]);
    let another = open(directory.path());
    assert!(another.left_behind().is_none(), "it lives");
    // As after a kill: the rows stay, the lock goes.
    let lock = files(directory.path()).into_iter().find(|name| {
        name.starts_with("instance-") && {
            let digits = name.trim_start_matches("instance-").trim_end_matches(".lock").to_owned();
            segments(directory.path())[0].contains(&digits)
        }
    });
    let lock = directory.path().join(lock.unwrap());
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "").unwrap();
    assert_eq!(unfinished(directory.path()), [(1, 0, false)]);
    let left = another.left_behind().unwrap();
    assert_eq!(left.requests().len(), 1);
    assert!(another.left_behind().is_none(), "somebody is telling it");
    drop(left);
    another.left_behind().expect("nobody has told it").told();
    assert!(another.left_behind().is_none());
    assert_eq!(unfinished(directory.path()), [(1, 0, false)], "it stays in the store");
    drop(store);
}
