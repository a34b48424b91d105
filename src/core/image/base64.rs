//! Base64 of which single bytes are wanted (RFC 4648, section 4).

/// Text that is strictly base64: the plain alphabet, whole groups of four, padding at the end only.
pub struct Base64<'a> {
    digits: &'a [u8],
}

impl<'a> Base64<'a> {
    /// None for anything that is not strict, which Python reads in its own way.
    pub fn new(text: &'a [u8]) -> Option<Self> {
        if !text.len().is_multiple_of(4) {
            return None;
        }
        let digits = match text {
            [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
            _ => text,
        };
        all_digits(digits).then_some(Self { digits })
    }

    /// The byte at `at`; none beyond the end.
    pub fn byte(&self, at: usize) -> Option<u8> {
        let bit = at * 8;
        let (high, low) = (
            digit(*self.digits.get(bit / 6)?)?,
            digit(*self.digits.get(bit / 6 + 1)?)?,
        );
        // The wanted 8 of these 12 bits; they begin 0, 2 or 4 bits in.
        let pair = u16::from(high) << 6 | u16::from(low);
        Some((pair >> (4 - bit % 6) & 0xFF) as u8)
    }
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler takes many bytes at a time"
)]
fn all_digits(text: &[u8]) -> bool {
    text.chunks(256).all(|chunk| {
        chunk.iter().fold(true, |all, &byte| {
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            let number = byte.wrapping_sub(b'0') < 10;
            all & (letter | number | (byte == b'+') | (byte == b'/'))
        })
    })
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
