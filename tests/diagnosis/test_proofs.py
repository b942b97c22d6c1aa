"""No rule without its proofs: a case, a look-alike, a degraded capture."""

import ast
from functools import cache
from pathlib import Path

import pytest

from lynccap.diagnosis.catalogue import RULES

PROOFS = ("fires", "silent", "inconclusive")
WITHOUT_DOUBT: dict[str, str] = {
    "cert-edge-internal-has-san": "what the certificate holds; cut off, it is not read at all",
    "cert-same-inside-outside": "what both certificates hold; cut off, they are not read at all",
    "state-encrypted-limits": "it tells of protected data that is there; a worse capture holds less of it",
    "edge-crl-via-internal-nic": "the packets that leave with the inner address are in the capture, or nothing is",
    "client-version-blocked": "the server says so by its number; where that is cut off or hidden, nothing is left",
    "tls-unknown-ca": "one side itself says so in the clear; where the alert is cut off or hidden, nothing is left",
    "icmp-admin-prohibited": "who forbids it says so in the frame that is the evidence",
    "pstn-rejects-call": "the answer itself bears the cause; where it is cut off or hidden, nothing is left",
    "tcp-refused-by-middlebox": "where nothing shows the host's own TTL, the reset counts as the host's",
}
"""Rules that rest on nothing absent, with the reason: a worse capture shows their frames, or nothing of them."""


@cache
def _proven() -> frozenset[tuple[str, str]]:
    """(proof, rule) of every call in the tests that names its rule, or takes it from a class's or module's RULE."""
    return frozenset(
        (call.func.id, name)
        for path in Path(__file__).parent.rglob("test_*.py")
        for scope in _scopes(ast.parse(path.read_text()))
        for call in _calls(scope)
        for name in _rule_of(call, scope)
        if isinstance(call.func, ast.Name)
    )


def _scopes(module: ast.Module) -> list[ast.Module | ast.ClassDef]:
    return [module, *(node for node in ast.walk(module) if isinstance(node, ast.ClassDef))]


def _calls(scope: ast.AST) -> list[ast.Call]:
    names = (node for node in ast.walk(scope) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [node for node in names if isinstance(node.func, ast.Name) and node.func.id in PROOFS]


def _rule_of(call: ast.Call, scope: ast.Module | ast.ClassDef) -> list[str]:
    given = call.args[1] if len(call.args) > 1 else None
    if isinstance(given, ast.Constant):
        return [str(given.value)]
    if isinstance(given, ast.Attribute | ast.Name):
        wanted = given.attr if isinstance(given, ast.Attribute) else given.id
        return _constants(scope, wanted)
    return []


def _constants(scope: ast.Module | ast.ClassDef, wanted: str) -> list[str]:
    return [
        str(node.value.value)
        for node in scope.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == wanted
    ]


@pytest.mark.parametrize("rule", [one.name for one in RULES])
@pytest.mark.parametrize("proof", PROOFS)
def test_every_rule_is_proven(rule: str, proof: str) -> None:
    if proof == "inconclusive" and rule in WITHOUT_DOUBT:
        return

    assert (proof, rule) in _proven(), f"no test calls {proof}(…, {rule!r})"


def test_rules_without_doubt_exist() -> None:
    assert set(WITHOUT_DOUBT) <= {one.name for one in RULES}
