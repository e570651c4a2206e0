//! Exchanges in which one side does not wait for the other: `100-continue`, answers that come early, half-closed
//! connections, resets at every stage, and farewells with requests in flight.

use campanile::record::Outcome;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http1::{body, head, shown, written};
use crate::http2::{Client, whole};
use crate::pair::{Pair, Side};
use crate::play::{Act, Case, Flavour, Plan, Reads, Step, combinations, numbers};
use crate::support::PATIENCE;

/// Told by the service right before it waits at its gate.
const MARK: &[u8] = b"(here it waits)";
const AT_ONCE: usize = 40;

pub(crate) fn compare() -> u64 {
    let numbers: Vec<_> = numbers(1_200, 4).collect();
    crate::block_on(async {
        for (index, (numbers, combination)) in numbers.chunks(AT_ONCE).zip(combinations()).enumerate() {
            let kind = KINDS[index % KINDS.len()];
            let cases: Vec<_> = numbers.iter().map(|number| kind.case(*number)).collect();
            let pair = Pair::new(combination, &cases, |server| {
                server.http1().half_close(true);
            });
            let strict = Pair::new(combination, &cases, |_| ());
            let pair = if kind == Kind::HalfClose { pair.await } else { strict.await };
            if kind == Kind::Farewell {
                farewell(pair, &cases).await;
                continue;
            }
            for case in &cases {
                let (bare, with) = tokio::join!(kind.hold(&pair.bare, case), kind.hold(&pair.with, case));
                pair.same(with, bare, std::slice::from_ref(case));
            }
            pair.stop(|number, _| kind.outcome(number)).await;
        }
    });
    numbers.len() as u64
}

const KINDS: [Kind; 8] = [
    Kind::Continue,
    Kind::Early,
    Kind::HalfClose,
    Kind::ResetBeforeHead,
    Kind::ResetMidBody,
    Kind::StreamBeforeHead,
    Kind::StreamMidBody,
    Kind::Farewell,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The client sends its body once it is told to go on.
    Continue,
    /// The service answers while the rest of the request is still to come.
    Early,
    /// The client has nothing more to say, but listens.
    HalfClose,
    /// The connection is closed, politely or not.
    ResetBeforeHead,
    ResetMidBody,
    /// A stream of HTTP/2 is reset, and the connection lives on.
    StreamBeforeHead,
    StreamMidBody,
    /// Both sides say farewell while answers are under way.
    Farewell,
}

impl Kind {
    fn case(self, number: u64) -> Case {
        let is_second = matches!(self, Self::StreamBeforeHead | Self::StreamMidBody | Self::Farewell);
        let mut case = Case::new(number, if is_second { Flavour::Http2 } else { Flavour::Http1 });
        case.panics_in_call = false;
        case.act = Act::Answer;
        case.answer.steps.retain(|step| !matches!(step, Step::Fail | Step::Panic));
        match self {
            Self::Continue | Self::Early => {
                case.method = "POST";
                let data = |letter: u8| Step::Data(vec![letter; 400].into());
                case.sends = Plan { steps: vec![data(b'a'), data(b'b')], says_end: number.is_multiple_of(3), ..Plan::default() };
                case.reads = match self {
                    Self::Early if number.is_multiple_of(2) => Reads::OneFrame,
                    Self::Continue if !number.is_multiple_of(4) => Reads::All,
                    _ => Reads::Nothing,
                };
            }
            Self::HalfClose => {}
            Self::ResetBeforeHead | Self::StreamBeforeHead => case.act = Act::Hang,
            Self::ResetMidBody | Self::StreamMidBody | Self::Farewell => {
                // The mark tells the client that all before it is there; something follows, or no server would ask for more.
                (case.method, case.status) = ("GET", 200);
                case.sends = Plan::default();
                case.reads = Reads::All;
                let at = usize::try_from(number).unwrap() % (case.answer.steps.len() + 1);
                let is_after = |step: &Step| matches!(step, Step::Trailers(_));
                let at = case.answer.steps.iter().position(is_after).map_or(at, |trailers| at.min(trailers));
                case.answer.steps.splice(at..at, [Step::Data(MARK.into()), Step::Gate, Step::Data("and goes on".into())]);
                case.answer.says_end = false;
                case.answer_headers.retain(|(name, _)| *name != "content-length");
            }
        }
        case
    }

