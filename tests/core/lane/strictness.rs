//! Where h11 and llhttp, uvicorn's two parsers, read a request differently, or LiteLLM reads other fields than the
//! lane, the lane does not read it at all.

use _accel::lane::head::{self, Verdict};
use _accel::lane::reason::Reason;

const FIELDS: [&str; 3] = [
    "host: here",
    "content-type: application/json",
    "content-length: 2",
];

fn request(fields: &[&str]) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\n{}\r\n\r\n{{}}",
        fields.join("\r\n")
    )
    .into_bytes()
}

fn with(field: &str) -> Verdict {
    head::read(&request(&[&FIELDS[..], &[field]].concat()))
}

fn instead(place: usize, field: &str) -> Verdict {
    let mut fields = FIELDS;
    fields[place] = field;
    head::read(&request(&fields))
}

fn reason(verdict: Verdict) -> Option<Reason> {
    match verdict {
        Verdict::HandOver { reason, .. } => Some(reason),
        Verdict::Candidate { .. } | Verdict::Partial => None,
    }
}

fn is_candidate(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Candidate { .. })
}

#[test]
fn a_plain_request_is_a_candidate() {
    assert!(is_candidate(head::read(&request(&FIELDS))));
    assert!(is_candidate(with("authorization: Bearer a key")));
    assert!(is_candidate(with("x-a:")));
    // As many clients write an empty value; both parsers read it as one.
    assert!(is_candidate(with("x-a: ")));
    assert!(is_candidate(with("x-a:\t")));
    assert!(is_candidate(with("x-a:\t \tv")));
}

#[test]
fn blanks_at_the_end_of_a_line_are_malformed() {
    // h11 cuts them off; llhttp gives them to the application as a part of the key.
    for field in [
        "authorization: Bearer a ",
        "authorization: Bearer a\t",
        "x-a: b: ",
    ] {
        assert_eq!(reason(with(field)), Some(Reason::Malformed), "{field:?}");
    }
    // llhttp refuses a tab there.
    assert_eq!(
        reason(instead(2, "content-length: 2\t")),
        Some(Reason::Malformed)
    );
    assert_eq!(
        reason(instead(1, "content-type: application/json ")),
        Some(Reason::Malformed)
    );
}

#[test]
fn blanks_at_an_end_that_has_not_come_are_waited_for() {
    assert_eq!(
        head::read(b"POST /v1/chat/completions HTTP/1.1\r\nx-a: v "),
        Verdict::Partial
    );
    assert_eq!(
        reason(head::read(
            b"POST /v1/chat/completions HTTP/1.1\r\nx-a: v \r"
        )),
        Some(Reason::Malformed)
    );
}

#[test]
fn several_content_types_are_not_json() {
    // LiteLLM reads the first.
    for fields in [
        "content-type: text/plain",
        "content-type: application/json",
        "Content-Type:",
    ] {
        assert_eq!(
            reason(with(fields)),
            Some(Reason::ContentType),
            "{fields:?}"
        );
    }
    assert_eq!(
        reason(instead(
            1,
            "content-type: text/plain\r\ncontent-type: application/json"
        )),
        Some(Reason::ContentType)
    );
}

#[test]
fn no_byte_is_accepted_that_a_parser_of_uvicorns_refuses() {
    for byte in 0..=255_u8 {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        let field = [b"x-a".as_slice(), &[byte], b"b: v"].concat();
        assert_eq!(
            is_candidate(raw(&field)),
            token || byte == b':',
            "in a name: {byte:#x}"
        );
        let field = [b"x-a: v".as_slice(), &[byte], b"v"].concat();
        assert_eq!(is_candidate(raw(&field)), text, "in a value: {byte:#x}");
        let line = [
            b"POST /v1/chat/completions".as_slice(),
            &[byte],
            b" HTTP/1.1\r\nhost: a\r\n\r\n",
        ]
        .concat();
        assert!(!is_candidate(head::read(&line)), "in the target: {byte:#x}");
        let line = [
            b"POST".as_slice(),
            &[byte],
            b" /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n",
        ]
        .concat();
        assert!(!is_candidate(head::read(&line)), "in the method: {byte:#x}");
    }
}

fn raw(field: &[u8]) -> Verdict {
    let plain = request(&FIELDS);
    let head = &plain[..plain.len() - 6];
    head::read(&[head, b"\r\n", field, b"\r\n\r\n{}"].concat())
}
