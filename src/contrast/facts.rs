//! What of a record is compared: names and values.

use std::borrow::Cow;

use super::Stage;
use super::agent::product;
use super::odds::as_float;
use crate::group::template;
use crate::record::{Field, Header, Record, Resource, Value, rpc_code};

/// One thing that holds of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact<'a> {
    pub(super) stage: Stage,
    pub(super) name: Cow<'a, str>,
    pub(super) what: What<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What<'a> {
    /// The value of something that has one: that it is absent says something too.
    Is(Cow<'a, str>),
    /// One of any number.
    Has(Cow<'a, str>),
    /// One of any number that only records with their detail tell.
    HasInDetail(Cow<'a, str>),
    Number(f64),
}

/// Everything that holds of the record.
pub(super) fn of<'a>(record: &'a Record, resource: &'a Resource) -> Vec<Fact<'a>> {
    let mut facts = Facts { stage: Stage::Arrival, facts: Vec::with_capacity(64) };
    facts.arrival(record, resource);
    facts.stage = Stage::Course;
    facts.course(record);
    facts.facts
}

/// Where the request went, for whoever has no route.
pub(super) fn place(record: &Record) -> &str {
    record.route().or_else(|| record.rpc_method()).unwrap_or_default()
}

struct Facts<'a> {
    stage: Stage,
    facts: Vec<Fact<'a>>,
}

impl<'a> Facts<'a> {
    fn push(&mut self, name: impl Into<Cow<'a, str>>, what: What<'a>) {
        self.facts.push(Fact { stage: self.stage, name: name.into(), what });
    }

    fn is(&mut self, name: impl Into<Cow<'a, str>>, value: Option<impl Into<Cow<'a, str>>>) {
        if let Some(value) = value {
            self.push(name, What::Is(value.into()));
        }
    }

    fn number(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number {
            self.push(name, What::Number(number));
        }
    }

    /// What was known when the request came, and what the application said of it.
    fn arrival(&mut self, record: &'a Record, resource: &'a Resource) {
        self.is("http.route", Some(place(record)).filter(|place| !place.is_empty()));
        self.is("http.request.method", record.known_method());
        self.is("url.scheme", Some(record.scheme()).filter(|scheme| !scheme.is_empty()));
        self.is("network.protocol.version", Some(record.protocol_version()).filter(|version| !version.is_empty()));
        self.is("server.address", record.host());
        self.is("client.address", record.client_address().map(|address| address.to_string()));
        self.is("user_agent", record.user_agent().map(product));
        self.is("campanile.probe", record.probe());
        self.parameters(record);
        for key in record.query().into_iter().flat_map(|query| query.split('&')) {
            let key = key.split('=').next().unwrap_or_default();
            if !key.is_empty() {
                self.push("url.query key", What::Has(key.into()));
            }
        }
        self.headers("http.request.header.", record.request_headers());
        record.attributes().for_each(|field| self.field(field));
        for (name, value) in resource.attributes() {
            // The process and the library say nothing that an instance does not say.
            if !name.starts_with("process.") && !name.starts_with("telemetry.") {
                self.is(name, Some(value));
            }
        }
        self.number("http.request.body.size", record.request_body_bytes().map(as_float));
        self.number("campanile.in_flight", record.in_flight().map(f64::from));
        self.number("campanile.in_flight_on_route", record.in_flight_on_route().map(f64::from));
    }

    /// What happened then.
    fn course(&mut self, record: &'a Record) {
        self.is("http.response.status_code", record.status().map(|status| status.to_string()));
        self.is("rpc.response.status_code", record.rpc_status().map(rpc_code));
        self.is("campanile.outcome", Some(record.outcome().as_str()));
        self.is("error.type", record.error_type());
        self.is("campanile.error.class", record.error_class().map(|class| class.as_str()));
        self.is("campanile.group", record.group().map(|group| group.to_string()));
        for failure in record.failures() {
            self.push("error.message", What::Has(template(failure.message()).into()));
        }
        self.headers("http.response.header.", record.response_headers());
        self.number("http.server.request.duration", Some(as_float(record.duration_ns())));
        self.number("campanile.time_to_first_byte", record.time_to_first_byte_ns().map(as_float));
        self.number("http.response.body.size", Some(as_float(record.response_body_bytes())));
        if record.kept().is_some() {
            record.spans().for_each(|span| self.push("span", What::HasInDetail(span.name().into())));
            for event in record.events() {
                let text = format!("{} {}", event.level(), template(event.message()));
                self.push("event", What::HasInDetail(text.into()));
            }
        }
    }

    /// What stands in the path in the places of the route's parameters.
    fn parameters(&mut self, record: &'a Record) {
        let Some(route) = record.route() else { return };
        for (template, segment) in route.split('/').zip(record.path().split('/')) {
            let name = template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).or_else(|| template.strip_prefix(':'));
            if let Some(name) = name.filter(|name| !name.is_empty() && !name.starts_with('*')) {
                self.is(format!("url.path {{{name}}}"), Some(segment));
            }
        }
    }

    fn headers(&mut self, prefix: &str, headers: impl Iterator<Item = Header<'a>>) {
        for header in headers {
            // Ids and times are different each time, and say nothing.
            if !UNIQUE.contains(&header.name()) {
                let value = header.value().map_or(Cow::Borrowed("(withheld)"), Cow::Borrowed);
                self.is(format!("{prefix}{}", header.name()), Some(value));
            }
        }
    }

    fn field(&mut self, field: Field<'a>) {
        #[expect(clippy::cast_precision_loss, reason = "a difference between larger numbers is not in their last digits")]
        let number = match field.value() {
            Value::I64(number) => Some(number as f64),
            Value::U64(number) => Some(number as f64),
            Value::F64(number) => Some(number),
            Value::Bool(_) | Value::Str(_) => None,
        };
        if let Some(number) = number {
            self.push(field.name(), What::Number(number));
        }
        let text = match field.value() {
            Value::Str(text) => Cow::Borrowed(text),
            value => Cow::Owned(value.to_string()),
        };
        self.push(field.name(), What::Is(text));
    }
}

