import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from publisher import site
from publisher.errors import SiteError
from publisher.site import Tree, is_inside

URL = "https://journal.example.org"
ONE = {"index.html": b"one", "articles/a/index.html": b"a"}
TWO = {"index.html": b"two"}


def tree(root: Path, *command: str, url: str = URL) -> Tree:
    return Tree(
        root / "public", url=url, command=command or None, check_timeout=timedelta(seconds=5)
    )


def on_disk(root: Path) -> dict[str, bytes]:
    public = root / "public"
    return {
        str(path.relative_to(public)): path.read_bytes()
        for path in public.rglob("*")
        if path.is_file()
    }


def generations(root: Path) -> list[str]:
    return sorted(p.name for p in (root / ".public").iterdir() if p.name != ".lock")


def test_a_tree_is_swapped_in_whole(tmp_path: Path) -> None:
    """What is written is what is there, and nothing of the tree before it."""
    assert tree(tmp_path).write(ONE)
    assert on_disk(tmp_path) == ONE
    assert tree(tmp_path).write(TWO)
    assert on_disk(tmp_path) == TWO
    assert (tmp_path / "public").readlink() == Path(".public") / generations_of(TWO)


def generations_of(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(len(name).to_bytes(8, "big") + name.encode())
        digest.update(hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def test_an_equal_tree_changes_nothing(tmp_path: Path) -> None:
    """The same content, in whatever order, is not written again."""
    assert tree(tmp_path).write(ONE)
    before = (tmp_path / "public/index.html").stat().st_mtime_ns
    assert not tree(tmp_path).write(dict(reversed(ONE.items())))
    assert (tmp_path / "public/index.html").stat().st_mtime_ns == before


def test_one_earlier_generation_is_kept(tmp_path: Path) -> None:
    """Requests under way still find their files; older generations are gone."""
    for number in range(4):
        tree(tmp_path).write({"index.html": str(number).encode()})
    assert generations(tmp_path) == sorted(
        generations_of({"index.html": text}) for text in (b"2", b"3")
    )


def test_going_back_uses_the_generation_that_is_there(tmp_path: Path) -> None:
    """Undoing a change is one swap."""
    for files in (ONE, TWO, ONE):
        assert tree(tmp_path).write(files)
    assert on_disk(tmp_path) == ONE


def test_a_lost_generation_is_built_again(tmp_path: Path) -> None:
    """A link that leads nowhere is mended by the next build."""
    tree(tmp_path).write(ONE)
    (tmp_path / ".public" / generations_of(ONE)).rename(tmp_path / "gone")
    assert tree(tmp_path).write(ONE)
    assert on_disk(tmp_path) == ONE


@pytest.mark.parametrize("leftover", [".new", ".old-abc", "0" * 64])
def test_what_a_killed_build_left_is_cleared(tmp_path: Path, leftover: str) -> None:
    """Half-written and half-deleted directories never join the site."""
    tree(tmp_path).write(ONE)
    (tmp_path / ".public" / leftover).mkdir()
    (tmp_path / ".public" / leftover / "half.html").write_bytes(b"half")
    (tmp_path / ".public/.link").symlink_to("nowhere")
    tree(tmp_path).write(TWO)
    assert on_disk(tmp_path) == TWO
    assert generations(tmp_path) == sorted(map(generations_of, (ONE, TWO)))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A real `public` is never replaced; the error says what to do."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public/mine.html").write_text("mine")
    with pytest.raises(SiteError, match="no build made it; move it away"):
        tree(tmp_path).write(ONE)
    assert on_disk(tmp_path) == {"mine.html": b"mine"}


def test_a_link_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A `public` that leads elsewhere is not ours to turn."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "public").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SiteError, match="which no build made; remove it"):
        tree(tmp_path).write(ONE)


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "a//b", "", ".", "a\\b", "a\0b", "./a", "a/"]
)
def test_no_page_leads_out_of_the_tree(tmp_path: Path, name: str) -> None:
    """A name that would escape is refused before anything is written, and never read."""
    with pytest.raises(SiteError, match="no name for a page"):
        tree(tmp_path).write({name: b"x"})
    assert list(tmp_path.iterdir()) == []
    assert tree(tmp_path).read(name) is None


@given(st.text(st.sampled_from("./\\a\0"), max_size=8))
def test_a_name_inside_stays_inside(name: str) -> None:
    """Whatever is accepted resolves below the tree."""
    if is_inside(name):
        assert Path(os.path.normpath(f"/tree/{name}")).parts[:2] == ("/", "tree")


