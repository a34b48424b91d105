"""`acompletion` and `completion` trimmed and whole: answers, errors, and what every logger is told."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from unittest.mock import MagicMock

import litellm
import litellm.proxy.spend_tracking.savings  # a seam waits for it
import pytest

import accel
from accel import seams
from accel.features import FEATURES
from accel.features.overhead.body import Bodies, _is_plain
from support.calls import calls_of
from support.completion_calls import CALLS, MESSAGES, TOOL, asked
from support.live import kept_flags
from support.scale import scaled
from support.sdk_calls import Seen, SeenBefore, difference, nothing_left, outcome

KEPT = ("callbacks", "input_callback", "success_callback", "failure_callback", "_async_success_callback")
KEPT_TOO = ("_async_failure_callback", "_async_input_callback", "model_alias_map", "model_cost", "drop_params")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    before = {name: copy.copy(getattr(litellm, name)) for name in (*KEPT, *KEPT_TOO)}
    with kept_flags(), calls_of("overhead") as calls:
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        yield
    assert calls.failed == 0
    for name, value in before.items():
        setattr(litellm, name, value)
    litellm.utils._invalidate_model_cost_lowercase_map()


async def both(make: Any, logger: type[Seen] = Seen, *, logged: bool = True) -> tuple[Any, Any]:
    found = []
    for mode in ("off", "on"):
        accel.set_flag("overhead", mode=mode)
        seen = logger()
        for name in KEPT + KEPT_TOO[:2]:
            getattr(litellm, name).clear()
        await nothing_left()
        litellm.callbacks.append(seen)
        found.append(await outcome(make, seen, logged=logged))
    return found[0], found[1]


@pytest.mark.parametrize("logger", [Seen, SeenBefore], ids=["after", "before"])
@pytest.mark.parametrize("name", CALLS)
async def test_calls(name: str, logger: type[Seen]) -> None:
    logged = name not in ("fallbacks", "bad tool choice")
    whole, trimmed = await both(lambda: litellm.acompletion(**asked(CALLS[name])), logger, logged=logged)
    assert difference(trimmed, whole) is None


@pytest.mark.parametrize("name", ["text", "rate limit", "metadata", "custom price", "tools"])
async def test_the_routers_calls(name: str) -> None:
    router = litellm.Router(
        [{"model_name": "gpt-4o-mini", "litellm_params": {"model": "gpt-4o-mini", "api_key": "k"}}]
    )
    whole, trimmed = await both(lambda: router.acompletion(**asked(CALLS[name]), num_retries=0))
    assert difference(trimmed, whole) is None


@pytest.mark.parametrize(
    "name", sorted(set(CALLS) - {"fallbacks", "broken stream", "stream", "stream with usage", "model list"})
)
def test_synchronous_calls(name: str) -> None:
    from support.completion_calls import CALLS, asked
    from support.sdk_calls import shape

    found = []
    for mode in ("off", "on"):
        accel.set_flag("overhead", mode=mode)
        try:
            found.append(shape(litellm.completion(**asked(CALLS[name]))))
        except Exception as error:  # noqa: BLE001  # an answer, compared with the other side's
            found.append(shape(error))
    assert found[0] == found[1]


async def test_random_parameters() -> None:
    chance = Random(5)
    pool: dict[str, list[Any]] = {
        "temperature": [0, 1.0, None], "n": [1, 2], "max_tokens": [1, None], "stop": ["a", ["a"]],
        "user": ["u"], "metadata": [{}, {"a": [1]}, None], "tools": [[], [TOOL], None], "seed": [3],
        "model": ["gpt-4o", "openai/gpt-5", "o3", "groq/llama3-8b-8192", "mistral/mistral-tiny", "x/y"],
        "drop_params": [True], "base_url": ["http://127.0.0.1:9"], "api_key": ["k"], "stream": [True, False],
        "reasoning_effort": ["low"], "additional_drop_params": [["n"]], "model_info": [{"id": "i"}],
    }  # fmt: skip
    for _ in range(scaled(60)):
        over = {name: chance.choice(pool[name]) for name in chance.sample(sorted(pool), 4)}
        whole, trimmed = await both(lambda: litellm.acompletion(**asked(over)))  # noqa: B023  # called at once
        assert difference(trimmed, whole) is None, over


class TestWhereTheBodyRuns:
    async def threads(self, monkeypatch: pytest.MonkeyPatch, **over: Any) -> list[int]:
        ran: list[int] = []
        step = litellm.main.get_optional_params

        def noted(**named: Any) -> Any:
            ran.append(threading.get_ident())
            return step(**named)

        monkeypatch.setattr(litellm.main, "get_optional_params", noted)
        await litellm.acompletion(**asked(over))
        return ran

    async def test_here_for_openai(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with calls_of("overhead", "acompletion") as calls:
            assert await self.threads(monkeypatch) == [threading.get_ident()]
        assert calls.native == 1

    @pytest.mark.parametrize(
        "over",
        [
            CALLS["anthropic"],
            CALLS["azure"],
            {"logger_fn": lambda details: None},
            {"prompt_id": None, "azure": True},
        ],
    )
    async def test_in_the_pool_otherwise(self, monkeypatch: pytest.MonkeyPatch, over: dict[str, Any]) -> None:
        assert threading.get_ident() not in await self.threads(monkeypatch, **over)

    async def test_in_the_pool_with_a_logger_of_somebodys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm, "callbacks", [SeenBefore()])
        assert threading.get_ident() not in await self.threads(monkeypatch)

    async def test_a_method_on_the_instance_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        logger = Seen()
        logger.log_pre_api_call = lambda *_arguments, **_named: None  # type: ignore[method-assign]
        monkeypatch.setattr(litellm, "callbacks", [logger])
        assert threading.get_ident() not in await self.threads(monkeypatch)

    async def test_in_the_pool_with_a_secret_manager(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm, "secret_manager_client", object())
        assert threading.get_ident() not in await self.threads(monkeypatch)

    async def test_a_loop_of_somebodys_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop, used = asyncio.get_running_loop(), []
        submit = loop.run_in_executor
        monkeypatch.setattr(loop, "run_in_executor", lambda *arguments: used.append(1) or submit(*arguments))
        await self.threads(monkeypatch)
        assert used == [1]

    async def test_a_replaced_completion_runs_in_the_pool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm.main, "completion", lambda **_named: {"in": threading.get_ident()})
        found: Any = await litellm.acompletion(**asked({}))
        assert found["in"] != threading.get_ident()

    async def test_others_get_their_turn(self) -> None:
        turns = []

        async def other() -> None:
            turns.append("other")

        task = asyncio.create_task(other())
        await Bodies().body(asyncio.get_running_loop(), lambda: turns.append("step"), {}, {}, "x")
        await task
        assert sorted(turns) == ["other", "step"]

    async def test_what_the_body_sets_stays_in_its_context(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="none")
        step = litellm.main.get_optional_params
        monkeypatch.setattr(
            litellm.main, "get_optional_params", lambda **named: (mark.set("set"), step(**named))[1]
        )
        await litellm.acompletion(**asked({}))
        assert mark.get() == "none"

    async def test_cancelling(self) -> None:
        task = asyncio.create_task(litellm.acompletion(**asked({})))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class TestMocksWin:
    async def test_helpers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm.main, "responses_api_bridge_check", lambda **_named: 1 / 0)
        with pytest.raises(litellm.APIConnectionError, match="division"):
            await litellm.acompletion(**asked({}))

    async def test_information_of_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked_for: list[Any] = []
        monkeypatch.setattr(litellm.main, "get_model_info_helper", lambda **named: asked_for.append(named) or {})
        await litellm.acompletion(**asked({}))
        assert len(asked_for) == 1

    async def test_a_price_that_is_changed_holds_at_once(self) -> None:
        for cost in (0.5, 0.25):
            entry = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": cost}
            entry |= {"output_cost_per_token": 0.0, "input_cost_per_token_above_1_tokens": cost * 3}
            litellm.register_model({"openai/priced": entry})
            response = await litellm.acompletion(**asked({"model": "openai/priced"}))
            assert response._hidden_params["response_cost"] == response.usage.prompt_tokens * cost * 3

    async def test_a_call_while_off_is_litellms(self) -> None:
        accel.set_flag("overhead", mode="off")
        with calls_of("overhead") as calls:
            await litellm.acompletion(**asked({}))
        assert calls.native == 0

    async def test_half_of_the_calls(self) -> None:
        accel.set_flag("overhead", mode="on", percent=50)
        for _ in range(scaled(20)):
            response = await litellm.acompletion(**asked({}))
            assert response.choices[0].message.content == "Fine."
            with pytest.raises(litellm.RateLimitError):
                await litellm.acompletion(**asked(CALLS["rate limit"]))


class TestWhatMayWait:
    """The pool runs the body wherever the loop's thread would show."""

    threads = TestWhereTheBodyRuns.threads

    async def test_who_asks_for_a_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked_in: list[int] = []

        class Auth:
            def get_auth_headers(self) -> dict[str, str]:
                asked_in.append(threading.get_ident())
                return {}

        monkeypatch.setattr(litellm, "proxy_auth", Auth())
        await litellm.acompletion(**asked({}))
        assert asked_in
        assert threading.get_ident() not in asked_in

    @pytest.mark.parametrize(
        "over", [{"complete_response": True}, {"model": "ft:babbage-002:me"}, {"text_completion": True}]
    )
    async def test_ways_to_wait(self, monkeypatch: pytest.MonkeyPatch, over: dict[str, Any]) -> None:
        over = {"custom_llm_provider": "openai", **over}
        assert threading.get_ident() not in await self.threads(monkeypatch, **over)

    @pytest.mark.parametrize(
        "pool", [lambda: ThreadPoolExecutor(1, thread_name_prefix="mine"), lambda: ThreadPoolExecutor(1)]
    )
    async def test_a_pool_of_somebodys(self, monkeypatch: pytest.MonkeyPatch, pool: Any) -> None:
        loop, chosen = asyncio.get_running_loop(), pool()
        monkeypatch.setattr(loop, "_default_executor", chosen)
        try:
            assert threading.get_ident() not in await self.threads(monkeypatch)
        finally:
            chosen.shutdown()

    def test_loops_that_are_none(self) -> None:
        assert not _is_plain(MagicMock())
        assert not _is_plain(MagicMock(spec=asyncio.BaseEventLoop))
        like = type("Loop", (), {"__module__": "uvloop"})()
        assert _is_plain(like)
        like.run_in_executor = print
        assert not _is_plain(like)

    @pytest.mark.parametrize("name", ["rate limit", "exception", "refused", "text"])
    async def test_inside_of_a_handler(self, name: str) -> None:
        """What is being handled here is no context of what goes wrong in the body."""

        def chain(error: BaseException | None) -> list[str]:
            found = []
            while error is not None and len(found) < 20:
                found.append(f"{type(error).__name__} {error.__cause__!r} {error.__suppress_context__}")
                error = error.__context__
            return found

        found = []
        for mode in ("off", "on"):
            accel.set_flag("overhead", mode=mode)
            try:
                raise KeyError("being handled")
            except KeyError:
                try:
                    found.append([(await litellm.acompletion(**asked(CALLS[name]))).choices[0].message.content])
                except Exception as error:  # noqa: BLE001  # an answer, compared with the other side's
                    found.append(chain(error))
        assert found[0] == found[1]

    async def test_no_exception_of_the_callers_in_the_body(self, monkeypatch: pytest.MonkeyPatch) -> None:
        handled: list[Any] = []
        step = litellm.main.get_optional_params
        monkeypatch.setattr(
            litellm.main,
            "get_optional_params",
            lambda **named: (handled.append(sys.exc_info()[1]), step(**named))[1],
        )
        try:
            raise KeyError("being handled")
        except KeyError:
            await litellm.acompletion(**asked({}))
        assert handled == [None]

    async def test_a_replaced_way_to_openai(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ran: list[int] = []

        def completion(_self: Any, **_named: Any) -> Any:
            ran.append(threading.get_ident())
            return litellm.ModelResponse()

        monkeypatch.setattr(type(litellm.main.openai_chat_completions), "completion", completion)
        await litellm.acompletion(**asked({"mock_response": None, "api_key": "k"}))
        assert ran
        assert threading.get_ident() not in ran


async def test_a_model_that_litellm_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"litellm_provider": "openai", "mode": "responses", 5: 1}
    monkeypatch.setitem(litellm.model_cost, "odd-one", entry)
    litellm.utils._invalidate_model_cost_lowercase_map()
    asked_of: list[str] = []
    for way in ("completion", "acompletion"):
        monkeypatch.setattr(
            type(litellm.main.openai_chat_completions),
            way,
            lambda _self, *, way=way, **_named: asked_of.append(way) or litellm.ModelResponse(),
        )
    for mode in ("off", "on"):
        accel.set_flag("overhead", mode=mode)
        response: Any = litellm.completion("openai/odd-one", MESSAGES, api_key="k")
        assert isinstance(response, litellm.ModelResponse)
    assert asked_of == ["completion", "completion"]


def _seam(target: str) -> Any:
    return next(seam for seam in FEATURES["overhead"].seams if seam.target == target)


def test_acompletion_comes_back_while_completion_is_in() -> None:
    assert seams._refusal(_seam("litellm.main:acompletion")) is None
    assert seams._refusal(_seam("litellm.main:completion")) is None


def test_a_wrapped_completion_keeps_acompletion_litellms(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = litellm.main.completion
    monkeypatch.setattr(litellm.main, "completion", functools.wraps(whole)(lambda *a, **n: whole(*a, **n)))
    assert seams._refusal(_seam("litellm.main:acompletion")) is not None
