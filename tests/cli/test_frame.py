"""Options before the command, errors, exit codes, JSON, and the documentation."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from publisher import __version__
from publisher.cli import frame, session
from publisher.cli.commands import cli
from publisher.cli.contents import CONTENTS
from publisher.errors import Defect, StoreError
from tests.cli.conftest import SLOT, Journal

ROOT = Path(__file__).resolve().parents[2]


def commands(group: Any = None, path: str = "publisher") -> dict[str, Any]:
    """Every command by its full name."""
    group = typer.main.get_command(cli) if group is None else group
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{path} {name}")
        else:
            found[f"{path} {name}"] = command
    return found


def test_the_names_are_the_contract() -> None:
    """Exactly these commands exist."""
    assert set(commands()) == {
        f"publisher {name}"
        for name in (
            "demo", "init", "new", "check", "preview", "build", "status", "send", "pause", "resume", "retry",
            "inbound", "run", "worker", "scheduler", "web", "doctor", "deliveries list", "deliveries resolve",
            "issue plan", "issue list", "issue show", "issue diff", "issue edit", "issue approve",
            "issue cancel", "subscribers add", "subscribers import", "subscribers export",
            "templates list", "templates eject", "cite", "sources refresh", "sources list", "sources show", "sources check", "correct", "watch", "ledger show", "ledger verify", "ledger export",
            "subscribers list", "subscribers show", "subscribers edit", "subscribers confirm",
            "subscribers unsubscribe", "subscribers forget", "suppressions list",
            "suppressions add", "suppressions remove", "suppressions import", "segments list",
            "segments count", "report", "store status", "store migrate", "store backup", "store shelve",
            "store copy", "store accept-restore",
        )
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_with_an_example(name: str) -> None:
    """--help says what it does and shows how it is typed."""
    result = CliRunner().invoke(cli, [*name.split()[1:], "--help"])
    assert result.exit_code == 0
    assert "Example: publisher " in result.stdout
    assert commands()[name].help


def test_every_command_and_option_is_documented() -> None:
    """docs/cli.md names each command and, in its row, each option."""
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    for name, command in commands().items():
        rows = [row for row in text.splitlines() if re.match(rf"\| `{name}[ `]", row)]
        assert len(rows) == 1, name
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert re.search(rf"`{option}[ `]", rows[0]), (name, option)
    for parameter in typer.main.get_command(cli).params:
        assert all(f"`{o}" in text for o in parameter.opts if o != "--help")


def test_every_documented_command_and_option_exists() -> None:
    """The documentation promises nothing else."""
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    for row in text.splitlines():
        if match := re.match(r"\| `publisher ([a-z]+(?: [a-z-]+)?)[^`]*` \|(.*)", row):
            command = commands()["publisher " + match[1]]
            known = {option for parameter in command.params for option in parameter.opts}
            cells = match[2].split(" | ")
            assert set(re.findall(r"`(--[a-z-]+)", cells[0])) <= known, row


def test_version() -> None:
    """--version needs no journal."""
    assert CliRunner().invoke(cli, ["--version"]).stdout == f"publisher {__version__}\n"


def test_a_group_alone_shows_its_commands() -> None:
    """And nothing behind them that looks like an error without words."""
    shown = CliRunner().invoke(cli, ["issue"])
    assert shown.exit_code == 2
    assert "approve" in shown.stdout
    assert shown.stderr == ""


def test_publisher_alone_shows_the_status(journal: Journal) -> None:
    """Next slots, open issues, subscribers and what to do next, in sentences."""
    shown = journal.run(now="2026-11-23T09:00+00:00").stdout
    assert "The Weekly Review (weekly): Tuesday 24 November 2026, 09:00 (Europe/London)" in shown
    assert "Bring in readers" in shown
    document = journal.json(now="2026-11-23T09:00+00:00")
    assert document["slots"][0]["slot"] == "2026-11-24T09:00"
    assert document["articles"] == 1
    assert journal.json("status", now="2026-11-23T09:00+00:00") == document


def test_the_status_names_what_needs_somebody(planned: Journal) -> None:
    """A draft to approve, a paused issue, an article that is wrong."""
    planned.run("issue", "edit", "weekly/1", "--subject", "Other words")
    (planned.root / "content/bad.md").write_text("---\ntitle: x\n---\n")
    steps = planned.json("status")["next"]
    assert any("publisher check" in step for step in steps)
    assert any("publisher issue approve weekly/1" in step for step in steps)
    assert "content/bad.md" in planned.run("status").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["isue"], "Did you mean 'issue'"),
        (["build", "--jsn"], "No such option"),
        (["build", "--quiet"], "it stands before the command: publisher --quiet"),
        (["issue", "plan", "weekly", "--now", SLOT], "before the command: publisher --now"),
        (["issue", "plan", "wekly"], "did you mean 'weekly'?"),
        (["issue", "plan", "weekly", "--cadence", "dayly"], "there is: weekly, monthly"),
        (["issue", "plan", "weekly", "--slot", "2026-11-25"], "has no slot '2026-11-25'"),
        (["issue", "plan", "weekly", "--slot", "31.11.2026"], "has no slot"),
        (["issue", "show", "weekly/7"], "there is no issue weekly/7"),
        (["issue", "show", "wekly/1"], "did you mean 'weekly'?"),
        (["issue", "show", "seven"], "write NEWSLETTER/NUMBER"),
        (["issue", "show", "99"], "99"),
        (["issue", "edit", "weekly/1"], "say what to change"),
        (["send", "weekly/1", "--dry-run", "--test", "a@example.org"], "choose one"),
        (["retry", "weekly/1"], "choose one"),
        (["deliveries", "resolve", "weekly/1"], "choose one"),
        (["subscribers", "add", "ada@example.org"], "how these people agreed"),
        (["subscribers", "add", "nobody", "--consent", "x"], "not an email address"),
        (["subscribers", "show", "no@example.org"], "nobody is known"),
        (["subscribers", "edit", "no@example.org"], "say what to change"),
        (["subscribers", "edit", "no@example.org", "--name", "x"], "nobody is known"),
        (["subscribers", "forget", "no@example.org"], "nothing is known"),
        (["subscribers", "forget", "no@example.org", "--dry-run"], "nothing is known"),
        (["subscribers", "unsubscribe", "no@example.org"], "nobody is known"),
        (["subscribers", "export", "--person", "no@example.org"], "nothing is known"),
        (["subscribers", "list", "--segment", "x"], "there is no segment 'x'"),
        (["suppressions", "add", "ada@example.org"], "say why"),
        (["suppressions", "remove", "ada@example.org", "--reason", "x"], "is not suppressed"),
        (["suppressions", "import", "no.csv"], "cannot be read"),
        (["segments", "count", "x"], "there is no segment"),
        (["subscribers", "import", "no.csv", "--consent", "x"], "cannot be read"),
        (["new", "A title", "--category", "nutritoin"], "did you mean 'nutrition'?"),
        (["new", "   "], "write a title"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(
    journal: Journal, arguments: list[str], said: str
) -> None:
    """Wrong usage ends with 2, says what is wrong, and shows no traceback; so does --json."""
    assert said in journal.run(*arguments, code=2).stderr
    error = journal.json(*arguments, code=2)["error"]
    assert said in error["message"]
    assert error["exit_code"] == 2


def test_a_bad_instant_is_refused(journal: Journal) -> None:
    """--now needs a date that exists and an offset."""
    for typed in ("2026-11-24T09:00", "2026-11-24"):
        told = journal.run("status", now=typed, code=2).stderr
        journal.run("status", now=told.split()[-1])  # what it advises works
    assert "is no instant" in journal.run("status", now="2026-13-01", code=2).stderr


def test_an_unknown_setting_names_file_line_and_remedy(journal: Journal) -> None:
    """The settings' problems reach the person who can mend them, and a program too."""
    journal.set("time_zone", "timezone")
    shown = journal.run("status", code=2).stderr
    assert re.search(
        r"config/publisher\.toml:\d+: journal\.timezone: unknown setting; did you mean 'time_zone'",
        shown,
    )
    assert len(journal.json("status", code=2)["error"]["problems"]) == 2


