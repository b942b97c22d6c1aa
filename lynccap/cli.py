"""The command line. Everything heavy is imported inside the commands, so that help and version answer at once."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lynccap.version import __version__

if TYPE_CHECKING:
    from lynccap.document import Document
    from lynccap.ingest.decryption.keys import Keys
    from lynccap.topology.directory import Directory

    KeyReader = Callable[[], Keys | None]

EXIT_FOUND, EXIT_USAGE, EXIT_INPUT, EXIT_INTERNAL = 1, 2, 3, 4
FORMAT_NAMES = ("html", "json", "md", "csv", "sarif")
STANDARD_OUTPUT = Path("-")
LEVELS = ("critical", "major", "minor", "never")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lynccap")
def main() -> None:
    """Explain Lync and Skype for Business Server failures from packet captures.

    Reads captures offline and says, per device: what it tried, where it first failed, why, who must act, and which
    frames prove it.
    """


def _formats(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(one.strip() for one in (value or "").split(",") if one.strip()))
    unknown = [one for one in names if one not in FORMAT_NAMES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(FORMAT_NAMES)}")
    return names


def _with_keys(command: Callable[..., None]) -> Callable[..., None]:
    """The options about what opens TLS, as one argument `keys`: what reads them, when it is wanted."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)

    @wraps(command)
    def run(keylog: tuple[Path, ...], rsa_key: tuple[Path, ...], no_tshark: bool, **others: Any) -> None:
        command(keys=lambda: _keys(keylog, rsa_key, no_tshark), **others)

    for option in (
        click.option("--no-tshark", is_flag=True, help="Decrypt nothing: tshark is not looked for."),
        click.option(
            "--rsa-key", multiple=True, type=file, metavar="FILE", help="Private RSA key of a server (PEM); repeatable."
        ),
        click.option(
            "--keylog", multiple=True, type=file, metavar="FILE", help="TLS key log (SSLKEYLOGFILE); repeatable."
        ),
    ):
        run = option(run)
    return run


def _keys(keylogs: Sequence[Path], rsa_keys: Sequence[Path], no_tshark: bool) -> "Keys | None":
    if not keylogs and not rsa_keys and not no_tshark:
        return None
    from lynccap.ingest.decryption.keys import UnusableKey, read_keys

    try:
        keys = read_keys(keylogs, rsa_keys, tshark=not no_tshark)
    except UnusableKey as problem:
        click.echo(f"lynccap: {problem}", err=True)
        sys.exit(EXIT_USAGE)
    for remark in keys.remarks:
        click.echo(f"lynccap: {remark}", err=True)
    return keys


_with_topology = click.option(
    "--topology",
    "topologies",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The customer's topology, as lynccap topology show reads it; repeatable.",
)


def _directory(files: Sequence[Path]) -> "Directory | None":
    """Who is who in the topology that `files` make together; None without files."""
    if not files:
        return None
    from lynccap.topology import Directory, read_files

    return Directory(read_files(files))


@main.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File or folder; - is standard output.")
@click.option("--format", "formats", callback=_formats, help="html, json, md, csv, sarif; several with commas.")
@click.option("--device", "devices", multiple=True, metavar="ADDR", help="Keep only this device; may be repeated.")
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    default="never",
    show_default=True,
    help="Exit with 1 when a finding of this severity or worse is there.",
)
@_with_topology
@_with_keys
def analyze(
    captures: tuple[str, ...],
    output: Path | None,
    formats: tuple[str, ...],
    devices: tuple[str, ...],
    fail_on: str,
    topologies: tuple[Path, ...],
    keys: "KeyReader",
) -> None:
    """Explain what failed in CAPTURE..., for each device.

    CAPTURE is a capture file (pcap, pcapng, Windows .etl, Network Monitor, NetScaler, snoop; also compressed), a zip or
    tar archive of them, a folder with its folders, a pattern, or - for standard input. Content decides what a file is,
    not its name. Files of one ring buffer are read as one recording.

    Without -o and --format a summary is printed. With -o FOLDER a report.html and a report.json are written into it.

    With --topology, the roles of servers, their ports and sides are those of the customer's topology; what the capture
    shows otherwise is told.

    With --keylog or --rsa-key, or keys inside a pcapng file, tshark decrypts the TLS sessions they fit.
    """
    targets = _targets(output, formats)
    with _errors():
        document = _analyzed(captures, devices, keys(), _directory(topologies))
        _write(document, targets)
    if fail_on != "never":
        worst = LEVELS[: LEVELS.index(fail_on) + 1]
        if any(one.severity in worst for one in document.findings):
            sys.exit(EXIT_FOUND)


