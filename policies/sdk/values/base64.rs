//! Base64, as Secrets and `binaryData` hold it.

/// Decodes a text of the standard alphabet (RFC 4648 §4); line breaks and blanks are skipped, as Go's decoder passes
/// over line breaks. `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let (whole, padding) = match digits.as_slice() {
        [whole @ .., b'=', b'='] => (whole, 2),
        [whole @ .., b'='] => (whole, 1),
        whole => (whole, 0),
    };
    if !digits.len().is_multiple_of(4) || whole.len() % 4 != [0, 3, 2][padding] {
        return None;
    }
    let mut bytes = Vec::with_capacity(whole.len() / 4 * 3 + 2);
    for group in whole.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        // A group of n digits holds n - 1 bytes; what is left over of the last digit is nothing.
        bits <<= 6 * (4 - group.len());
        bytes.extend(bits.to_be_bytes()[1..].iter().take(group.len() - 1));
    }
    Some(bytes)
}

/// Decodes a text of which the bytes are UTF-8.
pub fn decode_text(text: &str) -> Option<String> {
    String::from_utf8(decode(text)?).ok()
}

fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9v\nYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode_text(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["Z", "Zg", "Zg=", "Zm9=v", "Z===", "Zm9v====", "Zm9-", "{{ .x }}", "=", "=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-Za-z0-9+/= \n]{0,40}") {
            let _ = decode(&text);
        }
    }
}
