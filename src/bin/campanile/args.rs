//! The command line and its help.

use std::fmt::Write as _;
use std::path::PathBuf;
#[cfg(unix)]
use std::time::Duration;

use campanile::exporter::escape;
use campanile::query::{self, Query};
use campanile::store::GroupState;
use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Reads the requests that an application with campanile has stored.
#[derive(Debug, Parser)]
#[command(name = "campanile", version, arg_required_else_help = true, after_help = exit_codes())]
pub(crate) struct Args {
    /// The store's directory [default: CAMPANILE_STORE, else .campanile here or above]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Whether there are colours: auto has them on a terminal, unless NO_COLOR is set, and elsewhere with CLICOLOR_FORCE
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = When::Auto, hide_possible_values = true)]
    pub(crate) color: When,
    /// Writes straight to the terminal; else what is more than a screen is shown by $PAGER, or less
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Auto, always or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl Command {
    /// Whether it prints what is read from the top, and not for a program, a file or as things happen.
    pub(crate) const fn is_paged(&self) -> bool {
        matches!(
            self,
            Self::Show(_)
                | Self::Search(_)
                | Self::Errors(_)
                | Self::Why(_)
                | Self::Routes(_)
                | Self::Stats(_)
                | Self::Ps(_)
                | Self::Diff(_)
                | Self::Config(_)
        )
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows requests as they end, also across restarts of the application
    Tail(Tail),
    /// Shows everything about one request: timeline, events, headers, errors
    Show(Show),
    /// Finds requests, the newest last
    Search(Search),
    /// Lists what fails: groups of errors with one cause, how often, for how many users, since when
    Errors(Errors),
    /// Explains a group of errors: what makes it one, its history, requests to look at
    Why(Why),
    /// Lists the routes: how many requests, how many failed, how long they took
    Routes(Routes),
    /// Sums up what matches: outcomes, statuses, latency, the course over time
    Stats(Stats),
    /// Prints the curl command that sends a request again
    Curl(Curl),
    /// Sends a request again and tells what changed in the answer
    Replay(Replay),
    /// Prints a request as an HTTP archive (HAR), which browsers and other tools open
    Har(Har),
    /// Writes what matches as JSON lines, CSV or an HTTP archive
    Export(Export),
    /// Reads files of requests into a store: OTLP JSON lines, HTTP archives of browsers, shares
    Import(Import),
    /// Lists the requests in flight, the oldest first, and those whose process died
    Ps(Ps),
    /// Takes what matches out of the store for good: afterwards no file of it holds its bytes
    Purge(Purge),
    /// Tells what is different about the requests that match, beside others of the same routes
    Diff(Diff),
    /// Shows the store in a browser, until it is ended
    Ui(Ui),
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints what a shell needs to complete commands and options
    #[command(after_help = completions_help())]
    Completions {
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    #[command(hide = true)]
    Complete(Complete),
    /// Answers coding assistants: a server of the Model Context Protocol on standard input and output
    #[cfg(feature = "mcp")]
    #[command(after_help = mcp_help())]
    Mcp,
    /// Asks a running process for more detail, for a limited time
    #[cfg(unix)]
    #[command(subcommand)]
    Control(ControlCommand),
    /// Makes a signed token; requests that carry it are captured in full
    #[cfg(unix)]
    Token(TokenArgs),
}

/// What a shell asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Complete {
    #[arg(value_enum)]
    pub(crate) shell: CompleteShell,
    /// The line up to the cursor
    #[arg(allow_hyphen_values = true)]
    pub(crate) line: String,
    /// Characters at which the shell ends a word that it replaces
    #[arg(allow_hyphen_values = true)]
    pub(crate) breaks: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum CompleteShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting, what it is and where that comes from; secrets are withheld
    #[command(after_help = config_help())]
    Show {
        #[command(flatten)]
        common: Common,
    },
}

#[cfg(unix)]
#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Shows the processes that can be asked, and what stands
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Asks for the whole detail of some requests
    Ask(AskArgs),
    /// Ends an ask before its time
    Revoke {
        /// The number of the ask
        #[arg(value_name = "NUMBER")]
        id: u64,
        #[command(flatten)]
        which: Which,
    },
    /// Refuses a debug token from now on
    RevokeToken {
        /// The id of the token, 16 digits
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        which: Which,
    },
}

