//! A program that dies in a panic: the request that it was serving, a task of it, or a thread of its own.

use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};

use campanile::ObserveBody;
use campanile::exporter::{File, StoreExporter};
use campanile::store::{Settings, Store};
use http::{Request, Response};
use tower::{Service as _, ServiceBuilder};

pub(crate) fn main() {
    let (directory, how) = (std::env::var("DIES_IN").unwrap(), std::env::var("DIES_HOW").unwrap());
    let directory = Path::new(&directory);
    let telemetry = campanile::builder()
        .exporter(File::open(directory.join("requests.json")).unwrap())
        .exporter(StoreExporter::new(Store::open(Settings::new(directory.join("store"))).unwrap()))
        .init()
        .unwrap();
    let mut service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(move |_: Request<ObserveBody<String>>| {
        let how = how.clone();
        async move {
            die(&how);
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let request = Request::get("/order").body(String::new()).unwrap();
    let answer = pin!(service.call(request));
    let _ = answer.poll(&mut Context::from_waker(Waker::noop()));
}

fn die(how: &str) {
    campanile::set("user.id", "42");
    match how {
        "handler" => panic!("the handler panicked"),
        "task" => {
            let request = campanile::current().unwrap();
            let _ = std::thread::spawn(move || request.run(|| panic!("the task panicked"))).join();
        }
        "thread" => {
            let _ = std::thread::spawn(|| panic!("the thread panicked")).join();
        }
        "twice" => {
            let _again = Again;
            panic!("the handler panicked");
        }
        other => unreachable!("{other}"),
    }
}

/// Panics while another panic unwinds.
struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        panic!("and its destructor");
    }
}
