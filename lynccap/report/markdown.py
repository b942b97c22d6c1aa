"""A document as Markdown, for a ticket: the verdict, each cause with its proof, and what stays open."""

import re
from collections.abc import Iterator, Sequence

from lynccap.document import Document, Evidence, Finding
from lynccap.report.story import Cause, Story
from lynccap.report.verdict import caveats, headline, remarks, topology
from lynccap.report.words import (
    CONFIDENCE_NAMES,
    SEVERITY_NAMES,
    actors,
    count,
    frame_list,
    heading,
    moment,
    sentence,
    size,
)

MAX_NOTES = 40  # sentences about the topology
MAX_MEMBERS = 20  # findings of a cause told with their evidence: a ticket is read by people
_SPECIAL = re.compile(r"([\\`*_\[\]|~]|^[#+=-]|(?<=^\d)[.)])")


def render_markdown(document: Document) -> str:
    """`document` as CommonMark, ending with a newline; texts from captures cannot become markup."""
    story = Story(document)
    lines = [f"# {_text(headline(story))}", "", _text(" ".join((*remarks(story), *caveats(story))))]
    for place, cause in enumerate(story.causes, 1):
        lines += ["", *_cause(story, cause, place)]
    if story.doubtful:
        lines += ["", "## A step looks failed, and no check confirms it", ""]
        lines += [f"- {_text(story.name(one))}" for one in sorted(story.doubtful)]
    lines += [*_notes(story), *_points(document), *_limits(story), *_topology(story), *_captures(document)]
    lines += ["", _written(document)]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """`text` with what Markdown and HTML would act on made literal."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    # A broken scheme is no link; some readers link bare addresses.
    return _SPECIAL.sub(r"\\\1", text).replace("://", ":&#47;&#47;")


def _code(text: str) -> str:
    """`text` as inline code, fenced by more backticks than it holds."""
    text = " ".join(text.splitlines())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _numbered(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield from ("", f"**{title}**", "")
        yield from (f"{place}. {_text(sentence(text))}" for place, text in enumerate(texts, 1))


def _cause(story: Story, cause: Cause, place: int) -> Iterator[str]:
    lead = cause.lead
    yield f"## {place}. {_text(heading(lead.title))}"
    yield ""
    yield f"- {SEVERITY_NAMES[cause.severity]}: {_text(story.who(cause))}"
    if peer := story.peer(lead):
        yield f"- Towards: {_text(peer)}"
    yield f"- Who must act: **{_text(actors(lead.act))}**"
    yield f"- How sure: {cause.confidence}"
    yield f"- Read from: {cause.reading}"
    if len(cause.addresses) > 1:
        yield f"- Devices: {_text(', '.join(story.name(one) for one in cause.addresses))}"
    if cause.symptoms:
        yield f"- Also caused: {count(len(cause.symptoms), 'later symptom')}, which should end with it"
        yield from (f"  - {_text(heading(one.lead.title))}: {_text(story.who(one))}" for one in cause.symptom_groups)
    yield f"- Check: {_code(lead.rule)}"
    yield from ("", _text(sentence(lead.why)))
    yield from _numbered("What to do", lead.fix)
    yield from _numbered("What it may come from, most likely first", lead.causes)
    yield from ("", "**Evidence**", "")
    for one in cause.findings[:MAX_MEMBERS]:
        yield from _finding(story, one)
    if len(cause.findings) > MAX_MEMBERS:
        yield f"- {count(len(cause.findings) - MAX_MEMBERS, 'more finding')} of this kind: see the JSON file"
    if lead.rejected:
        yield from ("", "**Considered and excluded**", "")
        yield from (f"- {_text(sentence(one.because))} {_code(one.rule)}" for one in lead.rejected)


def _finding(story: Story, finding: Finding) -> Iterator[str]:
    sure = CONFIDENCE_NAMES[finding.confidence].lower()
    yield f"- {_text(sentence(finding.says))} ({sure}, {_code(finding.id)})"
    yield from (f"  - {_evidence(story, one)}" for one in finding.evidence)


def _evidence(story: Story, evidence: Evidence) -> str:
    names = {one.id: one.name for one in story.document.captures}
    capture = names.get(evidence.capture, evidence.capture)
    where = f"{_text(sentence(evidence.says))} {_code(capture)}, {frame_list(evidence.frames)}"
    return f"{where}, filter {_code(evidence.display_filter)}" if evidence.display_filter else where


def _notes(story: Story) -> Iterator[str]:
    for title, causes in (("Worth knowing", story.notes), ("Looks odd, is normal", story.normal)):
        if causes:
            yield from ("", f"## {title}", "")
            yield from dict.fromkeys(_note(story, cause) for cause in causes)  # of several peers, each line once


def _note(story: Story, cause: Cause) -> str:
    title, why = heading(cause.lead.title), sentence(cause.lead.why)
    return f"- {_text(title)}: {_text(story.who(cause))}. {_text(why)}"


def _points(document: Document) -> Iterator[str]:
    told = [says for pair in document.clock_offsets for says in pair.says]
    told += [
        f"{', '.join(one.repeated)}: the same recording as {one.name}, it counts once"
        for one in document.captures
        if one.repeated
    ]
    if told:
        yield from ("", "## Several capture points", "")
        yield from (f"- {_text(sentence(says))}" for says in told)


def _limits(story: Story) -> Iterator[str]:
    lacks = [(one.name, lack) for one in story.recordings for lack in one.quality]
    if not lacks and not story.undecided:
        return
    yield from ("", "## What this capture cannot show", "")
    for name, lack in lacks:
        forbidden = f" Not concluded from it: {'; '.join(lack.forbids)}." if lack.forbids else ""
        yield f"- {_text(name)}: {_text(sentence(lack.says) + forbidden)}"
        yield from (f"  - {_text(advice)}" for advice in lack.recapture)
    for reason, rules in story.undecided:
        yield f"- {_text(sentence(reason))} Undecided: {', '.join(_code(rule) for rule in rules)}"


def _topology(story: Story) -> Iterator[str]:
    notes = topology(story)
    if notes:
        yield from ("", "## Topology", "")
        yield from (f"- {_text(one)}" for one in notes[:MAX_NOTES])
    if len(notes) > MAX_NOTES:
        yield f"- {count(len(notes) - MAX_NOTES, 'more note')}: see the JSON file"


def _captures(document: Document) -> Iterator[str]:
    yield from ("", "## Captures", "")
    for one in document.captures:
        facts = f"{one.format}, {count(one.packets, 'packet')}, {size(one.bytes)}"
        times = f"{moment(one.first_time)} to {moment(one.last_time)}"
        yield f"- {_code(one.name)}: {_text(facts)}, {_text(times)}, SHA-256 {_code(one.sha256)}"
        yield from (
            f"  - interface {_text(point.name)}: {_text(count(point.packets, 'packet'))}" for point in one.points
        )
        for remark in one.comments:
            place = f"comment on frame {remark.frame}" if remark.frame else "comment"
            yield f"  - {place}: {_text(remark.says)}"


def _written(document: Document) -> str:
    return _text(f"Written by {document.tool.name} {document.tool.version}. Times are UTC; frames as in Wireshark.")