/// Which of the running processes is meant.
#[cfg(unix)]
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// The process of this number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pid: Option<u32>,
    /// The process whose instance begins so, as `list --json` shows it
    #[arg(long, value_name = "START")]
    pub(crate) instance: Option<String>,
    /// All that run
    #[arg(long)]
    pub(crate) all: bool,
}

#[cfg(unix)]
#[derive(Debug, clap::Args)]
#[command(after_help = ask_help())]
#[command(group = clap::ArgGroup::new("scope").required(true).args(["route", "user", "attribute", "query"]))]
pub(crate) struct AskArgs {
    /// Requests of this route, as /orders/{id}; a * at the end stands for anything
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) route: Option<String>,
    /// Requests of this user, by the attribute user.id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Requests with this attribute
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) attribute: Option<(String, String)>,
    /// Requests that match
    #[arg(long, value_name = "QUERY")]
    pub(crate) query: Option<String>,
    /// Captures down to this level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<tracing::Level>,
    /// Captures bodies, both ways
    #[arg(long)]
    pub(crate) bodies: bool,
    /// Only this share of them, from 0 to 1
    #[arg(long, value_name = "SHARE")]
    pub(crate) sample: Option<f64>,
    /// For how long, at most 24h
    #[arg(long = "for", value_name = "TIME", default_value = "15m", value_parser = time)]
    pub(crate) lasting: Duration,
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[cfg(unix)]
#[derive(Debug, clap::Args)]
#[command(after_help = token_help())]
pub(crate) struct TokenArgs {
    /// The service that takes it [default: that of the running process]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Only for requests of this user, by the attribute user.id
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Captures down to this level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<tracing::Level>,
    /// Captures bodies, both ways
    #[arg(long)]
    pub(crate) bodies: bool,
    /// For how long, at most 24h
    #[arg(long = "for", value_name = "TIME", default_value = "15m", value_parser = time)]
    pub(crate) lasting: Duration,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A time with its unit: 30s, 15m, 2h, 1d.
#[cfg(unix)]
fn time(text: &str) -> Result<Duration, String> {
    let seconds = counted(text).and_then(|(count, unit)| count.checked_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "a time has a unit, as 30s, 15m or 2h, and is at most 24h".to_owned())
}

/// The number in front of a unit of time, and the seconds of that unit.
fn counted(text: &str) -> Option<(u64, u64)> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let (number, unit) = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))?;
    Some((number.parse().ok()?, unit))
}

#[cfg(unix)]
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write it as name=value".to_owned())
}

#[derive(Debug, clap::Args)]
#[command(after_help = tail_help())]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) matching: Matching,
    /// How many of the stored matches to begin with
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) lines: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = show_help())]
pub(crate) struct Show {
    /// The short id, request id or trace id, or its first 4 characters at least
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = search_help())]
pub(crate) struct Search {
    /// What to look for
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// How many to show; the newest stay
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 50)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = routes_help())]
pub(crate) struct Routes {
    #[command(flatten)]
    pub(crate) matching: Matching,
    /// What comes first: the route with the most requests, the most failures, the highest 95th percentile, or by name
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = RoutesSort::Requests)]
    pub(crate) sort: RoutesSort,
    /// How many to show
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 50)]
    pub(crate) limit: usize,
    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) seconds: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum RoutesSort {
    Requests,
    Failed,
    P95,
    Route,
}

#[derive(Debug, clap::Args)]
#[command(after_help = stats_help())]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) matching: Matching,
    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) seconds: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = curl_help())]
pub(crate) struct Curl {
    /// The short id, request id or trace id, or its first 4 characters at least
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Where to send it in place of the host that was asked, such as http://localhost:3000
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How it is written: the command of curl, that of HTTPie, or a test in Rust for an axum application
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = CurlAs::Curl)]
    pub(crate) written: CurlAs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum CurlAs {
    Curl,
    Httpie,
    Rust,
}

