//! Why a request was handed over.

/// Why the lane did not serve a request. The names are what a status shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not HTTP/1.1 as this reader knows it, a line folded over two, or one with blanks at its end.
    Malformed,
    /// A line that ends with a line feed alone, or a carriage return alone.
    BareNewline,
    /// HTTP/1.0.
    Http10,
    /// More than [`super::head::MAX_HEADERS`] fields.
    TooManyHeaders,
    /// A target that is no path: absolute form, authority form, `*`.
    Target,
    /// An upgrade, to WebSocket mostly.
    Upgrade,
    /// The client waits for leave to send its body.
    Expect,
    /// Bytes after the end of the request, before its answer.
    Pipelined,
    /// A `Content-Length` that is repeated or no plain number.
    Length,
    /// A `Transfer-Encoding` other than `chunked` once, or one beside a `Content-Length`.
    TransferEncoding,
    /// No `Host`, or more than one.
    Host,
    /// The same credentials field twice.
    Credentials,
    /// Not the whole request came within the patience of the front.
    Slow,
    /// The head exceeds [`super::head::MAX_HEAD_BYTES`].
    LargeHead,
    /// The body exceeds [`super::head::MAX_BODY_BYTES`].
    LargeBody,
    /// More bodies are being read than the front has memory for.
    Memory,
    /// A chunked body.
    Chunked,
    /// A method or path that the lane does not serve.
    Route,
    /// A body that is not plain JSON.
    ContentType,
    /// The client has closed its side.
    HalfClosed,
    /// The server is shutting down.
    Stopping,
    /// The feature is off or its breaker open: nothing is interpreted.
    Unread,
    /// Interpreting it met a defect of ours.
    Failed,
    /// The lane has no plan that proves the request simple.
    NoPlan,
}

impl Reason {
    /// The name in a status.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BareNewline => "bare newline",
            Self::Http10 => "HTTP/1.0",
            Self::TooManyHeaders => "too many headers",
            Self::Target => "target form",
            Self::Upgrade => "upgrade",
            Self::Expect => "expect",
            Self::Pipelined => "pipelined",
            Self::Length => "content length",
            Self::TransferEncoding => "transfer encoding",
            Self::Host => "host",
            Self::Credentials => "repeated credentials",
            Self::Slow => "slow request",
            Self::LargeHead => "large head",
            Self::LargeBody => "large body",
            Self::Memory => "memory",
            Self::Chunked => "chunked body",
            Self::Route => "route",
            Self::ContentType => "content type",
            Self::HalfClosed => "half closed",
            Self::Stopping => "stopping",
            Self::Unread => "unread",
            Self::Failed => "failed",
            Self::NoPlan => "no plan",
        }
    }

    /// Whether the connection may come back once its request has been answered. Where two parsers could read the
    /// bytes differently it must not: one parser's opinion holds for the connection's life.
    #[must_use]
    pub fn may_return(self) -> bool {
        match self {
            Self::Malformed
            | Self::BareNewline
            | Self::Http10
            | Self::TooManyHeaders
            | Self::Target
            | Self::Upgrade
            | Self::Expect
            | Self::Pipelined
            | Self::Length
            | Self::TransferEncoding
            | Self::Host
            | Self::Credentials
            | Self::HalfClosed
            | Self::Stopping
            | Self::Unread
            | Self::Failed => false,
            Self::Slow
            | Self::LargeHead
            | Self::LargeBody
            | Self::Memory
            | Self::Chunked
            | Self::Route
            | Self::ContentType
            | Self::NoPlan => true,
        }
    }
}
