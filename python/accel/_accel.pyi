"""The border between accel's Python layer and its Rust core.

Every callable here is thread-safe. None blocks on I/O. A defect inside the core surfaces as
`PanicException` (a `BaseException`), never as a crash of the process.
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Literal, final

__version__: Final[str]
build_profile: Final[Literal["debug", "release"]]
DEFAULT_FLAGS: Final[str]
"""The text of `feature_flags.json`, the only table of defaults."""

NATIVE: Final[int]
"""`ticket & PATH_MASK == NATIVE`: answer natively."""
VERIFY: Final[int]
"""Answer natively and compare with Python."""
SHADOW: Final[int]
"""Answer with Python and compare with native."""
PYTHON: Final[int]
"""Answer with Python; the reason is already tallied."""
PATH_MASK: Final[int]
ADMIT_SCRIPT: Final[str]
"""Lua: LiteLLM's three scripts of an admission in one."""

WINDOWS_ADMIT_SCRIPT: Final[str]
WINDOWS_SETTLE_SCRIPT: Final[str]
LEASE_SCRIPT: Final[str]
LEASE_RETURN_SCRIPT: Final[str]
"""Lua for Redis; keys, arguments and answers of all four: `src/core/limits/lua.rs`."""

_Answer = tuple[bool, int, int, int, int]

class PanicException(BaseException):
    """A Rust panic that reached the border."""

@final
class ManualClock:
    """A monotonic clock that only moves when told to; for tests."""

    def __new__(cls, now_ns: int = 0) -> ManualClock: ...
    def advance_ms(self, milliseconds: int) -> None: ...

@final
class Bindings:
    """Names of modules and classes, and the objects that they must be. Immutable; thread-safe."""

    def __new__(cls, bindings: Sequence[tuple[Mapping[str, Any], str, Any]]) -> Bindings:
        """Each a namespace (`vars` of a module or class), a name in it, and the object."""
    def changed(self) -> list[int]:
        """Places of the bindings whose name is gone or is another object; 10 ns for each binding."""

@final
class Front:
    """A server's connections until they are handed over: accepted here, read on a thread of its own. Unix only.

    `Front(guard)`, then `channel()`, then one message for each listening socket, then `listen()`. After that the
    event loop watches `bell()` and the listening sockets. For one event loop; `held`, `counts` and `is_running`
    may be asked from any thread. In a forked child it does nothing.
    """

    def __new__(cls, guard: Guard) -> Front:
        """Starts nothing yet. Raises `OSError` where there is no descriptor left."""
    def channel(self) -> int:
        """A datagram socket, the caller's from now on; `RuntimeError` the second time.

        Each message carries one descriptor (SCM_RIGHTS) and 12 bytes: three little-endian unsigned numbers of 32
        bits. Before `listen` it is a listening socket, and the numbers are ignored. Afterwards it is a connection
        that comes back: number of its listening socket, the streak that `take` gave, milliseconds that it may stay
        idle. `announce` it first.
        """
    def listen(self, count: int) -> None:
        """Take `count` listening sockets from the channel and start the thread, which takes no GIL.

        Raises `OSError` if they are not there or no thread is to be had, `RuntimeError` the second time.
        """
    def bell(self) -> int:
        """A descriptor, readable while `take` has something to give."""
    def accept(self, listener: int, most: int) -> int:
        """Accept at most `most` connections that wait at that listening socket (0, 1 …); how many. Never blocks.

        Raises `BrokenPipeError` where the thread is gone, before anything is accepted; `OSError` where the system
        has no descriptor or memory left, those aside that announced connections will need.
        """
    def take(self) -> list[tuple[int, bytes, int, int, bool]]:
        """What was handed over since: descriptor (the caller's), bytes read, listener, streak, again.

        The streak is how many requests of the connection in a row were handed over, this one included; 0: it must
        not come back. Again: it had come back before, so a request on it has been answered.
        """
    def announce(self) -> None:
        """A connection is about to be sent back: it counts as held from now on."""
    def retract(self) -> None:
        """The announced connection could not be sent."""
    def kept(self) -> None:
        """Account for a request on a connection that was handed over before: `declined: connection kept`."""
    def held(self) -> int:
        """Connections that were accepted or announced, and neither taken nor closed."""
    def counts(self) -> dict[str, int]:
        """So far: connections `accepted`, `handed_over` and `returned`."""
    def stop(self) -> None:
        """Close connections without a request, hand the others over, end the thread. Does not wait."""
    def is_running(self) -> bool:
        """Whether the thread is there, and in this process."""

