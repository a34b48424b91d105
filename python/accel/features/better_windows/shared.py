"""Windows that instances share: one script call for all keys of a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from accel import native
from accel.features.better_windows.demand import Limit
from accel.features.better_windows.engine import SLOT_LIFE_S
from accel.features.better_windows.scripts import Scripts
from accel.features.better_windows.statuses import OVER, Answer, gauge_status_of
from accel.features.better_windows.verdict import Charge

_SERVER_TIME = ""


class Item(NamedTuple):
    """One key of a call and its five arguments."""

    key: str
    arguments: tuple[Any, ...]


def window_item(algorithm: str, limit: Limit, burst: int) -> Item:
    """A window that the request must fit."""
    return Item(limit.key(algorithm), (algorithm, limit.limit, limit.window_ms, burst, limit.cost))


def gauge_item(gauge: dict[str, Any], slot_id: str | None) -> Item:
    """A gauge that must have room, on LiteLLM's own sorted set."""
    return Item(gauge["counter_key"], ("gauge", gauge["limit"], SLOT_LIFE_S * 1000, slot_id or "", 1))


async def admit(scripts: Scripts, handler: Any, redis: Any, items: Sequence[Item]) -> list[Answer | None]:
    """All or nothing. None for keys of nodes that were not asked, since one before refused.

    On a cluster each node decides on its own; what the ones before it charged is taken back after a refusal.
    Raises what Redis raises; then, too.
    """
    assert native.module is not None
    answers: dict[str, Answer] = {}
    charged: list[Item] = []
    groups = _groups(handler, items)
    for place, group in enumerate(groups):
        try:
            reply = await scripts.run(redis, native.module.WINDOWS_ADMIT_SCRIPT, *_call(group))
        except Exception:
            await _take_back(scripts, handler, redis, charged)
            raise
        for number, item in enumerate(group):
            fits, remaining, retry_ms, reset_ms, mark = reply[2 + number * 5 : 7 + number * 5]
            answers[item.key] = (bool(fits), remaining, retry_ms, reset_ms, mark)
        if not reply[0]:
            await _take_back(scripts, handler, redis, charged)
            break
        if place < len(groups) - 1:
            charged.extend(_taken_back(item, answers[item.key][4]) for item in group)
    return [answers.get(item.key) for item in items]


async def settle(
    scripts: Scripts, handler: Any, redis: Any, algorithm: str, changes: Sequence[tuple[Charge, int]]
) -> None:
    """Correct what was charged. Raises what Redis raises."""
    items = [
        Item(
            charge.key,
            (algorithm, charge.limit, charge.window_ms, "" if charge.mark is None else charge.mark, delta),
        )
        for charge, delta in changes
    ]
    await _take_back(scripts, handler, redis, items)


def gauge_refusal(gauge: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """What LiteLLM answers where a gauge is full."""
    return {"overall_code": OVER, "statuses": [gauge_status_of(gauge, False, answer[1])]}


async def mirrored(
    handler: Any, gauges: Sequence[dict[str, Any]], answers: Sequence[Answer | None]
) -> list[dict[str, Any]]:
    """The gauges' statuses. Their counts go into LiteLLM's local mirror, by which it goes on when Redis fails."""
    statuses = []
    for gauge, answer in zip(gauges, answers, strict=True):
        assert answer is not None
        await handler.internal_usage_cache.async_set_cache(
            key=gauge["counter_key"],
            value=answer[4],
            ttl=SLOT_LIFE_S,
            litellm_parent_otel_span=None,
            local_only=True,
        )
        statuses.append(gauge_status_of(gauge, True, answer[1]))
    return statuses


def _groups(handler: Any, items: Sequence[Item]) -> list[list[Item]]:
    """By node, as LiteLLM groups its own keys; one group where there are no nodes."""
    by_key = {item.key: item for item in items}
    groups = handler._group_keys_by_hash_tag(list(by_key)).values()
    return [[by_key[key] for key in keys] for keys in groups if keys]


def _call(items: Sequence[Item]) -> tuple[list[str], list[Any]]:
    arguments = [argument for item in items for argument in item.arguments]
    return [item.key for item in items], [_SERVER_TIME, *arguments]


def _taken_back(item: Item, mark: int) -> Item:
    """What undoes an item: five arguments for the settling script."""
    kind, limit, window_ms, slot_id, cost = item.arguments
    return Item(item.key, (kind, limit, window_ms, slot_id if kind == "gauge" else mark, -cost))


async def _take_back(scripts: Scripts, handler: Any, redis: Any, items: Sequence[Item]) -> None:
    assert native.module is not None
    for group in _groups(handler, items):
        await scripts.run(redis, native.module.WINDOWS_SETTLE_SCRIPT, *_call(group))
