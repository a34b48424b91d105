//! Every kind of image, and every image cut off.

use _accel::core::image::dimensions;
use _accel::core::value::Unhandled;
use proptest::prelude::*;

use super::{png, url};

const UNKNOWN: Unhandled = Unhandled("unknown image type");
const TRUNCATED: Unhandled = Unhandled("truncated image");

fn of(image: &[u8]) -> Result<(u32, u32), Unhandled> {
    dimensions(&url(image))
}

fn gif(version: u8) -> Vec<u8> {
    [b"GIF8", &[version][..], b"a\x40\x01\xf0\x00"].concat()
}

fn webp(form: &[u8], rest: &[u8]) -> Vec<u8> {
    // From byte 16 on: the length of the chunk.
    [b"RIFF\xff\xff\xff\xffWEBP", form, &[0; 4], rest].concat()
}

/// Marker by marker, the lengths as they are written.
fn jpeg(segments: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let mut image = b"\xff\xd8".to_vec();
    for (marker, length, rest) in segments {
        image.extend([0xFF, *marker]);
        image.extend(length.to_be_bytes());
        image.extend(*rest);
    }
    image
}

/// Precision, height 240, width 320.
const FRAME: &[u8] = &[8, 0, 240, 1, 64];

/// Each ends with the last byte that is needed.
fn images() -> Vec<(&'static str, Vec<u8>, (u32, u32))> {
    let all = u32::MAX;
    vec![
        ("png", png(320, 240), (320, 240)),
        ("largest png", png(all, all), (all, all)),
        ("empty png", png(0, 0), (0, 0)),
        ("gif 87", gif(b'7'), (320, 240)),
        ("gif of any version", gif(0xFF), (320, 240)),
        ("jpeg", jpeg(&[(0xC0, 17, FRAME)]), (320, 240)),
        (
            "jpeg after other segments",
            jpeg(&[
                (0xE0, 5, b"abc"),
                (0xC4, 2, b""),
                (0xC8, 3, b"\xff"),
                (0xCC, 2, b""),
                (0xC2, 17, FRAME),
            ]),
            (320, 240),
        ),
        (
            "jpeg with fill bytes",
            [
                &b"\xff\xd8\xff\xff\xff\xe0\0\x03x"[..],
                b"\xff\xff\xcf\0\x11",
                FRAME,
            ]
            .concat(),
            (320, 240),
        ),
        (
            "jpeg without the byte before the second marker",
            [&b"\xff\xd8\xff\xe0\0\x02"[..], b"\xc0\0\x11", FRAME].concat(),
            (320, 240),
        ),
        (
            "webp, extended",
            webp(b"VP8X", b"\0\0\0\0\x3f\x01\0\xef\0\0"),
            (320, 240),
        ),
        (
            "largest extended webp",
            webp(b"VP8X", &[0xFF; 10]),
            (1 << 24, 1 << 24),
        ),
        (
            "webp, lossy, its scale bits left out",
            webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x40\xc1\xf0\x40"),
            (320, 240),
        ),
        (
            "webp, lossless",
            webp(b"VP8L", b"\x2f\x3f\xc1\x3b\xf0"),
            (320, 240),
        ),
    ]
}

#[test]
fn every_kind_is_read() {
    for (name, mut image, size) in images() {
        assert_eq!(of(&image), Ok(size), "{name}");
        image.extend([0xFF; 50]);
        assert_eq!(of(&image), Ok(size), "{name} and more");
    }
}

#[test]
fn an_image_cut_off_anywhere_is_not_read() {
    for (name, image, _) in images() {
        for length in 0..image.len() {
            let refused = of(&image[..length]);
            assert!(
                matches!(refused, Err(UNKNOWN | TRUNCATED)),
                "{name} cut off at {length}: {refused:?}"
            );
        }
        assert_eq!(of(&image[..image.len() - 1]), Err(TRUNCATED), "{name}");
    }
}

#[test]
fn other_kinds_are_not_read() {
    for image in [
        &b""[..],
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF\0\0\0\0WEBPVP8?\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"GIF89b\x40\x01\xf0\x00",
        b"BM\0\0\0\0\0\0\0\0\0\0\0\0",
        b"<svg width='1' height='1'/>",
    ] {
        assert_eq!(of(image), Err(UNKNOWN), "{image:?}");
    }
}

#[test]
fn a_segment_that_ends_before_it_begins_is_not_followed() {
    let odd = Unhandled("odd JPEG segment");
    for length in [0, 1] {
        assert_eq!(
            of(&jpeg(&[(0xE0, length, FRAME), (0xC0, 17, FRAME)])),
            Err(odd)
        );
    }
    // Of the frame itself the length is not asked.
    assert_eq!(of(&jpeg(&[(0xC1, 0, FRAME)])), Ok((320, 240)));
}

#[test]
fn a_segment_beyond_the_end_is_a_truncated_image() {
    assert_eq!(of(&jpeg(&[(0xE0, u16::MAX, FRAME)])), Err(TRUNCATED));
    assert_eq!(of(&[0xFF; 100]), Err(UNKNOWN));
    assert_eq!(
        of(&[&b"\xff\xd8"[..], &[0xFF; 100]].concat()),
        Err(TRUNCATED)
    );
}

const STARTS: &[&[u8]] = &[
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"\xff\xd8\xff",
    b"RIFF\0\0\0\0WEBPVP8L",
];

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        start in prop::sample::select(STARTS),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xFF), Just(0), 0xC0..0xD0_u8], 0..60),
    ) {
        let image = [start, &rest].concat();
        let _ = of(&image);
    }

    /// JPEG as LiteLLM reads it: a file that is sought and read.
    #[test]
    fn any_segments_are_followed_like_litellm(
        rest in prop::collection::vec(prop_oneof![2 => Just(0xFF), 2 => 0..8_u8, 2 => 0xC0..0xD0_u8, 1 => any::<u8>()], 0..60),
    ) {
        let image = [b"\xff\xd8\xff", &rest[..]].concat();
        match of(&image) {
            Ok(size) => prop_assert_eq!(Some(size), read_jpeg(&image)),
            Err(Unhandled("odd JPEG segment")) => {}
            Err(_) => prop_assert_eq!(read_jpeg(&image), None),
        }
    }
}

/// The loop of `get_image_dimensions`; None where it raises.
fn read_jpeg(image: &[u8]) -> Option<(u32, u32)> {
    let mut at = 0;
    let read = |at: &mut i64| {
        let byte = image.get(usize::try_from(*at).ok()?).copied();
        *at += 1;
        byte.map(i64::from)
    };
    let (mut size, mut kind) = (2, 0);
    while !(0xC0..=0xCF).contains(&kind) || [0xC4, 0xC8, 0xCC].contains(&kind) {
        at += size;
        kind = read(&mut at)?;
        while kind == 0xFF {
            kind = read(&mut at)?;
        }
        size = read(&mut at)? * 256 + read(&mut at)? - 2;
    }
    at += 1;
    let height = read(&mut at)? * 256 + read(&mut at)?;
    let width = read(&mut at)? * 256 + read(&mut at)?;
    Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?))
}
