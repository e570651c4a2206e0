//! A running process is asked for more: from code, over its socket, by a token; and nobody else is obeyed.
#![cfg(all(feature = "axum", feature = "control", feature = "store", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use campanile::control::{Ask, Key, Process, Token};
use campanile::exporter::{Batch, ExportError, Exporter, Schema};
use campanile::query::Query;
use campanile::record::{Kept, Record};
use campanile::{Bodies, Builder, Env};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use http_body_util::BodyExt as _;
use support::Observed;
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing::{Level, subscriber};
use tracing_subscriber::layer::SubscriberExt as _;

/// A service with a store and a socket in it.
struct Shop {
    seen: Observed,
    app: Router,
    store: PathBuf,
    _directory: TempDir,
}

const KEY: &str = "canary-key-0123456789abcdef01234567";

impl Shop {
    fn new() -> Self {
        Self::with(&[], |builder| builder)
    }

    fn with(variables: &[(&str, &str)], change: impl FnOnce(Builder) -> Builder) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        // Nothing is kept by itself, so that what is was asked for.
        let own = [
            ("CAMPANILE_CONSOLE", "off"),
            ("CAMPANILE_STORE", store.to_str().unwrap()),
            ("CAMPANILE_CONTROL", "on"),
            ("OTEL_SERVICE_NAME", "shop"),
            ("CAMPANILE_KEEP", "none"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
        ];
        // Of two values the last one counts.
        let env = Env::from_iter(own.iter().chain(variables).copied());
        let seen = Observed::with(|builder| change(builder.env(env)));
        let app =
            Router::new().route("/orders/{id}", post(order).get(order)).route("/other", get(order)).layer(seen.telemetry.layer());
        Self { seen, app, store, _directory: directory }
    }

    /// Makes the telemetry's layer the subscriber of this thread.
    fn listen(&self) -> Listening {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let subscriber = tracing_subscriber::registry().with(self.seen.telemetry.tracing_layer());
        Listening { _guard: subscriber::set_default(subscriber), _turn: turn }
    }

    /// The record of one request by this user, which sends a body.
    async fn send(&self, path: &str, user: &str, headers: &[(&str, &str)]) -> Record {
        let _ = self.seen.memory.take();
        let mut request = Request::post(path).header("content-type", "text/plain").header("x-user", user);
        if path == "/other" {
            request = request.method("GET");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(Body::from("the request")).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "the answer");
        self.seen.only_request()
    }

    /// The first record of a request with this token for user 42 that has all levels: those before it did not wait for the
    /// worker, which opens them.
    async fn send_until_open(&self, token: &str) -> Record {
        let until = Instant::now() + support::PATIENCE;
        loop {
            let record = self.send("/orders/1", "42", &[("x-campanile-debug", token)]).await;
            assert!(is_asked(&record) && record.events().any(|event| event.message() == "usual"));
            if has_trace(&record) {
                return record;
            }
            assert!(Instant::now() < until, "the worker opens what a token asks for");
        }
    }

    fn refused(&self) -> u64 {
        self.seen.telemetry.stats().debug_tokens_refused
    }

