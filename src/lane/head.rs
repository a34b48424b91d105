//! The strict reader: what a connection's first bytes are, and whether the lane might serve them.
//!
//! It refuses whatever two HTTP parsers could read differently (RFC 9112, sections 2.2, 3, 5 and 6), and refusing
//! costs nothing: the bytes go to uvicorn's parser as they came.

use super::reason::Reason;
use xxhash_rust::xxh3::xxh3_64;

/// A head that is longer and not complete is handed over; h11's own limit, above which it refuses.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// More fields than any client of LiteLLM's sends.
pub const MAX_HEADERS: usize = 100;
/// The largest body that the lane reads.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Paths that the lane might serve, with POST and without a query.
const ROUTES: [&str; 2] = ["/v1/chat/completions", "/chat/completions"];

/// The target that the reader panics for.
#[cfg(feature = "panic-test")]
const PANICS: &str = "/accel-panic-for-test";

/// Fields that LiteLLM takes a key from, in its order (`auth/user_api_key_auth.py:get_api_key`).
const CREDENTIALS: [&str; 6] = [
    "x-litellm-api-key",
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
];

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The head's end has not come.
    Partial,
    /// Not for the lane. `unit` is the key's, where there is one.
    HandOver {
        /// Why.
        reason: Reason,
        /// A stable hash of the credentials.
        unit: Option<u64>,
    },
    /// The lane might serve it, once `total_bytes` of it have come.
    Candidate {
        /// Bytes of the head and the body.
        total_bytes: usize,
        /// A stable hash of the credentials.
        unit: Option<u64>,
    },
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        Self::HandOver { reason, unit: None }
    }
}

/// Reads `bytes`, the first of a request.
#[must_use]
pub fn read(bytes: &[u8]) -> Verdict {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head = end.and_then(|end| bytes.get(..end + 4)).unwrap_or(bytes);
    if !lines_are_whole(head, end.is_some()) {
        return Reason::BareNewline.into();
    }
    // Blank lines before a request are skipped by some parsers.
    if head.first().is_some_and(|byte| !byte.is_ascii_alphabetic()) || has_trailing_blanks(head) {
        return Reason::Malformed.into();
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Err(httparse::Error::TooManyHeaders) => Reason::TooManyHeaders.into(),
        Err(_) => Reason::Malformed.into(),
        Ok(httparse::Status::Partial) if end.is_some() => Reason::Malformed.into(),
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD_BYTES => Reason::LargeHead.into(),
        Ok(httparse::Status::Partial) => Verdict::Partial,
        Ok(httparse::Status::Complete(_)) => judge(&request, bytes.len(), head.len()),
    }
}

/// Whether every line ends with CR LF, and neither stands alone. The last byte of what is not complete may be a CR.
fn lines_are_whole(head: &[u8], complete: bool) -> bool {
    let mut before = 0;
    for &byte in head {
        if (byte == b'\n') != (before == b'\r') {
            return false;
        }
        before = byte;
    }
    before != b'\r' || !complete
}

/// Whether a line ends with blanks behind a value: h11 cuts them off, llhttp takes them for a part of the value.
fn has_trailing_blanks(head: &[u8]) -> bool {
    head.split(|&byte| byte == b'\n').any(|line| {
        let blanks = matches!(line, [.., b' ' | b'\t', b'\r']);
        let value = || line.splitn(2, |&byte| byte == b':').nth(1);
        blanks && value().is_none_or(|value| !value.trim_ascii().is_empty())
    })
}

fn judge(request: &httparse::Request<'_, '_>, received: usize, head: usize) -> Verdict {
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Reason::Malformed.into();
    };
    #[cfg(feature = "panic-test")]
    assert!(target != PANICS, "asked to");
    let fields = match Fields::gather(request.headers) {
        Ok(fields) => fields,
        Err(reason) => return reason.into(),
    };
    let unit = fields.unit();
    if version != 1 {
        return Reason::Http10.into();
    }
    if !target.starts_with('/') {
        return Reason::Target.into();
    }
    if fields.hosts != 1 {
        return Reason::Host.into();
    }
    let body = fields.length.unwrap_or(0);
    if !fields.chunked && received > head.saturating_add(body) {
        return Verdict::HandOver {
            reason: Reason::Pipelined,
            unit,
        };
    }
    let reason = if method != "POST" || !ROUTES.contains(&target) {
        Reason::Route
    } else if fields.chunked {
        Reason::Chunked
    } else if !fields.is_json {
        Reason::ContentType
    } else if body > MAX_BODY_BYTES {
        Reason::LargeBody
    } else {
        return Verdict::Candidate {
            total_bytes: head + body,
            unit,
        };
    };
    Verdict::HandOver { reason, unit }
}

/// What the fields say of the request's frame and of whose it is.
#[derive(Default)]
struct Fields<'a> {
    length: Option<usize>,
    chunked: bool,
    hosts: usize,
    content_types: usize,
    is_json: bool,
    is_encoded: bool,
    credentials: [Option<&'a [u8]>; CREDENTIALS.len()],
}

impl<'a> Fields<'a> {
    fn gather(headers: &[httparse::Header<'a>]) -> Result<Self, Reason> {
        let mut fields = Self::default();
        let mut upgrade = None;
        for &httparse::Header { name, value } in headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if is("content-length") {
                let length = plain_number(value).ok_or(Reason::Length)?;
                if fields.length.replace(length).is_some() {
                    return Err(Reason::Length);
                }
            } else if is("transfer-encoding") {
                if !value.eq_ignore_ascii_case(b"chunked") || fields.chunked {
                    return Err(Reason::TransferEncoding);
                }
                fields.chunked = true;
            } else if is("host") {
                fields.hosts += 1;
            } else if is("upgrade") || (is("connection") && names_upgrade(value)) {
                upgrade = Some(Reason::Upgrade);
            } else if is("expect") {
                upgrade = upgrade.or(Some(Reason::Expect));
            } else if is("content-type") {
                fields.content_types += 1;
                fields.is_json = is_json(value);
            } else if is("content-encoding") {
                fields.is_encoded = true;
            } else if let Some(place) = CREDENTIALS.iter().position(|known| is(known))
                && let Some(slot) = fields.credentials.get_mut(place)
                && slot.replace(value).is_some()
            {
                return Err(Reason::Credentials);
            }
        }
        // LiteLLM goes by the first of several.
        fields.is_json &= fields.content_types == 1 && !fields.is_encoded;
        if fields.chunked && fields.length.is_some() {
            return Err(Reason::TransferEncoding);
        }
        upgrade.map_or(Ok(fields), Err)
    }

    /// The same number for the same key in every process; the guard mixes its seed into it.
    fn unit(&self) -> Option<u64> {
        self.credentials
            .iter()
            .flatten()
            .next()
            .map(|value| xxh3_64(value))
    }
}

/// Digits and nothing else; fifteen of them stay below every parser's limit.
fn plain_number(value: &[u8]) -> Option<usize> {
    if value.is_empty() || value.len() > 15 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn names_upgrade(value: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

fn is_json(value: &[u8]) -> bool {
    let kind = value.split(|&byte| byte == b';').next().unwrap_or(value);
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
