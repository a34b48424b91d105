"""Writes the tables of README.md and ARCHITECTURE.md from the files in `benches/results`; no figure is typed.

Usage: readme_tables.py [--check]   (with --check: exit 1 if one of them is not up to date)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import orjson
from durations import duration
from limit_tables import accuracy_table, lives_table, parts_table
from routing_tables import calls_table, picks_table, remains_table

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "ARCHITECTURE.md")
RESULTS = ROOT / "benches" / "results"
MODELS = ("gpt-3.5-turbo", "gpt-4o", "claude-sonnet-4-5")
FORGETFUL = "accel without memo"
_BLOCK = "<!-- {name} -->\n{content}\n<!-- /{name} -->"


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
    lines.append(
        f"| the seams on the way of a `token_counter` call while they are off | {off['cost_us']:.2f} µs |"
    )
    lines.append(
        f"| `import accel`, on top of LiteLLM's {imports['litellm']:.0f} ms | {imports['accel']:.0f} ms |"
    )
    for name, load in result["load"].items():
        lines.append(f"| making the counter of {name}, once | {load['ms']:.0f} ms, {load['MB']:.0f} MB |")
    if memo := result.get("memo"):
        lines.append(f"| the memo's table, however many texts | {memo['table_MB']:.2f} MB |")
        grown = f"{memo['MB']['on']:.1f} MB, without the memo {memo['MB']['off']:.1f} MB"
        texts = f"{memo['strings']:,} different texts of 300 characters"
        lines.append(f"| resident memory that grew while {texts} were counted | {grown} |")
    return "\n".join(lines)


def prompts_table(result: dict[str, Any]) -> str:
    """One line for each prompt, a column for each model; then what has no model."""
    cells: dict[str, dict[str | None, str]] = {}
    for row in result["prompts"]:
        cells.setdefault(row["prompt"], {})[row["model"]] = _against(row["us"])
    lines = [f"| prompt | {' | '.join(MODELS)} |", f"|---|{'--:|' * len(MODELS)}"]
    for prompt, by_model in cells.items():
        if None not in by_model:
            lines.append(f"| {prompt} | {' | '.join(by_model.get(model, '') for model in MODELS)} |")
    lines += ["", "| function, the same for all models | |", "|---|--:|"]
    lines += [f"| {prompt} | {by_model[None]} |" for prompt, by_model in cells.items() if None in by_model]
    return "\n".join(lines)


def _against(times: dict[str, float]) -> str:
    """LiteLLM's time, accel's, how many times less that is, and the same without the memo."""
    plain, accel = times["litellm"], times["accel"]
    ours = f"{duration(plain)} → {duration(accel)}, **{plain / accel:.1f}**"
    return f"{ours} ({plain / times[FORGETFUL]:.1f})" if FORGETFUL in times else ours


def proxy_table(result: dict[str, Any]) -> str:
    """One line for each model and prompt: a request with a budget, and LiteLLM's without one."""
    lines = [
        "| prompt | model | LiteLLM | accel | less time | LiteLLM, CPU | accel, CPU | less CPU "
        "| without a budget, LiteLLM | its CPU |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        cells = [f"{row['kind']}, {row['chars']:,} chars", row["model"]]
        for what in ("median_ms", "cpu_ms"):
            plain, accel = (row["budget"][side][what] for side in ("litellm", "accel"))
            cells += [f"{plain:.2f} ms", f"{accel:.2f} ms", f"**{100 * (1 - accel / plain):.0f} %**"]
        cells += [f"{row['free']['litellm'][what]:.2f} ms" for what in ("median_ms", "cpu_ms")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def front_table(rows: list[dict[str, Any]]) -> str:
    """One line for each load: what a request costs on each side, and the last side against the others."""
    *others, front = (key for key, value in rows[0].items() if isinstance(value, dict) and "cpu_us" in value)
    heads = [*(f"CPU, {side}" for side in (*others, front)), *(f"{front} / {side}" for side in others)]
    lines = [f"| connections | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
    for row in rows:
        cells = [f"{row['connections']}, {row['kind']}"]
        cells += [f"{row[side]['cpu_us'] / 1000:.2f} ms" for side in (*others, front)]
        for side in others:
            ratio = row[f"{front} / {side}"]
            cells.append(f"**{ratio['median']:.3f}** ({ratio['least']:.2f}-{ratio['most']:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def blocks() -> dict[str, str]:
    """The content of each block whose figures have been measured."""
    tokens = orjson.loads((RESULTS / "tokens.json").read_bytes())
    found = {"speed": speed_table(tokens), "costs": cost_table(tokens)}
    if "prompts" in tokens:
        found["prompts"] = prompts_table(tokens)
    proxy = RESULTS / "proxy_tokens.json"
    if proxy.exists():
        found["proxy"] = proxy_table(orjson.loads(proxy.read_bytes()))
    front = RESULTS / "proxy.json"
    if front.exists():
        result = orjson.loads(front.read_bytes())
        found["doors"] = front_table(result["doors"])
        found["processes"] = front_table(result["processes"])
    limits = RESULTS / "limits.json"
    if limits.exists():
        result = orjson.loads(limits.read_bytes())
        found["limits"] = lives_table(result)
        found["limit parts"] = parts_table(result)
    accuracy = RESULTS / "limit_accuracy.json"
    if accuracy.exists():
        found["limit accuracy"] = accuracy_table(orjson.loads(accuracy.read_bytes()))
    routing = RESULTS / "routing.json"
    if routing.exists():
        result = orjson.loads(routing.read_bytes())
        found["picks"] = picks_table(result)
        found["router calls"] = calls_table(result)
    request = RESULTS / "proxy_python.json"
    if request.exists():
        found["what remains"] = remains_table(orjson.loads(request.read_bytes()))
    return found


def main() -> int:
    stale = 0
    for document in DOCUMENTS:
        before = text = document.read_text(encoding="utf-8")
        for name, content in blocks().items():
            block = _BLOCK.format(name=name, content=content)
            text = re.sub(rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, block=block: block, text, flags=re.S)
        stale |= text != before
        if "--check" not in sys.argv[1:]:
            document.write_text(text, encoding="utf-8")
    return int(stale) if "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
