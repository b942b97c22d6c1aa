"""The verdict on a terminal: what failed, for which devices, who must act, and where to read on."""

import textwrap
from collections.abc import Iterator

from lynccap.document import Document, Severity
from lynccap.report.story import Cause, Story
from lynccap.report.verdict import caveats, headline, remarks, topology
from lynccap.report.words import (
    SEVERITY_NAMES,
    actors,
    count,
    heading,
    listing,
    moment,
    sentence,
    span,
)

WIDTH = 100  # columns: fits a terminal beside another window, and a ticket
MAX_NAMES = 6  # devices of a cause named: the report names them all
MAX_NOTES = 6  # sentences about the topology: the report has them all
MAX_CAUSES = 12  # causes told: a summary of more is no summary
LABEL = 14  # columns of the labels before a cause's lines

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
_COLOURS = {
    Severity.CRITICAL: "\x1b[1;31m",
    Severity.MAJOR: "\x1b[1;33m",
    Severity.MINOR: "\x1b[33m",
    Severity.INFO: "\x1b[36m",
}


def render_text(document: Document, *, colour: bool) -> str:
    """A short summary of `document`, at most WIDTH columns wide, ending with a newline.

    With `colour`, severities carry ANSI colours. Control characters from captures are shown as
    signs, so a name cannot drive the terminal.
    """
    story = Story(document)
    lines = [_painted(headline(story), _BOLD, colour), *_wrapped(" ".join(remarks(story)))]
    for cause in story.causes[:MAX_CAUSES]:
        lines += ["", *_cause(story, cause, colour)]
    if len(story.causes) > MAX_CAUSES:
        lines += ["", f"{count(len(story.causes) - MAX_CAUSES, 'more cause')}: see the report."]
    if story.doubtful:
        names = _names(story, tuple(sorted(story.doubtful)))
        lines += ["", *_wrapped(f"A step looks failed, and no check confirms it: {names}.")]
    lines += ["", *_closing(story)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _painted(text: str, paint: str, colour: bool) -> str:
    return f"{paint}{text}{_RESET}" if colour else text


def _wrapped(text: str, label: str = "", indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent + label.ljust(LABEL) if label else " " * indent,
        subsequent_indent=" " * (indent + (LABEL if label else 0)),
        break_on_hyphens=False,
    )


def _cause(story: Story, cause: Cause, colour: bool) -> Iterator[str]:
    severity = SEVERITY_NAMES[cause.severity].upper()
    first, *rest = _wrapped(f"{severity}  {story.who(cause)}")
    yield _painted(severity, _COLOURS[cause.severity], colour) + first.removeprefix(severity)
    yield from rest
    yield from _wrapped(sentence(heading(cause.lead.title)), indent=2)
    example = "For example: " if len(cause.addresses) > 1 else ""
    yield from _wrapped(example + sentence(cause.lead.says), indent=2)
    for label, text in _facts(story, cause):
        yield from _wrapped(text, label, indent=2)


def _facts(story: Story, cause: Cause) -> Iterator[tuple[str, str]]:
    if peer := story.peer(cause.lead):
        yield "towards", peer
    yield "who must act", actors(cause.lead.act)
    if cause.lead.fix:
        yield "what to do", sentence(cause.lead.fix[0])
    yield "how sure", cause.confidence
    if len(cause.addresses) > 1:
        yield "devices", _names(story, cause.addresses)
    if cause.symptoms:
        yield "also caused", cause.consequences
    yield "read on", f"lynccap explain {cause.lead.rule}"


def _names(story: Story, addresses: tuple[str, ...]) -> str:
    names = [story.name(address) for address in addresses[:MAX_NAMES]]
    if len(addresses) > MAX_NAMES:
        names.append(f"{len(addresses) - MAX_NAMES} more")
    return listing(names)


def _closing(story: Story) -> Iterator[str]:
    for pair in story.document.clock_offsets:
        for says in pair.says:
            yield from _wrapped(sentence(says))
    yield from _wrapped(" ".join(caveats(story)))
    for one in story.recordings:
        files = count(len(one.files), "file") if len(one.files) > 1 else ""
        facts = [files, count(one.packets, "packet"), moment(one.first_time), span(one.first_time, one.last_time)]
        yield from _wrapped(f"{one.name}: {', '.join(fact for fact in facts if fact)}")
        for lack in one.quality:
            yield from _wrapped(sentence(lack.says), indent=2)
    notes = topology(story)
    for note in notes[:MAX_NOTES]:
        yield from _wrapped(note)
    if len(notes) > MAX_NOTES:
        yield f"{count(len(notes) - MAX_NOTES, 'more note')} on the topology: see the report."