def test_reading_what_is_live(tmp_path: Path) -> None:
    """A file's bytes, or None for what is no file."""
    site_ = tree(tmp_path)
    assert site_.read("index.html") is None
    site_.write(ONE)
    assert site_.read("articles/a/index.html") == b"a"
    assert site_.read("articles") is None
    assert site_.read("index.html/x") is None


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A broken disk is not taken for a missing page."""
    site_ = tree(tmp_path)
    site_.write(ONE)
    page = tmp_path / "public/index.html"
    page.unlink()
    page.symlink_to("index.html")
    with pytest.raises(SiteError, match=r"index\.html cannot be read"):
        site_.read("index.html")


def test_a_disk_that_refuses_is_named_with_a_mend(tmp_path: Path) -> None:
    """A name that is both page and folder cannot be written: said, and the old site stays."""
    site_ = tree(tmp_path)
    site_.write(ONE)
    with pytest.raises(SiteError, match="free space or mend the permissions"):
        site_.write({"a": b"x", "a/b": b"y"})
    assert on_disk(tmp_path) == ONE


def test_two_builders_do_not_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first; one that hangs is named."""
    monkeypatch.setattr(site, "LOCK_SECONDS", 0)
    (tmp_path / ".public").mkdir()
    with FileLock(tmp_path / ".public/.lock"), pytest.raises(SiteError, match="another build"):
        tree(tmp_path).write(ONE)
    assert tree(tmp_path).write(ONE)


