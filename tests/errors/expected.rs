//! What each source is to be told as.

/// One error of `sources.rs`, by the word that all its messages begin with.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Of the failure in the store.
    pub(crate) kind: &'static str,
    /// Of the log record in OTLP.
    pub(crate) event: &'static str,
    /// The end of its type's name, where that is known.
    pub(crate) type_name: Option<&'static str>,
    /// What it and its causes say, behind the name.
    pub(crate) chain: &'static [&'static str],
    /// Whether its place is known.
    pub(crate) has_place: bool,
    /// Whether the backtrace shows the function of `sources.rs` where it arose.
    pub(crate) has_trace: bool,
}

impl Case {
    pub(crate) fn is_panic(&self) -> bool {
        self.kind == "panic"
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.chain.iter().map(|text| format!("{} {text}", self.name)).collect()
    }
}

const REQUEST: &str = "http.server.request.exception";
const OUTSIDE: &str = "exception";
/// The line of a log, which has no name.
const LOG: &str = "";
const SAVE: &[&str] = &["cannot be saved", "has no room"];
const PANIC: &[&str] = &["panicked"];

const fn case(name: &'static str, kind: &'static str, event: &'static str, chain: &'static [&'static str]) -> Case {
    Case { name, kind, event, type_name: None, chain, has_place: true, has_trace: true }
}

const fn typed(case: Case, type_name: &'static str) -> Case {
    Case { type_name: Some(type_name), ..case }
}

/// Of an error that somebody handed up to us, nobody knows where it arose.
const fn placeless(case: Case) -> Case {
    Case { has_place: false, has_trace: false, ..case }
}

const fn untraced(case: Case) -> Case {
    Case { has_trace: false, ..case }
}

pub(crate) const CASES: &[Case] = &[
    placeless(case("service", "service_error", REQUEST, SAVE)),
    typed(case("wrapper", "error", REQUEST, SAVE), "sources::Save"),
    typed(case("thiserror", "error", REQUEST, SAVE), "sources::Save"),
    case("boxed", "error", REQUEST, SAVE),
    case("anyhow", "error", REQUEST, &["is not sold", "cannot be saved", "has no room"]),
    case("eyre", "error", REQUEST, &["is not sold", "cannot be saved", "has no room"]),
    typed(
        placeless(case(
            "Missing",
            "rejection",
            REQUEST,
            &[
                "request extension: Extension of type `errors::sources::Absent` was not found. Perhaps you forgot to add it? See `axum::Extension`.",
            ],
        )),
        "MissingExtension",
    ),
    case("handler", "panic", REQUEST, PANIC),
    case("caught", "panic", REQUEST, PANIC),
    case("streaming", "panic", REQUEST, PANIC),
    placeless(case("broken", "body_error", REQUEST, SAVE)),
    case("task", "panic", REQUEST, PANIC),
    case("instrumented", "panic", REQUEST, PANIC),
    case("answered", "panic", REQUEST, PANIC),
    case("blocking", "panic", REQUEST, PANIC),
    case("resumed", "panic", REQUEST, PANIC),
    untraced(case("logged", "logged_error", LOG, SAVE)),
    untraced(case("tolerated", "logged_error", LOG, SAVE)),
    typed(case("both", "error", REQUEST, SAVE), "sources::Save"),
    typed(placeless(case("status", "rpc_status", REQUEST, &["cannot be saved: 100% full"])), "INTERNAL"),
    typed(case("behind", "error", REQUEST, SAVE), "sources::Save"),
    untraced(case("outside", "logged_error", LOG, SAVE)),
    case("thread", "panic", OUTSIDE, PANIC),
    case("late", "panic", OUTSIDE, PANIC),
    typed(case("tardy", "error", OUTSIDE, SAVE), "sources::Save"),
];
