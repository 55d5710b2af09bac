"""What the documentation names is there, and what is there it names."""

import itertools
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from snapshot import errors
from snapshot.cause.document import Search
from snapshot.cause.noise import Noise
from snapshot.cli.app import COMMANDS, EVERYWHERE, snap
from snapshot.compare.verdict import Verdict
from snapshot.lock.document import Lock
from snapshot.project.config import Configuration
from snapshot.record.document import Run
from snapshot.share.export.document import PublicRun
from snapshot.share.handover.document import Handover
from snapshot.share.kit.document import Kit
from tests.pages import Command, File, steps

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
LONGEST = 120
WIDEST_HELP = 100


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, list[str]]:
    """Heading, without its signs and back-ticks → the lines below it, up to the next heading."""
    found: dict[str, list[str]] = {"": []}
    current, fenced = found[""], False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            current = found.setdefault(line.lstrip("#").strip().replace("`", ""), [])
        else:
            current.append(line)
    return found


def rows(lines: list[str]) -> list[list[str]]:
    """The cells of all tables in `lines`, without their heads."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    rules = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    heads = {number - 1 for number in rules} | set(rules)
    return [[cell.strip() for cell in row] for number, row in enumerate(cells) if number not in heads]


def options_of(command: click.Command) -> list[click.Option]:
    """Its own options that are to be seen."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return [option for option in options if option not in EVERYWHERE and not option.hidden]


def spelled(options: Iterable[click.Option]) -> set[str]:
    """All their names."""
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


def told_in(lines: list[str]) -> set[str]:
    """The options that begin the rows of tables."""
    return {option for row in rows(lines) for option in OPTION.findall(" ".join(CODE.findall(row[0])))}


def command_of(name: str) -> click.Command:
    """The command that is typed as `snap NAME`; that of a group has two words."""
    found: click.Command | None = snap
    for word in name.split():
        assert isinstance(found, click.Group), f"`snap {name}` is no command: there is no group above `{word}`"
        found = found.get_command(click.Context(found, info_name="snap"), word)
    assert found is not None, f"`snap {name}` is in COMMANDS and can't be loaded"
    return found


def with_their_parts(names: Iterable[str]) -> Iterator[str]:
    """Each command, and after a group each of its own."""
    for name in names:
        yield name
        command = command_of(name)
        if isinstance(command, click.Group):
            yield from (f"{name} {part}" for part in command.list_commands(click.Context(command)))


EVERY = list(with_their_parts(COMMANDS))


def typed(text: str) -> Iterator[list[str]]:
    """The arguments of every `snap …` that is typed at a prompt in `text`, or stands in a shell script."""
    for step in steps(text):
        if isinstance(step, Command) and step.typed.startswith("snap "):
            yield words(step.typed)[1:]
    for script in re.findall(r"^```sh\b.*\n((?:.*\n)*?)```", text, re.MULTILINE):
        for line in re.findall(r"^(?:srun )?snap (.*)$", script, re.MULTILINE):
            yield words(line)


