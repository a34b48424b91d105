"""Who really counts: the calls of tokenizers and of native code, seen by the profiler, which replaces nothing."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NATIVE = {"TiktokenCounter", "HuggingFaceCounter", "MessageCounter"}
NATIVE_FUNCTIONS = {"format_tools", "image_dimensions", "str_chars"}


@contextmanager
def spy() -> Iterator[Counter[str]]:
    """Calls in this thread, by `python` (a tokenizer of LiteLLM's) and `native`."""
    seen: Counter[str] = Counter()

    def look(frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            code = frame.f_code
            seen["python"] += code.co_name == "encode" and "tiktoken" in code.co_filename
        elif event == "c_call":
            owner = type(getattr(called, "__self__", None)).__name__
            seen["python"] += called.__name__ == "encode_batch_fast"
            counts = owner in NATIVE and called.__name__ in {"count", "reach"}
            seen["native"] += counts or called.__name__ in NATIVE_FUNCTIONS

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)
