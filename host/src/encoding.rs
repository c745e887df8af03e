//! What a file's bytes are as text: UTF-8, or UTF-16 where a byte order mark says so, as the tools read it whose files
//! these are (kubectl's reader of YAML, PowerShell's `>`).

/// How a text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

/// What of some bytes is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file is not {} (byte {at})", match encoding { Encoding::Utf8 => "UTF-8", _ => "UTF-16" })]
pub struct NotText {
    /// What it should have been.
    pub encoding: Encoding,
    /// The first byte that is wrong.
    pub at: usize,
}

/// Reads bytes as text. A byte order mark stays where it is, as U+FEFF.
///
/// # Errors
/// At the first byte that is not one of a text.
pub fn decode(bytes: Vec<u8>) -> Result<(String, Encoding), NotText> {
    let encoding = match bytes.as_slice() {
        [0xff, 0xfe, ..] => Encoding::Utf16Le,
        [0xfe, 0xff, ..] => Encoding::Utf16Be,
        _ => {
            let text = String::from_utf8(bytes);
            return text
                .map(|text| (text, Encoding::Utf8))
                .map_err(|error| NotText { encoding: Encoding::Utf8, at: error.utf8_error().valid_up_to() });
        }
    };
    let mut at = 0;
    let mut text = String::with_capacity(bytes.len() / 2);
    let units = bytes.chunks_exact(2).map(|unit| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes([unit[0], unit[1]]),
        _ => u16::from_le_bytes([unit[0], unit[1]]),
    });
    for letter in char::decode_utf16(units) {
        let letter = letter.map_err(|_| NotText { encoding, at })?;
        at += 2 * letter.len_utf16();
        text.push(letter);
    }
    if at < bytes.len() { Err(NotText { encoding, at }) } else { Ok((text, encoding)) }
}

impl Encoding {
    /// The bytes of a text.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mark_says_what_bytes_are() {
        assert_eq!(decode(b"a".to_vec()), Ok(("a".to_owned(), Encoding::Utf8)));
        assert_eq!(decode(vec![0xff, 0xfe, b'a', 0]), Ok(("\u{feff}a".to_owned(), Encoding::Utf16Le)));
        assert_eq!(decode(vec![0xfe, 0xff, 0, b'a']), Ok(("\u{feff}a".to_owned(), Encoding::Utf16Be)));
        let message = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(message(&[b'a', 0xc3]), "the file is not UTF-8 (byte 1)");
        assert_eq!(message(&[0xff, 0xfe, b'a', 0, b'b']), "the file is not UTF-16 (byte 4)");
        assert_eq!(message(&[0xff, 0xfe, 0, 0xd8, b'b', 0]), "the file is not UTF-16 (byte 2)");
    }

    proptest! {
        #[test]
        fn a_text_comes_back_as_it_was(text in "\\PC{0,20}") {
            let marked = format!("\u{feff}{text}");
            for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
                prop_assert_eq!(decode(encoding.encode(&marked)), Ok((marked.clone(), encoding)));
            }
        }

        #[test]
        fn any_bytes_are_text_or_not(bytes in prop::collection::vec(any::<u8>(), 0..20), mark in 0..3) {
            let mut bytes = bytes;
            let mark: &[u8] = [&[][..], &[0xff, 0xfe], &[0xfe, 0xff]][mark as usize];
            bytes.splice(0..0, mark.iter().copied());
            if let Ok((text, encoding)) = decode(bytes.clone()) {
                prop_assert_eq!(encoding.encode(&text), bytes);
            }
        }
    }
}