@final
class Guard:
    """Decides, for one feature, whether a call goes native, and keeps the account of what happened.

    Off until configured. One `admit` must be followed by exactly one of `handled`, `declined`, `failed`,
    `compared`, `answered_by_python` or `abandoned` with the ticket it gave. Apart from `answered_by_python`,
    outcomes of a PYTHON ticket are ignored: `admit` has tallied it.

    A ticket is an int in 0..2**63 and may cross threads and tasks. `ValueError` for a negative one,
    `OverflowError` for one that is larger, or for a unit outside 0..2**64.
    """

    def __new__(cls, feature: str, seed: int = 0, clock: ManualClock | None = None) -> Guard:
        """`seed` (0..2**64) shuffles the rollout; equal in all processes that shall agree."""
    @property
    def feature(self) -> str: ...
    def configure(
        self,
        mode: Literal["off", "shadow", "on"],
        percent: float,
        verify_percent: float,
        include: list[str],
        exclude: list[str],
    ) -> None:
        """Replace the settings at once; a concurrent call sees the old ones or the new ones, never a mix.

        Raises `ValueError` for an unknown mode or a share outside 0..100 or finer than 0.001 (it is not
        rounded: 0.0004 would silently be nobody); the settings then stay as they were.

        `percent` chooses by unit, `verify_percent` by call. `include` takes part whatever the percentage,
        `exclude` never does and wins.
        """
    def branch(self) -> Guard:
        """The guard of one seam: it decides by this one's settings, breaker and units, and keeps an account of
        its own, which goes into this one's too. `status` tells both.
        """
    def next_unit(self) -> int:
        """A fresh unit for a call that has no identity of its own."""
    def bypassed(self) -> bool:
        """True while the mode is `off`; the call is tallied then (`python: off`) and must not `admit` too."""
    def bucket(self, unit: int) -> int:
        """The unit's place in 0..99_999; the same in every process that has the same seed.

        A unit takes part while its bucket is below `percent * 1000`.
        """
    def admit(self, unit: int, labels: tuple[str, ...] | None = None) -> int:
        """A ticket whose `PATH_MASK` bits say which way the call goes.

        `labels` are matched with include/exclude. The unit (0..2**64) must not depend on the process where
        the rollout is to be sticky: a stable hash of the key, never `hash(str)`. Never waits for a lock: a
        moment of change is `python: busy`.
        """
    def handled(self, ticket: int) -> None:
        """Native answered. A VERIFY call that could not be compared ends here too."""
    def declined(self, ticket: int, reason: str) -> None:
        """Native said "not mine" before any effect; Python answers. Counted as `python: declined: <reason>`.

        `reason` comes from a small fixed set, at most 64 names of 64 bytes (more count as `other`), and never
        from users' text.
        """
    def failed(self, ticket: int, reason: str, panic: bool = False, replayed: bool = True) -> None:
        """Native broke; charged to the breaker. A panic opens it at once.

        `reason` names the defect, such as the exception's class, under the same limits as a decline's.
        `replayed`: Python answers instead; False where an effect forbids that and the error goes to the
        caller, so that no answer is counted.
        """
    def compared(self, ticket: int, equal: bool) -> None:
        """Both answered (verify, shadow). A difference opens the breaker at once.

        After a difference the caller must be given Python's value: the call is counted as Python's.
        """
    def answered_by_python(self, ticket: int) -> None:
        """The call that `admit` sent to Python has ended (for its latency).

        Any other ticket: as `abandoned`.
        """
    def abandoned(self, ticket: int) -> None:
        """The call was cut off (cancelled, interrupted) without an outcome."""
    def reset_errors(self) -> None:
        """Close the breaker and forget its history, a latched one included. Counts stay."""
    def status(self) -> dict[str, Any]:
        """Mode, shares, breaker and counts, as they are now. See `accel.report`.

        ::

            {
                "mode": "on", "percent": 25.0, "verify_percent": 0.1, "include": [], "exclude": [],
                "breaker": {
                    "state": "closed",     # closed | open | half_open | latched
                    "opened_by": None,     # failures | panic | mismatch; None while closed
                    "times_opened": 0,     # since reset_errors()
                    "retry_in_ms": None,   # int while open
                    "trials": None,        # {"succeeded", "needed", "in_flight"} while half_open
                },
                "calls": {
                    "native": 0,           # answers that came from native
                    "python": {},          # calls left to Python, by reason; zero is left out
                    "failed": 0,           # native failures ...
                    "failed_by": {},       # ... by the reason given
                    "mismatched": 0,       # comparisons that differed
                    "verified": 0,         # comparisons that were equal
                    "abandoned": 0,
                },
                "latency_ns": {            # all 0 when count is 0; p50 and p99 within 1/16
                    "native": {"count": 0, "p50": 0, "p99": 0, "mean": 0},
                    "python": {"count": 0, "p50": 0, "p99": 0, "mean": 0},
                },
            }

        The guard's own reasons: off, percent, excluded, breaker, busy, shadow, failed, mismatch. Latencies
        are of `handled` calls and of `answered_by_python` calls, from `admit` on. Per process.
        """

