"""Deployments that are some team's for some hours of the day."""

from datetime import datetime, time, timezone
from typing import Any

import litellm
import pytest
from litellm.router_utils import access_windows
from litellm.types.router import ModelAccessWindow

from support.limiter import in_a_loop
from support.routes import picked, routed, row

pytestmark = pytest.mark.usefixtures("side")

NIGHT = {"start": "22:00", "end": "06:00", "timezone": "America/New_York", "team_ids": ["night"]}
ALWAYS = {"start": "00:00", "end": "23:59:59.999999", "timezone": "UTC", "team_ids": ["t"]}


def window(start: str, end: str, zone: str = "UTC") -> ModelAccessWindow:
    first, last = time.fromisoformat(start), time.fromisoformat(end)
    return ModelAccessWindow(start=first, end=last, timezone=zone, team_ids=("t",))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("hours", "moments"),
    [
        (("09:00", "17:00"), {"2026-03-09T12:00": True, "2026-03-09T20:00": False}),
        (
            ("22:00", "06:00"),
            {
                "2026-03-09T23:00": True,
                "2026-03-10T05:59": True,
                "2026-03-09T12:00": False,
                "2026-03-09T22:00": True,
                "2026-03-10T06:00": False,
            },
        ),
        # The night in which New York's clocks leave out an hour.
        (
            ("01:30", "03:30", "America/New_York"),
            {"2026-03-08T06:30": True, "2026-03-08T07:00": True, "2026-03-08T07:30": False},
        ),
    ],
)
def test_when_a_window_is_open(hours: Any, moments: dict[str, bool]) -> None:
    for moment, is_open in moments.items():
        assert access_windows.is_window_active(window(*hours), at(moment)) is is_open, moment
    assert access_windows.is_window_active(window("09:00", "17:00"), datetime(2026, 3, 9, 12)) is True


def reserved(*windows: Any) -> Any:
    return row("d", info={"access_windows": list(windows)} if windows else {})


@pytest.mark.parametrize(
    ("windows", "team", "moment", "kept"),
    [
        ((NIGHT,), "night", "2026-03-10T04:00", True),
        ((NIGHT,), "other", "2026-03-10T04:00", False),
        ((NIGHT,), None, "2026-03-10T04:00", False),
        ((NIGHT,), "other", "2026-03-10T16:00", True),
        ((), None, "2026-03-10T04:00", True),
        (
            ({**NIGHT, "start": "01:00", "end": "02:00"}, {**ALWAYS, "start": "20:00"}),
            "t",
            "2026-03-09T21:00",
            True,
        ),
    ],
)
def test_whose_a_deployment_is(windows: Any, team: str | None, moment: str, kept: bool) -> None:
    one, free = reserved(*windows), row("free")
    result = access_windows.filter_reserved_deployments((one, free), team, now=at(moment))
    assert result.deployments == ((one, free) if kept else (free,))
    if kept:
        assert result.blocking_window is None
    else:
        assert result.blocking_window == ModelAccessWindow.model_validate(NIGHT)


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_router_keeps_other_teams_out(synchronous: bool) -> None:
    router = routed(reserved(ALWAYS), row("e"), row("f", group="n", info={"access_windows": [ALWAYS]}))
    mine = {"metadata": {"user_api_key_team_id": "t"}}
    assert {await picked(router, synchronous=synchronous) for _ in range(20)} == {"e"}
    assert {await picked(router, synchronous=synchronous, **mine) for _ in range(40)} == {"d", "e"}
    assert await picked(router, "n", synchronous=synchronous, **mine) == "f"
    with pytest.raises(litellm.BadRequestError, match="Deployment n is reserved for another team until 23:59 UTC"):
        await picked(router, "n", synchronous=synchronous)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timezone": "Mars/Olympus"}, ("model 'm'", "access_windows", "Mars/Olympus")),
        ({"start": "25:00"}, ("access_windows",)),
        ({"team_ids": []}, ("access_windows",)),
        ({"end": "22:00"}, ("access_windows",)),
        ({"start": "22:00+05:00"}, ("UTC offset",)),
    ],
)
def test_what_is_no_window_is_said(change: Any, words: tuple[str, ...]) -> None:
    told = access_windows.access_windows_config_error({"access_windows": [{**NIGHT, **change}]}, model_name="m")
    assert told is not None
    assert all(word in told for word in words)
    for nothing in ({}, {"access_windows": None}, {"access_windows": [NIGHT]}):
        assert access_windows.access_windows_config_error(nothing, model_name="m") is None
