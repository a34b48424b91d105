"""What accel's own functions stand for is known as long as somebody holds them, and no longer."""

import gc

from accel.features import replaced


def test_a_replacement_stands_for_its_original_until_nobody_holds_it() -> None:
    def original() -> None: ...

    def replacement() -> None: ...

    replaced.remember(replacement, original)
    place = id(replacement)
    assert replaced.original_of(replacement) is original
    assert replaced.original_of(original) is original
    assert replaced.original_of([]) == []
    assert place in replaced._originals
    del replacement
    gc.collect()
    assert place not in replaced._originals


def test_another_object_at_the_same_place_is_itself() -> None:
    def original() -> None: ...

    def replacement() -> None: ...

    replaced.remember(replacement, original)
    other = object()
    replaced._originals[id(other)] = replaced._originals[id(replacement)]
    try:
        assert replaced.original_of(other) is other
    finally:
        del replaced._originals[id(other)]