@final
class Scopes:
    """How many calls are under way in this process inside which LiteLLM's own code must answer."""

    def __new__(cls) -> Scopes: ...
    def enter(self) -> None:
        """One more is under way."""
    def leave(self) -> None:
        """One of them has ended; exactly one for each `enter`."""

@final
class Light:
    """The cheapest admission through a guard, for seams whose calls take less than `admit` and its outcome.

    It decides the one common case: on, for everybody, without lists, breaker closed, and no scope open. No
    latency is taken. Its methods are the same objects for its life, so that a seam may hold them.
    """

    def __new__(cls, guard: Guard, scopes: Scopes) -> Light: ...
    def renew(self, guard: Guard, scopes: Scopes) -> None:
        """Ask these from now on; in a forked child, whose account is its own."""
    def refused(self) -> int:
        """0: native answers, and the call is tallied so. About 40 ns.

        Above 0: a VERIFY ticket, admitted like any other. -1: nothing is decided and nothing tallied; ask
        `Guard.bypassed` and `Guard.admit`.
        """
    def withdraw(self) -> int:
        """A call that got 0 was not answered natively after all: takes it out of the account again.

        Answers a NATIVE ticket with which to report what happened instead (`declined`, `failed`, `abandoned`).
        """

@final
class TiktokenCounter:
    """Counts the tokens of one tiktoken encoding. Immutable; holds no text; survives a fork.

    The split is a hand-written scanner, the merge tiktoken's byte-pair merge (lowest rank first,
    leftmost first) over the encoding's own ranks.
    """

    def __new__(cls, pattern: str, ranks: dict[bytes, int]) -> TiktokenCounter:
        """From `encoding._pat_str` and `encoding._mergeable_ranks`; 10-20 ms with the GIL held.

        An encoding that is not supported (another pattern, a byte without a token) makes a counter
        that declines every text.
        """
    def count(self, text: str, slice_chars: int, memo: Memo | None = None) -> int:
        """`sum(len(encoding.encode_ordinary(slice)))` over slices of `slice_chars` (at least 1) code points.

        More than 8,192 bytes of UTF-8 that are not in `memo` are counted without the GIL. Raises
        `accel.errors.Declined` when: the encoding is not supported, `text` is not exactly a `str`, or it has
        a lone surrogate.
        """

@final
class HuggingFaceCounter:
    """Counts the tokens of one Hugging Face byte-level BPE tokenizer behind NFKC.

    Immutable; holds no text; survives a fork. Normalises by the same Unicode 9 tables as `tokenizers`.
    """

    def __new__(cls, json: str) -> HuggingFaceCounter:
        """From `Tokenizer.to_str()`; about 50 ms with the GIL held.

        A tokenizer that is not supported makes a counter that declines every text.
        """
    def count(self, text: str, memo: Memo | None = None) -> int:
        """`len(tokenizer.encode(text).ids)`, the text taken whole.

        More than 8,192 bytes of UTF-8 that are not in `memo` are counted without the GIL. Raises
        `accel.errors.Declined` when: the tokenizer is not supported, `text` is not exactly a `str`, has a
        lone surrogate, or spells an added token such as `<EOT>`, before or after normalisation.
        """

