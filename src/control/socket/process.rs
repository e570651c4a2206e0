//! The asking side: a process that runs.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::commands::{ask_to, standing_from};
use super::connection::{Line, is_own_user};
use super::pairs::Pairs;
use super::{COMMAND_SECONDS, GREETING, PURPOSE, place};
use crate::control::error::Kind;
use crate::control::wire::{decode, encode};
use crate::control::{Ask, Error, Key, Standing};
use crate::time;

/// A process that runs and writes to a store, reached over its socket.
///
/// The connection lasts for 5 s.
///
/// # Example
/// ```no_run
/// use campanile::control::{Ask, Process};
///
/// for mut process in Process::find(".campanile")? {
///     let id = process.ask(&Ask::user("42").bodies())?;
///     eprintln!("{} {}: ask {id}", process.service(), process.pid());
/// }
/// # Ok::<(), campanile::control::Error>(())
/// ```
pub struct Process {
    line: Line,
    key: Key,
    challenge: String,
    pid: u32,
    instance: String,
    service: String,
}

impl Process {
    /// The processes that listen in the directory of a store.
    ///
    /// # Errors
    /// When the directory or its key cannot be read.
    pub fn find(directory: impl AsRef<Path>) -> Result<Vec<Self>, Error> {
        let directory = directory.as_ref();
        let unreadable = |error| Error::new(Kind::Unreachable, "the directory of the store cannot be read").because(error);
        // Resolved, so that a relative path is not longer than a socket's may be.
        let directory = directory.canonicalize().map_err(unreadable)?;
        let sockets = place::sockets(&directory).map_err(unreadable)?;
        if sockets.is_empty() {
            return Ok(Vec::new());
        }
        let key = Key::of_store(&directory)?;
        Ok(sockets.iter().filter_map(|path| Self::connect(path, &key)).collect())
    }

    /// `None` where nobody of ours answers.
    fn connect(path: &Path, key: &Key) -> Option<Self> {
        let stream = UnixStream::connect(path).ok().filter(is_own_user)?;
        let mut line = Line::new(stream);
        let greeting = line.read().ok()??;
        let words: Vec<_> = greeting.strip_prefix(GREETING)?.strip_prefix(' ')?.split(' ').collect();
        let [challenge, pid, instance, service] = words.as_slice() else { return None };
        Some(Self {
            line,
            key: key.clone(),
            challenge: (*challenge).to_owned(),
            pid: pid.parse().ok()?,
            instance: decode(instance)?,
            service: decode(service)?,
        })
    }

    /// Its number, as the operating system has it.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Which of all processes it is, whatever their numbers: 8 hexadecimal digits, `-` and its `service.instance.id`.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Its `service.name`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What was asked of it and stands.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn list(&mut self) -> Result<Vec<Standing>, Error> {
        let lines = self.command("list", &Pairs::default())?;
        lines.iter().map(standing_from).collect::<Option<_>>().ok_or_else(strange)
    }

    /// Asks for more; returns the number of the ask.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub fn ask(&mut self, ask: &Ask) -> Result<u64, Error> {
        let lines = self.command("ask", &ask_to(ask))?;
        lines.first().and_then(|line| line.find("id")?.parse().ok()).ok_or_else(strange)
    }

    /// Ends an ask.
    ///
    /// # Errors
    /// When it does not answer, or has no ask of this number.
    pub fn revoke(&mut self, id: u64) -> Result<(), Error> {
        self.command("revoke", &of_id(id)).map(drop)
    }

    /// Refuses a debug token from now on.
    ///
    /// # Errors
    /// When it does not answer, or it is not the id of a token.
    pub fn revoke_token(&mut self, id: &str) -> Result<(), Error> {
        self.command("revoketoken", &of_id(id)).map(drop)
    }

    fn command(&mut self, name: &str, arguments: &Pairs) -> Result<Vec<Pairs>, Error> {
        let silent = |error| Error::new(Kind::Unreachable, "the process does not answer").because(error);
        let end = time::unix_ns() / 1_000_000_000 + COMMAND_SECONDS;
        let (instance, service) = (encode(&self.instance), encode(&self.service));
        let said = format!("{} {instance} {service} {end} {name} {arguments}", self.challenge);
        self.line.write(&format!("{} {said}\n", self.key.sign(PURPOSE, &said))).map_err(silent)?;
        let mut items = Vec::new();
        loop {
            let line = self.line.read().map_err(silent)?;
            let line = line.ok_or_else(|| Error::new(Kind::Unreachable, "the process closed the connection"))?;
            let (word, rest) = line.split_once(' ').ok_or_else(strange)?;
            match word {
                "item" => items.push(Pairs::parse(rest).ok_or_else(strange)?),
                "ok" => {
                    rest.clone_into(&mut self.challenge);
                    return Ok(items);
                }
                "no" => {
                    let (challenge, reason) = rest.split_once(' ').ok_or_else(strange)?;
                    challenge.clone_into(&mut self.challenge);
                    return Err(Error::new(Kind::Refused, decode(reason).ok_or_else(strange)?));
                }
                _ => return Err(strange()),
            }
        }
    }
}

fn of_id(id: impl ToString) -> Pairs {
    let mut pairs = Pairs::default();
    pairs.add("id", id);
    pairs
}

fn strange() -> Error {
    Error::new(Kind::Refused, "the process answers what is not understood: is it of another version?")
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("pid", &self.pid).field("service", &self.service).finish_non_exhaustive()
    }
}