def test_concurrent_builders_leave_a_whole_site(tmp_path: Path) -> None:
    """Eight builds at once: the site is one of the trees, whole."""
    trees = [{f"{n}/{m}.html": bytes([n, m]) for m in range(20)} for n in range(8)]
    threads = [threading.Thread(target=tree(tmp_path).write, args=(files,)) for files in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert on_disk(tmp_path) in trees
    assert len(generations(tmp_path)) == 2


CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from publisher.site import Tree
tree = Tree(Path(sys.argv[1]) / "public", url="https://journal.example.org", command=None,
            check_timeout=timedelta(1))
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    tree.write({f"{page}.html": str(number).encode() for page in range(40)})
    number += 1
    print(number, flush=True)
"""


@pytest.mark.crash
def test_a_build_killed_at_any_instant_leaves_a_whole_site(tmp_path: Path) -> None:
    """SIGKILL amid the writing, again and again: every page is of one and the same build."""
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    tree(tmp_path).write({f"{page}.html": b"0" for page in range(40)})
    for round_ in range(8):
        child = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), str(1000 * (round_ + 1))],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        for _ in range(2 + round_ % 3):
            child.stdout.readline()
        # The kill falls wherever the child happens to be, a little later each round.
        sum(range(40_000 * round_))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        found = on_disk(tmp_path)
        assert len(found) == 40
        assert len(set(found.values())) == 1
    assert tree(tmp_path).write(ONE)
    assert on_disk(tmp_path) == ONE
    assert len(generations(tmp_path)) == 2


# --- what is live ---------------------------------------------------------------------------


def test_served_from_here_a_page_is_live_when_its_file_is(tmp_path: Path) -> None:
    """Addresses stand for files below the journal's URL; each is named once, in order."""
    site_ = tree(tmp_path)
    site_.write({**ONE, "images/ä b.png": b"x"})
    live = [
        f"{URL}/",
        URL + "/articles/a/",
        f"{URL}/images/%C3%A4%20b.png?x#y",
        f"{URL}/index.html",
    ]
    dead = [
        f"{URL}/articles/b/",
        f"{URL}/articles/a",
        "https://elsewhere.example.org/",
        "ftp://journal.example.org/",
        f"{URL}/../secret",
        f"{URL}/%2e%2e/.public/.lock",
        URL,
    ]
    assert site_.not_live([*live, *dead, *dead]) == dead


def test_a_journal_below_a_path(tmp_path: Path) -> None:
    """The part of the address that is the journal's own is no folder of the tree."""
    site_ = tree(tmp_path, url=f"{URL}/journal")
    site_.write(ONE)
    assert site_.not_live([f"{URL}/journal/articles/a/", f"{URL}/articles/a/"]) == [
        f"{URL}/articles/a/"
    ]


class Host(BaseHTTPRequestHandler):
    """A static host with pages, redirects and faults."""

    def do_HEAD(self) -> None:
        port = int(self.headers["Host"].rpartition(":")[2])
        code, where = {
            "/ok/": (200, None),
            "/moved": (301, "/ok/"),
            "/away": (302, "https://elsewhere.example.org/"),
            "/port": (302, f"http://127.0.0.1:{port + 1}/ok/"),
            "/loop": (302, "/loop"),
            "/broken": (500, None),
            "/bad": (302, "http://[bad"),
            "/articles/gone/": (410, None),
            "/articles/lost/": (410, None),
        }.get(self.path, (404, None))
        self.send_response(code)
        if where:
            self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def host() -> Iterator[str]:
    """A running static host's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_on_a_static_host_a_page_is_live_when_it_answers(tmp_path: Path, host: str) -> None:
    """2xx after redirects within the host, or 410 where an article was withdrawn; errors, loops
    and other hosts are not.
    """
    site_ = tree(tmp_path, "true", url=host)
    dead = [f"{host}{path}" for path in ("/none", "/away", "/port", "/loop", "/broken", "/bad")]
    assert site_.not_live([f"{host}/ok/", f"{host}/moved", *dead]) == dead
    gone, lost = f"{host}/articles/gone/", f"{host}/articles/lost/"
    assert site_.not_live([gone]) == [gone]
    site_.write({"_site.json": b'{"redirects": {}, "gone": ["/articles/gone/"]}'})
    assert site_.not_live([gone, lost]) == [lost]


def test_a_host_that_is_down_has_nothing_live(tmp_path: Path) -> None:
    """No answer means: not yet, ask again later."""
    url = "http://127.0.0.1:9"
    assert tree(tmp_path, "true", url=url).not_live([f"{url}/"]) == [f"{url}/"]


# --- publishing -----------------------------------------------------------------------------


def test_without_a_command_there_is_nothing_to_publish(tmp_path: Path) -> None:
    """A journal that serves itself is published by being written."""
    tree(tmp_path).publish()
    assert list(tmp_path.iterdir()) == []


def test_the_command_runs_beside_the_site_without_a_shell(tmp_path: Path) -> None:
    """Its words are arguments; no character in them means anything else."""
    code = "import sys, pathlib; pathlib.Path('said').write_text(sys.argv[1])"
    tree(tmp_path, sys.executable, "-c", code, "$HOME; `x`").publish()
    assert (tmp_path / "said").read_text() == "$HOME; `x`"


def test_a_command_that_fails_shows_the_end_of_what_it_said(tmp_path: Path) -> None:
    """Status and last words, bounded, whatever bytes they were."""
    code = "import sys; sys.stdout.buffer.write(b'x' * 9000 + b' no \\xff space'); sys.exit(3)"
    with pytest.raises(SiteError) as caught:
        tree(tmp_path, sys.executable, "-c", code).publish()
    assert "ended with status 3" in str(caught.value)
    assert str(caught.value).endswith("no � space")
    assert len(str(caught.value)) < site.TAIL_BYTES + 300


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A typing mistake in the settings is said plainly."""
    with pytest.raises(SiteError, match=r"cannot be started: No such file"):
        tree(tmp_path, "/no/such/command").publish()


def test_a_command_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for ever."""
    monkeypatch.setattr(site, "PUBLISH_SECONDS", 0.05)
    with pytest.raises(SiteError, match="was stopped"):
        tree(tmp_path, sys.executable, "-c", "import signal; signal.pause()").publish()


def test_a_file_that_stays_the_same_keeps_its_date(tmp_path: Path) -> None:
    """Last-Modified is when these bytes appeared: a rebuild that leaves them alone keeps it."""
    first = {"same.html": b"same", "size.html": b"1", "folder": b"x", "gone.html": b"."}
    tree(tmp_path).write(first)
    for name in first:
        os.utime(tmp_path / "public" / name, (1_000_000_000, 1_000_000_000))
    tree(tmp_path).write(
        {"same.html": b"same", "size.html": b"2", "folder/a": b"x", "new.html": b"."}
    )
    dates = {n: int((tmp_path / "public" / n).stat().st_mtime) for n in on_disk(tmp_path)}
    assert dates.pop("same.html") == 1_000_000_000
    assert min(dates.values()) > 1_000_000_000
    same = (tmp_path / "public" / "same.html").stat()
    assert same.st_nlink == 2, "the generation before shares it"


def test_what_comes_back_is_new_again(tmp_path: Path) -> None:
    """A page that returns to what it was two builds ago changed now, not then."""
    site_tree = tree(tmp_path)
    site_tree.write(ONE)
    os.utime(tmp_path / "public" / "index.html", (1_000_000_000, 1_000_000_000))
    site_tree.write(TWO)
    site_tree.write(ONE)
    assert on_disk(tmp_path) == ONE
    assert (tmp_path / "public" / "index.html").stat().st_mtime > 1_000_000_000


def test_dates_are_kept_where_files_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without links the copy has the same bytes and the same date."""

    def refuse(old: Path, new: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    tree(tmp_path).write(ONE)
    os.utime(tmp_path / "public" / "index.html", (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr(os, "link", refuse)
    tree(tmp_path).write({**ONE, "new.html": b"new"})
    assert on_disk(tmp_path) == {**ONE, "new.html": b"new"}
    assert (tmp_path / "public" / "index.html").stat().st_mtime == 1_000_000_000