#[derive(Debug, clap::Args)]
#[command(after_help = replay_help())]
pub(crate) struct Replay {
    /// The short id, request id or trace id, or its first 4 characters at least
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Where to send it in place of the host that was asked, such as http://localhost:3000
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A header to send, in place of those of this name; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) seconds: u64,
    /// Sends what may change something on another machine without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = har_help())]
pub(crate) struct Har {
    /// The short id, request id or trace id, or its first 4 characters at least
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, clap::Args)]
#[command(after_help = export_help())]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) matching: Matching,
    /// What it is written as: all of each record as a line of JSON, a table, an HTTP archive, OTLP, or all of it in a zip
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Json)]
    pub(crate) format: ExportFormat,
    /// A file to write to, which only you may read [default: the standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replaces the file where there is one
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Csv,
    Har,
    /// OpenTelemetry's protocol as JSON lines
    Otlp,
    /// A share: OTLP, HAR and pages to read
    Zip,
}

#[derive(Debug, clap::Args)]
#[command(after_help = import_help())]
pub(crate) struct Import {
    /// The files to read; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = purge_help())]
pub(crate) struct Purge {
    /// What is to go
    #[arg(value_name = "QUERY", required_unless_present_any = ["before", "all"])]
    query: Vec<String>,
    /// Only what began so long ago or before then: 7d, or 2026-01-31, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Everything
    #[arg(long, conflicts_with_all = ["query", "before"])]
    all: bool,
    /// Does not ask; needed where nobody can be asked
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Only counts
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Purge {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        let text = self.query.join(" ");
        let query = Query::parse(&text)?;
        if query.is_empty() && !self.all && self.before.is_none() {
            return Err(Failure::new(Failure::USAGE, "the query asks for nothing: write what is to go, or --all for everything"));
        }
        let Some(before) = &self.before else { return Ok(query) };
        let until = format!("until:\"{}\"", before.replace(['"', '\\'], ""));
        let wrong = |_| {
            let message = format!("'{}' is no time: write 7d, or 2026-01-31, or 2026-01-31T12:00:00Z", escape(before));
            Failure::new(Failure::USAGE, message)
        };
        let time = Query::parse(&until).map_err(wrong)?;
        if query.is_empty() { Ok(time) } else { Ok(Query::parse(&format!("({text}) {until}"))?) }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = ps_help())]
pub(crate) struct Ps {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ui_help())]
pub(crate) struct Ui {
    /// Where it is served, at 127.0.0.1 [default: 7878, else any that is free]
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Opens it in the browser of this desktop
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = diff_help())]
pub(crate) struct Diff {
    /// Which requests are compared with the others
    #[arg(value_name = "QUERY", required_unless_present = "group")]
    query: Vec<String>,
    /// Those of a group of failures; the same as group:GROUP in the query
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// How many differences of each kind to show; the strongest stay
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 15)]
    pub(crate) limit: usize,
    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) seconds: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = errors_help())]
