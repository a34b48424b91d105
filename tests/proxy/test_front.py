"""The official client of a proxy with a front, and of a plain one: the same answers on every parser and loop."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from support.answers import assert_same
from support.families import Family, Member
from support.lane import COMBINATIONS
from support.proxies import MASTER_KEY, REQUEST_TIMEOUT_S

pytestmark = pytest.mark.xdist_group("front")

CONCURRENT = 30
CONNECTIONS = 5
STATUSES = (400, 401, 429, 500)
MiB = 1 << 20
KEPT = "connection kept"

Ask = Callable[[openai.OpenAI, str], Any]


@pytest.fixture(params=["-".join(each) for each in COMBINATIONS])
def pair(request: pytest.FixtureRequest, families: tuple[Family, Family]) -> tuple[Member, Member]:
    """A plain proxy and one with a front, of one parser and one loop."""
    plain, accel = families
    return plain[request.param], accel[request.param]


@pytest.fixture
def reasons(pair: tuple[Member, Member]) -> Iterator[Counter[str]]:
    """What the test's requests may be handed over for; as many must have been, or else, as far as the test says
    so, have come over a connection that was still with uvicorn: LiteLLM works on after its answer.
    """
    expected: Counter[str] = Counter()
    before = pair[1].lane()
    yield expected
    after = pair[1].lane()
    assert after["front"]["state"] == "serving"
    expected["route"] += 1  # the second look at the status
    may_be_kept = expected.pop(KEPT, 0)
    found = Counter(after["calls"]["python"])
    found.subtract(before["calls"]["python"])
    told = Counter({reason.removeprefix("declined: "): number for reason, number in (+found).items()})
    # The client sends a body after its head, and may be late with it where the machine is busy.
    told["no plan"] += told.pop("slow request", 0)
    kept = told.pop(KEPT, 0)
    assert told <= expected
    assert kept == (expected - told).total()
    assert kept <= may_be_kept
    assert (after["calls"]["native"], after["calls"]["failed"]) == (0, 0)


def client(member: Member, key: str = MASTER_KEY) -> openai.OpenAI:
    http = httpx.Client(trust_env=False, verify=False)
    return openai.OpenAI(
        base_url=f"{member.base_url}/v1", api_key=key, max_retries=0, timeout=REQUEST_TIMEOUT_S, http_client=http
    )


def messages(text: str) -> list[Any]:
    return [{"role": "user", "content": f"{text}: which river carries the stones past the old mill? 今天"}]


def chunk_of(chunk: Any) -> dict[str, Any]:
    # LiteLLM's own second, in which the stream began.
    return {**chunk.model_dump(), "created": 0}


def chat(asked: openai.OpenAI, text: str) -> Any:
    return asked.chat.completions.create(model="chat", messages=messages(text)).model_dump()


def stream(asked: openai.OpenAI, text: str) -> Any:
    chunks = asked.chat.completions.create(
        model="chat", messages=messages(text), stream=True, stream_options={"include_usage": True}
    )
    return [chunk_of(chunk) for chunk in chunks]


def error(asked: openai.OpenAI, text: str) -> Any:
    told = []
    for status in STATUSES:
        with pytest.raises(openai.APIStatusError) as caught:
            asked.chat.completions.create(model=f"error-{status}", messages=messages(text))
        assert caught.value.status_code == status
        told.append((type(caught.value), caught.value.body))
    return told


def embed(asked: openai.OpenAI, text: str) -> Any:
    return asked.embeddings.create(model="embedding", input=[text, "a mill"]).model_dump()


def models(asked: openai.OpenAI, text: str) -> Any:
    return asked.models.list().model_dump()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ((chat,) * 5, {"no plan": 5, KEPT: 4}),
        ((stream,) * 5, {"no plan": 5, KEPT: 4}),
        ((error,), {"no plan": len(STATUSES), KEPT: len(STATUSES) - 1}),
        ((chat, embed, stream, models, embed, chat), {"no plan": 3, "route": 3, KEPT: 5}),
    ],
    ids=["chats", "streams", "errors", "all sorts"],
)
def test_one_after_the_other_over_one_connection(
    pair: tuple[Member, Member], reasons: Counter[str], ask: tuple[Ask, ...], expected: dict[str, int]
) -> None:
    reasons.update(expected)
    told = []
    for member in pair:
        with client(member) as asked:
            told.append([each(asked, str(number)) for number, each in enumerate(ask)])
    plain, accel = told
    assert accel == plain


SECOND = range(1, CONCURRENT, 2)


async def ask_at_once(member: Member, limits: httpx.Limits, *, streamed: range) -> list[Any]:
    """Those of these numbers as streams."""
    asked = openai.AsyncOpenAI(
        base_url=f"{member.base_url}/v1",
        api_key=MASTER_KEY,
        max_retries=0,
        timeout=REQUEST_TIMEOUT_S,
        http_client=httpx.AsyncClient(trust_env=False, verify=False, limits=limits),
    )

    async def one(number: int) -> Any:
        request = {"model": "chat", "messages": messages(str(number))}
        if number in streamed:
            return [chunk_of(chunk) async for chunk in await asked.chat.completions.create(**request, stream=True)]
        return (await asked.chat.completions.create(**request)).model_dump()

    async with asked:
        return list(await asyncio.gather(*(one(number) for number in range(CONCURRENT))))


def test_many_at_once(pair: tuple[Member, Member], reasons: Counter[str]) -> None:
    reasons["no plan"] += CONCURRENT
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    plain, accel = (asyncio.run(ask_at_once(member, limits, streamed=SECOND)) for member in pair)
    assert accel == plain
    assert len({answer["id"] for answer in accel[::2]}) == CONCURRENT // 2, "each got its own"


def test_many_over_few_connections(pair: tuple[Member, Member], reasons: Counter[str]) -> None:
    reasons.update({"no plan": CONCURRENT, KEPT: CONCURRENT - CONNECTIONS})
    # No streams: the client closes their connections, for it does not read the end after `[DONE]`.
    limits = httpx.Limits(max_connections=CONNECTIONS)
    before = pair[1].lane()["front"]["accepted"]
    reasons["route"] += 1  # the look at the status above
    plain, accel = (asyncio.run(ask_at_once(member, limits, streamed=range(0))) for member in pair)
    assert accel == plain
    assert pair[1].lane()["front"]["accepted"] - before == CONNECTIONS + 1
    reasons["route"] += 1


def test_a_wrong_key(pair: tuple[Member, Member], reasons: Counter[str]) -> None:
    reasons["no plan"] += 1
    body = {"model": "chat", "messages": messages("wrong")}
    replies = []
    for member in pair:
        with member.client("sk-wrong") as asked:
            replies.append(asked.post("/v1/chat/completions", json=body))
    assert_same(*replies)
    assert replies[0].status_code != 200


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/readiness", "/health/backlog", "/v1/models", "/"])
def test_other_routes(pair: tuple[Member, Member], reasons: Counter[str], path: str) -> None:
    reasons["route"] += 1
    replies = []
    for member in pair:
        with member.client() as asked:
            replies.append(asked.get(path))
    assert_same(*replies)
    assert replies[0].status_code == 200


class TestUploads:
    def test_a_prompt_of_30_mb(self, pair: tuple[Member, Member], reasons: Counter[str]) -> None:
        reasons["large body"] += 1
        body = b'{"model": "chat", "messages": [{"role": "user", "content": "%b"}]}' % (b"mill " * (6 * MiB))
        headers = {"content-type": "application/json"}
        replies = []
        for member in pair:
            with member.client() as asked:
                replies.append(asked.post("/v1/chat/completions", content=body, headers=headers))
        assert_same(*replies)
        assert replies[0].status_code == 200

    def test_a_file_of_30_mb(self, pair: tuple[Member, Member], reasons: Counter[str]) -> None:
        reasons["route"] += 1
        replies = []
        for member in pair:
            with member.client() as asked:
                form = {"model": "transcription"}
                file = {"file": ("words.wav", b"\xa5" * (30 * MiB), "audio/wav")}
                replies.append(asked.post("/v1/audio/transcriptions", data=form, files=file))
        assert_same(*replies)
        assert replies[1].json()["text"] == f"{30 * MiB} marks"

    def test_a_body_of_no_announced_length(self, pair: tuple[Member, Member], reasons: Counter[str]) -> None:
        reasons["chunked body"] += 1
        replies = []
        for member in pair:
            with member.client() as asked:
                parts = (b'{"model": "chat", "messages": [{"role": "user",', b' "content": "in parts"}]}')
                headers = {"content-type": "application/json"}
                replies.append(asked.post("/v1/chat/completions", content=iter(parts), headers=headers))
        assert_same(*replies)
        assert replies[0].status_code == 200
