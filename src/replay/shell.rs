//! Words of a POSIX shell.

use std::fmt::Write as _;

use crate::escape::escape;

/// A word that stands for exactly this text and shows nothing that steers a terminal.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else if text.chars().all(is_shown) {
        format!("'{}'", text.replace('\'', r"'\''"))
    } else {
        format!("\"$(printf '{}')\"", printed(text.as_bytes()))
    }
}

/// The bytes as `printf` of every shell writes them, between single quotes.
pub(super) fn printed(bytes: &[u8]) -> String {
    let mut format = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' => format.push_str(r"'\''"),
                '\\' => format.push_str(r"\\"),
                '%' => format.push_str("%%"),
                c if is_shown(c) => format.push(c),
                c => octal(&mut format, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        octal(&mut format, chunk.invalid());
    }
    format
}

fn octal(format: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(format, "\\{byte:03o}");
    }
}

/// The body as text, where a terminal can show all of it.
pub(super) fn shown(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok().filter(|text| text.chars().all(is_shown))
}

/// Whether a character may stand on a terminal as it is.
pub(super) fn is_shown(c: char) -> bool {
    c == '\n' || escape(c.encode_utf8(&mut [0; 4])).to_string().chars().eq([c])
}