def test_outside_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command elsewhere says how to make a journal."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["build"])
    assert result.exit_code == 2
    assert "publisher init DIR" in result.stderr


def test_config_names_a_journal_from_elsewhere(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config works from any folder, and paths stay the journal's."""
    journal.root = tmp_path
    journal.run("--config", "j/config/publisher.toml", "build")
    assert (tmp_path / "j/public/index.html").is_file()
    assert not (tmp_path / "public").exists()


def test_an_operators_error_is_a_sentence(journal: Journal) -> None:
    """A store that is no store ends with 1, without a traceback."""
    store = journal.root / "var/store.sqlite3"
    store.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(store).execute("select * from sqlite_master")
    assert str(store) in journal.run("status", code=1).stderr


@pytest.mark.parametrize("error", [Defect("it broke"), ZeroDivisionError("division")])
def test_only_a_fault_of_ours_shows_a_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody foresaw keeps its traceback, for the report."""
    assert frame._report(error, as_json=True) == 1
    shown = capsys.readouterr()
    assert "Traceback" in shown.err or type(error).__name__ in shown.err
    assert json.loads(shown.out)["error"]["kind"] == "Defect"


def test_an_error_in_json_keeps_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the kind, the sentence and the code."""
    assert frame._report(StoreError("the disk is full"), as_json=True) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": {"kind": "StoreError", "message": "the disk is full", "exit_code": 1}
    }