def _analyzed(
    captures: Sequence[str], devices: Sequence[str], keys: "Keys | None", directory: "Directory | None"
) -> "Document":
    from lynccap.analysis import UnknownDevice
    from lynccap.analysis import analyze as run
    from lynccap.ingest.collecting.collect import collect

    try:
        with _progress() as progress:
            wanted = [_address(one) for one in devices]
            return run(collect(captures), devices=wanted, progress=progress, keys=keys, directory=directory)
    except UnknownDevice as problem:
        raise click.UsageError(str(problem)) from None


def _address(text: str) -> str:
    """An address in the form the document uses."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise click.UsageError(f"{text}: --device takes an IP address") from None


def _targets(output: Path | None, formats: tuple[str, ...]) -> dict[str, Path | None]:
    """Which formats go where; None stands for standard output."""
    if output is None or output == STANDARD_OUTPUT:
        if len(formats) > 1:
            raise click.UsageError("several formats need a folder: add -o FOLDER")
        return dict.fromkeys(formats)
    suffix = output.suffix.lstrip(".").lower()
    if output.is_dir() or not suffix:
        return {name: output / f"report.{name}" for name in formats or ("html", "json")}
    if len(formats) > 1:
        raise click.UsageError(f"{output} is one file; several formats need a folder")
    name = formats[0] if formats else {"htm": "html", "markdown": "md"}.get(suffix, suffix)
    if name not in FORMAT_NAMES:
        raise click.UsageError(f"{output}: no format is known for .{suffix}; add --format or end the name in .html")
    return {name: output}


def _write(document: "Document", targets: dict[str, Path | None]) -> None:
    from lynccap.report import FORMATS
    from lynccap.report.text import render_text

    for name, target in targets.items():
        data = FORMATS[name](document)
        if target is None:
            sys.stdout.buffer.write(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    click.echo(render_text(document, colour=colour), nl=False)
    for target in targets.values():
        click.echo(f"Written: {target}", err=True)


@main.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table", show_default=True)
@_with_topology
@_with_keys
def flows(captures: tuple[str, ...], form: str, topologies: tuple[Path, ...], keys: "KeyReader") -> None:
    """List every conversation in CAPTURE...: service, stack, role of the server, outcome.

    CAPTURE is what it is for analyze: a capture, an archive, a folder, a pattern, or - for standard input.

    \b
    client, server  who began the conversation, and whom it addressed
    service         what it was for; "other" is nothing of Lync's, or unknown
    stack           the protocols its bytes show, outermost first: tls/sip is SIP
                    read inside TLS; empty when no bytes tell
    service_basis   what the service was told by, surest first:
                    bytes        what was said
                    topology     the ports in the file of --topology
                    sni          the name asked for in TLS
                    role         what the server is
                    dns          the name the address was looked up by
                    certificate  what the server showed
                    port         the port alone
    role            what the server is in the deployment, where that is known
    outcome         how it opened, then who ended it: "fin" closes, "rst" breaks off;
                    midstream: it began before the capture
    frames          from the client + from the server
    transport       ip-1 and ip-58 are ICMP: pings and errors
    """
    from lynccap.report.flows import FLOW_FORMATS

    with _errors():
        from lynccap.analysis import read_study
        from lynccap.analysis.flows import flow_rows
        from lynccap.ingest.collecting.collect import collect
        from lynccap.programs import tshark

        opening, directory = keys(), _directory(topologies)
        with _progress() as progress:
            rows = flow_rows(read_study(collect(captures), progress=progress, keys=opening, directory=directory))
        if opening and opening.tshark and not tshark():
            click.echo("lynccap: nothing was decrypted, tshark is not installed; lynccap doctor says more", err=True)
        click.echo(FLOW_FORMATS[form](rows), nl=False)


@main.command()
@click.option("--format", "form", type=click.Choice(("table", "json", "md")), default="table", show_default=True)
def rules(form: str) -> None:
    """List every rule: what it is called, what it finds, how much that costs."""
    from lynccap.diagnosis.pages import RULE_FORMATS

    click.echo(RULE_FORMATS[form](), nl=False)


@main.command()
@click.argument("rule")
def explain(rule: str) -> None:
    """Explain RULE: what it finds, on what evidence, what would disprove it, who acts."""
    from lynccap.diagnosis.pages import explained, nearest

    page = explained(rule)
    if page is None:
        close = nearest(rule)
        hint = f"did you mean {', '.join(close)}?" if close else "see them all with: lynccap rules"
        raise click.UsageError(f"no rule is called {rule}; {hint}")
    click.echo(page, nl=False)


@main.command()
@click.argument("query", nargs=-1)
def ports(query: tuple[str, ...]) -> None:
    """Show the port reference; QUERY is a port number, a role, a service or a word."""
    from lynccap.reference import search_ports

    found = search_ports(" ".join(query))
    if not found:
        raise click.UsageError(f"nothing in the port table fits {' '.join(query)}")
    for row in found:
        path = f"{row.from_role:>16} > {row.to_role:<16}"
        click.echo(f"{row.ports:>12}/{row.transport:<4} {path} {row.protocol:<12} {row.purpose}")


@main.group()
def topology() -> None:
    """Say what a topology export says, or make a topology file of it.

    FILE is what Topology Builder saves (.tbxml), what Get-CsTopology -AsXml prints, the zip of Export-CsConfiguration,
    Get-CsNetworkInterface, Get-CsService, Get-CsPool or Get-CsComputer as CSV or JSON, or lynccap's own TOML file.
    Several files are read as one topology. Content decides what a file is, not its name.
    """


_topology_files = click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)


@topology.command()
@_topology_files
@click.option("--format", "form", type=click.Choice(("table", "json", "toml")), default="table", show_default=True)
def show(files: tuple[Path, ...], form: str) -> None:
    """Show the roles, machines, addresses, ports and names in FILE..., and what it cannot say."""
    from lynccap.report.topology import TOPOLOGY_FORMATS

    with _errors():
        from lynccap.topology import read_files

        sys.stdout.buffer.write(TOPOLOGY_FORMATS[form](read_files(files)).encode())


@topology.command("import")
@_topology_files
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def import_topology(files: tuple[Path, ...], output: Path) -> None:
    """Write FILE... as one topology file, to read, complete and use instead of the exports."""
    with _errors():
        from lynccap.topology import read_files, to_toml

        text = to_toml(read_files(files))
        if output == STANDARD_OUTPUT:
            sys.stdout.buffer.write(text.encode())
            return
        output.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"Written: {output}", err=True)


@main.command()
def doctor() -> None:
    """Say what is installed, and what is lost without the rest."""
    from lynccap.doctor import examine

    for check in examine():
        state = f"found {check.version}".rstrip() if check.found else "missing"
        click.echo(f"{check.name:<14} {state}")
        if not check.found:
            click.echo(f"{'':<14} lost without it: {check.lost}")
            click.echo(f"{'':<14} to get it: {check.get}")


@contextmanager
def _errors() -> Iterator[None]:
    """Every foreseeable failure is one line and its exit code; the rest is ours and says so."""
    from lynccap.ingest.sources.source import UnreadableCapture
    from lynccap.topology.errors import UnreadableTopology

    try:
        yield
    except (UnreadableCapture, UnreadableTopology) as problem:
        click.echo(f"lynccap: {problem}", err=True)
        sys.exit(EXIT_INPUT)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; nothing is left to say
        sys.exit(0)
    except OSError as problem:
        click.echo(f"lynccap: {problem.filename or 'output'}: {problem.strerror or problem}", err=True)
        sys.exit(EXIT_USAGE)
    except (click.ClickException, SystemExit):
        raise
    except Exception as fault:
        if os.environ.get("LYNCCAP_TRACEBACK"):
            raise
        says = f"{type(fault).__name__}: {fault}"
        click.echo(f"lynccap: internal error, {says}; set LYNCCAP_TRACEBACK=1 and report what it prints", err=True)
        sys.exit(EXIT_INTERNAL)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal's standard error, silence anywhere else."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
