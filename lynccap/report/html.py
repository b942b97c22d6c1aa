"""A document as one HTML page: self-contained, readable without JavaScript, safe with hostile names in it."""

import base64
import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache, cached_property

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lynccap.correlation.journeys.facts import StageName
from lynccap.document import Assessment, Capture, Device, Document, Outcome, Quality, StepOutcome
from lynccap.report import verdict, words
from lynccap.report.story import Cause, Recording, Story, host_name, is_normal, is_note

MAX_DEVICES = 2000  # device rows of one page: with more a browser takes seconds to open it
MAX_MEMBERS = 600  # findings of one cause shown with their evidence: the weight of a page lies in them

MAX_NOTES = 60  # sentences about the topology: a wrong one disagrees with everything
MAX_PRINTED = 40  # findings of a cause printed in full unless opened: more would bury the rest in paper

STATES = {
    "failed": "Failed",
    "doubtful": "A step looks failed",
    "minor": "Minor problem",
    "quiet": "No failure seen",
}
"""How devices fared, worst first."""
_ANCHOR = re.compile(r"[A-Za-z0-9_.-]+")


def render_html(document: Document) -> str:
    """The page of `document`: no external loads, deterministic, everything from captures escaped."""
    environment = _environment()
    style, script = _own_text(environment, "style.css"), _own_text(environment, "filter.js")
    story = Story(document)
    return environment.get_template("report.html.j2").render(
        page=Page(story),
        story=story,
        document=story.document,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lynccap.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["words"] = words
    environment.globals["verdict"] = verdict
    environment.globals["is_normal"] = is_normal
    environment.globals["is_note"] = is_note
    environment.globals["host_name"] = host_name
    return environment


def _own_text(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy that lets this style and this script through, and nothing else."""
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class Row:
    """A line of the device table."""

    device: Device
    state: str
    """one of STATES"""
    causes: tuple[Cause, ...]

    @property
    def state_name(self) -> str:
        """The state in words."""
        return STATES[self.state]


@dataclass(frozen=True)
class StepCount:
    """How many devices ended one step in which way."""

    step: str
    outcomes: Counter[StepOutcome]

    def share(self, outcome: StepOutcome) -> float:
        """The part of the devices, in percent, that ended the step so."""
        return 100 * self.outcomes[outcome] / self.outcomes.total()


class Page:
    """What the templates need beside the story: anchors, rows and counts."""

    MAX_MEMBERS = MAX_MEMBERS
    MAX_PRINTED = MAX_PRINTED
    MAX_NOTES = MAX_NOTES
    STATES = STATES

    def __init__(self, story: Story) -> None:
        """Lay out the page of `story`."""
        self.story = story
        self.captures: dict[str, Capture] = {one.id: one for one in story.document.captures}
        self._device_anchors = {one.id: f"device-{place}" for place, one in enumerate(story.document.devices, 1)}
        self._finding_anchors = {
            one.id: f"finding-{one.id}" if _ANCHOR.fullmatch(one.id) else f"finding-number-{place}"
            for place, one in enumerate(story.document.findings, 1)
        }
        self._places = {cause.lead.id: place for place, cause in enumerate(story.causes, 1)}

    def device_anchor(self, address: str) -> str:
        """The anchor of the device's row, "" when it has none."""
        return self._device_anchors.get(self.story.key(address), "")

    def finding_anchor(self, identifier: str) -> str:
        """The anchor of a finding."""
        return self._finding_anchors[identifier]

    def place(self, cause: Cause) -> int:
        """The place of a cause among the causes, from 1."""
        return self._places[cause.lead.id]

    def capture_name(self, identifier: str | None) -> str:
        """The name of a capture by its id."""
        capture = self.captures.get(identifier or "")
        return capture.name if capture else identifier or ""

    @cached_property
    def topology(self) -> tuple[str, ...]:
        """Where the captures disagree with the topology, and what it cannot say."""
        return verdict.notes_on_topology(self.story)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Up to MAX_DEVICES devices, the failed ones first, then as the document has them."""
        causes: dict[str, dict[int, Cause]] = {}
        for place, cause in enumerate(self.story.causes):
            for one in (*cause.findings, *cause.symptoms):
                if one.device:
                    causes.setdefault(self.story.key(one.device), {})[place] = cause
        rows = [
            Row(one, self._state(one), tuple(causes.get(one.id, {}).values())) for one in self.story.document.devices
        ]
        order = list(STATES)
        return tuple(sorted(rows, key=lambda row: order.index(row.state))[:MAX_DEVICES])

    def _state(self, device: Device) -> str:
        if device.id in self.story.failed:
            return "failed"
        if device.id in self.story.doubtful:
            return "doubtful"
        return "minor" if device.id in self.story.minor else "quiet"

    @cached_property
    def steps(self) -> tuple[StepCount, ...]:
        """The steps of all journeys in their order, with how they ended."""
        counts: dict[str, Counter[StepOutcome]] = defaultdict(Counter)
        for device in self.story.document.devices:
            for step in device.journey:
                counts[step.step][step.outcome] += 1
        place = {str(name): number for number, name in enumerate(StageName)}
        ordered = sorted(counts, key=lambda step: place.get(step, len(place)))
        return tuple(StepCount(step, counts[step]) for step in ordered)

    @property
    def quality(self) -> tuple[tuple[Recording, Quality], ...]:
        """What the recordings lack, one by one."""
        return tuple((one, lack) for one in self.story.recordings for lack in one.quality)

    @property
    def repeated(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The captures that were given more than once, with the other names."""
        return tuple((one.name, one.repeated) for one in self.story.document.captures if one.repeated)

    @property
    def outcomes(self) -> tuple[tuple[Outcome, tuple[Assessment, ...]], ...]:
        """The assessments by outcome; outcomes that did not occur are left out."""
        found = [
            (outcome, tuple(one for one in self.story.document.assessments if one.outcome is outcome))
            for outcome in Outcome
        ]
        return tuple((outcome, some) for outcome, some in found if some)

    @cached_property
    def glossary(self) -> tuple[tuple[str, str], ...]:
        """The technical words that occur, with what they mean."""
        texts = {
            text.lower()
            for one in self.story.document.findings
            for text in (one.title, one.why, one.says, one.service or "", *one.causes, *one.fix)
        }
        texts |= {step.step.lower() for device in self.story.document.devices for step in device.journey}
        texts |= {words.service_name(one.service).lower() for one in self.story.document.services}
        texts |= {one.role.lower() for one in self.story.document.topology.roles}
        used = set(re.findall(r"[a-z]+", " ".join(texts)))
        return tuple((name, meaning) for name, key, meaning in words.GLOSSARY if used.issuperset(key.split()))