def words(line: str) -> list[str]:
    """Those of a command, up to where the shell leads what it prints."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: not set(word) <= set("|>&;"), lexer))


def parse(arguments: list[str], where: str) -> None:
    """Let click parse what comes after `snap`, up to a `>`; nothing is run."""
    arguments = arguments[: arguments.index(">")] if ">" in arguments else arguments
    said = shlex.join(["snap", *arguments])
    assert arguments[0] in COMMANDS, f"{where} types `{said}`, and there is no such command"
    command, rest = command_of(arguments[0]), arguments[1:]
    if isinstance(command, click.Group):
        assert rest and f"{arguments[0]} {rest[0]}" in EVERY, f"{where} types `{said}`, and there is no such command"
        command, rest = command_of(f"{arguments[0]} {rest[0]}"), rest[1:]
    try:
        command.make_context(command.name, rest)
    except click.ClickException as problem:
        pytest.fail(f"{where} types `{said}`, which is refused: {problem.format_message()}")


# The command line


@pytest.mark.parametrize("name", EVERY)
def test_every_command_and_option_is_in_cli_md_and_no_other(name: str) -> None:
    lines = sections(page("docs/reference/cli.md")).get(f"snap {name}")
    assert lines is not None, f"docs/reference/cli.md has no section `snap {name}`"
    known, told = spelled(options_of(command_of(name))), told_in(lines)
    assert known - told == set(), f"docs/reference/cli.md does not tell of these options of `snap {name}`"
    assert told - known == set(), f"docs/reference/cli.md tells of options that `snap {name}` does not have"


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_the_options_of_all(name: str) -> None:
    assert set(EVERYWHERE) <= set(command_of(name).params)


def test_cli_md_tells_of_the_options_of_all_once() -> None:
    assert told_in(sections(page("docs/reference/cli.md"))["Commands"]) == spelled(EVERYWHERE) | {"-h", "--help"}
    assert set(EVERYWHERE) <= set(snap.params)


@pytest.mark.parametrize("name", EVERY)
def test_options_take_values_where_cli_md_says_so(name: str) -> None:
    flags = {
        option: parameter.is_flag
        for parameter in command_of(name).params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    for row in rows(sections(page("docs/reference/cli.md"))[f"snap {name}"]):
        last = CODE.findall(row[0])[-1]
        option, _, value = last.partition(" ")
        assert flags[option] == (not value), f"docs/reference/cli.md writes `{last}` of `snap {name}`"


def test_cli_md_lists_the_commands_with_what_they_say_of_themselves() -> None:
    listed = re.findall(r"^\| \[`snap (\w+)`\]\(#snap-\w+\) \| (.*) \|$", page("docs/reference/cli.md"), re.MULTILINE)
    said = [(name, text.replace("`", "").rstrip(".").lower()) for name, text in COMMANDS.items()]
    assert [(name, text.replace("`", "").lower()) for name, text in listed] == said


def test_cli_md_has_the_commands_in_their_order() -> None:
    headings = [name.removeprefix("snap ") for name in sections(page("docs/reference/cli.md")) if name[:5] == "snap "]
    assert headings == EVERY


def test_help_lists_the_commands_in_their_order() -> None:
    done = CliRunner().invoke(snap, ["--help"], prog_name="snap", terminal_width=WIDEST_HELP)
    assert done.exit_code == 0, done.output
    listed = re.findall(r"^  (\w+) +(.*)$", done.output.partition("Commands:")[2], re.MULTILINE)
    assert listed == list(COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name: str) -> None:
    assert command_of(name).name == name
    assert command_of(name).short_help == COMMANDS[name]


@pytest.mark.parametrize("name", [name for name in EVERY if " " in name])
def test_a_command_of_a_group_says_of_itself_what_it_does(name: str) -> None:
    assert command_of(name).name == name.split()[-1]
    assert command_of(name).short_help


@pytest.mark.parametrize("name", EVERY)
def test_help_has_examples_that_parse(name: str) -> None:
    done = CliRunner().invoke(snap, [*name.split(), "--help"], prog_name="snap", terminal_width=200)
    assert done.exit_code == 0, done.output
    examples = re.findall(rf"^ +snap ({name}\b[^|\n]*)", done.output.partition("Example:")[2], re.MULTILINE)
    assert examples, f"`snap {name} --help` has no example"
    for example in examples:
        parse(shlex.split(example), f"`snap {name} --help`")


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_a_window(name: str) -> None:
    done = CliRunner().invoke(snap, [*name.split(), "--help"], prog_name="snap")
    assert [line for line in done.output.splitlines() if len(line) > WIDEST_HELP] == []


def test_help_needs_none_of_the_commands() -> None:
    code = "import sys; from snapshot.cli.app import snap\ntry: snap(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {*(f"snapshot.cli.{name}" for name in COMMANDS), "docker", "msgspec", "jinja2"} == set()


def test_every_exit_code_is_in_cli_md_and_no_other() -> None:
    told = {int(row[0]) for row in rows(sections(page("docs/reference/cli.md"))["Exit codes"])}
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    known = {kind.exit_code for kind in classes if issubclass(kind, errors.SnapshotError)}
    done, reader_gone = 0, 141
    assert told == known | {errors.AROUND_A_RUN, done, reader_gone}


# Formats


def structs(kind: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """`kind` and every document within it, by the path of keys that leads there."""
    yield path, kind
    for field in kind.fields:
        for inner in parts(field.type):
            if isinstance(inner, msgspec.inspect.StructType):
                yield from structs(inner, f"{path}.{field.encode_name}".lstrip("."))


def parts(kind: Any) -> list[Any]:
    """What a type is made of: the choices of a union, the items of a list."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return [inner for choice in kind.types for inner in parts(choice)]
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return parts(kind.item_type)
    return [kind]


