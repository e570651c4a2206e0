//! Waiting for records without sleeping.

use std::fmt::Write as _;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Kit;
use super::alarm::Alarm;
use super::dump::{Count, outside};
use super::listen::Listener;
use crate::config::Telemetry;
use crate::record::{Kind, Record};

/// The record of the only request; see [`Kit::one_record`].
#[derive(Debug)]
#[must_use = "it waits only when it is awaited, or told to `wait`"]
pub struct OneRecord(Records);

impl OneRecord {
    pub(super) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Changes how long is waited; [`Kit::DEADLINE`] unless this is called.
    pub fn within(self, deadline: Duration) -> Self {
        Self(self.0.within(deadline))
    }

    /// Blocks the thread until it is there.
    ///
    /// # Panics
    /// As [`Kit::one_record`].
    #[track_caller]
    pub fn wait(self) -> Record {
        let caller = self.0.caller;
        one(self.0.wait(), caller)
    }
}

impl Future for OneRecord {
    type Output = Record;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Record> {
        let caller = self.0.caller;
        Pin::new(&mut self.0).poll(cx).map(|records| one(records, caller))
    }
}

#[track_caller]
fn one(mut records: Vec<Record>, caller: &Location<'_>) -> Record {
    match records.pop() {
        Some(record) => record,
        None => panic!("{caller}: one record was counted and none is there"),
    }
}

/// The records of a number of requests; see [`Kit::records`].
#[derive(Debug)]
#[must_use = "it waits only when it is awaited, or told to `wait`"]
pub struct Records {
    listener: Listener,
    telemetry: Telemetry,
    count: usize,
    deadline: Duration,
    alarm: Alarm,
    caller: &'static Location<'static>,
}

impl Records {
    #[track_caller]
    pub(super) fn new(listener: &Listener, telemetry: &Telemetry, count: usize) -> Self {
        let (listener, telemetry, deadline) = (listener.clone(), telemetry.clone(), Kit::DEADLINE);
        Self { listener, telemetry, count, deadline, alarm: Alarm::new(deadline), caller: Location::caller() }
    }

    /// Changes how long is waited; [`Kit::DEADLINE`] unless this is called.
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, alarm: Alarm::new(deadline), ..self }
    }

    /// Blocks the thread until they are there.
    ///
    /// # Panics
    /// As [`Kit::records`].
    #[track_caller]
    pub fn wait(self) -> Vec<Record> {
        let count = self.count;
        let _ = self.listener.memory.wait_until(self.alarm.left(), |records| requests(records).count() >= count);
        self.settle()
    }

    /// What is there once nothing is under way any more, if it is what was asked for.
    #[track_caller]
    fn settle(&self) -> Vec<Record> {
        // What was finished already and is one too many comes with it.
        let _ = self.telemetry.flush(self.alarm.left().max(Duration::from_secs(1)));
        let all = self.listener.memory.records();
        let mut found: Vec<_> = requests(&all).cloned().collect();
        // Those of failed requests overtake others on their way here.
        found.sort_by_key(Record::end_unix_ns);
        if found.len() == self.count {
            return found;
        }
        let wanted = match self.count {
            1 => "one record of a request".to_owned(),
            count => format!("{count} records of requests"),
        };
        let mut message = format!("{}: waited for {wanted}, and {}", self.caller, Count(&found));
        if found.len() < self.count {
            let _ = write!(
                message,
                "\nThat is all within {:?}. A record is finished when its response's body has been read or dropped.",
                self.deadline
            );
        }
        message.push_str(&outside(&all));
        panic!("{message}");
    }
}

pub(super) fn requests(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| record.kind() == Kind::Request)
}

impl Future for Records {
    type Output = Vec<Record>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<Record>> {
        // Before it is looked, so that what comes in meanwhile wakes.
        self.listener.wake_later(cx.waker());
        let is_enough = requests(&self.listener.memory.records()).count() >= self.count;
        if is_enough || self.alarm.is_over(cx) {
            return Poll::Ready(self.settle());
        }
        Poll::Pending
    }
}
