//! Checks of a record, one behind the other.

use std::any::type_name;
use std::error::Error;

use tracing::Level;

use super::dump::dump;
use crate::escape::escape;
use crate::record::{Field, Outcome, Record, Value};

/// Checks of one record; made by [`Record::assert`].
///
/// Each looks at once, and panics with what was expected and with the whole record. They can be put one behind the other.
///
/// # Shape
/// Names, routes and statuses are compared as a whole. Messages, of events as of errors, only have to contain the text.
/// Numbers are equal by their value, whatever their type.
#[derive(Clone, Copy, Debug)]
pub struct Assert<'a> {
    record: &'a Record,
}

#[expect(clippy::return_self_not_must_use, reason = "each has looked; what the last one hands on is for nobody")]
impl<'a> Assert<'a> {
    pub(super) const fn new(record: &'a Record) -> Self {
        Self { record }
    }

    #[track_caller]
    fn check(self, holds: bool, problem: impl FnOnce() -> String) -> Self {
        assert!(holds, "{}\n{}", problem(), dump(self.record));
        self
    }

    /// The response had this status.
    #[track_caller]
    pub fn status(self, status: u16) -> Self {
        let found = self.record.status();
        let told = || found.map_or("there was no response".to_owned(), |found| format!("the status is {found}"));
        self.check(found == Some(status), || format!("{}, not {status}", told()))
    }

    /// The request came this far and ended in this way.
    #[track_caller]
    pub fn outcome(self, outcome: Outcome) -> Self {
        let found = self.record.outcome();
        self.check(found == outcome, || format!("the outcome is {found}, not {outcome}"))
    }

    /// The request's method.
    #[track_caller]
    pub fn method(self, method: &str) -> Self {
        let found = self.record.method();
        self.check(found == method, || format!("the method is {}, not {method}", escape(found)))
    }

    /// The path as it was sent.
    #[track_caller]
    pub fn path(self, path: &str) -> Self {
        let found = self.record.path();
        self.check(found == path, || format!("the path is {}, not {path}", escape(found)))
    }

    /// The template of the route that was matched.
    #[track_caller]
    pub fn route(self, route: &str) -> Self {
        let found = self.record.route();
        let told = || found.map_or("there is no route".to_owned(), |found| format!("the route is {}", escape(found)));
        self.check(found == Some(route), || format!("{}, not {route}", told()))
    }

    /// No route was matched.
    #[track_caller]
    pub fn no_route(self) -> Self {
        let found = self.record.route();
        self.check(found.is_none(), || format!("there is a route, {}", escape(found.unwrap_or_default())))
    }