@final
class Memo:
    """Counts of texts that were counted before, for all counters together; about 1.6 MB, however many texts.

    Holds no text: a name is 128 bits of HighwayHash (Alakuijala, Cox, Wassenberg 2017) under `key`, so that
    nobody who does not know the key can make two texts meet; two that meet by chance have 1 in 2**128.
    65,536 counts; of three whose names fall on one place the oldest is forgotten. Texts of less than 48
    bytes are not looked up. Thread-safe and without locks of its own. A forked child must make its own, for
    `guard` is its parent's.
    """

    def __new__(cls, guard: Guard, key: bytes) -> Memo:
        """`guard` says for each text whether it may be looked up; its unit is the name's first half, so a share is
        one of texts. A text found counts as handled, one not found as declined. `key`: 32 random bytes, kept
        secret; `ValueError` for another length.
        """
    @property
    def bytes(self) -> int:
        """Memory of the table."""

@final
class MessageCounter:
    """Counts prompts by LiteLLM's rules for one model. Immutable; thread-safe.

    Follows `_count_messages`, `_count_content_list`, `_count_anthropic_content` and `_count_extra` of
    LiteLLM 1.106, for exact `dict`, `list`, `str`, `int`, `float`, `bool` and None.

    Methods raise `accel.errors.Declined` when: anything else is met, a key that is not a `str`, a lone
    surrogate, a block of a `document` or `file`, `search_results`, an image in high detail that is not strict
    base64 with a header that is known, a text longer than `longest_exact_chars`, deep nesting, whatever
    LiteLLM raises for, and whatever the counter declines.
    """

    def __new__(
        cls,
        counter: TiktokenCounter | HuggingFaceCounter,
        slice_chars: int,
        *,
        longest_exact_chars: int,
        tokens_per_message: int,
        tokens_per_name: int,
        image_tokens: int,
        high_detail_tokens: Callable[[int, int], int],
        tool_use: tuple[list[str], list[str]],
        tool_result: tuple[list[str], list[str]],
    ) -> MessageCounter:
        """`slice_chars` is not used with a `HuggingFaceCounter`. `high_detail_tokens` answers what an image of
        that width and height costs. `tool_use` and `tool_result`: the fields that such a block must have,
        and those whose content is counted.
        """
    def count(
        self,
        messages: Sequence[Any],
        tools: Any,
        tool_choice: Any,
        *,
        extra: bool,
        default_image_tokens: int | None,
        memo: Memo | None,
    ) -> int:
        """Tokens of a list or tuple of messages; with `extra` also of tools, choice and the answer's priming.

        `default_image_tokens` stands for every image. More than 8,192 bytes of text that are not in `memo` are
        counted without the GIL.
        """
    def reach(
        self,
        messages: Sequence[Any],
        threshold: int,
        tools: Any,
        *,
        default_image_tokens: int | None,
        memo: Memo | None,
    ) -> bool:
        """Whether `count` with `extra` and no choice is at least `threshold`; counts message by message and stops
        at the first that reaches it.
        """

def format_tools(tools: list[Any]) -> str:
    """The text as which LiteLLM counts tool definitions, in OpenAI's, Gemini's or Anthropic's shape.

    Raises `accel.errors.Declined` when: not exactly a `list`, anything but plain data, a lone surrogate,
    `required` or `enum` that is no list, schemas nested more than 64 deep, whatever LiteLLM raises for.
    """

def image_dimensions(data: str) -> tuple[int, int]:
    """Width and height in pixels of the PNG, GIF, JPEG or WebP image in a data URL.

    All of it is checked to be base64, only the header is decoded. Raises `accel.errors.Declined` when: not
    exactly a `str`, an address on the network, base64 that is not strict, an image of another kind or cut off.
    """

def str_chars(mapping: dict[str, Any], fields: Sequence[str]) -> int:
    """`sum(len(str(mapping.get(field, ""))) for field in fields)`, without making the texts.

    Raises `accel.errors.Declined` when: not exactly a `dict`, anything but plain data, nesting of more than 100.
    """

def chat_tokens(data: dict[str, Any], chars_per_token: int, baseline: int, floor: int) -> int | None:
    """Input and output tokens that LiteLLM's limiter takes a plain chat request to need, without an effect.

    `floor` is what an answer of unknown length is taken to need at least; below `baseline` LiteLLM limits the
    length, which is not done here. None where LiteLLM must reckon: contents that are no texts, caps or counts that
    are no small integers, an answer's length that it would limit, more than 63 bits.
    """

