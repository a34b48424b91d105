"""`get_image_dimensions` of random images: with accel as without."""

import base64
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support import images, oddities
from support.calls import calls_of, strict
from support.comparison import SEAMS, Answer, Call, answer, compare
from support.network import ADDRESSES, no_network
from support.original import outcome, without_seams
from support.scale import scaled

SEAM = "get_image_dimensions"
CALLS_PER_SHARD = 4_000
KNOWN_REASONS = {
    "declined: image on the network",
    "declined: not a data URL",
    "declined: not strict base64",
    "declined: truncated image",
    "declined: unknown image type",
    "declined: odd JPEG segment",
    "declined: not a str",
}
ODD = (
    None,
    7,
    b"data:,AAAA",
    oddities.Text("data:,AAAA"),
    "",
    ",",
    "no comma",
    "data:,\ud800",
    "\ud800,AAAA",
    ["data:,"],
)
MAKERS = (images.png, images.gif, images.jpeg, images.webp, images.heic)


def stream(seed: str) -> Iterator[Call]:
    chance = random.Random(seed)
    while True:
        kind = chance.random()
        if kind < 0.03:
            data: Any = chance.choice(ADDRESSES)
        elif kind < 0.05:
            data = chance.choice(ODD)
        else:
            data = images.image_url(chance)
        yield Call(f"{SEAMS[SEAM]}:{SEAM}", {"data": data})


@pytest.mark.parametrize("shard", range(3))
def test_random_images(shard: int, record_property: Callable[[str, object], None]) -> None:
    number = scaled(CALLS_PER_SHARD)
    with no_network() as asked:

        def come_to(call: Call) -> Answer:
            del asked[:]
            kind, value = answer(call)
            return kind, (value, list(asked))

        compared = compare(lambda: stream(f"images {shard}"), number, come_to)
    calls = compared.by_seam[SEAM]
    assert calls.total == number
    assert calls.python.keys() <= KNOWN_REASONS
    if number >= CALLS_PER_SHARD:
        assert calls.native > number * 0.35, calls
        assert calls.python.keys() == KNOWN_REASONS, calls
        assert compared.outcomes["tuple"] > number * 0.5, compared
        assert sum(kinds for kind, kinds in compared.outcomes.items() if "raised" in kind) > number / 20, compared
    record_property("images", f"{compared}")


def dimensions(data: Any) -> tuple[str, Any]:
    return outcome(counter_module.get_image_dimensions, data)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seed", range(6))
def test_every_length(make: Callable[..., bytes], seed: int) -> None:
    """Cut off anywhere: what is still an image is one, what is not is LiteLLM's error."""
    image = make(random.Random(seed), 1234, 567)[:700]
    urls = ["data:image/png;base64," + base64.b64encode(image[:end]).decode() for end in range(len(image) + 1)]
    with calls_of(seam=SEAM) as calls:
        ours = [dimensions(url) for url in urls]
    with without_seams():
        assert ours == [dimensions(url) for url in urls]
    assert calls.total == len(urls)


@pytest.mark.parametrize("make", [images.png, images.gif, images.jpeg, images.webp])
def test_each_format_is_native(make: Callable[..., bytes]) -> None:
    chance = random.Random(1)
    found = set()
    with strict():
        for width, height in ((1, 1), (640, 480), (16_000, 9_000)):
            images_of_it = (make(chance, width, height) for _ in range(1000))
            image = next(filter(_is_whole, images_of_it))
            found.add(dimensions("data:image/jpeg;base64," + base64.b64encode(image).decode()))
    assert found == {("tuple", (1, 1)), ("tuple", (640, 480)), ("tuple", (16_000, 9_000))}


def _is_whole(image: bytes) -> bool:
    """Not one of the wrong ones that the makers make too."""
    with without_seams():
        kind, value = dimensions("data:," + base64.b64encode(image).decode())
    return kind == "tuple" and value not in {(300, 300), (16, 16)}
