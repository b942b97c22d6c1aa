"""The rules in words: the list, the catalogue, and one page a rule, all made from the rules themselves."""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from lynccap.diagnosis.catalogue import BY_NAME, GROUPS, RULES
from lynccap.diagnosis.contract import Rule
from lynccap.reference import sources


def _table() -> str:
    width = max(len(rule.name) for rule in RULES)
    parts = (
        "".join((f"{group}\n", *(f"  {rule.name:<{width}}  {rule.severity:<8}  {rule.title}\n" for rule in rules)))
        for group, rules in GROUPS.items()
        if rules
    )
    return "\n".join(parts)


def _card(group: str, rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
        "group": group,
        "title": rule.title,
        "severity": rule.severity,
        "text": rule.text,
        "causes": rule.causes,
        "fix": rule.fix,
        "act": rule.act,
        "sources": rule.sources,
        "explains": rule.explains,
    }


def _json() -> str:
    cards = [_card(group, rule) for group, rules in GROUPS.items() for rule in rules]
    return json.dumps(cards, indent=2, ensure_ascii=False) + "\n"


def overview() -> str:
    """Every rule as a row of a Markdown table, one table a group."""
    parts = (
        "\n".join(
            (
                f"### {group}\n",
                "| rule | severity | what it finds |",
                "|---|---|---|",
                *(f"| `{rule.name}` | {rule.severity} | {rule.title} |" for rule in rules),
            )
        )
        for group, rules in GROUPS.items()
        if rules
    )
    return "\n\n".join(parts) + "\n"


def _markdown() -> str:
    pages = ("\n\n".join((f"## `{rule.name}`", *_parts(rule, _bulleted))) for rule in RULES)
    return "\n\n".join(("# What lynccap looks for", overview().rstrip(), *pages)) + "\n"


RULE_FORMATS: Mapping[str, Callable[[], str]] = MappingProxyType({"table": _table, "json": _json, "md": _markdown})


def explained(name: str) -> str | None:
    """The page of one rule, None when there is no such rule."""
    rule = BY_NAME.get(name)
    return "\n".join((rule.name, "\n\n".join(_parts(rule, _indented)))) + "\n" if rule else None


def _parts(rule: Rule, listed: Callable[[str, Iterable[str]], str]) -> Iterator[str]:
    yield f"{rule.title}\nSeverity: {rule.severity}"
    yield rule.text
    yield listed("Causes, most likely first", rule.causes)
    yield listed("What to do", rule.fix)
    yield listed("Who acts", rule.act)
    if rule.explains:
        yield f"Explains on the same device: {', '.join(rule.explains)}"
    known = sources()
    yield listed("Sources", (known[key].reference if key in known else key for key in rule.sources))


def _indented(heading: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{heading}:", *(f"  - {line}" for line in lines)))


def _bulleted(heading: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{heading}:\n", *(f"- {line}" for line in lines)))


def nearest(name: str) -> list[str]:
    """Rule names a misspelt one may have meant."""
    return difflib.get_close_matches(name, BY_NAME, n=3)
