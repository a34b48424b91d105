//! The strict reader: each reason, and what must never happen whatever the bytes are.

use _accel::lane::head::{MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, Verdict, read};
use _accel::lane::reason::Reason;
use proptest::prelude::*;

const CHAT: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\n";
const JSON: &str = "content-type: application/json\r\n";

fn chat(fields: &str) -> String {
    format!("{CHAT}{JSON}{fields}\r\n")
}

fn request(first_line: &str) -> String {
    format!("{first_line}\r\nhost: here\r\n\r\n")
}

fn reason(bytes: impl AsRef<[u8]>) -> Option<Reason> {
    match read(bytes.as_ref()) {
        Verdict::HandOver { reason, .. } => Some(reason),
        Verdict::Partial | Verdict::Candidate { .. } => None,
    }
}

fn unit(bytes: impl AsRef<[u8]>) -> Option<u64> {
    match read(bytes.as_ref()) {
        Verdict::HandOver { unit, .. } | Verdict::Candidate { unit, .. } => unit,
        Verdict::Partial => panic!("not complete"),
    }
}

#[test]
fn a_chat_is_a_candidate_before_its_body_has_come() {
    for path in ["/v1/chat/completions", "/chat/completions"] {
        for length in [0, 1, 5, MAX_BODY_BYTES] {
            let head = chat(&format!("Content-Length: {length}\r\n"))
                .replace("/v1/chat/completions", path);
            let expected = Verdict::Candidate {
                total_bytes: head.len() + length,
                unit: None,
            };
            assert_eq!(read(head.as_bytes()), expected);
            let with_body = format!("{head}{}", "x".repeat(length));
            assert_eq!(read(with_body.as_bytes()), expected);
            let part = &with_body[..head.len() + length / 2];
            assert_eq!(read(part.as_bytes()), expected);
        }
    }
    let head = chat("");
    let expected = Verdict::Candidate {
        total_bytes: head.len(),
        unit: None,
    };
    assert_eq!(read(head.as_bytes()), expected);
}

#[test]
fn json_in_any_spelling() {
    for kind in [
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; x",
        "\tapplication/json",
    ] {
        assert_eq!(reason(format!("{CHAT}content-type: {kind}\r\n\r\n")), None);
    }
    for kind in [
        "text/json",
        "application/json+x",
        "application/jsonx",
        "json",
        "",
    ] {
        let found = reason(format!("{CHAT}content-type: {kind}\r\n\r\n"));
        assert_eq!(found, Some(Reason::ContentType), "{kind}");
    }
    assert_eq!(reason(format!("{CHAT}\r\n")), Some(Reason::ContentType));
    assert_eq!(
        reason(chat("content-encoding: gzip\r\n")),
        Some(Reason::ContentType)
    );
}