def deepcopy(value: Any) -> Any:
    """As `copy.deepcopy`: shared parts stay shared, and cycles end.

    `NotImplemented` for anything but `dict`, `list`, tuples without containers, `str`, `bytes`, `int`, `float`,
    `bool` and None, exactly, nested less than 100 deep.
    """

@final
class PromptKeywords:
    """The keywords of a router, to be found in a prompt in one pass. Immutable; thread-safe."""

    def __new__(cls, lists: Sequence[Sequence[tuple[str, str, bool]]]) -> PromptKeywords:
        """Of each list each keyword, the same in lower case, and whether it must be a whole word (`\\b` on either
        side, in Python's own Unicode), which an empty one always must.

        Raises `Declined` for more keywords than there can be states of an automaton (some 2**31 bytes).
        """
    def are(self, *lists: Any) -> bool:
        """Whether these are lists (no subclass) of the very same keyword objects. 2 ns for each keyword."""
    def find(self, text: str) -> tuple[tuple[list[str], ...], bool | None] | None:
        """For each list its keywords that a text in lower case has, in the list's order; and whether the text asks
        for several steps as one of LiteLLM's four patterns has it.

        That is None where only Python's regular expressions say how case folds. All is None if the text has lone
        surrogates. 2 µs and about 2 ns for each byte.
        """

def has_whole_word(text: str, word: str) -> bool | None:
    r"""`re.search(r"\b" + re.escape(word) + r"\b", text) is not None`; None where one has lone surrogates."""

# Passes over lists of the Router's deployments. About 40 ns for each deployment; they change nothing and hold the
# GIL. `NotImplemented` where one is no `dict` of exactly `dict`, `str` and the like, or LiteLLM's own pass would
# raise.

def callable_deployments(deployments: Any, prefix: str) -> list[Any]:
    """Of a list or tuple those whose `litellm_params["model"]` begins otherwise. `NotImplemented` if none does."""

def unreserved_deployments(deployments: Any, prefix: str) -> tuple[Any, ...]:
    """The same as a tuple. `NotImplemented` also if one of them has `access_windows`."""

def teamless_deployments(deployments: list[Any]) -> list[Any]:
    """A new list of the same. `NotImplemented` if one of them has a `team_id`."""

def deployments_outside(deployments: list[Any], ids: list[Any]) -> list[Any]:
    """Those whose `model_info["id"]` is none of the ids."""

def unblocked_deployments(deployments: list[Any]) -> list[Any]:
    """Those whose `model_info` does not hold `blocked` as True."""

def first_in_order(deployments: list[Any]) -> list[Any]:
    """Those of the lowest `order`; the list itself if none of them has one."""

def group_deployments(model_list: list[Any], indices: list[Any], name: str, team: str | None) -> list[Any]:
    """Those at the indices that are of this name: for everybody, or for the team, its public names included."""

def deployment_ids(model_list: list[Any], index_map: dict[Any, Any]) -> list[Any]:
    """Keys of the map in order, without those whose deployment has no id."""

def none_sets(deployments: list[Any], name: str) -> bool | None:
    """Whether no `model_info` holds anything under the name but None; None where LiteLLM must look."""

def are_texts(members: list[Any]) -> bool:
    """Whether all are exactly `str`."""

def any_holds(dicts: tuple[dict[str, Any], ...], names: tuple[str, ...]) -> bool:
    """Whether one of the dicts holds anything but None under one of the names. Raises `TypeError` for no dict."""

@final
class FieldKinds:
    """Which dicts a model of pydantic's takes as they are, and what of other models. Immutable; thread-safe."""

    NONE: Final[int]
    BOOL: Final[int]
    INT: Final[int]
    FLOAT: Final[int]
    STR: Final[int]
    """A `str` that is Unicode."""
    DICT: Final[int]
    """Of plain data."""
    STRS: Final[int]
    """A list of texts."""
    LIST: Final[int]
    """Of plain data."""
    DATETIME: Final[int]
    ANY: Final[int]
    """Not looked at."""

    def __new__(cls, kinds: Mapping[str, int], required: Sequence[str], datetime: type) -> FieldKinds:
        """For each field the sum of the kinds that it takes, 0: none. `datetime` is the class of that name."""
    def fit(self, fields: Any) -> bool:
        """Whether it is a `dict` with all required fields, each of a kind that is taken; fields that are not
        declared may be any plain data. All types exactly; nested 20 deep at most. Some 20 ns for each value.
        """
    def is_plain(self, value: Any) -> bool:
        """Whether it is of one of the kinds."""

