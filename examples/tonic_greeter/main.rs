//! gRPC with tonic: a call, a stream and a call that fails, each recorded with its gRPC status.
//!
//! Run `cargo run --example tonic_greeter -- --once`: it calls itself three times and ends. The terminal shows
//! `gRPC    OK` for two of them and `gRPC    13 … INTERNAL` for the third, and last what was delivered. Without `--once`
//! it serves until Ctrl-C: `grpcurl -plaintext -import-path examples/tonic_greeter -proto greeter.proto -d '{"name":"you"}'
//! 127.0.0.1:50051 greeter.Greeter/Greet`.

mod greeter;

use std::io::Write as _;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::oneshot;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, async_trait};

use self::greeter::greeter_client::GreeterClient;
use self::greeter::greeter_server::{Greeter, GreeterServer};
use self::greeter::{Greeting, Name};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = campanile::init()?;
    let is_once = std::env::args().skip(1).any(|arg| arg == "--once");
    let incoming = TcpIncoming::bind(if is_once { "127.0.0.1:0" } else { "127.0.0.1:50051" }.parse()?)?;
    let channel = Endpoint::from_shared(format!("http://{}", incoming.local_addr()?))?.connect_lazy();

    // tonic keeps the peer's address in a type of its own.
    let layer = telemetry.layer().peer(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
    let (done, is_done) = oneshot::channel();
    let until = async move {
        tokio::select! {
            () = campanile::shutdown_signal() => {}
            Ok(()) = is_done => {}
        }
    };
    let server =
        Server::builder().layer(layer).add_service(GreeterServer::new(Polite)).serve_with_incoming_shutdown(incoming, until);
    if is_once {
        tokio::spawn(async move {
            let result = call(channel).await;
            let _ = done.send(());
            result
        });
    }
    server.await?;
    writeln!(std::io::stdout(), "{}", telemetry.shutdown().await)?;
    Ok(())
}

/// Three calls.
async fn call(channel: Channel) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let mut client = GreeterClient::new(channel);
    let name = |name: &str| Name { name: name.to_owned() };
    writeln!(out, "answer: {}", client.greet(name("you")).await?.into_inner().text)?;
    let greetings = client.greet_often(name("all of you")).await?.into_inner();
    writeln!(out, "answers: {}", greetings.count().await)?;
    if let Err(status) = client.greet(name("")).await {
        writeln!(out, "refused: {:?}, {}", status.code(), status.message())?;
    }
    Ok(())
}

#[derive(Debug)]
struct Polite;

#[derive(Debug, thiserror::Error)]
#[error("there is no greeting for nobody")]
struct Nobody(#[source] std::io::Error);

#[async_trait]
impl Greeter for Polite {
    async fn greet(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        let name = request.into_inner().name;
        campanile::set("greeted", &name);
        if name.is_empty() {
            let error = Nobody(std::io::Error::other("the book of names is empty"));
            // Only its message reaches the client; the record has its type and its source too.
            campanile::attach(&error);
            return Err(Status::internal(error.to_string()));
        }
        tracing::info!(name, "greeting");
        Ok(Response::new(Greeting { text: format!("hello {name}") }))
    }

    type GreetOftenStream = Pin<Box<dyn Stream<Item = Result<Greeting, Status>> + Send>>;

    async fn greet_often(&self, request: Request<Name>) -> Result<Response<Self::GreetOftenStream>, Status> {
        let name = request.into_inner().name;
        let greetings = stream::iter(1..=5).then(move |time| {
            let text = format!("hello {name}, for the {time}. time");
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                tracing::debug!(time, "greeting again");
                Ok(Greeting { text })
            }
        });
        Ok(Response::new(Box::pin(greetings)))
    }
}