pub(crate) struct Errors {
    #[command(subcommand)]
    pub(crate) action: Option<ErrorsAction>,
    /// Only groups that were seen since then: 10m, 24h, 7d, or a moment such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only groups that stand like this
    #[arg(long, value_enum, value_name = "STATE")]
    pub(crate) state: Option<State>,
    /// What comes first: the one that was last seen, first seen last, seen most often, or by most users
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = Sort::Last)]
    pub(crate) sort: Sort,
    /// How many to show
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 50)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ErrorsAction {
    /// Marks a group as resolved; it counts as regressed when it is seen again
    Resolve {
        /// The start of its id
        #[arg(value_name = "GROUP")]
        group: String,
        /// The release that resolves it: older ones may go on failing
        #[arg(long, value_name = "RELEASE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        in_release: Option<String>,
    },
    /// Takes that mark away
    Reopen {
        /// The start of its id
        #[arg(value_name = "GROUP")]
        group: String,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Sort {
    Last,
    First,
    Count,
    Users,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum State {
    /// First seen less than a day ago
    New,
    /// Seen for longer, and not resolved
    Open,
    Resolved,
    /// Resolved, and seen again
    Regressed,
}

impl State {
    pub(crate) const fn is(self, state: GroupState) -> bool {
        matches!(
            (self, state),
            (Self::New, GroupState::New)
                | (Self::Open, GroupState::Open)
                | (Self::Resolved, GroupState::Resolved)
                | (Self::Regressed, GroupState::Regressed)
        )
    }
}

impl Errors {
    /// The moment since when groups have to be seen, where now is `now_unix_ns`.
    pub(crate) fn since(&self, now_unix_ns: u64) -> Result<u64, Failure> {
        let Some(text) = self.since.as_deref() else { return Ok(0) };
        let wrong = || {
            Failure::new(Failure::USAGE, format!("'{}' is no time: write 10m, 24h or 7d, or 2026-01-31T12:00:00Z", escape(text)))
        };
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(u64::try_from(moment.as_nanosecond()).unwrap_or_default());
        }
        let (count, unit) = counted(text).ok_or_else(wrong)?;
        Ok(now_unix_ns.saturating_sub(count.saturating_mul(unit).saturating_mul(1_000_000_000)))
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = why_help())]
pub(crate) struct Why {
    /// The start of the group's id, as `errors`, `show` and the lines of failures tell it
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,
    /// How many of its requests to name
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 5)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A header as it is written in a request.
fn header(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once(':').map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write it as 'name: value'".to_owned())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Matching {
    /// Only what matches; without it, everything
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
}

impl Matching {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        Ok(Query::parse(&self.query.join(" "))?)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Search {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        Ok(Query::parse(&self.query.join(" "))?)
    }
}

impl Diff {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        let query = self.query.join(" ");
        let Some(group) = &self.group else { return Ok(Query::parse(&query)?) };
        if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Failure::new(Failure::USAGE, "the name of a group has letters and digits only"));
        }
        let query = if query.trim().is_empty() { query } else { format!(" ({query})") };
        Ok(Query::parse(&format!("group:{group}{query}"))?)
    }
}

fn exit_codes() -> String {
    "\
Exit codes:
  0  done; also when the reader of the output has seen enough
  1  nothing found
  2  the command line, the query or the id is wrong
  3  the id fits several requests or groups, which are listed
  4  the store cannot be read
  5  the output cannot be written
  6  the running process refuses
  7  a request that was sent again got no answer
  8  a file cannot be read, or not all of it"
        .to_owned()
}

fn tail_help() -> String {
    format!(
        "\
Examples:
  campanile tail
  campanile tail 'status>=500 or ms>300'
  campanile tail -n 0 'route:/orders/{{id}} -user:42'
  campanile tail --json status:5xx

{}

{}",
        keys(),
        exit_codes()
    )
}

fn show_help() -> String {
    format!(
        "\
Examples:
  campanile show 8f2c
  campanile show 4bf92f3577b34da6a3ce929d0e0e4736
  campanile show --json 8f2c1a2b

{}",
        exit_codes()
    )
}

fn errors_help() -> String {
    format!(
        "\
Examples:
  campanile errors
  campanile errors --since 24h --sort count
  campanile errors --state regressed --json
  campanile errors resolve 1f3a
  campanile errors resolve 1f3a --in-release 1.5.0
  campanile errors reopen 1f3a

{}",
        exit_codes()
    )
}

fn why_help() -> String {
    format!(
        "\
Examples:
  campanile why 1f3a
  campanile search group:1f3a since:1h

{}",
        exit_codes()
    )
}

fn search_help() -> String {
    format!(
        "\
Examples:
  campanile search 'status:5xx since:1h'
  campanile search 'error:PoolTimedOut method:POST'
  campanile search '\"out of stock\" or text~\"stock low\"'
  campanile search -n 200 --json 'route:/orders/{{id}} ms>300'
  campanile search -- '-path:/health since:10m'

{}

{}",
        keys(),
        exit_codes()
    )
}

fn routes_help() -> String {
    format!(
        "\
Percentiles are true to 3 %. A record that a sampler kept counts as often as it stands for. ID is the slowest one's: \
campanile show ID.

Examples:
  campanile routes since:1h
  campanile routes --sort failed 'service:shop since:1d'
  campanile routes --json --sort p95 -n 5

{}

{}",
        keys(),
        exit_codes()
    )
}

