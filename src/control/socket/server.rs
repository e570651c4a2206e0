//! The listening side: a thread of its own, and one for each connection.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::connection::Office;
use super::place::{self, MAX_PATH_BYTES};
use crate::control::{Control, Key};
use crate::pipeline::hush;
use crate::random;
use crate::record::Resource;

/// Connections at the same time, at most; a further one is closed at once.
const MAX_CONNECTIONS: usize = 8;
/// A listener that cannot accept (no descriptors left) is asked again after this.
const PAUSE: Duration = Duration::from_millis(200);

/// A socket that is listened at; removed when this is dropped.
pub(crate) struct Server {
    path: PathBuf,
    is_closed: Arc<AtomicBool>,
}

impl Server {
    /// Listens in the directory of a store, which exists and belongs to this user.
    ///
    /// # Errors
    /// When the path is too long for a socket, or no socket or thread can be made.
    pub(crate) fn start(directory: &Path, key: Key, control: Control, resource: &Resource) -> io::Result<Self> {
        let directory = directory.canonicalize()?;
        let instance = u32::from_be_bytes(random::bytes().first_chunk().copied().unwrap_or_default());
        let path = directory.join(place::name(std::process::id(), instance));
        if path.as_os_str().len() > MAX_PATH_BYTES {
            let problem = format!("its path would have more than {MAX_PATH_BYTES} bytes; choose a shorter one for the store");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        place::remove_dead(&directory);
        let listener = UnixListener::bind(&path)?;
        let is_closed = Arc::new(AtomicBool::new(false));
        // From here on what was made is removed again, whatever fails.
        let server = Self { path, is_closed };
        fs::set_permissions(&server.path, Permissions::from_mode(0o600))?;
        let named = resource.attribute("service.instance.id").unwrap_or_default();
        let office =
            Office { control, key, instance: format!("{instance:08x}-{named}"), service: resource.service_name().to_owned() };
        let is_closed = Arc::clone(&server.is_closed);
        let builder = thread::Builder::new().name("campanile-control".to_owned());
        builder.spawn(move || listen(&listener, &Arc::new(office), &is_closed))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Release);
        // Wakes the thread, which then sees that it is over; nobody waits for that.
        let _ = UnixStream::connect(&self.path);
        let _ = fs::remove_file(&self.path);
    }
}

fn listen(listener: &UnixListener, office: &Arc<Office>, is_closed: &AtomicBool) {
    hush();
    let connections = Arc::new(AtomicUsize::new(0));
    while !is_closed.load(Ordering::Acquire) {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        let place = Place::take(&connections);
        if is_closed.load(Ordering::Acquire) {
            return;
        }
        let Some(place) = place else { continue };
        let office = Arc::clone(office);
        let builder = thread::Builder::new().name("campanile-control".to_owned());
        let _ = builder.spawn(move || {
            hush();
            let _place = place;
            // However it ends, the caller sees that it did.
            let _ = office.serve(stream);
        });
    }
}

/// One of the connections that there may be.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(connections: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(connections));
        let before = connections.fetch_add(1, Ordering::AcqRel);
        (before < MAX_CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