/// Headers that nobody compares: each request has its own, or they are told elsewhere.
const UNIQUE: [&str; 8] =
    ["x-request-id", "traceparent", "tracestate", "date", "content-length", "host", "user-agent", "server-timing"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parts::{HeaderSlot, Look, Parts, Side, Slot, Text};

    #[test]
    fn a_record_tells_its_facts() {
        let mut parts = Box::new(Parts::default());
        parts.route = Some(Text::Static("/orders/{id}/:part"));
        parts.path = Text::Static("/orders/981/lines");
        parts.query = Some(Text::Static("debug=1&debug=2&x"));
        parts.user_agent = Some(Text::Static("curl/8.4.0"));
        parts.set_attribute(Text::Static("order.lines"), Slot::I64(3));
        let (name, value) = (Text::Static("accept-language"), Some(Text::Static("de")));
        parts.headers.push(HeaderSlot { side: Side::Request, look: Look::Name, name, value, len: 2 });
        let name = Text::Static("authorization");
        parts.headers.push(HeaderSlot { side: Side::Request, look: Look::Name, name, value: None, len: 2 });
        let record = Record::new(parts);
        let mut resource = Resource::default();
        resource.set("service.version", "1.4.2");
        resource.set("process.pid", "17");
        let facts: Vec<_> = of(&record, &resource)
            .into_iter()
            .filter(|fact| fact.stage == Stage::Arrival)
            .map(|fact| match fact.what {
                What::Is(value) | What::Has(value) | What::HasInDetail(value) => format!("{}={value}", fact.name),
                What::Number(number) => format!("{}~{number}", fact.name),
            })
            .collect();
        for expected in [
            "http.route=/orders/{id}/:part",
            "url.path {id}=981",
            "url.path {part}=lines",
            "url.query key=debug",
            "url.query key=x",
            "user_agent=curl/8",
            "http.request.header.accept-language=de",
            "http.request.header.authorization=(withheld)",
            "order.lines~3",
            "order.lines=3",
            "service.version=1.4.2",
        ] {
            assert!(facts.iter().any(|fact| fact == expected), "{expected} in {facts:?}");
        }
        assert!(!facts.iter().any(|fact| fact.starts_with("process.")), "{facts:?}");
    }
}
