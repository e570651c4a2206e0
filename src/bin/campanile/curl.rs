//! `campanile curl`: the command that sends a request again.

use std::fmt::Write as _;
use std::path::Path;

use campanile::exporter::escape;
use campanile::record::Record;
use campanile::store::Reader;

use crate::args::Curl;
use crate::failure::Failure;
use crate::output::Output;
use crate::{place, show};

/// What curl says itself, or what belongs to the connection.
const LEFT_OUT: [&str; 7] =
    ["connection", "content-length", "expect", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
/// What curl says in a request that does not.
const CURL_SAYS: [&str; 2] = ["accept", "user-agent"];

/// Finds one request and prints the command.
pub(crate) fn run(args: &Curl, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let found = show::one(&mut reader, &args.id, false, output)?;
    let record = found.record();
    if record.method().is_empty() {
        return Err(Failure::new(Failure::NOTHING, format!("{} is no request", escape(&args.id))));
    }
    let (command, notes) = command(record, args.url.as_deref());
    for note in &notes {
        output.complain(note);
    }
    output.write(&command)
}

/// The command, and what is not as it was.
fn command(record: &Record, base: Option<&str>) -> (String, Vec<String>) {
    let mut notes = Vec::new();
    let mut target = record.path().to_owned();
    if let Some(query) = record.query() {
        target = format!("{target}?{query}");
    }
    let url = format!("{}{target}", base.map_or_else(|| origin(record), |base| base.trim_end_matches('/').to_owned()));
    let body = record.request_body().filter(|body| body.kept_bytes() > 0);
    let mut out = String::from("curl --globoff --path-as-is");
    match record.method() {
        "GET" if body.is_none() => {}
        // With -X curl would wait for a body that never comes.
        "HEAD" => out.push_str(" --head"),
        method => out.push_str(&format!(" -X {}", word(method))),
    }
    let _ = write!(out, " {}", word(&url));
    let mut line = |text: &str| out.push_str(&format!(" \\\n  {text}"));
    let (mut withheld, mut seen) = (Vec::new(), Vec::new());
    for header in record.request_headers() {
        let name = header.name().to_ascii_lowercase();
        if LEFT_OUT.contains(&name.as_str()) || name.starts_with("proxy-") {
            continue;
        }
        match header.value() {
            // The URL says it.
            Some(host)
                if name == "host" && url.split("://").nth(1).is_some_and(|rest| rest.strip_prefix(host) == Some(&target)) => {}
            Some(value) if name != "cookie" => {
                // A header without a value is written with a semicolon, or it would be taken away.
                let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
                line(&format!("-H {}", word(&header)));
            }
            _ => withheld.push(name.clone()),
        }
        seen.push(name);
    }
    // What curl would say of itself.
    for name in CURL_SAYS.iter().filter(|name| !seen.iter().any(|seen| seen == *name)) {
        line(&format!("-H '{name}:'"));
    }
    if !withheld.is_empty() {
        notes.push(format!("without these headers, whose values are not stored: {}", escape(&withheld.join(", "))));
    }
    if let Some(body) = &body {
        if body.content().chars().all(is_shown) {
            let _ = write!(out, " \\\n  --data-raw {}", word(body.content()));
        } else {
            out = format!("printf '{}' |\n{out} \\\n  --data-binary @-", printed(body.content()));
        }
        if body.is_truncated() {
            notes.push(format!("the body is cut after {} of {} bytes", body.kept_bytes(), body.seen_bytes()));
        }
    } else if let Some(bytes) = record.request_body_bytes().filter(|bytes| *bytes > 0) {
        let why = record.request_body().and_then(|body| body.skipped()).map(|why| format!(" ({})", escape(why)));
        notes.push(format!("without its body of {bytes} bytes, which is not stored{}", why.unwrap_or_default()));
    }
    if record.redactions().any(|redaction| !redaction.place().contains("header")) {
        notes.push("secrets were taken out of it; campanile show tells where".to_owned());
    }
    out.push('\n');
    (out, notes)
}

/// Scheme, host and port.
pub(crate) fn origin(record: &Record) -> String {
    let scheme = if record.scheme() == "https" { "https" } else { "http" };
    let host = record.host().unwrap_or("localhost");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match record.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// A word of a POSIX shell that stands for exactly this text and shows nothing that steers a terminal.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else if text.chars().all(is_shown) {
        format!("'{}'", text.replace('\'', r"'\''"))
    } else {
        format!("\"$(printf '{}')\"", printed(text))
    }
}

/// The text as `printf` of every shell writes it, between single quotes.
fn printed(text: &str) -> String {
    let mut format = String::new();
    for c in text.chars() {
        match c {
            '\'' => format.push_str(r"'\''"),
            '\\' => format.push_str(r"\\"),
            '%' => format.push_str("%%"),
            c if is_shown(c) => format.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(format, "\\{byte:03o}");
                }
            }
        }
    }
    format
}

/// Whether a character may stand on a terminal as it is.
fn is_shown(c: char) -> bool {
    c == '\n' || escape(c.encode_utf8(&mut [0; 4])).to_string().chars().eq([c])
}
