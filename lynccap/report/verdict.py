"""The verdict in sentences: how many devices failed, for how many causes, what was checked, what is open."""

from lynccap.document import INFERRED, Outcome
from lynccap.report.story import GRAVE, Story
from lynccap.report.words import count, frame_list, listing, number, sentence, service_name


def headline(story: Story) -> str:
    """The verdict in one sentence."""
    of_all = f"of {count(story.total, 'device')}"
    if story.failed:
        return f"{number(len(story.failed))} {of_all} failed."
    if story.causes:
        return f"No device failed in what this capture shows, but {_problems(len(story.causes))} found."
    if story.doubtful:
        return f"No failure is proven, but a step looks failed on {number(len(story.doubtful))} {of_all}."
    if not story.has_lync:
        return "No Lync or Skype for Business server was recognised."
    if story.outcomes(Outcome.INCONCLUSIVE) and not story.outcomes(Outcome.CLEAR):
        return "No failure was found, but this capture cannot show whether there is one."
    if story.gaps:
        return "No failure was found, but this capture has gaps that can hide one."
    return "No failure was found in what this capture shows."


def _problems(amount: int) -> str:
    return "one problem was" if amount == 1 else f"{number(amount)} problems were"


def remarks(story: Story) -> tuple[str, ...]:
    """The sentences after the headline: how far the causes reach, and what was checked."""
    return (*_reach(story), *_checked(story))


def caveats(story: Story) -> tuple[str, ...]:
    """What the checks leave open, in sentences."""
    lines = []
    undecided, broken = story.outcomes(Outcome.INCONCLUSIVE), story.outcomes(Outcome.RULE_FAILED)
    if story.gaps and story.causes:
        lines.append("This capture has gaps that can hide more.")
    elif story.gaps and story.doubtful:
        lines.append("This capture has gaps, and gaps can make a step look failed.")
    if undecided:
        need = "it needs" if undecided == 1 else "they need"
        lines.append(f"{count(undecided, 'check')} could not decide, because the capture lacks what {need}.")
    if broken:
        lines.append(f"{count(broken, 'check')} stopped on an error in lynccap, so the results are missing.")
    return tuple(lines)


def topology(story: Story) -> tuple[str, ...]:
    """Where the topology came from, and the notes on it; nothing without one."""
    source = story.document.topology.source
    return (*((f"Topology: {source}.",) if source != INFERRED else ()), *notes_on_topology(story))


def notes_on_topology(story: Story) -> tuple[str, ...]:
    """What the captures show otherwise than the topology, and what it cannot say."""
    told, lines = story.document.topology, []
    names = {one.id: one.name for one in story.document.captures}
    for one in told.conflicts:
        where = f" ({names.get(one.capture, one.capture)}, {frame_list(one.frames)})" if one.frames else ""
        lines.append(f"The capture disagrees with the topology: {one.says}{where}.")
    return (*lines, *map(sentence, told.remarks))


def _reach(story: Story) -> list[str]:
    lines = []
    failed, minor, doubtful = len(story.failed), len(story.minor), len(story.doubtful)
    if failed:
        grave = sum(one.severity in GRAVE for one in story.causes)
        explain = f"{number(grave)} causes explain" if grave > 1 else "One cause explains"
        lines.append(f"{explain} {'it' if failed == 1 else 'them all'}.")
        if minor:
            lines.append(f"{count(minor, 'more device')} {'has' if minor == 1 else 'have'} a minor problem.")
    if doubtful and story.causes:
        lines.append(f"On {count(doubtful, 'more device')} a step looks failed, and no check confirms it.")
    quiet = story.total - failed - minor - doubtful
    if quiet and failed:
        lines.append(f"{count(quiet, 'other device')} {'shows' if quiet == 1 else 'show'} no failure.")
    return lines


def _checked(story: Story) -> list[str]:
    if story.causes or story.doubtful:
        return []
    lines = []
    if story.total:
        lines.append(f"{count(story.total, 'device')} {'was' if story.total == 1 else 'were'} seen.")
    services = [service_name(one) for one in dict.fromkeys(one.service for one in story.services)]
    if services:
        lines.append(f"Traffic seen: {listing(services)}.")
    if not story.has_lync:
        lines.append(
            "So nothing can be said about Lync from it. "
            "Was it taken on the right network, and while a device tried to sign in or call?"
        )
        if any(one.service == "tls" for one in story.document.services):
            lines.append("The encrypted traffic may still be Lync: without its DNS no server can be recognised.")
    clear = story.outcomes(Outcome.CLEAR)
    if clear:
        lines.append(f"{count(clear, 'check')} found the traffic they look at, and nothing wrong with it.")
    unseen = story.outcomes(Outcome.NOT_SEEN)
    if unseen:
        lines.append(f"{count(unseen, 'check')} had nothing to look at: that traffic is not in the capture.")
    return lines
