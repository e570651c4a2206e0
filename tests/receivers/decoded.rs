//! What a receiver decoded, in one form for all receivers.

use std::collections::BTreeMap;

use serde_json::Value;

/// Everything that arrived, or that should have.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// By span id.
    pub(crate) spans: BTreeMap<String, Span>,
    /// In order, so that two lists can be compared; log records have no id.
    pub(crate) logs: Vec<Log>,
    /// Distinct pairs of resource and scope.
    pub(crate) origins: Vec<Origin>,
}

/// Who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) resource: Attributes,
    pub(crate) scope: (String, String),
    pub(crate) schema_urls: Vec<String>,
}

/// Values as `type:text`; of an outline, the type alone.
pub(crate) type Attributes = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) trace_state: String,
    pub(crate) flags: u64,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) status: String,
    pub(crate) status_message: String,
    pub(crate) attributes: Attributes,
    pub(crate) dropped_attributes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Log {
    pub(crate) time: u64,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) flags: u64,
    pub(crate) observed: u64,
    pub(crate) severity: String,
    pub(crate) severity_text: String,
    pub(crate) event_name: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) dropped_attributes: u64,
}

impl Arrived {
    pub(crate) fn add_span(&mut self, id: String, span: Span) {
        let earlier = self.spans.insert(id.clone(), span);
        assert!(earlier.is_none(), "span {id} came twice: {earlier:?}");
    }

    fn add_origin(&mut self, origin: Origin) {
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }

    /// Compares span by span and log by log, and shows the first that differ.
    pub(crate) fn assert_is(&self, expected: &Self) {
        for (id, span) in &expected.spans {
            let Some(arrived) = self.spans.get(id) else { panic!("span {id} did not arrive: {span:#?}") };
            assert!(arrived == span, "span {id} is different: {}", difference(arrived, span));
        }
        let unexpected = self.spans.iter().find(|(id, _)| !expected.spans.contains_key(*id));
        assert!(unexpected.is_none(), "a span of nothing that happened: {unexpected:#?}");
        for (arrived, log) in self.logs.iter().zip(&expected.logs) {
            assert!(arrived == log, "a log record is different: {}", difference(arrived, log));
        }
        assert_eq!(self.logs.len(), expected.logs.len(), "log records");
        if !expected.origins.is_empty() {
            assert_eq!(self.origins, expected.origins, "resource and scope, the same in every payload");
        }
    }

    /// Only what a collector's debug output tells.
    pub(crate) fn outline(self) -> Self {
        let types = |attributes: Attributes| -> Attributes {
            let type_of = |value: String| value.split(':').next().unwrap_or_default().to_owned();
            attributes.into_iter().map(|(key, value)| (key, type_of(value))).collect()
        };
        let span = |span: Span| Span {
            attributes: types(span.attributes),
            trace_state: String::new(),
            flags: 0,
            dropped_attributes: 0,
            ..span
        };
        let log = |log: Log| Log {
            attributes: types(log.attributes),
            body: log.body.lines().next().unwrap_or_default().to_owned(),
            dropped_attributes: 0,
            ..log
        };
        let mut logs: Vec<Log> = self.logs.into_iter().map(log).collect();
        logs.sort();
        Self { spans: self.spans.into_iter().map(|(id, one)| (id, span(one))).collect(), logs, origins: Vec::new() }
    }
}

