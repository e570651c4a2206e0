//! One connection: lines within limits of size and time, and who may command what.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pairs::Pairs;
use super::{COMMAND_SECONDS, GREETING, MAX_LINE_BYTES, MAX_SECONDS, PURPOSE, commands};
use crate::control::wire::{decode, encode};
use crate::control::{Control, Key, key};
use crate::time;

/// What a server is, and whom it obeys.
pub(super) struct Office {
    pub(super) control: Control,
    pub(super) key: Key,
    pub(super) instance: String,
    pub(super) service: String,
}

/// Commands of one connection, at most.
const MAX_COMMANDS: usize = 16;

impl Office {
    /// Serves one connection to its end.
    pub(super) fn serve(self: &Arc<Self>, stream: UnixStream) -> io::Result<()> {
        if !is_own_user(&stream) {
            return Ok(());
        }
        let mut line = Line::new(stream);
        let mut challenge = challenge()?;
        let (instance, service) = (encode(&self.instance), encode(&self.service));
        line.write(&format!("{GREETING} {challenge} {} {instance} {service}\n", std::process::id()))?;
        for _ in 0..MAX_COMMANDS {
            let Some(text) = line.read()? else { return Ok(()) };
            let answer = self.answer(&text, &challenge);
            // Good for one command.
            challenge = self::challenge()?;
            let text = match answer {
                Ok(pairs) => {
                    let mut text: String = pairs.iter().map(|pairs| format!("item {pairs}\n")).collect();
                    text.push_str(&format!("ok {challenge}\n"));
                    text
                }
                Err(reason) => format!("no {challenge} {}\n", encode(&reason)),
            };
            line.write(&text)?;
        }
        Ok(())
    }

    /// The signature comes first: nothing of a forged command is looked at.
    fn answer(&self, text: &str, challenge: &str) -> Result<Vec<Pairs>, String> {
        let (signature, said) = text.split_once(' ').unwrap_or_default();
        if !self.key.verifies(PURPOSE, said, signature) {
            return Err("the command is not signed with the key of this store".to_owned());
        }
        let mut words = said.splitn(6, ' ');
        let mut word = || words.next().unwrap_or_default();
        if word() != challenge {
            return Err("the command answers another challenge: it was sent before".to_owned());
        }
        if decode(word()).as_deref() != Some(&self.instance) {
            return Err("the command is for another process".to_owned());
        }
        if decode(word()).as_deref() != Some(&self.service) {
            return Err("the command is for another service".to_owned());
        }
        let (end, now): (u64, _) = (word().parse().unwrap_or_default(), time::unix_ns() / 1_000_000_000);
        if end <= now || end > now + 2 * COMMAND_SECONDS {
            return Err("the command has expired".to_owned());
        }
        let name = word();
        let arguments = Pairs::parse(word()).ok_or("the command cannot be read: is it of another version?")?;
        commands::run(name, &self.control, &arguments)
    }
}

/// Sixteen bytes that nobody can guess.
fn challenge() -> io::Result<String> {
    let bytes: [u8; 16] = key::random()?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Who may not open the directory cannot come here; where the system tells who did come, that is compared as well.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_own_user(stream: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const fn is_own_user(_: &UnixStream) -> bool {
    true
}

/// Lines over a stream, all of them within one deadline.
pub(super) struct Line {
    stream: UnixStream,
    until: Instant,
    /// What was read and belongs to later lines.
    rest: Vec<u8>,
}

impl Line {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, until: Instant::now() + Duration::from_secs(MAX_SECONDS), rest: Vec::new() }
    }

    /// The next line without its end; `None` where there is no more.
    ///
    /// # Errors
    /// When it is too long, no text, or late.
    pub(super) fn read(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                return String::from_utf8(line).map(Some).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            if self.rest.len() > MAX_LINE_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.stream.set_read_timeout(Some(self.left()?))?;
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes)?;
            if count == 0 {
                return Ok(None);
            }
            self.rest.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
    }

    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            let count = self.stream.write(bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}