_Tokens = tuple[Callable[[], Any], bool]
"""Counts a request's tokens, and whether that may be left out where no deployment has a limit for them."""

def lowest_latency(
    deployments: Any,
    usage: Any,
    minute: str,
    tokens: _Tokens,
    options: tuple[bool, float | None, float, Callable[[list[Any]], float] | None],
    getrandbits: Callable[[int], int],
    latencies: dict[str, Any] | None,
) -> Any:
    """The deployment that LiteLLM's latency strategy chooses by its map `usage`, the very object; None if no limit
    lets the request through.

    `options`: whether the request streams, the percentile of its times to a first token, the buffer, and what adds
    up floats (None: one by one). Ids that `usage` has not are put there, two draws are made by `getrandbits` as
    `random.sample` and `random.choice` make them, and `latencies` gets what LiteLLM tells of, in seconds.
    `NotImplemented` before any effect for anything but plain dicts, lists, texts and numbers below 2**52, NaN and
    an empty choice.
    """

def lowest_cost(deployments: Any, usage: Any, minute: str, tokens: _Tokens, prices: Any) -> Any:
    """The deployment that LiteLLM's cost strategy chooses by its map `usage` (None: none is kept) and the table
    `prices`, in dollars a token; None if no limit lets the request through.

    Ids that `usage` has not are put there. `NotImplemented` before any effect as `lowest_latency`.
    """

def lowest_usage(deployments: Any, tokens_used: Any, requests: Any, tokens: _Tokens) -> Any:
    """The deployment that LiteLLM's first usage strategy chooses by its two maps of the minute; None if no limit
    lets the request through.

    Ids that `tokens_used` has not are put there, unless it is None. `NotImplemented` before any effect as
    `lowest_latency`.
    """

def lowest_window_usage(
    deployments: Any,
    tokens_used: tuple[Any, Any],
    requests: tuple[Any, Any],
    tokens: _Tokens,
    getrandbits: Callable[[int], int],
) -> Any:
    """The deployment that LiteLLM's second usage strategy chooses by counters of the minute, each a pair of keys
    and values in the order of the deployments; None if no limit lets the request through.

    One draw is made by `getrandbits` as `random.choice` makes it. `NotImplemented` before any effect as
    `lowest_latency`, and where an id has a colon or occurs twice.
    """

def shuffle_weights(deployments: Any) -> Any:
    """The weights by which LiteLLM's shuffle draws, relative to the largest: of the first of `weight`, `rpm` and
    `tpm` that any deployment has; None if none has any. Without an effect.

    `NotImplemented` for anything but a list of plain deployments, and negative, infinite or other numbers.
    """

def usage_window_keys(deployments: Any, minute: str) -> Any:
    """The keys of tokens and of requests in the minute that LiteLLM's second usage strategy has, in two lists.

    `NotImplemented` for anything but a list of plain deployments with an id and a model that are texts.
    """

def sample_order(size: int, getrandbits: Callable[[int], int]) -> list[int]:
    """`random.sample(range(size), size)`, by the same words of the generator that `getrandbits` belongs to."""

def random_below(bound: int, getrandbits: Callable[[int], int]) -> int:
    """`random.randrange(bound)`, by the same words of the generator. Raises `ValueError` for 0."""

def evalsha(sha: str, keys: Sequence[Any], values: Sequence[Any]) -> bytes | None:
    """`EVALSHA sha len(keys) *keys *values` as redis-py packs it with UTF-8.

    None for anything but lists or tuples of `str`, `bytes`, `int` and `float` that take less than 6,000 bytes.
    """

