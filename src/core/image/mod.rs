//! Width and height of an image in a data URL, read off its first bytes (LiteLLM: `get_image_dimensions`).

mod base64;

use super::value::Unhandled;
use base64::Base64;

const TRUNCATED: Unhandled = Unhandled("truncated image");

/// Width and height in pixels of a PNG, GIF, JPEG or `WebP` image. All of the text is checked to be base64, but only the
/// header is decoded.
///
/// # Errors
/// A web address, lax base64, an image that is cut off or of another kind: LiteLLM says what comes of it.
pub fn dimensions(url: &str) -> Result<(u32, u32), Unhandled> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Err(Unhandled("image on the network"));
    }
    let (_, encoded) = url.split_once(',').ok_or(Unhandled("not a data URL"))?;
    let image = Base64::new(encoded.as_bytes()).ok_or(Unhandled("not strict base64"))?;
    let start = image.start();
    match start.as_slice() {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => {
            Ok((image.big_endian(16, 4)?, image.big_endian(20, 4)?))
        }
        [b'G', b'I', b'F', b'8', _, b'a', ..] => {
            Ok((image.little_endian(6, 2)?, image.little_endian(8, 2)?))
        }
        [0xFF, 0xD8, 0xFF, ..] => jpeg(&image),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Err(Unhandled("unknown image type")),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => webp(&image),
        _ => Err(Unhandled("unknown image type")),
    }
}

/// Goes from marker to marker to the start of the frame.
fn jpeg(image: &Base64) -> Result<(u32, u32), Unhandled> {
    let mut at = 2;
    loop {
        let mut marker = image.byte(at).ok_or(TRUNCATED)?;
        at += 1;
        while marker == 0xFF {
            marker = image.byte(at).ok_or(TRUNCATED)?;
            at += 1;
        }
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            // Length (2) and precision (1) stand before height and width.
            return Ok((image.big_endian(at + 5, 2)?, image.big_endian(at + 3, 2)?));
        }
        let length = image.big_endian(at, 2)? as usize;
        if length < 2 {
            return Err(Unhandled("odd JPEG segment"));
        }
        at += length;
    }
}

fn webp(image: &Base64) -> Result<(u32, u32), Unhandled> {
    let form = [12, 13, 14, 15].map(|at| image.byte(at).unwrap_or(0));
    match &form {
        b"VP8X" => Ok((
            image.little_endian(24, 3)? + 1,
            image.little_endian(27, 3)? + 1,
        )),
        b"VP8 " => Ok((
            image.little_endian(26, 2)? & 0x3FFF,
            image.little_endian(28, 2)? & 0x3FFF,
        )),
        b"VP8L" => {
            let bits = image.little_endian(21, 4)?;
            Ok(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        _ => Err(Unhandled("unknown image type")),
    }
}

impl Base64<'_> {
    /// Bytes enough to tell the kind of image; fewer if there are no more.
    fn start(&self) -> Vec<u8> {
        (0..12).map_while(|at| self.byte(at)).collect()
    }

    fn big_endian(&self, at: usize, length: usize) -> Result<u32, Unhandled> {
        (at..at + length).try_fold(0, |number, at| {
            let byte = self.byte(at).ok_or(TRUNCATED)?;
            Ok(number << 8 | u32::from(byte))
        })
    }

    fn little_endian(&self, at: usize, length: usize) -> Result<u32, Unhandled> {
        (at..at + length).rev().try_fold(0, |number, at| {
            let byte = self.byte(at).ok_or(TRUNCATED)?;
            Ok(number << 8 | u32::from(byte))
        })
    }
}