/// The lines of two values that differ.
fn difference(arrived: &impl std::fmt::Debug, expected: &impl std::fmt::Debug) -> String {
    let (arrived, expected) = (format!("{arrived:#?}"), format!("{expected:#?}"));
    let lines = |text: &str, other: &str| -> Vec<String> {
        text.lines().filter(|line| !other.lines().any(|one| one == *line)).map(|line| line.trim().to_owned()).collect()
    };
    let (only_arrived, only_expected) = (lines(&arrived, &expected), lines(&expected, &arrived));
    format!("arrived {only_arrived:#?}\nexpected {only_expected:#?}\nin {expected}")
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// JSON writes 64 bits as text, fewer as a number.
pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// No key twice.
fn unique(pairs: impl Iterator<Item = (String, String)>) -> Attributes {
    let mut attributes = Attributes::new();
    for (key, value) in pairs {
        let earlier = attributes.insert(key.clone(), value);
        assert!(earlier.is_none(), "the attribute {key} comes twice");
    }
    attributes
}

/// The sink's form, see `sink.py`.
impl Arrived {
    pub(crate) fn of_sink(dump: &Value) -> Self {
        let mut arrived = Self::default();
        for span in list(&dump["spans"]) {
            assert_eq!((&span["events"], &span["links"]), (&Value::from(0), &Value::from(0)), "events are log records");
            let one = Span {
                trace_id: text(&span["trace_id"]),
                parent_span_id: text(&span["parent_span_id"]),
                trace_state: text(&span["trace_state"]),
                flags: number(&span["flags"]),
                name: text(&span["name"]),
                kind: text(&span["kind"]).replace("SPAN_KIND_", ""),
                start: number(&span["start"]),
                end: number(&span["end"]),
                status: text(&span["status"]).replace("STATUS_CODE_", ""),
                status_message: text(&span["status_message"]),
                attributes: sink_attributes(&span["attributes"]),
                dropped_attributes: number(&span["dropped_attributes"]),
            };
            arrived.add_span(text(&span["span_id"]), one);
            arrived.add_origin(sink_origin(&span["origin"]));
        }
        for log in list(&dump["logs"]) {
            arrived.logs.push(Log {
                time: number(&log["time"]),
                trace_id: text(&log["trace_id"]),
                span_id: text(&log["span_id"]),
                flags: number(&log["flags"]),
                observed: number(&log["observed"]),
                severity: text(&log["severity"]).replace("SEVERITY_NUMBER_", ""),
                severity_text: text(&log["severity_text"]),
                event_name: text(&log["event_name"]),
                body: text(&log["body"][1]),
                attributes: sink_attributes(&log["attributes"]),
                dropped_attributes: number(&log["dropped_attributes"]),
            });
            arrived.add_origin(sink_origin(&log["origin"]));
        }
        for point in list(&dump["metrics"]) {
            arrived.add_origin(sink_origin(&point["origin"]));
        }
        arrived.logs.sort();
        arrived
    }
}

fn sink_origin(origin: &Value) -> Origin {
    Origin {
        resource: sink_attributes(&origin["resource"]),
        scope: (text(&origin["scope"][0]), text(&origin["scope"][1])),
        schema_urls: list(&origin["schema_urls"]).map(text).collect(),
    }
}

pub(crate) fn sink_attributes(pairs: &Value) -> Attributes {
    unique(list(pairs).map(|pair| (text(&pair[0]), sink_value(&pair[1], &pair[2]))))
}

fn sink_value(kind: &Value, value: &Value) -> String {
    match kind.as_str().unwrap_or_default() {
        "string" => format!("string:{}", text(value)),
        "array" => format!("array:{:?}", list(value).map(|one| sink_value(&one[0], &one[1])).collect::<Vec<_>>()),
        kind => format!("{kind}:{value}"),
    }
}

/// The test agent's form: protobuf's own JSON with the names of the fields, and ids in base64.
impl Arrived {
    pub(crate) fn of_test_agent(traces: &Value, logs: &Value) -> Self {
        let mut arrived = Self::default();
        for outer in list(traces).flat_map(|payload| list(&payload["resource_spans"])) {
            for inner in list(&outer["scope_spans"]) {
                arrived.add_origin(agent_origin(outer, inner));
                for span in list(&inner["spans"]) {
                    assert!(span["events"].is_null() && span["links"].is_null(), "events are log records");
                    let one = Span {
                        trace_id: hex(&span["trace_id"]),
                        parent_span_id: hex(&span["parent_span_id"]),
                        trace_state: text(&span["trace_state"]),
                        flags: number(&span["flags"]),
                        name: text(&span["name"]),
                        kind: text(&span["kind"]).replace("SPAN_KIND_", ""),
                        start: number(&span["start_time_unix_nano"]),
                        end: number(&span["end_time_unix_nano"]),
                        status: span["status"]["code"].as_str().unwrap_or("UNSET").replace("STATUS_CODE_", ""),
                        status_message: text(&span["status"]["message"]),
                        attributes: agent_attributes(&span["attributes"]),
                        dropped_attributes: number(&span["dropped_attributes_count"]),
                    };
                    arrived.add_span(hex(&span["span_id"]), one);
                }
            }
        }
        for outer in list(logs).flat_map(|payload| list(&payload["resource_logs"])) {
            for inner in list(&outer["scope_logs"]) {
                arrived.add_origin(agent_origin(outer, inner));
                for log in list(&inner["log_records"]) {
                    arrived.logs.push(Log {
                        time: number(&log["time_unix_nano"]),
                        trace_id: hex(&log["trace_id"]),
                        span_id: hex(&log["span_id"]),
                        flags: number(&log["flags"]),
                        observed: number(&log["observed_time_unix_nano"]),
                        severity: text(&log["severity_number"]).replace("SEVERITY_NUMBER_", ""),
                        severity_text: text(&log["severity_text"]),
                        event_name: text(&log["event_name"]),
                        body: text(&log["body"]["string_value"]),
                        attributes: agent_attributes(&log["attributes"]),
                        dropped_attributes: number(&log["dropped_attributes_count"]),
                    });
                }
            }
        }
        arrived.logs.sort();
        arrived
    }
}

fn agent_origin(outer: &Value, inner: &Value) -> Origin {
    Origin {
        resource: agent_attributes(&outer["resource"]["attributes"]),
        scope: (text(&inner["scope"]["name"]), text(&inner["scope"]["version"])),
        schema_urls: vec![text(&outer["schema_url"]), text(&inner["schema_url"])],
    }
}

pub(crate) fn agent_attributes(pairs: &Value) -> Attributes {
    unique(list(pairs).map(|pair| (text(&pair["key"]), agent_value(&pair["value"]))))
}

fn agent_value(value: &Value) -> String {
    let Some((kind, value)) = value.as_object().and_then(|object| object.iter().next()) else { return "none:".to_owned() };
    match kind.as_str() {
        "string_value" => format!("string:{}", text(value)),
        // 64 bits, so they come as text.
        "int_value" => format!("int:{}", text(value)),
        "array_value" => format!("array:{:?}", list(&value["values"]).map(agent_value).collect::<Vec<_>>()),
        kind => format!("{}:{value}", kind.trim_end_matches("_value")),
    }
}

fn hex(base64: &Value) -> String {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut bits, mut count, mut out) = (0_u32, 0, String::new());
    for byte in text(base64).bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::from(digit(byte));
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push_str(&format!("{:02x}", bits >> count & 0xff));
        }
    }
    out
}