@final
class Windows:
    """Windows of limits in memory, of one algorithm, by key. Thread-safe; a bounded number of keys.

    The key that expires first is forgotten first. A check is `(key, limit, window_ms, burst, cost)`, an answer
    `(fits, remaining, retry_after_ms, reset_after_ms, mark)`. A cost of 0 asks whether the limit has been reached.
    The keys of one call differ. Numbers from 0 to 2^64, else `OverflowError`. `ValueError`: another algorithm.
    """

    def __new__(cls, algorithm: Literal["sliding", "bucket"], capacity: int) -> Windows: ...
    def weigh(self, now_ms: int, checks: Sequence[tuple[str, int, int, int, int]]) -> list[_Answer]:
        """What `admit` would decide; changes nothing."""
    def admit(self, now_ms: int, checks: Sequence[tuple[str, int, int, int, int]]) -> list[_Answer]:
        """Charges all checks if all of them fit, and none otherwise."""
    def settle(self, now_ms: int, corrections: Sequence[tuple[str, int, int, int | None, int]]) -> list[bool]:
        """Each `(key, limit, window_ms, mark, delta)`: corrects what was charged at the mark, without one charges
        now. Which of them changed anything: what has left the window takes nothing back.
        """
    def __len__(self) -> int: ...

@final
class Leases:
    """What this instance has leased of LiteLLM's windows, by key. Thread-safe; a bounded number of keys."""

    def __new__(cls, capacity: int) -> Leases: ...
    def take(
        self, now_s: int, keys: Sequence[str]
    ) -> tuple[list[int], list[tuple[int, int]], list[int | None], list[int]]:
        """One of each lease, all or nothing: when their windows began; which of them (by place) must ask for how
        many; until when each is spent; what each window had left when it was last asked. The first is empty
        unless they were taken.
        """
    def add(self, now_s: int, key: str, start_s: int, window_s: int, granted: int, remains: int) -> bool:
        """What Redis granted of the window that began then, and what remains there after it; nothing granted: it
        is spent. False: there is no room for the key.
        """
    def put_back(self, taken: Sequence[tuple[str, int]]) -> None:
        """Undoes `take`; each key with when its window began."""
    def end(self, now_s: int) -> list[tuple[str, int, int]]:
        """Ends all leases; what is to be given back: key, when its window began, how many."""
    def __len__(self) -> int: ...

@final
class CacheStore:
    """The content of one `InMemoryCache`: numbers and slots natively, everything else as references.

    Thread-safe. Traversed by the garbage collector.
    """

    def __new__(cls) -> CacheStore: ...
    def reserve(self, items: int | None) -> list[tuple[float, str]]:
        """Gives the limiter's counters (`{scope:value}:window`, `requests`, `tokens`, `max_parallel_requests`)
        room of their own for so many items; with None puts them among the others again, and answers when each
        expires.
        """
    def reserved(self) -> tuple[int, int, int] | None:
        """Items, capacity and how many had to leave before their time; None without room of their own."""