    fn process(&self) -> Process {
        let mut found = Process::find(&self.store).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// One at a time: a subscriber that is made while a level is raised may have each callsite ask anew, and be answered for
/// both.
struct Listening {
    _guard: subscriber::DefaultGuard,
    _turn: MutexGuard<'static, ()>,
}

async fn order(request: Request<Body>) -> ([(&'static str, &'static str); 1], &'static str) {
    let (head, body) = request.into_parts();
    let _ = body.collect().await;
    campanile::set("user.id", head.headers["x-user"].to_str().unwrap());
    let span = tracing::trace_span!("deep");
    let _entered = span.enter();
    tracing::info!("usual");
    tracing::trace!("deep down");
    ([("content-type", "text/plain")], "the answer")
}

fn has_trace(record: &Record) -> bool {
    let (span, event) = (record.spans().any(|span| span.name() == "deep"), record.events().any(|e| e.message() == "deep down"));
    assert_eq!(span, event, "both or none");
    event
}

fn has_bodies(record: &Record) -> bool {
    let bodies = [record.request_body(), record.response_body()];
    let kept = bodies.map(|body| body.is_some_and(|body| ["the request", "the answer"].contains(&body.content())));
    assert_eq!(kept[0], kept[1], "both or none");
    kept[0]
}

/// Whether all of its detail was asked for; else it is a mere summary.
fn is_asked(record: &Record) -> bool {
    let is_asked = record.kept() == Some(Kept::Asked);
    let detail = record.events().len() + record.spans().len() + usize::from(has_bodies(record));
    assert!(is_asked || (record.kept().is_none() && detail == 0), "{record:?}");
    is_asked
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn sign(key: &[u8], purpose: &str, text: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{purpose}\0{text}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token as another program would sign it.
fn token_by_hand(service: &str, end: u64) -> String {
    let said = format!("campanile1.{service}..{end}.00000000000000aa.t");
    format!("{said}.{}", sign(KEY.as_bytes(), "campanile debug token", &said))
}

#[tokio::test]
async fn a_token_captures_its_request_and_no_other() {
    let shop = Shop::with(&[("CAMPANILE_DEBUG_KEY", KEY)], |builder| builder);
    let _listening = shop.listen();
    let token = Token::new("shop").level(Level::TRACE).bodies().sign(&Key::new(KEY).unwrap()).unwrap();
    let cookie = format!("theme=dark; campanile-debug={}", token.as_str());
    shop.send_until_open(token.as_str()).await;
    for header in [("x-campanile-debug", token.as_str()), ("cookie", cookie.as_str())] {
        let plain = shop.send("/orders/1", "42", &[]).await;
        assert!(!is_asked(&plain) && !has_trace(&plain) && !has_bodies(&plain) && !plain.trace_flags().is_sampled());
        let full = shop.send("/orders/1", "42", &[header]).await;
        assert!(is_asked(&full) && has_trace(&full) && has_bodies(&full) && full.trace_flags().is_sampled(), "{header:?}");
    }
    let after = shop.send("/orders/1", "42", &[]).await;
    assert!(!is_asked(&after) && !has_trace(&after) && !has_bodies(&after));
    assert_eq!(shop.refused(), 0);
}

#[tokio::test]
async fn a_forged_expired_or_revoked_token_or_one_for_another_service_is_refused() {
    let shop = Shop::with(&[("CAMPANILE_DEBUG_KEY", KEY)], |builder| builder);
    let _listening = shop.listen();
    let good = Token::new("shop").level(Level::TRACE).bodies().sign(&Key::new(KEY).unwrap()).unwrap();
    let revoked = Token::new("shop").level(Level::TRACE).sign(&Key::new(KEY).unwrap()).unwrap();
    shop.seen.telemetry.control().revoke_token(&revoked.id()).unwrap();
    let of_store = Token::new("shop").sign(&Key::of_store(&shop.store).unwrap()).unwrap();
    let forged = format!("{}0", &good.as_str()[..good.as_str().len() - 1]);
    let refused = [
        ("forged", if forged == good.as_str() { format!("{}1", &forged[..forged.len() - 1]) } else { forged }),
        ("of another key", of_store.as_str().to_owned()),
        ("expired", token_by_hand("shop", now() - 1)),
        ("lasts too long", token_by_hand("shop", now() + 3 * 24 * 60 * 60)),
        ("for another service", token_by_hand("other", now() + 60)),
        ("revoked", revoked.as_str().to_owned()),
        ("empty", String::new()),
        ("garbage", "..%..%%%.".to_owned()),
        ("large", "campanile1.".repeat(500)),
    ];
    for (at, (what, token)) in refused.iter().enumerate() {
        let record = shop.send("/orders/1", "42", &[("x-campanile-debug", token)]).await;
        assert!(!is_asked(&record) && !has_trace(&record) && !has_bodies(&record), "{what}");
        assert_eq!(shop.refused(), at as u64 + 1, "{what} is counted");
    }
    // The test signs as the library does.
    shop.send_until_open(&token_by_hand("shop", now() + 60)).await;
}

#[tokio::test]
async fn a_token_for_one_user_captures_nothing_of_another() {
    let shop = Shop::with(&[], |builder| builder.debug_key(KEY));
    let _listening = shop.listen();
    let token = Token::new("shop").user("42").level(Level::TRACE).bodies().sign(&Key::new(KEY).unwrap()).unwrap();
    let header = [("x-campanile-debug", token.as_str())];
    let other = shop.send("/orders/1", "43", &header).await;
    assert!(!is_asked(&other) && !has_trace(&other) && !has_bodies(&other));
    assert_eq!(shop.refused(), 1);
    let own = shop.send_until_open(token.as_str()).await;
    assert!(has_bodies(&own));
    assert_eq!(shop.refused(), 1);
    let other = shop.send("/orders/1", "43", &header).await;
    assert!(!is_asked(&other) && !has_trace(&other) && !has_bodies(&other), "also while it is open");
}

#[tokio::test]
async fn a_token_for_one_user_leaves_others_summaries_also_where_what_is_sampled_is_kept() {
    let sampler = [("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let shop = Shop::with(&sampler, |builder| builder.debug_key(KEY).keep(campanile::Keep::new()));
    let _listening = shop.listen();
    let token = Token::new("shop").user("42").sign(&Key::new(KEY).unwrap()).unwrap();
    let header = [("x-campanile-debug", token.as_str())];
    let (own, other) = (shop.send("/orders/1", "42", &header).await, shop.send("/orders/1", "43", &header).await);
    assert_eq!((own.kept(), own.trace_flags().is_sampled()), (Some(Kept::Asked), true));
    assert_eq!((other.kept(), other.events().len(), other.spans().len()), (None, 0, 0));
    assert!(other.trace_flags().is_sampled(), "others were told so when it began");
    // Sampled by its caller: that it carries a token changes nothing.
    let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(shop.send("/orders/1", "43", &[parent, header[0]]).await.kept(), Some(Kept::Sampled));
}

#[tokio::test]
async fn neither_key_nor_token_is_in_any_record_or_text() {
    let shop = Shop::with(&[("CAMPANILE_DEBUG_KEY", KEY)], |builder| builder);
    let token = Token::new("shop").user("42").sign(&Key::new(KEY).unwrap()).unwrap();
    let forged = format!("{}-forged", token.as_str());
    let signature = &token.as_str()[token.as_str().len() - 64..];
    let cookie = format!("campanile-debug={}", token.as_str());
    let mut said = format!("{:?} {:?} {token:?}", shop.seen.telemetry, shop.process());
    for header in [("x-campanile-debug", token.as_str()), ("x-campanile-debug", &forged), ("cookie", &cookie)] {
        let record = shop.send("/orders/1", "42", &[header]).await;
        for schema in [Schema::Otel, Schema::Ecs, Schema::Logfmt] {
            schema.write_line(&mut said, &record, &campanile::record::Resource::default());
        }
        said.push_str(&format!("{record:?}"));
    }
    said.push_str(&shop.seen.telemetry.warnings().join("\n"));
    let short = Shop::with(&[("CAMPANILE_DEBUG_KEY", "canary-short")], |builder| builder);
    assert!(short.seen.telemetry.warnings()[0].starts_with("CAMPANILE_DEBUG_KEY has fewer than 32 bytes"));
    said.push_str(&short.seen.telemetry.warnings().join("\n"));
    said.push_str(&format!("{:?}", campanile::builder().debug_key("canary-too-short").build().unwrap_err()));
    for secret in ["canary", signature, &sign(KEY.as_bytes(), "campanile debug token", "x")] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    // On disk, too: the store wrote all of it.
    assert!(shop.seen.telemetry.flush(support::PATIENCE));
    for entry in fs::read_dir(&shop.store).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(64).any(|part| part == signature.as_bytes()), "the signature is on disk");
    }
}

#[tokio::test]
async fn an_ask_for_a_route_captures_more_of_it_until_it_is_revoked() {
    let shop = Shop::new();
    let _listening = shop.listen();
    let control = shop.seen.telemetry.control();
    let id = control.ask(Ask::route("/orders/{id}").level(Level::TRACE).bodies().sample(1.0)).unwrap();
    let (asked, other) = (shop.send("/orders/1", "1", &[]).await, shop.send("/other", "1", &[]).await);
    assert!(is_asked(&asked) && has_trace(&asked) && has_bodies(&asked) && asked.trace_flags().is_sampled());
    assert!(!is_asked(&other) && !has_trace(&other) && !has_bodies(&other) && !other.trace_flags().is_sampled());
    assert_eq!(control.list().len(), 1);
    assert!(control.revoke(id));
    let after = shop.send("/orders/1", "1", &[]).await;
    assert!(!is_asked(&after) && !has_trace(&after) && !has_bodies(&after) && !after.trace_flags().is_sampled());
    assert!(control.list().is_empty() && !control.revoke(id));
}

#[tokio::test]
async fn an_ask_for_a_user_or_query_captures_them_and_drops_what_it_captured_of_others() {
    let shop = Shop::new();
    let _listening = shop.listen();
    let control = shop.seen.telemetry.control();
    for ask in [Ask::user("42"), Ask::query(Query::parse("status:2xx user:42").unwrap())] {
        let id = control.ask(ask.level(Level::TRACE).bodies()).unwrap();
        let (own, other) = (shop.send("/orders/1", "42", &[]).await, shop.send("/orders/1", "421", &[]).await);
        assert!(is_asked(&own) && has_trace(&own) && has_bodies(&own));
        assert!(!is_asked(&other) && !has_trace(&other) && !has_bodies(&other));
        assert!(control.revoke(id));
    }
}

/// Hands every report on.
struct Reports(mpsc::Sender<Record>);

impl Exporter for Reports {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        batch.records().for_each(|record| drop(self.0.send(record.clone())));
        Ok(())
    }

    fn wants_partial(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_was_captured_in_case_it_was_asked_for_is_in_no_report_of_a_running_request() {
    let (send, reports) = mpsc::channel();
    let shop = Shop::with(&[], |builder| builder.report_every(Duration::from_millis(1)).exporter(Reports(send)));
    let _listening = shop.listen();
    shop.seen.telemetry.control().ask(Ask::user("42").level(Level::TRACE).bodies()).unwrap();
    let hangs = async || {
        campanile::set("user.id", "42");
        tracing::info!("usual");
        tracing::trace!("deep down");
        let (handle, dispatch) = (campanile::current().unwrap(), tracing::dispatcher::get_default(Clone::clone));
        let elsewhere = || {
            tracing::info!("elsewhere");
            tracing::trace!("deep elsewhere");
        };
        std::thread::spawn(move || tracing::dispatcher::with_default(&dispatch, || handle.run(elsewhere))).join().unwrap();
        std::future::pending::<()>().await;
    };
    let app = Router::new().route("/hangs", get(hangs)).layer(shop.seen.telemetry.layer());
    let mut answer = Box::pin(app.oneshot(Request::get("/hangs").body(Body::empty()).unwrap()));
    let messages = |record: &Record| {
        let mut messages: Vec<_> = record.events().map(|event| event.message().to_owned()).collect();
        messages.sort();
        messages
    };
    let until = Instant::now() + support::PATIENCE;
    // Of those reports some are made of what the list knows, and some by the request itself.
    loop {
        assert!(support::poll_once(answer.as_mut()).is_pending());
        let found: Vec<_> = reports.try_iter().map(|report| messages(&report)).collect();
        assert!(found.iter().flatten().all(|message| !message.starts_with("deep")), "{found:?}");
        if found.iter().any(|messages| *messages == ["elsewhere", "usual"]) {
            break;
        }
        assert!(Instant::now() < until, "it is reported");
        std::thread::yield_now();
    }
    drop(answer);
    let record = shop.seen.only_request();
    assert_eq!(record.kept(), Some(Kept::Asked));
    assert_eq!(
        messages(&record),
        ["deep down", "deep elsewhere", "elsewhere", "usual"],
        "at its end it turns out to be asked for"
    );
}

#[tokio::test]
async fn work_that_left_the_request_is_captured_as_the_request_is() {
    let shop = Shop::new();
    let _listening = shop.listen();
    let control = shop.seen.telemetry.control();
    let app = Router::new()
        .route(
            "/spawns",
            get(async || {
                let handle = campanile::current().unwrap();
                handle.run(|| tracing::trace!("elsewhere"));
                // Of no request, whatever is asked.
                tokio::spawn(async { tracing::trace!("nobody's") }).await.unwrap();
            }),
        )
        .layer(shop.seen.telemetry.layer());
    let send = || async {
        let response = app.clone().oneshot(Request::get("/spawns").body(Body::empty()).unwrap()).await.unwrap();
        let _ = response.into_body().collect().await.unwrap();
        let record = shop.seen.only();
        let _ = shop.seen.memory.take();
        record.events().filter(|event| event.message() == "elsewhere").count()
    };
    assert_eq!(send().await, 0);
    control.ask(Ask::route("/spawns").level(Level::TRACE)).unwrap();
    assert_eq!(send().await, 1);
}

#[tokio::test]
async fn bodies_that_the_settings_leave_out_stay_out_whoever_asks() {
    for bodies in [Bodies::off(), Bodies::failed().except_routes(["/orders/*"])] {
        let shop = Shop::with(&[], |builder| builder.capture_bodies(bodies.clone()));
        shop.seen.telemetry.control().ask(Ask::route("/orders/{id}").bodies()).unwrap();
        let record = shop.send("/orders/1", "1", &[]).await;
        assert!(is_asked(&record) && record.request_body().is_none() && record.response_body().is_none(), "{bodies:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_followed_is_an_error() {
    let control = Shop::new().seen.telemetry.control();
    for ask in [
        Ask::route(""),
        Ask::route("orders"),
        Ask::user(""),
        Ask::query(Query::default()),
        Ask::user("1").sample(1.5),
        Ask::user("1").lasting(Duration::ZERO),
        Ask::user("1").lasting(Duration::from_secs(24 * 60 * 60 + 1)),
        Ask::user("x".repeat(2000)),
    ] {
        assert!(control.ask(ask.clone()).is_err(), "{ask}");
    }
    assert!(control.revoke_token("1").is_err() && control.revoke_token("canary").is_err());
}

/// A connection to the socket, as another program of this user would open it.
struct Raw {
    stream: BufReader<UnixStream>,
    challenge: String,
    instance: String,
    service: String,
}

impl Raw {
    fn connect(store: &Path) -> Self {
        let until = Instant::now() + support::PATIENCE;
        let (stream, greeting) = loop {
            let stream = UnixStream::connect(socket(store)).unwrap();
            stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
            let mut stream = BufReader::new(stream);
            let mut greeting = String::new();
            let _ = stream.read_line(&mut greeting);
            // A place is free again only once the server has seen that who was here before is gone.
            if !greeting.is_empty() || Instant::now() > until {
                break (stream, greeting);
            }
        };
        let words: Vec<_> = greeting.trim_end().split(' ').map(str::to_owned).collect();
        assert_eq!((words[0].as_str(), words[3].as_str()), ("campanile-control", std::process::id().to_string().as_str()));
        Self { stream, challenge: words[2].clone(), instance: words[4].clone(), service: words[5].clone() }
    }

    fn command(&self, end: u64) -> String {
        format!("{} {} {} {end} list ", self.challenge, self.instance, self.service)
    }

    /// The first word of the answer, and all of it; the next challenge is taken up.
    fn answer(&mut self, line: &str) -> (String, String) {
        self.stream.get_mut().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_line(&mut answer).unwrap();
        let words: Vec<_> = answer.split_whitespace().collect();
        if let Some(challenge) = words.get(1) {
            (*challenge).clone_into(&mut self.challenge);
        }
        (words.first().copied().unwrap_or_default().to_owned(), answer)
    }
}

fn socket(store: &Path) -> PathBuf {
    let is_socket = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sock");
    let mut found = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).filter(is_socket);
    let socket = found.next().unwrap();
    assert_eq!(found.next(), None);
    socket
}

fn signed(store: &Path, said: &str) -> String {
    let key = fs::read(store.join("control.key")).unwrap();
    format!("{} {said}\n", sign(&key, "campanile control command", said))
}

#[test]
fn a_command_is_obeyed_once_and_by_the_process_that_it_is_for() {
    let (shop, other) = (Shop::new(), Shop::new());
    let (store, soon) = (&shop.store, now() + 20);
    let mut raw = Raw::connect(store);
    let good = signed(store, &raw.command(soon));
    assert_eq!(raw.answer(&good).0, "ok");
    let (word, why) = raw.answer(&good);
    assert!(word == "no" && why.contains("challenge"), "replayed: {why}");
    assert_eq!(Raw::connect(store).answer(&good).0, "no", "replayed on another connection");

    let mut refused = |what: &str, said: String| {
        let line = signed(store, &said);
        let (word, why) = raw.answer(&line);
        assert_eq!(word, "no", "{what}: {why}");
    };
    let challenge = Raw::connect(store).challenge;
    refused("another connection's challenge", format!("{challenge} x x {soon} list "));
    let mut raw = Raw::connect(store);
    let mut refused = |what: &str, part: &str, change: fn(&mut Raw), end: u64| {
        let challenge = raw.challenge.clone();
        let mut changed = Raw { challenge, ..Raw::connect(store) };
        change(&mut changed);
        let (word, why) = raw.answer(&signed(store, &changed.command(end)));
        assert!(word == "no" && why.contains(part), "{what}: {why}");
    };
    refused("another process", "process", |raw| raw.instance.push('x'), soon);
    refused("another service", "service", |raw| raw.service.push('x'), soon);
    refused("expired", "expired", |_| (), now() - 1);
    refused("lasts too long", "expired", |_| (), now() + 600);

    let (mut raw, theirs) = (Raw::connect(store), signed(&other.store, "x"));
    let forged = format!("{} {}\n", &theirs[..64], raw.command(soon));
    assert_eq!(raw.answer(&forged).0, "no", "signed with another key");
    let of_other = signed(&other.store, &raw.command(soon));
    assert_eq!(raw.answer(&of_other).0, "no", "signed with another store's key");
    let unknown = signed(store, &raw.command(soon).replace("list", "purge"));
    assert_eq!(raw.answer(&unknown).0, "no", "an unknown command");
    let last = signed(store, &raw.command(soon));
    assert_eq!(raw.answer(&last).0, "ok", "and a good one is still obeyed");
    assert!(shop.seen.telemetry.control().list().is_empty());
}

#[test]
fn what_comes_over_the_socket_can_be_anything() {
    let shop = Shop::new();
    let store = &shop.store;
    for garbage in [&b"\n"[..], b" \n", b"\0\0\0\n", b"\xff\xfe\n", b"GET / HTTP/1.1\r\n\r\n", b"{}\n"] {
        let mut raw = Raw::connect(store);
        raw.stream.get_mut().write_all(garbage).unwrap();
        let mut answer = String::new();
        raw.stream.read_line(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("no "), "{answer}");
    }
    // A line without end is cut off, by closing.
    let mut raw = Raw::connect(store);
    let chunk = [b'x'; 4096];
    while raw.stream.get_mut().write_all(&chunk).is_ok() {}
    let mut rest = Vec::new();
    let _ = raw.stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "nothing is answered");
    // Whoever takes all places keeps the next one out, and the service goes on.
    let crowd: Vec<_> = (0..8).map(|_| Raw::connect(store)).collect();
    let mut ninth = UnixStream::connect(socket(store)).unwrap();
    ninth.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let mut told = String::new();
    ninth.read_to_string(&mut told).unwrap();
    assert_eq!(told, "", "closed at once");
    drop(crowd);
    assert!(shop.seen.telemetry.control().ask(Ask::user("1")).is_ok());
}

#[tokio::test]
async fn another_process_of_this_user_asks_lists_and_revokes() {
    let shop = Shop::new();
    let _listening = shop.listen();
    let mut process = shop.process();
    assert_eq!((process.service(), process.pid()), ("shop", std::process::id()));
    let ask = Ask::route("/orders/{id}").level(Level::TRACE).bodies().lasting(Duration::from_secs(60));
    let id = process.ask(&ask).unwrap();
    let listed = process.list().unwrap();
    assert_eq!((listed.len(), listed[0].id, listed[0].ask.to_string()), (1, id, ask.to_string()));
    assert!(listed[0].left <= Duration::from_secs(60));
    let asked = shop.send("/orders/1", "1", &[]).await;
    assert!(is_asked(&asked) && has_trace(&asked) && has_bodies(&asked));
    process.revoke(id).unwrap();
    assert!(process.revoke(id).unwrap_err().is_refused());
    assert!(process.ask(&Ask::user("1").sample(7.0)).unwrap_err().is_refused());
    assert!(!has_trace(&shop.send("/orders/1", "1", &[]).await));

    let token = Token::new("shop").sign(&Key::of_store(&shop.store).unwrap()).unwrap();
    assert!(is_asked(&shop.send("/orders/1", "1", &[("x-campanile-debug", token.as_str())]).await));
    process.revoke_token(&token.id()).unwrap();
    assert!(!is_asked(&shop.send("/orders/1", "1", &[("x-campanile-debug", token.as_str())]).await));
}

#[tokio::test]
async fn a_revoked_token_stays_revoked_when_the_service_is_started_anew() {
    let shop = Shop::with(&[], |builder| builder.debug_key(KEY));
    let token = Token::new("shop").sign(&Key::new(KEY).unwrap()).unwrap();
    assert!(is_asked(&shop.send("/orders/1", "1", &[("x-campanile-debug", token.as_str())]).await));
    shop.seen.telemetry.control().revoke_token(&token.id()).unwrap();
    let store = shop.store.to_str().unwrap().to_owned();
    let anew = Shop::with(&[("CAMPANILE_STORE", &store)], |builder| builder.debug_key(KEY));
    assert!(!is_asked(&anew.send("/orders/1", "1", &[("x-campanile-debug", token.as_str())]).await));
    assert_eq!(anew.refused(), 1);
}

#[test]
fn the_socket_is_private_and_goes_with_its_telemetry() {
    let shop = Shop::new();
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&shop.store), 0o700);
    assert_eq!((mode(&socket(&shop.store)), mode(&shop.store.join("control.key"))), (0o600, 0o600));
    let Shop { seen, app, store, _directory } = shop;
    drop((seen, app));
    assert!(Process::find(&store).unwrap().is_empty());
    assert!(fs::read_dir(&store).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().ends_with(".sock")));
}

#[tokio::test]
async fn switched_off_there_is_no_socket_no_key_and_no_token_is_taken() {
    let shop = Shop::with(&[("CAMPANILE_CONTROL", "off"), ("CAMPANILE_DEBUG_KEY", KEY)], |builder| builder);
    assert!(Process::find(&shop.store).unwrap().is_empty() && !shop.store.join("control.key").exists());
    let record = shop.send("/orders/1", "1", &[("x-campanile-debug", &token_by_hand("shop", now() + 60))]).await;
    assert!(!is_asked(&record) && shop.refused() == 0);
    let by_code = Shop::with(&[], |builder| builder.control(false));
    assert!(!by_code.store.join("control.key").exists(), "code wins");
    by_code.seen.telemetry.control().ask(Ask::user("1")).unwrap();
    assert!(is_asked(&by_code.send("/orders/1", "1", &[]).await), "what code asks is done all the same");
}

#[test]
fn a_store_whose_path_is_too_long_for_a_socket_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("s".repeat(120));
    let env =
        Env::from_iter([("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", store.to_str().unwrap()), ("CAMPANILE_CONTROL", "on")]);
    let telemetry = campanile::builder().env(env).build().unwrap();
    let warnings = telemetry.warnings().join("\n");
    assert!(warnings.starts_with("CAMPANILE_CONTROL is left out") && warnings.contains("103 bytes"), "{warnings}");
}

#[cfg(feature = "cli")]
mod command_line {
    use std::process::{Command, Output};