fn stats_help() -> String {
    format!(
        "\
Percentiles are true to 3 %. A record that a sampler kept counts as often as it stands for.

Examples:
  campanile stats since:1h
  campanile stats 'route:/orders/{{id}} release:1.4.2'
  campanile stats --json status:5xx

{}

{}",
        keys(),
        exit_codes()
    )
}

fn purge_help() -> String {
    format!(
        "\
How much matches is said first, and then asked for; where nobody can be asked, --yes is needed. Applications may run \
meanwhile. The segments that have some of it are written anew, and the history of errors is told from what is left. What \
other places hold, such as a collector, is theirs.

Examples:
  campanile purge user:42
  campanile purge --dry-run 'path:/orders/981 or request:01a207ea'
  campanile purge --yes --before 7d

{}

{}",
        keys(),
        exit_codes()
    )
}

fn curl_help() -> String {
    format!(
        "\
The command sends the method, the headers and the body as they were stored. What is not stored, such as withheld headers, \
is named on the standard error.

Examples:
  campanile curl 8f2c
  campanile curl 8f2c --url http://localhost:3000 | sh
  campanile curl 8f2c --as rust >> tests/found.rs

{}",
        exit_codes()
    )
}

fn replay_help() -> String {
    format!(
        "\
It is sent as it was stored, as a request of its own: without its request id and trace context. What is not stored, such as \
withheld headers, is named on the standard error. Redirects are not followed. A request other than GET, HEAD, OPTIONS and \
TRACE to another machine is sent only when you agree to it.

Examples:
  campanile replay 8f2c
  campanile replay 8f2c --url http://localhost:3000 -H 'authorization: Bearer …'
  campanile replay 8f2c --json

{}",
        exit_codes()
    )
}

fn har_help() -> String {
    format!(
        "\
Values that are not stored, such as those of withheld headers, are empty and say so in a comment.

Examples:
  campanile har 8f2c > request.har
  campanile export --format har 'status:5xx since:1h' > failures.har

{}",
        exit_codes()
    )
}

fn export_help() -> String {
    format!(
        "\
Requests are written segment by segment, about the newest first.

Examples:
  campanile export status:5xx > failures.jsonl
  campanile export --format csv -o orders.csv 'route:/orders* since:1d'
  campanile export --format har --out failures.har --force 'status:5xx since:1h'
  campanile export --format zip -o share.zip 'status:5xx since:1h'

{}

{}",
        keys(),
        exit_codes()
    )
}

fn import_help() -> String {
    format!(
        "\
Files are OTLP JSON lines, as export --format otlp and the collector's file exporter write them; HTTP archives, as export \
--format har and browsers do; and zips of export --format zip. Times and ids stay as they are; secrets are taken out as of \
live requests, by the table and by CAMPANILE_REDACT_KEYS and CAMPANILE_REDACT_PATTERNS.

Without --store they go to a directory of their own, named after the first file, which no application's ageing removes. With \
--store they go into that one; whoever writes there removes them by its own settings, counted from now. Nothing else is ever \
removed for them.

Examples:
  campanile import share.zip && campanile --store share.campanile search kind:request
  campanile import traces.jsonl logs.jsonl
  zcat collector.jsonl.gz | campanile import --store /tmp/collector -
  campanile import --json shop.har

{}",
        exit_codes()
    )
}

