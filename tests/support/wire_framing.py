"""Where requests end: lengths, transfer codings, several requests in one, and what the front says of each."""

from support.wire_parts import GOOD, HIDDEN, JSON, SMUGGLED, Input, chat, coded, get, inputs, length, request

_LENGTHS = inputs(
    "content length",
    {
        "length twice": length(b"5", b"5"),
        "two lengths": length(b"5", b"6"),
        "two lengths with a request behind": length(b"0", b"%d" % len(SMUGGLED), body=SMUGGLED),
        "length with a plus": length(b"+5"),
        "length below zero": length(b"-1"),
        "length listed twice": length(b"5,5"),
        "lengths listed": length(b"5, 6"),
        "length in hexadecimal": length(b"0x5"),
        "length in words": length(b"five"),
        "length with digits apart": length(b"1 0"),
        "length with an underscore in it": length(b"1_0"),
        "length of a fraction": length(b"5.0"),
        "length with a comma": length(b"5,"),
        "length quoted": length(b'"5"'),
        "length in other digits": length("٥".encode()),
        "length of 16 digits": length(b"0000000000000005"),
        "length of 20 digits": length(b"18446744073709551621"),
        "length of 400 digits": length(b"9" * 400),
        "an empty length": length(b""),
    },
)


def _chunks(**bodies: bytes) -> dict[str, bytes]:
    return {f"chunks: {name.replace('_', ' ')}": coded(b"chunked", body=body) for name, body in bodies.items()}


_CODINGS = [
    *inputs(
        "chunked body",
        {
            "Chunked": coded(b"Chunked"),
            "chunked with spaces before": coded(b" \t chunked"),
            **_chunks(
                good=b"5\r\nhello\r\n0\r\n\r\n",
                in_capitals=b"A\r\n0123456789\r\n0\r\n\r\n",
                with_an_extension=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n',
                with_trailers=b"5\r\nhello\r\n0\r\nx: 1\r\ncontent-length: 7\r\n\r\n",
                with_zeros_before=b"0005\r\nhello\r\n000\r\n\r\n",
                no_number=b"five\r\nhello\r\n0\r\n\r\n",
                below_zero=b"-5\r\nhello\r\n0\r\n\r\n",
                with_a_plus=b"+5\r\nhello\r\n0\r\n\r\n",
                with_0x=b"0x5\r\nhello\r\n0\r\n\r\n",
                with_space_before=b" 5\r\nhello\r\n0\r\n\r\n",
                with_space_after=b"5 \r\nhello\r\n0\r\n\r\n",
                with_an_underscore=b"1_0\r\nhello\r\n0\r\n\r\n",
                of_17_digits=b"10000000000000005\r\nhello\r\n0\r\n\r\n",
                of_30_digits=b"f" * 30 + b"\r\nhello\r\n0\r\n\r\n",
                without_a_size=b"\r\nhello\r\n0\r\n\r\n",
                without_an_end=b"5\r\nhello0\r\n\r\n",
                too_long=b"4\r\nhello\r\n0\r\n\r\n",
                too_short=b"6\r\nhello\r\n0\r\n\r\n",
                with_line_feeds_alone=b"5\nhello\n0\n\n",
                with_a_carriage_return_alone=b"5\rhello\r0\r\r",
                with_a_line_feed_in_the_extension=b"5;\n\r\nhello\r\n0\r\n\r\n",
                with_a_bad_trailer=b"0\r\nno colon\r\n\r\n",
                with_a_long_extension=b"5;" + b"x" * 20_000 + b"\r\nhello\r\n0\r\n\r\n",
                not_ended=b"5\r\nhello\r\n",
                with_a_request_behind=b"0\r\n\r\n" + SMUGGLED,
            ),
        },
    ),
    *inputs(
        "transfer encoding",
        {
            "identity": coded(b"identity"),
            "gzip": coded(b"gzip"),
            "gzip, chunked": coded(b"gzip, chunked"),
            "chunked, identity": coded(b"chunked, identity"),
            "chunked, chunked": coded(b"chunked, chunked"),
            "chunked twice": coded(b"chunked", b"chunked"),
            "chunked and gzip apart": coded(b"chunked", b"gzip"),
            "xchunked": coded(b"xchunked"),
            "chunked with a parameter": coded(b"chunked;q=1"),
            "chunked quoted": coded(b'"chunked"'),
            "chunked with a comma": coded(b",chunked"),
            "an empty coding": coded(b""),
            "length, then chunked": chat(b"transfer-encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
            "chunked, then length": request(
                b"transfer-encoding: chunked", b"content-length: 2", body=b"0\r\n\r\n"
            ),
            "length for uvicorn, chunks for another": chat(
                b"transfer-encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED
            ),
            "chunks for uvicorn, length for another": request(
                b"content-length: 4",
                b"transfer-encoding: chunked",
                body=b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n",
            ),
            "a coding that another would not see": request(
                JSON,
                b"content-length: 4",
                b"transfer-encoding: xchunked",
                body=b"5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
            ),
        },
    ),
    # A control character in a value, before the coding is looked at.
    *inputs(
        "malformed",
        {
            "chunked behind a vertical tab": coded(b"\x0bchunked"),
            "chunked with spaces around": coded(b" chunked \t"),
        },
    ),
]
_SEVERAL = [
    Input("two requests", get() * 2, "pipelined"),
    Input("three requests", get() * 3, "pipelined"),
    Input("two chats", GOOD * 2, "pipelined"),
    Input("a request behind a chat", GOOD + SMUGGLED, "pipelined"),
    Input("a request behind a chat without a length", request(JSON) + SMUGGLED, "pipelined"),
    Input("the length too short", length(b"2"), "pipelined"),
    Input("half a request behind a chat", GOOD + SMUGGLED[:20], "pipelined"),
    Input("half a request behind, then the rest", GOOD + GOOD[:20], "pipelined", (GOOD[20:],)),
    Input("a request behind chunks", coded(b"chunked") + GOOD, "chunked body"),
    Input("something bad behind a chat", GOOD + b"\0", "pipelined"),
    Input("an empty line behind a chat", GOOD + b"\r\n", "pipelined"),
    Input("an empty line between two", GOOD + b"\r\n" + GOOD, "pipelined"),
    Input("behind one that closes", chat(b"connection: close") + GOOD, "pipelined"),
    Input("a body that comes later", chat(b"x: 1")[:-2], "slow request", (b"{", b"}")),
    Input("a body that never ends", chat(body=b"12345")[:-1], "slow request"),
    Input("a head that never ends", GOOD[:40], "slow request"),
    Input("one letter", b"P", "slow request"),
]

FRAMING = [*_LENGTHS, *_CODINGS, *_SEVERAL]