    use super::*;

    fn run(shop: &Shop, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
        command.args(arguments).arg("--store").arg(&shop.store).env_remove("CAMPANILE_DEBUG_KEY").output().unwrap()
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn the_command_line_asks_lists_and_revokes() {
        let shop = Shop::new();
        let _listening = shop.listen();
        let asked = run(&shop, &["control", "ask", "--user", "42", "--level", "trace", "--bodies", "--for", "5m"]);
        assert!(asked.status.success(), "{}", text(&asked.stderr));
        let pid = std::process::id();
        let expected = format!("shop (pid {pid}): ask 1 stands for 5 min; user.id 42: all detail, level trace, bodies\n");
        assert_eq!(text(&asked.stdout), expected);
        let (own, other) = (shop.send("/orders/1", "42", &[]).await, shop.send("/orders/1", "43", &[]).await);
        assert!(is_asked(&own) && has_trace(&own) && has_bodies(&own) && !is_asked(&other) && !has_trace(&other));

        let listed = run(&shop, &["control", "list", "--json"]);
        let line: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!((line["pid"].as_u64(), line["id"].as_u64()), (Some(pid.into()), Some(1)));
        assert_eq!(line["ask"], "user.id 42: all detail, level trace, bodies");
        assert!(text(&run(&shop, &["control", "list"]).stdout).contains("user.id 42: all detail"));

        assert!(run(&shop, &["control", "revoke", "1"]).status.success());
        let again = run(&shop, &["control", "revoke", "1"]);
        assert_eq!((again.status.code(), text(&again.stderr)), (Some(6), "campanile: no ask has the number 1\n"));
        assert!(text(&run(&shop, &["control", "list"]).stdout).contains("nothing is asked"));
        let idle = run(&shop, &["control", "list", "--json"]);
        let line: serde_json::Value = serde_json::from_slice(&idle.stdout).unwrap();
        assert_eq!((line["pid"].as_u64(), line.get("id")), (Some(pid.into()), None));
        assert!(line["instance"].as_str().is_some_and(|instance| !instance.is_empty()), "how it is told from others");
    }

    #[tokio::test]
    async fn what_was_asked_for_steers_no_terminal_as_json_either() {
        let shop = Shop::new();
        let asked = run(&shop, &["control", "ask", "--user", "4\u{9b}31m\u{202e}2"]);
        assert!(asked.status.success(), "{}", text(&asked.stderr));
        for arguments in [&["control", "list"][..], &["control", "list", "--json"]] {
            let listed = run(&shop, arguments);
            let text = text(&listed.stdout);
            assert!(text.contains("31m") && !text.contains(['\u{9b}', '\u{202e}']), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_token_of_the_command_line_is_taken_until_it_is_revoked() {
        let shop = Shop::new();
        let made = run(&shop, &["token", "--user", "42", "--json"]);
        let line: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        let (token, id) = (line["token"].as_str().unwrap(), line["id"].as_str().unwrap());
        assert_eq!(line["service"], "shop", "that of the running process");
        assert!(is_asked(&shop.send("/orders/1", "42", &[("x-campanile-debug", token)]).await));
        assert!(!is_asked(&shop.send("/orders/1", "43", &[("x-campanile-debug", token)]).await));
        let shown = run(&shop, &["token", "--service", "shop"]);
        assert!(text(&shown.stdout).starts_with("campanile1.shop.") && text(&shown.stderr).contains("curl -H"));
        assert!(run(&shop, &["control", "revoke-token", id]).status.success());
        assert!(!is_asked(&shop.send("/orders/1", "42", &[("x-campanile-debug", token)]).await));
    }

    #[test]
    fn without_a_running_process_the_command_line_says_so() {
        let shop = Shop::with(&[("CAMPANILE_CONTROL", "off")], |builder| builder);
        for arguments in [&["control", "list"][..], &["control", "ask", "--user", "1"], &["control", "revoke", "1"]] {
            let output = run(&shop, arguments);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            assert!(text(&output.stderr).contains("no running process can be asked"), "{}", text(&output.stderr));
        }
        for (arguments, part) in [
            (&["control", "ask"][..], "--route"),
            (&["control", "ask", "--user", "1", "--for", "25h"], "at most 24h"),
            (&["control", "ask", "--user", "1", "--route", "/"], "cannot be used with"),
            (&["token"], "control.key"),
        ] {
            let output = run(&shop, arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {}", text(&output.stderr));
            assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
        }
    }

    #[test]
    fn of_several_processes_one_has_to_be_named() {
        let shop = Shop::new();
        // Two telemetries of one process count for two: each has a socket of its own.
        let env = Env::from_iter([
            ("CAMPANILE_CONSOLE", "off"),
            ("CAMPANILE_STORE", shop.store.to_str().unwrap()),
            ("CAMPANILE_CONTROL", "on"),
            ("OTEL_SERVICE_NAME", "other"),
        ]);
        let _other = campanile::builder().env(env).build().unwrap();
        let output = run(&shop, &["control", "ask", "--user", "1"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("several processes run"), "{}", text(&output.stderr));
        let found = Process::find(&shop.store).unwrap();
        let instance = found.iter().find(|process| process.service() == "shop").unwrap().instance().to_owned();
        assert!(run(&shop, &["control", "ask", "--user", "1", "--instance", &instance]).status.success());
        assert_eq!(shop.seen.telemetry.control().list().len(), 1);
        assert!(run(&shop, &["control", "ask", "--user", "1", "--all"]).status.success());
        assert_eq!(shop.seen.telemetry.control().list().len(), 2);
    }
}
