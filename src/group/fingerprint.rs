//! The fingerprint of a record's failure.

use std::fmt::Write as _;

use super::{hash::hash, name, place, template};
use crate::percent::Decoded;
use crate::record::{Failure, FailureKind, Field, Frame, GroupId, Record, Span, Value, is_own_file, rpc_code};

/// What makes a failure belong to its group, in words.
///
/// # Example
/// ```
/// # fn of(record: &campanile::record::Record) {
/// if let Some(fingerprint) = campanile::group::Fingerprint::of(record) {
///     eprintln!("{} {}", fingerprint.id(), fingerprint.title());
///     for component in fingerprint.components() {
///         eprintln!("  {}: {}", component.label(), component.text());
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    components: Vec<Component>,
    title: String,
}

/// One part of a [`Fingerprint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    label: &'static str,
    text: String,
}

impl Component {
    /// What it is: `key`, `kind`, `type`, `message`, `cause`, `function`, `file`, `span`, `status` or `route`.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        self.label
    }

    /// The part itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Fingerprint {
    /// The version of the rules, and the first digit of every id.
    pub const VERSION: u8 = 1;
    /// Functions of the backtrace that count. Fewer would not tell the callers of a helper's helper apart; more would tell
    /// apart who called it all.
    const FUNCTIONS: usize = 3;
    /// Causes that count.
    const CAUSES: usize = 8;

    /// The fingerprint of a record that failed or has a failure on it; `None` for every other one.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        if !record.has_exception() {
            return None;
        }
        if let Some(key) = record.group_key() {
            return Some(Self { components: vec![Component { label: "key", text: key.to_owned() }], title: key.to_owned() });
        }
        let mut parts = Parts::default();
        let title = match record.failure() {
            Some(failure) => of_failure(&mut parts, record, failure),
            None => of_status(&mut parts, record),
        };
        Some(Self { components: parts.0, title })
    }

    /// The group.
    #[must_use]
    pub fn id(&self) -> GroupId {
        let texts = self.components.iter().flat_map(|component| [component.label, &component.text]);
        GroupId(u64::from(Self::VERSION) << 60 | hash(texts) >> 4)
    }

    /// The parts that it was made of, in order.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// What people call the group: the error's type without its path, and the message without its values.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
}

#[derive(Default)]
struct Parts(Vec<Component>);

impl Parts {
    /// What is empty tells nothing.
    fn push(&mut self, label: &'static str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push(Component { label, text });
        }
    }
}

fn of_failure(parts: &mut Parts, record: &Record, failure: Failure<'_>) -> String {
    let is_panic = failure.kind() == FailureKind::Panic;
    let is_bare = failure.kind() == FailureKind::Status && failure.message().is_empty();
    if is_bare {
        return of_status(parts, record);
    }
    let known = known_values(record);
    let is_known = |word: &str| word.len() >= 3 && known.iter().any(|value| value == word);
    let message = template::of(failure.message(), &is_known, is_panic);
    let type_name = failure.type_name().and_then(name::type_name);
    parts.push("kind", if is_panic { "panic" } else { "error" });
    if let Some(code) = record.rpc_status().filter(|code| *code != 0) {
        parts.push("status", rpc_code(code));
    }
    parts.push("type", type_name.as_deref().unwrap_or_default());
    parts.push("message", message.as_str());
    for cause in failure.causes().take(Fingerprint::CAUSES) {
        let type_name = cause.type_name().and_then(name::type_name);
        let message = template::of(cause.message(), &is_known, false);
        parts.push("cause", typed(type_name.as_deref(), &message));
    }
    push_place(parts, record, failure, &is_known);
    let short = type_name.as_deref().map(name::short);
    let title = typed(short.as_deref(), &message);
    let title = if is_panic { format!("panicked: {title}") } else { title };
    if title.is_empty() { failure.kind().as_str().to_owned() } else { title }
}

