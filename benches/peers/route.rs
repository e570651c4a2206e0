//! What is asked for, and what it leaves behind.

use http::{Method, StatusCode};

/// A route of [`app`](crate::app).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A static text.
    Hello,
    /// A path parameter, a JSON reply, one child span, one info and one debug event.
    Users,
    /// 1 KiB of JSON, read and sent back.
    Echo,
    /// The handler's error, with a chain of three sources; answered with 500.
    Fails,
}

impl Route {
    /// All of them; the one that most figures are about first.
    pub const ALL: [Self; 4] = [Self::Users, Self::Hello, Self::Echo, Self::Fails];

    /// The route of a name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.name() == name)
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Users => "users",
            Self::Echo => "echo",
            Self::Fails => "fails",
        }
    }

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Hello => "/hello",
            Self::Users => "/users/4711",
            Self::Echo => "/echo",
            Self::Fails => "/fails",
        }
    }

    /// How it is asked for.
    pub const fn method(self) -> Method {
        if matches!(self, Self::Echo) { Method::POST } else { Method::GET }
    }

    /// What is sent: of JSON, unless it is empty.
    pub const fn body(self) -> &'static [u8] {
        if matches!(self, Self::Echo) { include_bytes!("order.json").trim_ascii_end() } else { &[] }
    }

    /// What it answers.
    pub const fn status(self) -> StatusCode {
        if matches!(self, Self::Fails) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    }

    /// Spans that the handler makes.
    pub const fn children(self) -> u64 {
        matches!(self, Self::Users) as u64
    }

    /// Events of the handler at INFO and DEBUG, one each.
    pub const fn events(self) -> u64 {
        2 * matches!(self, Self::Users) as u64
    }

    /// Errors of the handler.
    pub const fn errors(self) -> u64 {
        matches!(self, Self::Fails) as u64
    }
}

/// What one request, or many, left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Lines or records at a local end.
    pub written: u64,
    /// Spans at the sink.
    pub spans: u64,
    /// Log records and errors at the sink.
    pub logs: u64,
    /// Requests that metrics know of.
    pub measured: u64,
}

impl Delivered {
    /// That of so many requests.
    #[must_use]
    pub const fn times(self, requests: u64) -> Self {
        let Self { written, spans, logs, measured } = self;
        Self { written: written * requests, spans: spans * requests, logs: logs * requests, measured: measured * requests }
    }

    /// All of them.
    pub const fn total(self) -> u64 {
        self.written + self.spans + self.logs + self.measured
    }
}