def test_ctrl_c_is_130() -> None:
    """An interrupt is reported as shells do."""
    app = typer.Typer(cls=frame.Commands, invoke_without_command=True)

    @app.callback()
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert CliRunner().invoke(app, []).exit_code == 130


def test_progress_without_a_terminal_is_a_few_plain_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A log does not fill with bars."""
    step = session._tenths("Sending", 1000)
    for done in range(1001):
        step(done)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "Sending: 1000 of 1000"


def test_quiet_says_nothing_but_answers(journal: Journal) -> None:
    """A build under --quiet is silent; a question still gets its answer."""
    assert journal.run("--quiet", "build").stdout == ""
    assert "weekly" in journal.run("--quiet", "status").stdout


def test_the_list_of_commands_says_where_each_is_and_what_it_does() -> None:
    """Help is shown from it, and a call reads the files that it names: no more, no fewer."""
    group: Any = typer.main.get_command(cli)
    assert list(group.commands) == list(CONTENTS)
    for name, listed in CONTENTS.items():
        command = group.commands[name]
        inner = commands(command).values() if hasattr(command, "commands") else [command]
        files = {each.callback.__module__ for each in inner}
        assert files == {f"publisher.cli.{file}" for file in listed.files}, name
        assert listed.help == command.help.split("\n\n")[0].replace("\n", " "), name


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A call in a process of its own, which tells at its end what it has read."""
    told = "import atexit, sys; from publisher.cli import main\natexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    return subprocess.run(
        [sys.executable, "-c", told, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "said", "unread"),
    [
        (["--help"], "templates", "publisher.settings"),
        (["--config", "build", "issue", "--help"], "publisher issue plan", "publisher.cli.storing"),
        (["--version"], __version__, "publisher.settings"),
    ],
)
def test_a_call_reads_what_it_needs(arguments: list[str], said: str, unread: str) -> None:
    """Help and version need no command, and no call needs every file, or pydantic."""
    made = program(*arguments)
    assert said in made.stdout
    read = made.stderr.splitlines()[-1].split()
    assert unread not in read
    assert "pydantic" not in read


def test_a_group_alone_says_in_json_what_is_missing() -> None:
    """Its help is for people; a program gets the one document, with the commands to choose from."""
    for name, some in (("templates", "list, eject"), ("issue", "plan, list, show"), ("store", "")):
        made = CliRunner().invoke(cli, ["--json", name])
        error = json.loads(made.stdout)["error"]
        assert (made.exit_code, error["kind"], error["exit_code"]) == (2, "usage", 2)
        assert error["message"].startswith(f"name a command of `{name}`: {some}")
    shown = CliRunner().invoke(cli, ["templates"])
    assert shown.exit_code == 2
    assert "Usage:" in shown.output


def test_a_check_judges_transports_without_what_sends(journal: Journal) -> None:
    """Nothing of SMTP is read for it, nor what looks for other people's kinds."""
    path = journal.root / "config/publisher.toml"
    text = path.read_text("utf-8")
    path.write_text(f'{text}\n[transports.relay]\nkind = "smtp"\nhots = "x"\n', "utf-8")
    made = program("--config", str(path), "check")
    assert made.returncode == 2
    place = f"config/publisher.toml:{text.count(chr(10)) + 4}: transports.relay.hots: unknown"
    assert place in made.stderr
    assert "transports.relay.host: this is required" in made.stderr
    read = set(made.stderr.splitlines()[-1].split())
    assert "publisher.transports" in read
    assert not read & {"smtplib", "ssl", "importlib.metadata", "publisher.ports"}


def test_a_build_without_changes_reads_nothing_that_makes_pages(journal: Journal) -> None:
    """Neither parsers nor templates nor the store: that is half of the time of a small build."""
    where = ("--config", str(journal.root / "config/publisher.toml"))
    program(*where, "build")
    read = set(program(*where, "build").stderr.splitlines()[-1].split())
    heavy = {"pydantic", "sqlalchemy", "jinja2", "yaml", "email_validator", "nh3", "pyromark"}
    assert "publisher.build" in read
    assert not read & heavy


def test_a_build_opens_the_store_only_where_an_issue_has_changed(planned: Journal) -> None:
    """A sent issue's page stands, and the next build need not ask for it again."""
    where = ("--config", str(planned.root / "config/publisher.toml"), "--now", SLOT, "build")
    page = planned.root / "public/issues/weekly/1/index.html"

    def opened() -> bool:
        return "sqlalchemy" in program(*where).stderr.split()

    assert opened()
    first = page.read_text()
    assert not opened()
    assert page.read_text() == first
    planned.run("issue", "edit", "weekly/1", "--subject", "Other words")
    assert not opened()
    assert not page.exists()
    planned.run("issue", "approve", "weekly/1", "--yes")
    assert opened()
    assert "Other words" in page.read_text()
    assert not opened()
