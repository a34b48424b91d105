"""Texts for benchmarks: deterministic, from what every environment has."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import litellm

_CHINESE = (
    "今天的会议主要讨论了下一季度的产品路线图。我们需要在保证系统稳定性的前提下，尽快完成新功能的开发和测试。"
    "用户反馈显示，搜索结果的相关性仍有提升空间，特别是长尾查询。数据团队会在周五之前提供详细的分析报告。"
)
_JAPANESE = "東京の天気は晴れのち曇りで、最高気温は二十三度の予想です。会議の資料は事前に共有してください。"
_EMOJI = ["😀", "🙏", "👍🏽", "🔥", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "❤️", "🇫🇷", "✨", "🚀", "1️⃣", " ok ", " "]


def prose() -> str:
    """English: Python's own language reference, its paragraphs unwrapped."""
    from pydoc_data import topics

    text = "\n\n".join(topics.topics[key] for key in sorted(topics.topics))
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def code() -> str:
    """Python source, LiteLLM's own."""
    root = Path(litellm.__file__).parent
    return "".join((root / name).read_text(encoding="utf-8") for name in ("router.py", "main.py", "utils.py"))


def records(chars: int) -> str:
    """JSON, as tools return it."""
    chance = random.Random(9)
    rows = [
        {
            "id": chance.randrange(10**9),
            "name": f"user {chance.randrange(9999)}",
            "score": round(chance.random(), 3),
        }
        for _ in range(chars // 50 + 1)
    ]
    return json.dumps(rows)[:chars]


def chinese_and_japanese(chars: int) -> str:
    """Sentences in random order."""
    chance = random.Random(7)
    sentences = re.split(r"(?<=。)", _CHINESE + _JAPANESE)
    return "".join(chance.choice(sentences) for _ in range(chars // 10 + 1))[:chars]


def emoji(chars: int) -> str:
    """Sequences with modifiers and joiners."""
    chance = random.Random(8)
    return "".join(chance.choice(_EMOJI) for _ in range(chars))[:chars]
