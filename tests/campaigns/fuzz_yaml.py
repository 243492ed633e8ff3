"""YAML files that are wrong in some way: samples with changes, a grammar, bombs, other encodings."""

import json
from collections.abc import Callable
from typing import Any

from fuzz_input import SECRET_URL, Choices, mutated_bytes, mutated_value

_TEXT_PIECES: tuple[str, ...] = (
    *("&a ", "*a", "<<: *a", "<<: [*a, *a]", "!!python/object/apply:os.system [id]", "!!binary aGk="),
    *("!!set {a}", "!!int ", "!!float ", "!!timestamp ", "!!null ", "!!bool x", "!!omap ", "!x "),
    *("!<tag:x> ", "%YAML 1.2\n---\n", ".nan", ".inf", "-.inf", "0x", "0b2", "1_0_", "1:2:3", "2020-13-45"),
    *("9999-12-31 23:59:59 -23:59", "~", "null", "\n", "\n- ", "\n  ", ": ", "? ", ", ", "[", "]", "{"),
    *("}", "'", '"', "|\n", ">-\n", "#", "---\n", "...\n", "\t", "\0", "\r", "\x85", "\u2028", "\ufeff"),
    *("\ud800", "\U0010ffff", "\x1b[2J", "é", "\\x00", '"\\ud800"', "name: a\n", "assets:", "settings:"),
    *("retries: 9" + "9" * 400, SECRET_URL, "x" * 5000, "token_env_var: "),
)
_PIECES = (
    *(piece.encode("utf-8", "surrogatepass") for piece in _TEXT_PIECES),
    *(b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xed\xa0\x80"),
)

_TAGS = (
    *(
        "",
        "",
        "",
        "&a ",
        "&b ",
        "!!str ",
        "!!int ",
        "!!float ",
        "!!bool ",
        "!!timestamp ",
        "!!map ",
        "!!seq ",
    ),
    *("!!set ", "!!omap ", "!!pairs "),
)
_SCALARS = (
    *("*a", "*b", "<<", "=", "~", "yes", "1:59:59", "0o17", "1e3", ".NaN", "2001-12-14t21:59:43.10-05:00"),
    *("!!x y", "!!bool x", "!!int ''"),
)


def hostile_yaml(choices: Choices, samples: tuple[Any, ...]) -> bytes:
    """A file.

    Args:
        choices: Choose.
        samples: Documents that are right, or nearly, as Python data.
    """
    sample = choices.pick(samples)
    match choices.below(8):
        case 0 | 1:
            return mutated_bytes(choices, json.dumps(sample, indent=1).encode(), _PIECES)
        case 2 | 3:
            return _flow(choices, mutated_value(choices, sample)).encode("utf-8", "surrogatepass")
        case 4:
            return mutated_bytes(choices, _block(sample).encode(), _PIECES)
        case 5:
            return _grammar(choices, 5).encode("utf-8", "surrogatepass")
        case 6:
            return _bomb(choices)
        case _:
            text = _block(sample) if choices.chance(50) else _flow(choices, sample)
            return text.encode(
                choices.pick(("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7")), "replace"
            )


def _flow(choices: Choices, value: Any) -> str:
    """As JSON, but here and there with what only YAML has."""
    prefix = choices.pick(_TAGS) if choices.chance(6) else ""
    if choices.chance(4):
        return choices.pick(_SCALARS)
    if isinstance(value, dict):
        pairs = [f"{_flow(choices, key)}: {_flow(choices, member)}" for key, member in value.items()]
        pairs += pairs[:1] * choices.chance(3)  # the same key twice
        return f"{prefix}{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"{prefix}[{', '.join(_flow(choices, member) for member in value)}]"
    try:
        return prefix + json.dumps(value, ensure_ascii=choices.chance(50))
    except ValueError:  # an integer with too many digits
        return prefix + "9" * 5000


def _block(value: Any, indent: str = "") -> str:
    if isinstance(value, dict) and value:
        return "".join(f"\n{indent}{key}: {_block(member, indent + '  ')}" for key, member in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{indent}- {_block(member, indent + '  ')}" for member in value)
    return json.dumps(value)


def _grammar(choices: Choices, depth: int) -> str:
    prefix = choices.pick(_TAGS)
    kind = choices.below(6 if depth else 3)
    if kind == 0:
        return choices.pick(_SCALARS)
    if kind in {1, 2}:
        text = choices.text()
        return prefix + (json.dumps(text) if choices.chance(60) else text)
    parts = [_grammar(choices, depth - 1) for _ in range(2 * choices.below(4))]
    if kind in {3, 4}:
        keys = [choices.pick((key, "<<", "assets", "name", "agents", "source")) for key in parts[::2]]
        pairs = [f"{key}: {member}" for key, member in zip(keys, parts[1::2], strict=True)]
        return f"{prefix}{{{', '.join(pairs)}}}"
    return f"{prefix}[{', '.join(parts)}]"


def _bomb(choices: Choices) -> bytes:
    """Small files that become large, or deep."""
    count = choices.pick((3, 10, 99, 101, 2000, 20_000))
    return choices.pick(_BOMBS)(choices, count).encode("utf-8", "replace")


def _aliases(choices: Choices, count: int) -> str:
    width = choices.pick((2, 9, 30))
    lines = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, min(count, 200))]
    return "\n".join(["a0: &a0 [x]", *lines, _used(choices, len(lines))])


def _used(choices: Choices, last: int) -> str:
    """Where somebody looks at it."""
    key = choices.pick(("assets", "agents", "settings", "name", "commands", "info", "x"))
    start, end = choices.pick((("", ""), ("[", "]"), ("{assets: ", "}"), ("{x: {required_assets: ", "}}")))
    return f"{key}: {start}*a{last}{end}"


def _merges(choices: Choices, count: int) -> str:
    lines = [
        f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], k{i}: *a{i - 1}}}" for i in range(1, min(count, 200))
    ]
    return "\n".join(["a0: &a0 {x: 1}", *lines, _used(choices, len(lines))])


def _brackets(choices: Choices, count: int) -> str:
    return choices.pick(("[", "{a: ", "- ", "? ", "a:\n - ", "&a [", "!!seq [")) * count


def _long_line(choices: Choices, count: int) -> str:
    return "name: " + choices.pick(("a", "é", "1:1", "9", "\\", "'", "&", "#", " ")) * (10 * count)


def _many_assets(choices: Choices, count: int) -> str:
    source = "{type: local, path: x}"
    assets = ", ".join(f"{{name: n{i}, source: {source}}}" for i in range(min(count, 2000)))
    return f"assets: [{assets}]\nagents: {{a: {{required_assets: [{choices.text()!r}]}}}}"


def _large(choices: Choices, count: int) -> str:
    return "a" * choices.pick((10 * 2**20 - 1, 10 * 2**20 + 1)) if choices.chance(5) else "\n" * count


_BOMBS: tuple[Callable[[Choices, int], str], ...] = (
    *(_aliases, _merges, _brackets, _long_line, _many_assets, _large),
    lambda _choices, count: "{" + ", ".join(f"k{i}: {i}" for i in range(count)) + "}",
    lambda _choices, count: "a: &a\n" + "- *a\n" * count,
)
