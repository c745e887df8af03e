//! Bytes as the binary carries them: compressed, each piece on its own, so that a run unpacks only what it uses.

use serde::{Deserialize, Serialize};

/// How hard the build tries: it packs once, and everybody unpacks.
const LEVEL: i32 = 19;

/// Compressed bytes, and how many there are uncompressed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Packed<'a> {
    length: u32,
    bytes: &'a [u8],
}

/// The compressed form of some bytes, to be borrowed as a [`Packed`].
pub struct PackedBuffer {
    length: u32,
    bytes: Vec<u8>,
}

impl PackedBuffer {
    /// Compresses bytes.
    ///
    /// # Errors
    /// When there are four gigabytes of them, or memory is short.
    pub fn new(bytes: &[u8]) -> std::io::Result<Self> {
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        Ok(Self { length, bytes: zstd::bulk::compress(bytes, LEVEL)? })
    }

    /// The bytes as a pack holds them.
    pub fn borrow(&self) -> Packed<'_> {
        Packed { length: self.length, bytes: &self.bytes }
    }
}

impl Packed<'_> {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes; none when they cannot be unpacked, which only a broken build makes.
    pub fn unpack(&self) -> Vec<u8> {
        zstd::bulk::decompress(self.bytes, self.length as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            let packed = PackedBuffer::new(&bytes).unwrap();
            prop_assert_eq!(packed.borrow().unpack(), bytes);
        }
    }

    #[test]
    fn broken_bytes_are_no_bytes() {
        assert_eq!(Packed { length: 10, bytes: b"nonsense" }.unpack(), b"");
    }
}
