//! Which texts are taken for images at all.

use std::fmt::Write;

use _accel::core::image::dimensions;
use _accel::core::value::Unhandled;
use proptest::prelude::*;

use super::{encode, png, url};

const LAX: Unhandled = Unhandled("not strict base64");

/// Bytes of strict base64, one digit after the other; None for anything else.
fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let mut bits = String::new();
    for digit in digits.chars() {
        let number = match digit {
            'A'..='Z' => digit as u32 - 'A' as u32,
            'a'..='z' => digit as u32 - 'a' as u32 + 26,
            '0'..='9' => digit as u32 - '0' as u32 + 52,
            '+' => 62,
            '/' => 63,
            _ => return None,
        };
        write!(bits, "{number:06b}").unwrap();
    }
    let byte = |bits: &[u8]| u8::from_str_radix(std::str::from_utf8(bits).unwrap(), 2).unwrap();
    text.len()
        .is_multiple_of(4)
        .then(|| bits.as_bytes().chunks_exact(8).map(byte).collect())
}

#[test]
fn only_strict_base64_is_read() {
    let image = encode(&png(320, 240)); // 24 bytes: no padding
    let read = Ok((320, 240));
    for (more, expected) in [
        ("", read),
        ("AAAA", read),
        ("AA==", read),
        ("AAA=", read),
        ("AB==", read), // bits to spare
        ("++//", read),
        ("A", Err(LAX)),
        ("AA", Err(LAX)),
        ("AAA", Err(LAX)),
        ("=", Err(LAX)),
        ("==", Err(LAX)),
        ("===", Err(LAX)),
        ("====", Err(LAX)),
        ("A===", Err(LAX)),
        ("AA=A", Err(LAX)),
        ("=AAA", Err(LAX)),
        ("AA==AAAA", Err(LAX)),
        ("AAA=AAA=", Err(LAX)),
        ("AAA\n", Err(LAX)),
        ("\nAAAA\n\n\n", Err(LAX)),
        ("AAA ", Err(LAX)),
        ("-___", Err(LAX)), // the alphabet for URLs
        ("AA,A", Err(LAX)),
        ("AA%3D", Err(LAX)),
        ("AA\0A", Err(LAX)),
        ("é==", Err(LAX)),
    ] {
        let text = format!("data:,{image}{more}");
        assert_eq!(dimensions(&text), expected, "{more:?}");
    }
}

#[test]
fn every_byte_is_a_digit_or_not() {
    let image = encode(&png(320, 240));
    for byte in 0..128_u8 {
        let character = char::from(byte);
        let is_digit = character.is_ascii_alphanumeric() || character == '+' || character == '/';
        // Far into the text, and with padding only at its end.
        let text = format!("data:,{image}{}{character}AAA", "A".repeat(1_000));
        assert_eq!(dimensions(&text).is_ok(), is_digit, "{character:?}");
    }
}

#[test]
fn what_stands_before_the_first_comma_does_not_matter() {
    let image = encode(&png(3, 2));
    for header in [
        "",
        "data:image/png;base64",
        "text/html",
        "é",
        " http://a",
        "HTTP://a",
    ] {
        assert_eq!(dimensions(&format!("{header},{image}")), Ok((3, 2)));
    }
    for web in ["http://", "https://", "https://a/b.png"] {
        let refused = dimensions(&format!("{web},{image}"));
        assert_eq!(refused, Err(Unhandled("image on the network")));
    }
    for text in ["", "data:", &image] {
        assert_eq!(dimensions(text), Err(Unhandled("not a data URL")));
    }
    assert_eq!(dimensions("data:,"), Err(Unhandled("unknown image type")));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text: String, comma in ".{0,9},[A-Za-z0-9+/=]{0,40}") {
        let _ = (dimensions(&text), dimensions(&comma));
    }

    /// The digits behind the signature are the reference decoder's digits.
    #[test]
    fn bytes_are_what_the_reference_decodes(digits in "[A-Za-z0-9+/]{22}(==|[A-Za-z0-9+/]=|[A-Za-z0-9+/]{2}(..==)?)?") {
        // Eleven digits hold the signature's 8 bytes and leave 2 bits.
        let text = format!("{}{digits}", &encode(b"\x89PNG\r\n\x1a\n")[..10]);
        match (decode(&text), dimensions(&format!(",{text}"))) {
            (None, answer) => prop_assert_eq!(answer, Err(LAX)),
            (Some(bytes), Ok((width, height))) => {
                prop_assert_eq!(&bytes[16..20], width.to_be_bytes());
                prop_assert_eq!(&bytes[20..24], height.to_be_bytes());
            }
            (Some(bytes), Err(reason)) => {
                prop_assert_ne!(reason, LAX);
                prop_assert!(bytes.len() < 24 || !bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
            }
        }
    }

    #[test]
    fn what_was_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(decode(&encode(&bytes)), Some(bytes.clone()));
        let image = [&png(320, 240)[..], &bytes].concat();
        prop_assert_eq!(dimensions(&url(&image)), Ok((320, 240)));
    }
}