#[cfg(feature = "mcp")]
fn mcp_help() -> String {
    format!(
        "\
The tools are search, show, errors, why, routes, stats, diff and running: each answers as the command does, as text and as \
JSON. None changes anything. What was recorded is told to be data from outside.

An assistant starts it, by a setting such as
  {{\"mcpServers\": {{\"campanile\": {{\"command\": \"campanile\", \"args\": [\"mcp\", \"--store\", \"/path/to/.campanile\"]}}}}}}

{}",
        exit_codes()
    )
}

fn completions_help() -> String {
    format!(
        "\
In bash, zsh and fish queries are completed too: keys, and the values that are stored with how often they were seen.

Examples:
  campanile completions bash > ~/.local/share/bash-completion/completions/campanile
  campanile completions zsh > ~/.zfunc/_campanile
  campanile completions fish > ~/.config/fish/completions/campanile.fish

{}",
        exit_codes()
    )
}

fn config_help() -> String {
    format!(
        "\
Settings are variables of the environment; those shown are of the environment in which this command runs, and an application \
that was started elsewhere may have others. What is set in code wins over both. What cannot be followed, and names that \
nothing reads, are told on the standard error.

Examples:
  campanile config show
  CAMPANILE_KEEP=failed campanile config show --json

{}",
        exit_codes()
    )
}

fn ps_help() -> String {
    format!(
        "\
A request is listed once it has been running for about half a second. What it has done so far is as of its last \
report, at most 10 s ago unless CAMPANILE_REPORT_EVERY says otherwise. A process that was killed leaves what it had in \
flight; what is known of a request: campanile show ID.

Examples:
  campanile ps
  campanile ps --json

{}",
        exit_codes()
    )
}

fn ui_help() -> String {
    format!(
        "\
Prints the address to open. Its token lets a browser in, and is kept in the store's directory; only programs of this \
machine can reach it. New requests appear while the application writes them. Ctrl-C ends it.

Examples:
  campanile ui
  campanile ui --open
  campanile --store /tmp/imported ui --port 8080

{}",
        exit_codes()
    )
}

fn diff_help() -> String {
    format!(
        "\
Compares the requests that match with the others of the same routes in the same time: the time that the query names, \
else from before the first that matches, by an hour at least, until the last. Tells what is more frequent among them than \
chance may make it; of numbers, what is larger or smaller. The first part was known when the requests came and may be a \
cause, the second part may be a consequence. Events and spans are compared where they were kept.

Examples:
  campanile diff 'status:5xx since:1h'
  campanile diff 'route:/orders/{{id}} ms>300'
  campanile diff --json error:PoolTimedOut

{}

{}",
        keys(),
        exit_codes()
    )
}

#[cfg(unix)]
fn ask_help() -> String {
    format!(
        "\
Examples:
  campanile control ask --route '/orders/{{id}}' --level trace --bodies --for 5m
  campanile control ask --user 42 --bodies
  campanile control ask --query 'status:5xx route:/orders*' --pid 4711

Of a route, only its requests are captured in more detail. Of all else it is known only at their end which requests are \
meant: until then every request is, and what was captured of the others is dropped.

{}",
        exit_codes()
    )
}

#[cfg(unix)]
fn token_help() -> String {
    format!(
        "\
Examples:
  campanile token --user 42 --bodies --for 15m
  CAMPANILE_DEBUG_KEY=… campanile token --service shop --level trace

It is signed with CAMPANILE_DEBUG_KEY, else with the key of the store. Whoever has it can use it until it ends.

{}",
        exit_codes()
    )
}

/// The keys of the query language, from its own table.
fn keys() -> String {
    let mut out = "\
Query: terms side by side, all of which have to hold; also or, not, - and parentheses.
A word or a \"phrase\" alone stands anywhere in the record. A value may be a list, as in status:404,5xx, or a range, as in
status:400..499. After ~ comes a part of a text, or a regular expression between slashes, as in path~/\\d+$/. A name with a
dot is an attribute; attr.NAME is one without, and header.NAME a header."
        .to_owned();
    let width = query::keys().iter().map(|key| key.name().len()).max().unwrap_or_default();
    for key in query::keys() {
        let _ = write!(out, "\n  {:<width$} {}, as in {}", key.name(), key.help(), key.example());
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_its_help_names_every_key() {
        Args::command().debug_assert();
        assert!(query::keys().iter().all(|key| search_help().contains(key.example())));
    }

    #[test]
    fn text_after_two_dashes_is_data() {
        let args = Args::try_parse_from(["campanile", "search", "--", "-path:/health"]).unwrap();
        let Command::Search(search) = args.command else { panic!("another command") };
        assert_eq!(search.query().unwrap().as_str(), "-path:/health");
    }
}