    /// The application set this attribute to this value.
    #[track_caller]
    pub fn attribute<'v>(self, name: &str, value: impl Into<Value<'v>>) -> Self {
        let (found, value) = (self.record.attribute(name), value.into());
        let told = || found.map_or("is absent".to_owned(), |found| format!("is {}", quoted(found)));
        let holds = found.is_some_and(|found| is_same(found, value));
        self.check(holds, || format!("the attribute {name} {}, not {}", told(), quoted(value)))
    }

    /// The application did not set this attribute.
    #[track_caller]
    pub fn no_attribute(self, name: &str) -> Self {
        let found = self.record.attribute(name);
        let told = || found.map(quoted).unwrap_or_default();
        self.check(found.is_none(), || format!("the attribute {name} is there, {}", told()))
    }

    /// The request had this header.
    #[track_caller]
    pub fn request_header(self, name: &str, value: &str) -> Self {
        let holds = self.record.request_headers().any(|header| header.name() == name && header.value() == Some(value));
        self.check(holds, || format!("the request has no header {name}: {value}"))
    }

    /// The response had this header.
    #[track_caller]
    pub fn response_header(self, name: &str, value: &str) -> Self {
        let holds = self.record.response_headers().any(|header| header.name() == name && header.value() == Some(value));
        self.check(holds, || format!("the response has no header {name}: {value}"))
    }

    /// An event of this level, whose message contains this text, happened inside it.
    #[track_caller]
    pub fn event(self, level: Level, message: &str) -> Self {
        let holds = self.record.events().any(|event| event.level() == level && event.message().contains(message));
        self.check(holds, || format!("there is no event of level {level} with {message:?} in its message"))
    }

    /// An event whose message contains this text, and that has this field, happened inside it.
    #[track_caller]
    pub fn event_field<'v>(self, message: &str, name: &str, value: impl Into<Value<'v>>) -> Self {
        let value = value.into();
        let mut events = self.record.events().filter(|event| event.message().contains(message));
        let holds = events.any(|event| has(event.fields(), name, value));
        self.check(holds, || format!("there is no event with {message:?} in its message and {name}={}", quoted(value)))
    }

    /// No event whose message contains this text happened inside it.
    #[track_caller]
    pub fn no_event(self, message: &str) -> Self {
        let holds = !self.record.events().any(|event| event.message().contains(message));
        self.check(holds, || format!("there is an event with {message:?} in its message"))
    }

    /// A span of this name was opened inside it.
    #[track_caller]
    pub fn span(self, name: &str) -> Self {
        let holds = self.record.spans().any(|span| span.name() == name);
        self.check(holds, || format!("there is no span called {name:?}"))
    }

    /// A span of this name, with this field, was opened inside it.
    #[track_caller]
    pub fn span_field<'v>(self, span: &str, name: &str, value: impl Into<Value<'v>>) -> Self {
        let value = value.into();
        let holds = self.record.spans().any(|found| found.name() == span && has(found.fields(), name, value));
        self.check(holds, || format!("there is no span called {span:?} with {name}={}", quoted(value)))
    }

    /// Nothing went wrong: no error and no panic was recorded, and the request does not count as failed.
    #[track_caller]
    pub fn no_errors(self) -> Self {
        self.check(self.record.failures().len() == 0, || "there are errors".to_owned());
        let found = self.record.error_type();
        self.check(found.is_none(), || format!("the request failed: {}", escape(found.unwrap_or_default())))
    }

    /// An error of this type was recorded, or one that it caused. The types behind a `dyn Error` are often not known.
    #[track_caller]
    pub fn error<E: Error>(self) -> Self {
        self.error_type(type_name::<E>())
    }

    /// [`error`](Self::error) by the full name of the type, for one that cannot be named here.
    #[track_caller]
    pub fn error_type(self, name: &str) -> Self {
        let holds = self
            .record
            .failures()
            .any(|failure| failure.type_name() == Some(name) || failure.causes().any(|cause| cause.type_name() == Some(name)));
        self.check(holds, || format!("there is no error of the type {name}"))
    }

    /// An error, a cause of one or a panic was recorded whose message contains this text.
    #[track_caller]
    pub fn error_message(self, text: &str) -> Self {
        let holds = self
            .record
            .failures()
            .any(|failure| failure.message().contains(text) || failure.causes().any(|cause| cause.message().contains(text)));
        self.check(holds, || format!("there is no error with {text:?} in its message"))
    }

    /// The text stands nowhere in what was recorded: a secret was taken out.
    #[track_caller]
    pub fn hides(self, secret: &str) -> Self {
        let escaped = escape(secret).to_string();
        let holds = secret.is_empty() || !dump(self.record).contains(&escaped);
        self.check(holds, || format!("{escaped:?} is in the record"))
    }

    /// Something else holds; `claim` says what.
    #[track_caller]
    pub fn that(self, claim: &str, holds: impl FnOnce(&Record) -> bool) -> Self {
        let holds = holds(self.record);
        self.check(holds, || format!("it does not hold that {claim}"))
    }
}

fn has<'a>(mut fields: impl Iterator<Item = Field<'a>>, name: &str, value: Value<'_>) -> bool {
    fields.any(|field| field.name() == name && is_same(field.value(), value))
}

/// Whether they are the same text, truth or number.
fn is_same(found: Value<'_>, wanted: Value<'_>) -> bool {
    match (found, wanted) {
        (Value::I64(signed), Value::U64(unsigned)) | (Value::U64(unsigned), Value::I64(signed)) => {
            u64::try_from(signed) == Ok(unsigned)
        }
        #[expect(clippy::cast_precision_loss, reason = "a number that a test writes down is far below 2^53")]
        (Value::F64(float), Value::I64(whole)) | (Value::I64(whole), Value::F64(float)) => float == whole as f64,
        #[expect(clippy::cast_precision_loss, reason = "a number that a test writes down is far below 2^53")]
        (Value::F64(float), Value::U64(whole)) | (Value::U64(whole), Value::F64(float)) => float == whole as f64,
        (found, wanted) => found == wanted,
    }
}

/// The value, texts in quotes, so that `"1"` and `1` can be told apart.
fn quoted(value: Value<'_>) -> String {
    match value {
        Value::Str(text) => format!("\"{}\"", escape(text)),
        value => value.to_string(),
    }
}