/// Rotel's form: a line for each field. Only an outline is read, as a text may go over several lines.
impl Arrived {
    pub(crate) fn of_rotel(output: &str) -> Self {
        let mut arrived = Self::default();
        let mut item = Item::default();
        for line in output.lines() {
            if line.starts_with("Span #") || line.starts_with("LogRecord #") || line.starts_with("Resource") {
                std::mem::take(&mut item).finish(&mut arrived);
                item.kind = line.split(' ').next().unwrap_or_default().to_owned();
                continue;
            }
            if let Some((key, value)) = line.strip_prefix("     -> ").and_then(|pair| pair.split_once(": ")) {
                item.attributes.push((key.to_owned(), rotel_type(value)));
            } else if let Some((name, value)) = line.split_once(':') {
                // The first: text that looks like a field comes after it.
                item.fields.entry(name.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
            }
        }
        item.finish(&mut arrived);
        arrived.logs.sort();
        arrived
    }
}

/// What is read of one item so far. An item that is not written to its end is finished by the next look.
#[derive(Default)]
struct Item {
    kind: String,
    fields: BTreeMap<String, String>,
    attributes: Vec<(String, String)>,
}

impl Item {
    fn finish(mut self, arrived: &mut Arrived) {
        let mut take = |name: &str| self.fields.remove(name).unwrap_or_default();
        match self.kind.as_str() {
            "Span" => {
                let span = Span {
                    trace_id: take("Trace ID"),
                    parent_span_id: take("Parent ID"),
                    name: take("Name"),
                    kind: take("Kind").replace("SPAN_KIND_", ""),
                    start: take("Start time").parse().unwrap_or_default(),
                    end: take("End time").parse().unwrap_or_default(),
                    status: take("Status code").replace("STATUS_CODE_", ""),
                    status_message: take("Status message"),
                    attributes: unique(self.attributes.into_iter()),
                    ..Span::default()
                };
                let id = self.fields.remove("ID").unwrap_or_default();
                arrived
                    .add_span(id, Span { status: if span.status.is_empty() { "UNSET".to_owned() } else { span.status }, ..span });
            }
            "LogRecord" => {
                let severity = take("SeverityNumber").replace("SEVERITY_NUMBER_", "");
                let body = take("Body");
                let log = Log {
                    time: take("Timestamp").parse().unwrap_or_default(),
                    observed: take("ObservedTimestamp").parse().unwrap_or_default(),
                    trace_id: take("Trace ID"),
                    span_id: take("Span ID"),
                    flags: take("Flags").parse().unwrap_or_default(),
                    severity: severity.split('(').next().unwrap_or_default().to_owned(),
                    severity_text: take("SeverityText"),
                    event_name: take("EventName"),
                    body: body
                        .strip_prefix("Str(")
                        .map(|text| text.strip_suffix(')').unwrap_or(text))
                        .unwrap_or_default()
                        .to_owned(),
                    attributes: unique(self.attributes.into_iter()),
                    dropped_attributes: 0,
                };
                arrived.logs.push(log);
            }
            _ => {}
        }
    }
}

fn rotel_type(value: &str) -> String {
    match value.split('(').next().unwrap_or_default() {
        "Str" => "string".to_owned(),
        "Slice" => "array".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}