/// The first own functions, else where it was reported.
fn push_place(parts: &mut Parts, record: &Record, failure: Failure<'_>, is_known: &dyn Fn(&str) -> bool) {
    let mut functions: Vec<String> = Vec::new();
    // A panic hook of the application's own stands above the panic that it was called for.
    let above = failure.frames().position(is_panic_entry).map_or(0, |at| at + 1);
    let mut frames = failure.frames().skip(above);
    while let Some(frame) = frames.next() {
        let Some(function) = own(frame, frames.clone()) else { continue };
        // A future's function and its state are one, and so are the calls of a recursion.
        if functions.last() != Some(&function) {
            functions.push(function);
        }
        if functions.len() == Fingerprint::FUNCTIONS {
            break;
        }
    }
    if !functions.is_empty() {
        return functions.into_iter().for_each(|function| parts.push("function", function));
    }
    let Some(file) = failure.file() else { return };
    parts.push("file", place::file(file));
    // In the place of a line, which moves with every change above it.
    if let Some(span) = failure.span_id().and_then(|id| record.spans().find(|span| span.id() == id)) {
        parts.push("span", named(span, is_known));
    }
}

/// The name of a function of the application. Where the compiler was asked for no more than lines, one that was inlined has
/// no path: then it is named with its file, and the state of a future after what its callers say that they ran.
fn own<'a>(frame: Frame<'a>, callers: impl Iterator<Item = Frame<'a>>) -> Option<String> {
    let function = name::function(frame.function());
    if function.contains("::") {
        return Some(function).filter(|_| frame.is_own());
    }
    let file = frame.file().filter(|file| file.ends_with(".rs") && is_own_file(file))?;
    if function.is_empty() {
        let is_foreign = |frame: &Frame<'_>| !frame.file().is_some_and(is_own_file);
        let ran = callers.take(MAX_CALLERS).take_while(is_foreign).find_map(|frame| name::of_state(frame.function()));
        return Some(ran.unwrap_or_else(|| place::file(file)));
    }
    Some(format!("{function} in {}", place::file(file)))
}

/// Where a panic begins; what is above it only tells of it.
fn is_panic_entry(frame: Frame<'_>) -> bool {
    frame.function().contains("rust_begin_unwind") || frame.function().starts_with("std::panicking::begin_panic")
}

/// Name and target of a span.
fn named(span: Span<'_>, is_known: &dyn Fn(&str) -> bool) -> String {
    let mut text = template::of(span.name(), is_known, true);
    if !span.target().is_empty() {
        let _ = write!(text, " in {}", span.target());
    }
    text
}

/// Only an answer, and nothing that tells why.
fn of_status(parts: &mut Parts, record: &Record) -> String {
    let word = record.error_type().or_else(|| record.rpc_status().map(rpc_code)).unwrap_or("_OTHER");
    let route = record.rpc_method().or_else(|| record.route()).unwrap_or_default();
    let method = record.known_method().filter(|_| !record.is_rpc() && !route.is_empty()).unwrap_or_default();
    parts.push("kind", "status");
    parts.push("status", word);
    parts.push("method", method);
    parts.push("route", route);
    let place = [method, route].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if place.is_empty() { format!("answered {word}") } else { format!("answered {word} to {place}") }
}

/// Frames of others between a future of the application and whoever knows its type.
const MAX_CALLERS: usize = 6;

fn typed(type_name: Option<&str>, message: &str) -> String {
    match type_name {
        Some(name) if message.is_empty() => name.to_owned(),
        Some(name) => format!("{name}: {message}"),
        None => message.to_owned(),
    }
}

/// Texts that the request brought along or that the application set on it: wherever a message repeats one, it is a value,
/// though it may look like a word.
fn known_values(record: &Record) -> Vec<String> {
    const MAX_VALUES: usize = 64;
    let mut values: Vec<String> = Vec::new();
    if let Some(route) = record.route() {
        let is_parameter = |part: &str| part.starts_with([':', '*', '{']);
        let parameters = route.split('/').zip(record.path().split('/')).filter(|(part, _)| is_parameter(part));
        let decoded = |value: &str| String::from_utf8_lossy(&Decoded::new(value).collect::<Vec<_>>()).into_owned();
        values.extend(parameters.map(|(_, value)| decoded(value)));
    }
    let fields = record.attributes().chain(record.spans().flat_map(|span| span.fields().collect::<Vec<_>>()));
    values.extend(fields.filter_map(word));
    values.truncate(MAX_VALUES);
    values
}

/// The value of a field, where it is one word.
fn word(field: Field<'_>) -> Option<String> {
    match field.value() {
        Value::Str(text) => {
            let text = text.trim_matches('"');
            (!text.contains(char::is_whitespace) && text.len() <= 100).then(|| text.to_owned())
        }
        // Numbers are recognised anyway.
        _ => None,
    }
}
