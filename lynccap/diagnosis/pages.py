"""The rules in words: the list, and one page a rule, made from the rules themselves."""

import difflib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from lynccap.diagnosis.catalogue import BY_NAME, RULES
from lynccap.diagnosis.contract import Rule
from lynccap.reference import sources


def _table() -> str:
    width = max(len(rule.name) for rule in RULES)
    return "".join(f"{rule.name:<{width}}  {rule.severity:<8}  {rule.title}\n" for rule in RULES)


def _card(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
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
    return json.dumps([_card(rule) for rule in RULES], indent=2, ensure_ascii=False) + "\n"


def _markdown() -> str:
    rows = [f"| `{rule.name}` | {rule.severity} | {rule.title} |" for rule in RULES]
    return "\n".join(("| rule | severity | what it finds |", "|---|---|---|", *rows)) + "\n"


RULE_FORMATS: Mapping[str, Callable[[], str]] = MappingProxyType({"table": _table, "json": _json, "md": _markdown})


def explained(name: str) -> str | None:
    """The page of one rule, None when there is no such rule."""
    rule = BY_NAME.get(name)
    if rule is None:
        return None
    parts = [f"{rule.name}\n{rule.title}\nSeverity: {rule.severity}", rule.text]
    for heading, lines in (
        ("Causes, most likely first", rule.causes),
        ("What to do", rule.fix),
        ("Who acts", rule.act),
    ):
        parts.append("\n".join((f"{heading}:", *(f"  - {line}" for line in lines))))
    if rule.explains:
        parts.append(f"Explains on the same device: {', '.join(rule.explains)}")
    known = sources()
    cited = [f"  - {known[key].reference}" if key in known else f"  - {key}" for key in rule.sources]
    parts.append("\n".join(("Sources:", *cited)))
    return "\n\n".join(parts) + "\n"


def nearest(name: str) -> list[str]:
    """Rule names a misspelt one may have meant."""
    return difflib.get_close_matches(name, BY_NAME, n=3)