#[test]
fn every_reason() {
    let large = format!("{CHAT}x: {}", "y".repeat(MAX_HEAD_BYTES));
    let many = "x: 1\r\n".repeat(MAX_HEADERS);
    let too_large = format!("content-length: {}\r\n", MAX_BODY_BYTES + 1);
    let cases = [
        ("\0".to_owned(), Reason::Malformed),
        (" POST".to_owned(), Reason::Malformed),
        ("\r\nPOST".to_owned(), Reason::Malformed),
        (chat(" folded: 1\r\n"), Reason::Malformed),
        (chat("x : 1\r\n"), Reason::Malformed),
        (chat("x\r\n"), Reason::Malformed),
        (chat("x: \u{1}\r\n"), Reason::Malformed),
        (chat("").replace("1.1", "1.2"), Reason::Malformed),
        ("GET /\r\n\r\n".to_owned(), Reason::Malformed),
        ("\n".to_owned(), Reason::BareNewline),
        (chat("").replace("\r\n", "\n"), Reason::BareNewline),
        (chat("x: a\rb\r\n"), Reason::BareNewline),
        (chat("x: a\nb: c\r\n"), Reason::BareNewline),
        (chat("").replace("1.1", "1.0"), Reason::Http10),
        (chat(&many), Reason::TooManyHeaders),
        (request("OPTIONS * HTTP/1.1"), Reason::Target),
        (request("CONNECT here:1 HTTP/1.1"), Reason::Target),
        (
            request("POST http://here/chat/completions HTTP/1.1"),
            Reason::Target,
        ),
        (chat("upgrade: websocket\r\n"), Reason::Upgrade),
        (chat("connection: x, UPGRADE\r\n"), Reason::Upgrade),
        (chat("expect: 100-continue\r\n"), Reason::Expect),
        (chat("expect: 1\r\nupgrade: h2c\r\n"), Reason::Upgrade),
        (chat("") + "{}", Reason::Pipelined),
        (chat("content-length: 1\r\n") + "{}", Reason::Pipelined),
        (request("GET / HTTP/1.1").repeat(2), Reason::Pipelined),
        (
            chat("content-length: 1\r\ncontent-length: 1\r\n"),
            Reason::Length,
        ),
        (
            chat("transfer-encoding: gzip\r\n"),
            Reason::TransferEncoding,
        ),
        (
            chat("transfer-encoding: chunked, chunked\r\n"),
            Reason::TransferEncoding,
        ),
        (
            chat("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
            Reason::TransferEncoding,
        ),
        (
            chat("content-length: 1\r\ntransfer-encoding: chunked\r\n"),
            Reason::TransferEncoding,
        ),
        (
            chat("transfer-encoding: chunked\r\ncontent-length: 1\r\n"),
            Reason::TransferEncoding,
        ),
        (chat("Host: there\r\n"), Reason::Host),
        (chat("").replace("host: here\r\n", ""), Reason::Host),
        (chat("api-key: a\r\nAPI-Key: a\r\n"), Reason::Credentials),
        (large, Reason::LargeHead),
        (chat(&too_large), Reason::LargeBody),
        (
            chat("transfer-encoding: Chunked\r\n") + "0",
            Reason::Chunked,
        ),
        (request("GET /v1/chat/completions HTTP/1.1"), Reason::Route),
        (
            request("POST /v1/chat/completions?x HTTP/1.1"),
            Reason::Route,
        ),
        (request("POST /v1/embeddings HTTP/1.1"), Reason::Route),
        (request("post /chat/completions HTTP/1.1"), Reason::Route),
    ];
    for (bytes, expected) in cases {
        assert_eq!(reason(&bytes), Some(expected), "{bytes:?}");
    }
}

#[test]
fn lengths_that_are_no_plain_numbers() {
    for length in [
        "",
        "+1",
        "-1",
        "1,1",
        "1, 1",
        "0x1",
        "1 1",
        "1_1",
        "1.0",
        "1e1",
        "\u{661}",
        "one",
        "\"1\"",
        "1234567890123456",
        "18446744073709551617",
    ] {
        let found = reason(chat(&format!("content-length: {length}\r\n")));
        assert_eq!(found, Some(Reason::Length), "{length}");
    }
    assert_eq!(
        reason(chat("content-length: 999999999999999\r\n")),
        Some(Reason::LargeBody)
    );
}

#[test]
fn as_many_fields_as_fit() {
    // The host and the content type are two.
    assert_eq!(reason(chat(&"x: 1\r\n".repeat(MAX_HEADERS - 2))), None);
    assert_eq!(
        reason(chat(&"x: 1\r\n".repeat(MAX_HEADERS - 1))),
        Some(Reason::TooManyHeaders)
    );
}

#[test]
fn a_complete_head_may_be_larger() {
    let long = format!("x: {}\r\n", "y".repeat(2 * MAX_HEAD_BYTES));
    assert_eq!(reason(chat(&long)), None);
}

#[test]
fn units_are_the_keys() {
    let with = |fields: &str| unit(chat(fields));
    assert_eq!(with(""), None);
    // Written down: the same in every process and release, or rollouts would move.
    assert_eq!(with("authorization: Bearer sk-1\r\n"), Some(KNOWN_UNIT));
    assert_eq!(
        with("AUTHORIZATION:Bearer sk-1\r\nx: 1\r\n"),
        Some(KNOWN_UNIT)
    );
    assert_ne!(with("authorization: Bearer sk-2\r\n"), Some(KNOWN_UNIT));
    // Of several, the one that LiteLLM takes.
    let both = with("authorization: Bearer sk-1\r\nx-litellm-api-key: sk-9\r\n");
    assert_eq!(both, with("x-litellm-api-key: sk-9\r\n"));
    assert_eq!(
        with("x-api-key: sk-9\r\nauthorization: Bearer sk-1\r\n"),
        Some(KNOWN_UNIT)
    );
    for name in [
        "x-litellm-api-key",
        "authorization",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "ocp-apim-subscription-key",
    ] {
        assert_eq!(
            with(&format!("{name}: Bearer sk-1\r\n")),
            Some(KNOWN_UNIT),
            "{name}"
        );
    }
    assert_eq!(
        unit("GET / HTTP/1.1\r\nhost: here\r\nauthorization: Bearer sk-1\r\n\r\n"),
        Some(KNOWN_UNIT)
    );
}

const KNOWN_UNIT: u64 = 18_232_131_792_768_960_211;

/// Good heads: of candidates and of others.
fn good() -> impl Strategy<Value = (String, bool)> {
    let name = "[a-z][a-z0-9-]{0,20}-x";
    let value = "([ -~]{0,39}[!-~])?";
    let fields = proptest::collection::vec((name, value), 0..20);
    (fields, any::<bool>(), 0..4000_usize).prop_map(|(fields, is_chat, body)| {
        let lines: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let lines = lines.concat();
        if is_chat {
            let head = chat(&format!("content-length: {body}\r\n{lines}"));
            (head + &"x".repeat(body), true)
        } else {
            (
                format!("GET /models HTTP/1.1\r\nHost: here\r\n{lines}\r\n"),
                false,
            )
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_prefix_of_a_good_request_is_never_misjudged((bytes, is_chat) in good()) {
        let head = bytes.find("\r\n\r\n").unwrap() + 4;
        let bytes = bytes.as_bytes();
        for end in 0..head {
            prop_assert_eq!(read(&bytes[..end]), Verdict::Partial);
        }
        for end in [head, head.midpoint(bytes.len()), bytes.len()] {
            let expected = if is_chat {
                Verdict::Candidate { total_bytes: bytes.len(), unit: None }
            } else {
                Verdict::HandOver { reason: Reason::Route, unit: None }
            };
            prop_assert_eq!(read(&bytes[..end]), expected);
        }
    }

    #[test]
    fn prefixes_of_anything_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for end in 0..=bytes.len() {
            let _ = read(&bytes[..end]);
        }
    }

    #[test]
    fn damage_is_read_and_a_candidate_is_what_it_seems(
        (bytes, _) in good(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes.into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for end in 0..=bytes.len().min(600) {
            let _ = read(&bytes[..end]);
        }
        if let Verdict::Candidate { total_bytes, .. } = read(&bytes) {
            prop_assert!(bytes.len() <= total_bytes);
            prop_assert!(bytes.starts_with(b"POST /v1/chat/completions HTTP/1.1\r\n"));
            let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let head = &bytes[..head];
            let count = |byte| head.split(|&other| other == byte).count();
            prop_assert_eq!(count(b'\r'), count(b'\n'));
            prop_assert_eq!(count(0), 1);
        }
    }

    #[test]
    fn a_verdict_stays_when_more_comes((bytes, _) in good(), change in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = bytes.into_bytes();
        let at = change.index(bytes.len());
        bytes[at] = byte;
        let mut before = None;
        for end in 0..=bytes.len().min(600) {
            match (reason(&bytes[..end]), before) {
                // Only a body that is too long changes what a complete head is.
                (Some(Reason::Pipelined), _) | (None, None) => {}
                (now, Some(first)) if now.is_some() => prop_assert_eq!(class(now.unwrap()), class(first)),
                (now, None) => before = now,
                (now, before) => prop_assert!(false, "{:?} after {:?}", now, before),
            }
        }
    }
}

/// Where the lines are wrong and the fields too, either may be seen first; both are uvicorn's for good.
fn class(reason: Reason) -> (bool, Option<Reason>) {
    (reason.may_return(), reason.may_return().then_some(reason))
}
