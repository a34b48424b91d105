"""Writes the tables of README.md from `benches/results/tokens.json`; no figure there is typed by hand.

Usage: readme_tables.py [--check]   (with --check: exit 1 if README.md is not up to date)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BLOCK = "<!-- {name} -->\n{content}\n<!-- /{name} -->"


def duration(us: float) -> str:
    """Microseconds for people, three digits."""
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.3g} µs"


def speed_table(result: dict[str, Any]) -> str:
    """One line for each row that compares contestants, ASCII and non-ASCII apart as the texts say."""
    lines = [
        "| row | text | model | LiteLLM | accel | LiteLLM / accel | native bridge | tokenizer alone |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        times = row.get("us") or {name: value * 1000 for name, value in row["ms"].items()}
        if "litellm" not in times:
            continue
        ratio = times["litellm"] / times["accel"]
        others = [duration(times[name]) if name in times else "" for name in ("bridge", "library")]
        cells = [row["row"], row.get("text", "English 400,000 (ASCII)"), row["model"]]
        cells += [duration(times["litellm"]), duration(times["accel"]), f"**{ratio:.1f}**", *others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cost_table(result: dict[str, Any]) -> str:
    """What accel costs where it does not help."""
    off = next(row for row in result["rows"] if row["row"] == "off")
    imports = result["import_ms"]
    lines = ["| cost | measured |", "|---|--:|"]
    lines.append(f"| a seam that is off, a call | {off['cost_us']:.2f} µs |")
    lines.append(
        f"| `import accel`, on top of LiteLLM's {imports['litellm']:.0f} ms | {imports['accel']:.0f} ms |"
    )
    for name, load in result["load"].items():
        lines.append(f"| making the counter of {name}, once | {load['ms']:.0f} ms, {load['MB']:.0f} MB |")
    return "\n".join(lines)


def main() -> int:
    result = orjson.loads((ROOT / "benches" / "results" / "tokens.json").read_bytes())
    before = text = README.read_text(encoding="utf-8")
    for name, content in (("speed", speed_table(result)), ("costs", cost_table(result))):
        block = _BLOCK.format(name=name, content=content)
        text = re.sub(rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, block=block: block, text, flags=re.S)
    if "--check" in sys.argv[1:]:
        return int(text != before)
    README.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