@final
class CacheView:
    """`cache_dict` (or `ttl_dict`, with `expiries`) of an `InMemoryCache`: a mapping with a dict's methods.

    What is read is as it was put, but an equal number or text may be another object, and slots are a new dict. A
    loop goes over the content as it is when it begins. Thread-safe.
    """

    def __new__(cls, store: CacheStore, expiries: bool) -> CacheView: ...
    @property
    def store(self) -> CacheStore: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __setitem__(self, key: Any, value: Any, /) -> None: ...
    def __delitem__(self, key: Any, /) -> None: ...
    def __contains__(self, key: Any, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Any: ...
    def __reversed__(self) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __or__(self, other: Any, /) -> Any: ...
    def __ror__(self, other: Any, /) -> Any: ...
    def __ior__(self, other: Any, /) -> CacheView: ...
    def __copy__(self) -> dict[Any, Any]: ...
    def __deepcopy__(self, memo: Any) -> dict[Any, Any]: ...
    def get(self, key: Any, default: Any = None) -> Any: ...
    def pop(self, key: Any, *default: Any) -> Any: ...
    def popitem(self) -> Any: ...
    def setdefault(self, key: Any, default: Any) -> Any: ...
    def update(self, *others: Any, **more: Any) -> None: ...
    def clear(self) -> None: ...
    def keys(self) -> Any: ...
    def values(self) -> Any: ...
    def items(self) -> Any: ...
    def copy(self) -> dict[Any, Any]: ...

@final
class MemoryCaches:
    """LiteLLM's `InMemoryCache` on native stores: instances of exactly that class whose `cache_dict` and
    `ttl_dict` are views of one store and whose methods are LiteLLM's own. Thread-safe; a call reads the cache's
    clock once.

    Each method answers `NotImplemented`, before any effect, where LiteLLM must: another class, a method replaced
    on the instance, a key that is no text, a value or time to live that is not plain.
    """

    def __new__(
        cls,
        class_: type,
        names: Bindings,
        methods: Sequence[str],
        clock: Any,
        time: ModuleType,
        heapq: ModuleType,
        json: ModuleType,
    ) -> MemoryCaches:
        """`names`: LiteLLM's helpers as they must be; `clock`: the code of the clock that it makes by itself."""
    def get(self, cache: Any, /, key: Any, **_others: Any) -> Any:
        """`get_cache`. Further arguments may have any name: LiteLLM hands all of a request's on."""
    def set(self, cache: Any, /, key: Any, value: Any, *, ttl: Any = None, **_others: Any) -> Any:
        """`set_cache`."""
    def increment(self, cache: Any, /, key: Any, value: Any, *, ttl: Any = None, **_others: Any) -> Any:
        """`increment_cache`."""

@final
class Limiter:
    """LiteLLM's v3 limiter in memory, one call for each of its steps, on the cache that has its counters.

    Responses are LiteLLM's `RateLimitResponse`. Seconds are of the limiter's clock. Thread-safe. Declines, before
    any effect, a cache that `MemoryCaches` leaves to LiteLLM, descriptors or counters that are not as LiteLLM
    makes them, and two descriptors with one window or gauge.
    """

    def __new__(cls, caches: MemoryCaches) -> Limiter: ...
    def admit(
        self,
        cache: Any,
        descriptors: Any,
        now_s: float,
        window_s: int,
        skip_tokens: bool,
        slot: str,
        uncharged: bool,
    ) -> dict[str, Any]:
        """`should_rate_limit`: windows, then gauges. With `uncharged` a refused request is not counted."""
    def admit_reserving(
        self,
        cache: Any,
        descriptors: Any,
        now_s: float,
        window_s: int,
        slot: str,
        uncharged: bool,
        tokens: int,
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """`admit` without limits of tokens and, where it lets the request in, `reserve`.

        The second is None where the request is refused before it, or where LiteLLM must reserve: what the first
        did stays done.
        """
    def take_back(self, cache: Any, descriptors: Any, window_s: int, skip_tokens: bool) -> None:
        """Takes back what `admit` counted."""
    def charge(
        self, cache: Any, descriptors: Any, increments: list[dict[str, int]], now_s: int, window_s: int
    ) -> dict[str, Any]:
        """`atomic_check_and_increment_by_n`: all or nothing."""
    def reserve(
        self, cache: Any, descriptors: Any, tokens: int, now_s: int, window_s: int, except_: Sequence[str]
    ) -> dict[str, Any]:
        """`reserve_tpm_tokens`: under every descriptor that limits tokens, but for these kinds."""
    def give_back(self, cache: Any, keys: Sequence[str], slot: str) -> None:
        """Gives a slot back under these gauges; nothing where it is not held."""
    def add(self, cache: Any, amounts: Sequence[tuple[str, int]]) -> None:
        """Adds to counters as `increment_cache` does."""
    def keep_gauges(self, cache: Any, keys: Sequence[str], left: list[Any]) -> None:
        """`_mirror_released_parallel_slots`: keeps what Redis answered of these gauges, never below zero.

        Declines, before any effect, what is no integer.
        """
    def ask(
        self,
        cache: Any,
        windowed: Any,
        reserving: Any,
        now_s: float,
        window_s: int,
        skip_tokens: bool,
        slot: str,
        tokens: int | None,
        except_: Sequence[str],
        uncharged: bool,
    ) -> Admission:
        """One request's admission by `ADMIT_SCRIPT`; changes nothing."""

@final
class Admission:
    """What one request asks of Redis, and what the answer means. Immutable."""

    @property
    def keys(self) -> list[str]: ...
    @property
    def args(self) -> list[int | str]: ...
    @property
    def refused(self) -> dict[str, Any] | None:
        """The refusal, where this process knows a counter to be over its limit; then nothing is to be asked."""
    def answered(self, reply: Any) -> tuple[dict[str, Any], dict[str, Any] | None, int | None]:
        """The responses of windows and gauges and of tokens, and the step (0 to 2) that failed, if one did.

        Keeps what windows and gauges hold in the cache, as LiteLLM does. `TypeError`: not the script's reply.
        """