    fn outcome(self, number: u64) -> Outcome {
        match self {
            Self::ResetBeforeHead | Self::StreamBeforeHead => Outcome::ClientGoneBeforeHead,
            Self::ResetMidBody | Self::StreamMidBody => Outcome::ClientGoneMidBody,
            Self::Continue | Self::Early | Self::HalfClose => self.case(number).outcome(Flavour::Http1, false),
            Self::Farewell => Outcome::Answered,
        }
    }

    /// The conversation, and what the client saw of it.
    async fn hold(self, side: &Side, case: &Case) -> String {
        match self {
            Self::StreamBeforeHead | Self::StreamMidBody => return self.reset_stream(side, case).await,
            Self::HalfClose => {
                let mut stream = connect(side).await;
                stream.write_all(&written(std::slice::from_ref(case))).await.unwrap();
                stream.shutdown().await.unwrap();
                return rest(stream, Vec::new()).await;
            }
            Self::Continue => return go_on(side, case).await,
            _ => {}
        }
        let mut stream = connect(side).await;
        let mut bytes = head(case, false, true, "").into_bytes();
        match self {
            Self::Early => {
                let body = body(case);
                bytes.extend_from_slice(&body[..500]);
                stream.write_all(&bytes).await.unwrap();
                // The rest is never sent: there is an answer without it.
                rest(stream, Vec::new()).await
            }
            Self::ResetBeforeHead => {
                bytes.extend_from_slice(&body(case));
                stream.write_all(&bytes).await.unwrap();
                side.log.wait().await;
                close(stream, case);
                String::new()
            }
            _ => {
                stream.write_all(&bytes).await.unwrap();
                let seen = until(&mut stream, MARK).await;
                side.log.wait().await;
                close(stream, case);
                seen
            }
        }
    }

    async fn reset_stream(self, side: &Side, case: &Case) -> String {
        let mut client = Client::connect(&side.server).await;
        let response = client.send(case);
        let seen = if self == Self::StreamBeforeHead {
            side.log.wait().await;
            drop(response);
            String::new()
        } else {
            let mut body = response.await.unwrap().into_body();
            let mut bytes = Vec::new();
            while !bytes.ends_with(MARK) {
                bytes.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
            }
            side.log.wait().await;
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let frames = client.close().await;
        format!("{seen} {frames:?}")
    }
}

/// Sends the body after `100 Continue`, unless there is an answer without it.
async fn go_on(side: &Side, case: &Case) -> String {
    let mut stream = connect(side).await;
    stream.write_all(head(case, false, true, "expect: 100-continue\r\n").as_bytes()).await.unwrap();
    let first = until(&mut stream, b"\r\n\r\n").await;
    if first.starts_with("HTTP/1.1 100") {
        stream.write_all(&body(case)).await.unwrap();
    }
    rest(stream, first.into_bytes()).await
}

/// Requests are in flight when the server stops, and are answered all the same.
async fn farewell(pair: Pair, cases: &[Case]) {
    let mut clients = Vec::new();
    for side in [&pair.bare, &pair.with] {
        let mut client = Client::connect(&side.server).await;
        let mut answers = Vec::new();
        for case in cases {
            let answer = client.send(case).await.unwrap();
            side.log.wait().await;
            answers.push(answer);
        }
        clients.push((client, answers));
    }
    let gates = [pair.bare.gate.clone(), pair.with.gate.clone()];
    let read = async {
        // Let the server say that it goes, then let the answers go on.
        tokio::task::yield_now().await;
        let mut seen = Vec::new();
        for ((client, answers), gate) in clients.into_iter().zip(gates) {
            gate.add_permits(cases.len());
            let mut all = Vec::new();
            for answer in answers {
                all.push(whole(answer).await);
            }
            seen.push((all, client.close().await));
        }
        let with = seen.pop();
        assert_eq!(with, seen.pop(), "farewell");
    };
    tokio::join!(pair.stop(|number, _| Kind::Farewell.outcome(number)), read);
}

async fn connect(side: &Side) -> TcpStream {
    TcpStream::connect(side.server.address).await.unwrap()
}

/// Leaves, politely or with a reset.
fn close(stream: TcpStream, case: &Case) {
    if case.number.is_multiple_of(2) {
        stream.set_zero_linger().unwrap();
    }
    drop(stream);
}

async fn until(stream: &mut TcpStream, mark: &[u8]) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while !bytes.ends_with(mark) {
            bytes.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("what is waited for comes");
    shown(&bytes)
}

async fn rest(mut stream: TcpStream, mut bytes: Vec<u8>) -> String {
    // How a connection ends is a matter of time; what came before is not.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    shown(&bytes)
}