def in_words(kind: Any, table: str) -> str:
    """A type as the reference writes it; `table` is what the format calls one."""
    inspect = msgspec.inspect
    if isinstance(kind, inspect.UnionType):
        choices = [choice for choice in kind.types if not isinstance(choice, inspect.NoneType)]
        null = [] if len(choices) == len(kind.types) else ["null"]
        return " or ".join([*(in_words(choice, table) for choice in choices), *null])
    if isinstance(kind, inspect.VarTupleType):
        return f"list of {in_words(kind.item_type, table)}s"
    if isinstance(kind, inspect.DictType):
        return f"{table} of {in_words(kind.value_type, table)}s"
    names = {
        inspect.StrType: "string",
        inspect.LiteralType: "string",
        inspect.IntType: "integer",
        inspect.FloatType: "number",
        inspect.BoolType: "boolean",
        inspect.StructType: table,
    }
    return names[type(kind)]


def lock_type(field: Any) -> str:
    # In TOML there is no null: what is not known is left out.
    text = in_words(field.type, "table").removesuffix(" or null")
    return text if field.required or field.encode_name == "schema" else f"{text}, optional"


def record_type(field: Any) -> str:
    return in_words(field.type, "object")


@pytest.mark.parametrize(
    ("name", "kind", "type_of"),
    [
        ("docs/reference/lock.md", Lock, lock_type),
        ("docs/reference/run.md", Run, record_type),
        ("docs/reference/kit.md", Kit, record_type),
        ("docs/reference/export.md", PublicRun, record_type),
        ("docs/reference/verdict.md", Verdict, record_type),
        ("docs/reference/bisect.md", Search, record_type),
        ("docs/reference/handover.md", Handover, record_type),
        ("docs/reference/noise.md", Noise, record_type),
    ],
    ids=["lock", "run", "kit", "export", "verdict", "bisect", "handover", "noise"],
)
def test_every_field_is_in_the_reference_with_its_type_and_no_other(
    name: str, kind: type, type_of: types.FunctionType
) -> None:
    found, told_of = sections(page(name)), set()
    for path, struct in structs(msgspec.inspect.type_info(kind)):
        heading = path or "The document"
        if heading not in found and struct.cls in told_of:
            continue  # the same as an earlier one
        told_of.add(struct.cls)
        assert heading in found, f"{name} has no section `{heading}`"
        told = {key: cell for row in rows(found[heading]) for key, cell in [(row[0].strip("`"), row[1])]}
        known = {field.encode_name: type_of(field) for field in struct.fields}
        assert told == known, f"{name}, section `{heading}`"


def test_the_example_of_a_lock_is_one() -> None:
    from snapshot.lock import document

    (text,) = re.findall(r"```toml\n(.*?)```", page("docs/reference/lock.md"), re.DOTALL)
    said = document.dumps(document.loads(text)).splitlines()
    added = [line for line in text.splitlines() if line not in said]
    assert [line for line in added if "# …" not in line] == []


