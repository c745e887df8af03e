//! Messages over a pair of streams. A message's size is bounded before anything is made room for.

use lsp_server::Message;
use std::io::{self, BufRead, Read as _};

/// Bytes of one message: a file of the most that is parsed, escaped, with room.
const MESSAGE_BYTES: usize = 64 << 20;
/// Bytes of one line of a header.
const HEADER_BYTES: u64 = 4 << 10;
/// Lines of a header.
const HEADER_LINES: usize = 32;

/// What was read.
pub(super) enum Incoming {
    /// A message.
    Message(Message),
    /// A body that is no message: what is behind it can be read all the same.
    Malformed(String),
    /// The stream's end.
    End,
}

/// Reads one message.
///
/// # Errors
/// When the stream breaks, or a header says nothing that could be followed.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Incoming> {
    let Some(length) = read_header(input)? else { return Ok(Incoming::End) };
    if length > MESSAGE_BYTES {
        // It is skipped, so that an editor that opens something huge goes on working.
        let passed = io::copy(&mut input.take(length as u64), &mut io::sink())?;
        let message = format!("a message of {length} bytes, more than {MESSAGE_BYTES}");
        return Ok(if passed == length as u64 { Incoming::Malformed(message) } else { Incoming::End });
    }
    // Grows as bytes come, whatever the header claims.
    let mut body = Vec::new();
    if input.take(length as u64).read_to_end(&mut body)? < length {
        return Ok(Incoming::End);
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Malformed(format!("not a message: {error}")),
    })
}

/// The length that a header announces; `None` at the stream's end.
fn read_header(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let invalid = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message.to_owned());
    let mut length = None;
    for _ in 0..HEADER_LINES {
        let mut line = Vec::new();
        if input.take(HEADER_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = line.strip_suffix(b"\n").ok_or_else(|| invalid("a header line that does not end"))?;
        let line = std::str::from_utf8(line).map_err(|_| invalid("a header that is not text"))?.trim_end();
        if line.is_empty() {
            return length.map(Some).ok_or_else(|| invalid("a header without Content-Length"));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("a header line without a colon"))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            length = Some(value.trim().parse().map_err(|_| invalid("a Content-Length that is no number"))?);
        }
    }
    Err(invalid("a header with too many lines"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(bytes: &[u8]) -> String {
        match read(&mut &*bytes) {
            Ok(Incoming::Message(message)) => format!("{message:?}"),
            Ok(Incoming::Malformed(why)) => format!("malformed: {why}"),
            Ok(Incoming::End) => "end".to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_message_is_read_by_its_length() {
        let text = b"content-length: 33\r\nContent-Type: x\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}{";
        assert!(outcome(text).contains("exit"));
    }

    #[test]
    fn what_is_none_is_said_and_nothing_is_made_room_for() {
        assert_eq!(outcome(b""), "end");
        assert_eq!(outcome(b"Content-Length: 10\r\n\r\n{}"), "end");
        assert_eq!(outcome(b"Content-Length: 18446744073709551615\r\n\r\n{}"), "end");
        assert!(outcome(b"Content-Length: 2\r\n\r\n{}").starts_with("malformed"));
        assert!(outcome(b"Content-Length: 99999999999999999999\r\n\r\n").starts_with("error"));
        assert!(outcome(b"\r\n").starts_with("error"));
        assert!(outcome(b"GET / HTTP/1.1\r\n").starts_with("error"));
        assert!(outcome(&[b'a'; 10_000]).starts_with("error"));
        assert!(outcome(&b"a: b\r\n".repeat(100)).starts_with("error"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            outcome(&bytes);
            outcome(&[b"Content-Length: 7\r\n\r\n", bytes.as_slice()].concat());
        }
    }
}
