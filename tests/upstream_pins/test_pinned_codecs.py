"""`encode` and `decode`: which accel does not touch, and which must go on agreeing with the counts."""

import copy
import json
import pickle
from typing import Any

import litellm
import pytest
import tiktoken
from litellm.caching._embedding_router import truncate_embedding_input
from litellm.litellm_core_utils import default_encoding  # noqa: F401  # where tiktoken finds its files
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from support.fresh import told_by
from support.pins import alike, native

SAMPLE = "Hällo Welt, das ist mein Text!"
MODELS = {
    **dict.fromkeys(("gpt-3.5-turbo", "gpt-4o", "gpt-35-turbo", "command-nightly", "mistral/mistral-tiny"), 10),
    "claude-3-opus-20240229": 10,
    "claude-sonnet-4-5": 12,
}


@pytest.mark.parametrize(("model", "expected"), MODELS.items())
def test_a_short_text_counts_as_many_tokens_as_it_encodes_to(model: str, expected: int) -> None:
    tokens = litellm.encode(model=model, text=SAMPLE)
    assert len(tokens) == expected
    assert litellm.decode(model=model, tokens=tokens) == SAMPLE
    with native():
        assert litellm.token_counter(model=model, text=SAMPLE) == expected


def test_special_spellings_are_encoded_as_text() -> None:
    text = "Hello, world! <|endoftext|>"
    encoding = tiktoken.get_encoding("cl100k_base")
    expected = encoding.encode(text, disallowed_special=())
    assert litellm.encode(model="gpt-3.5-turbo", text=text) == expected
    custom = {"type": "openai_tokenizer", "tokenizer": encoding}
    assert litellm.encode(text=text, custom_tokenizer=custom) == expected
    with native():
        assert litellm.token_counter(model="gpt-3.5-turbo", text=text) == len(expected)


def caller_made() -> Tokenizer:
    """Words of a small vocabulary, and a token that says where a text begins."""
    tokenizer = Tokenizer(models.WordLevel(vocab={"[UNK]": 0, "high": 1, "water": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[BEGIN]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BEGIN] $A", pair="$A $B:1", special_tokens=[("[BEGIN]", 3)]
    )
    return tokenizer


def test_a_tokenizer_of_the_callers() -> None:
    custom: dict[str, Any] = {"type": "huggingface_tokenizer", "tokenizer": caller_made()}
    tokens = litellm.encode(text="high water", custom_tokenizer=custom)
    assert tokens == [3, 1, 2]
    alike(3, litellm.token_counter, text="high water", custom_tokenizer=custom)
    assert litellm.decode(tokens=tokens, custom_tokenizer=custom) == "high water"
    preserved = litellm.decode(tokens=tokens, custom_tokenizer=custom, skip_special_tokens=False)
    assert preserved == "[BEGIN] high water"


def test_what_litellm_hands_out_can_be_copied_and_pickled() -> None:
    custom = litellm.create_tokenizer(caller_made().to_str())
    for other in (copy.deepcopy(custom), pickle.loads(pickle.dumps(custom))):
        assert other["tokenizer"].encode("high water").ids == [3, 1, 2]
        alike(3, litellm.token_counter, text="high water", custom_tokenizer=other)
    expected = litellm.encoding.encode("hello")
    for encoding in (copy.deepcopy(litellm.encoding), pickle.loads(pickle.dumps(litellm.encoding))):
        assert encoding.encode("hello") == expected


def test_the_public_encoding_is_tiktokens_own() -> None:
    assert type(litellm.encoding) is tiktoken.Encoding
    reference = tiktoken.get_encoding("cl100k_base")
    tokens = reference.encode("🌊")
    assert litellm.encoding.encode("🌊", disallowed_special=()) == tokens
    assert litellm.decode(tokens=tokens[:1]) == reference.decode(tokens[:1])
    assert truncate_embedding_input("🌊", "", 1) == reference.decode(tokens[:1])
    assert truncate_embedding_input("🌊", "", len(tokens)) == "🌊"


PROGRAM = """
import importlib.abc
def refuse(event, arguments):
    if event == "socket.connect":
        raise AssertionError("went to the network")
sys.addaudithook(refuse)
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname == "litellm.rust_bridge._native":
            raise ImportError("not built")
sys.meta_path.insert(0, Block())
import accel, litellm
ids = litellm.encode(text="high water")
tell(
    encoding=type(litellm.encoding).__module__,
    back=litellm.decode(tokens=ids),
    count=litellm.token_counter(model=None, text="high water"),
    ids=len(ids),
    counts=counts(),
    bridge="litellm.rust_bridge._native" in sys.modules,
    native=feature()["calls"]["native"],
)
"""


@pytest.mark.parametrize("rust", [None, "0", "1"])
def test_without_litellms_extension_and_without_a_network(rust: str | None) -> None:
    """accel has a native module of its own: it needs neither, whatever LITELLM_RUST says."""
    variables = {} if rust is None else {"LITELLM_RUST": rust}
    told = told_by(PROGRAM, TIKTOKEN_CACHE_DIR="/nowhere", **variables).facts
    assert (told["encoding"], told["back"], told["count"], told["ids"]) == ("tiktoken.core", "high water", 2, 2)
    assert told["bridge"] is False
    assert told["native"] > 0
    assert json.dumps(told["counts"])