def test_every_key_of_the_configuration_is_in_the_reference_with_its_default() -> None:
    told = {
        row[0].strip("`"): row[1] for row in rows(sections(page("docs/reference/configuration.md"))["Configuration"])
    }
    info: Any = msgspec.inspect.type_info(Configuration)
    assert set(told) == {field.encode_name for field in info.fields}
    for field in info.fields:
        if isinstance(field.default, str):
            assert told[field.encode_name] == f'`"{field.default}"`', f"the default of `{field.encode_name}`"
        elif isinstance(field.default, bool):
            assert told[field.encode_name] == f"`{str(field.default).lower()}`", f"the default of `{field.encode_name}`"
        elif field.default == ():
            assert told[field.encode_name] == "none", f"the default of `{field.encode_name}`"
        else:
            assert told[field.encode_name], f"what holds when `{field.encode_name}` is not given"


# The whole


def test_every_module_is_where_the_architecture_says_and_none_is_left_out() -> None:
    cells = [row[1] for row in rows(sections(page("docs/explanation/architecture.md"))["Where is what"])]
    told = [path for cell in cells for path in paths_in(cell)]
    assert [path for path in told if not (ROOT / path).exists()] == []
    modules = [file.relative_to(ROOT) for file in (ROOT / "snapshot").rglob("*.py") if file.name[:2] != "__"]
    named = {Path(path) for path in told}
    assert [module.as_posix() for module in modules if not named & {module, *module.parents}] == []


def paths_in(cell: str) -> Iterator[str]:
    """The files and folders that a cell of the table names; `b.py` after `snapshot/a.py` is `snapshot/b.py`."""
    folder = ""
    for path in CODE.findall(cell):
        if "/" in path:
            folder = path.rpartition("/")[0]
            yield path
        elif path.endswith(".py"):
            yield f"{folder}/{path}"


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = re.findall(r": ([\w/-]+\.md)$", page("mkdocs.yml"), re.MULTILINE)
    pages = [source.relative_to(ROOT / "docs").as_posix() for source in PAGES if source.is_relative_to(ROOT / "docs")]
    assert sorted(listed) == pages, "`nav` of mkdocs.yml"


def test_links_lead_somewhere() -> None:
    dead = []
    for source in PAGES:
        for name, anchor in LINK.findall(source.read_text(encoding="utf-8")):
            target = (source.parent / name).resolve() if name else source
            if not target.exists():
                dead.append(f"{source.relative_to(ROOT)}: {name}")
            elif anchor and anchor not in anchors(target):
                dead.append(f"{source.relative_to(ROOT)}: {name}#{anchor}")
    assert dead == []


def anchors(target: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = sections(target.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_is_typed_in_the_pages_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = 0
    for source in PAGES:
        text = source.read_text(encoding="utf-8")
        for file in (step for step in steps(text) if isinstance(step, File) and "/" not in step.name):
            Path(file.name).write_text(file.text)  # some options name a file that must be there
        for arguments in typed(text):
            parse(arguments, source.relative_to(ROOT).as_posix())
            seen += 1
    assert seen > 10


def test_files_of_the_repository_that_pages_name_are_there() -> None:
    for source in PAGES:
        text = source.read_text(encoding="utf-8")
        in_code = re.findall(r"`((?:snapshot|tests|templates)/[\w/.-]+)`", text)
        for name in (*re.findall(r"(?<![\w/])(?:scripts|examples)/[\w-]+", text), *in_code):
            assert (ROOT / name).exists(), f"{source.relative_to(ROOT)} names {name}"


def test_prose_is_not_too_long() -> None:
    # Tables and addresses can't be broken, and what a program prints is as it is.
    kept = re.compile(r"\||.*https?://")
    for source in PAGES:
        prose = re.sub(r"^```.*?^```", "", source.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert [line for line in prose.splitlines() if len(line) > LONGEST and not kept.match(line)] == [], source
