//! The key that signs commands and tokens.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Error;
use super::error::Kind;

/// What tokens and commands are signed with.
///
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The shortest key, in bytes.
    pub const MIN_BYTES: usize = 32;

    /// A key of at least [`MIN_BYTES`](Self::MIN_BYTES) that nobody can guess, such as `openssl rand -hex 32` makes.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(key: impl AsRef<[u8]>) -> Result<Self, Error> {
        let key = key.as_ref();
        let mac = Hmac::new_from_slice(key).ok().filter(|_| key.len() >= Self::MIN_BYTES);
        mac.map(Self).ok_or_else(|| Error::new(Kind::Wrong, "a key needs at least 32 bytes"))
    }

    /// The signature of a text, in hexadecimal digits; `purpose` keeps one kind of text from passing for another.
    pub(super) fn sign(&self, purpose: &str, text: &str) -> String {
        let bytes = self.mac(purpose, text).finalize().into_bytes();
        bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
            out.extend([digit(byte >> 4), digit(byte & 15)]);
            out
        })
    }

    /// Whether it is the signature of the text. Takes the same time wherever they differ.
    pub(super) fn verifies(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0_u8; 32];
        if signature.len() != 64 {
            return false;
        }
        for (slot, pair) in bytes.iter_mut().zip(signature.as_bytes().chunks(2)) {
            let [high, low] = pair else { return false };
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return false };
            *slot = high << 4 | low;
        }
        self.mac(purpose, text).verify_slice(&bytes).is_ok()
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(all(feature = "store", unix))]
mod of_store {
    use std::fs::{self, OpenOptions};
    use std::io::{self, Read as _, Write as _};
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;

    use super::{Error, Key, Kind};

    /// Where a store's key lies, in its directory.
    const FILE: &str = "control.key";
    const BYTES: usize = 32;

    impl Key {
        /// The key of a store, as its owner may read it: 32 bytes in `control.key`.
        ///
        /// # Errors
        /// When there is none, or when it is not as it was made: a file of its own, of this user, that nobody else can read.
        pub fn of_store(directory: impl AsRef<Path>) -> Result<Self, Error> {
            Self::read(&directory.as_ref().join(FILE)).map_err(|error| failed(error, "cannot be read"))
        }

        /// The same; makes one where there is none.
        pub(crate) fn of_store_or_new(directory: &Path) -> Result<Self, Error> {
            let path = directory.join(FILE);
            match Self::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Self::make(directory, &path).map_err(|error| failed(error, "cannot be made"))?;
                    Self::read(&path)
                }
                read => read,
            }
            .map_err(|error| failed(error, "cannot be used"))
        }

        fn read(path: &Path) -> io::Result<Self> {
            // A pipe that somebody put in its place must not be waited for.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            let flags = i32::try_from(flags.bits()).unwrap_or_default();
            let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
            let found = file.metadata()?;
            let is_ours = found.uid() == rustix::process::geteuid().as_raw();
            if !found.is_file() || !is_ours || found.mode() & 0o077 != 0 || found.len() != BYTES as u64 {
                return Err(io::Error::other("it is not 32 bytes that its owner alone can read"));
            }
            let mut bytes = [0; BYTES];
            file.read_exact(&mut bytes)?;
            Self::new(bytes).map_err(io::Error::other)
        }

        /// Written aside and then named, so that nobody reads half of it, and of two processes that make one the first wins.
        fn make(directory: &Path, path: &Path) -> io::Result<()> {
            let aside = directory.join(format!("{FILE}.{}-{:016x}", std::process::id(), u64::from_be_bytes(random()?)));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            let named = file.write_all(&random::<BYTES>()?).and_then(|()| fs::hard_link(&aside, path));
            let _ = fs::remove_file(&aside);
            match named {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                named => named,
            }
        }
    }

    /// Bytes that nobody can guess.
    pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn failed(error: io::Error, what: &str) -> Error {
        Error::new(Kind::Wrong, format!("the key of the store ({FILE}) {what}")).because(error)
    }
}

#[cfg(all(feature = "store", unix))]
pub(super) use self::of_store::random;

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard_and_bound_to_its_purpose() {
        let key = Key::new([b'k'; 32]).unwrap();
        let signature = key.sign("a", "b");
        // What another library computes of `a`, a zero byte and `b`.
        assert_eq!(signature, "d895eaa186a1e324982a71aff96932e9b88295381ce63fa75abc7de00610173b");
        assert!(key.verifies("a", "b", &signature));
        assert!(!key.verifies("b", "b", &signature) && !key.verifies("a", "c", &signature));
        assert!(!key.verifies("a", "b", &signature[1..]) && !key.verifies("a", "b", &"0".repeat(64)));
        assert!(!key.verifies("a", "b", &"é".repeat(32)));
        assert!(!Key::new([b'x'; 32]).unwrap().verifies("a", "b", &signature));
    }

    #[test]
    fn a_short_key_is_refused_and_none_is_shown() {
        assert!(Key::new("canary").is_err());
        let key = Key::new("canary".repeat(8)).unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
    }

    #[cfg(all(feature = "store", unix))]
    #[test]
    fn a_store_has_one_key_that_nobody_else_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        assert!(Key::of_store(directory.path()).is_err(), "reading makes none");
        let made = Key::of_store_or_new(directory.path()).unwrap();
        let again = Key::of_store_or_new(directory.path()).unwrap();
        assert_eq!(made.sign("a", "b"), again.sign("a", "b"));
        let path = directory.path().join("control.key");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Key::of_store(directory.path()).is_err());
    }

    #[cfg(all(feature = "store", target_os = "linux"))]
    #[test]
    fn what_stands_in_the_place_of_a_key_is_neither_waited_for_nor_taken_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.key");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(Key::of_store(directory.path()).is_err() && Key::of_store_or_new(directory.path()).is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(directory.path().join("other"), [7; 32]).unwrap();
        std::os::unix::fs::symlink("other", &path).unwrap();
        assert!(Key::of_store(directory.path()).is_err() && Key::of_store_or_new(directory.path()).is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Key::of_store(directory.path()).is_err() && Key::of_store_or_new(directory.path()).is_err());
        assert!(path.is_dir());
    }
}
