import os
import re
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from publisher.cache import Shelf
from publisher.checks import images
from publisher.content import Folder
from publisher.domain.article import Source
from publisher.domain.finding import Severity
from publisher.errors import AuthorError, Defect, OperatorError
from publisher.formats import frontmatter
from publisher.ports import Content, Library

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


def file(number: int, body: str = "", more: str = "", mint: bool = True) -> str:
    head = f"id: tag:journal.example.org,2026:a/x{number}\n" if mint else ""
    return (
        f"---\n{head}title: Title {number}\nsummary: A summary.\ncategory: heart\n"
        f"published: 2026-11-{10 + number}\nkey_takeaway: A takeaway.\nsources:\n"
        "  - {key: s, title: A trial, kind: trial, year: 2020, pmid: '32023374'}\n"
        f"{more}---\n\nText [@s]. {body}\n"
    )


def folder(root: Path, mint_id: Callable[[], str] | None = None, **rest: Any) -> Folder:
    numbers = count(1)
    return Folder(
        root,
        root / "content",
        zone=ZoneInfo("UTC"),
        categories=["heart"],
        words_per_minute=220,
        mint_id=mint_id or (lambda: f"tag:journal.example.org,2026:a/m{next(numbers)}"),
        **rest,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "journal/content/images").mkdir(parents=True)
    return tmp_path / "journal"


def write(root: Path, name: str, content: str | bytes) -> Path:
    path = root / "content" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rules(library: Library) -> list[tuple[str, str]]:
    return [(finding.rule, finding.place.path) for finding in library.findings]


def test_articles_in_order_of_id(root: Path) -> None:
    """Every `*.md`, folders included, by id; hidden files and others are passed over."""
    for number, name in enumerate(["c.md", "b/b.md", "a.md"], 1):
        write(root, name, file(number))
    write(root, ".draft.md", "x")
    write(root, ".git/x.md", "x")
    write(root, "notes.txt", "x")
    content: Content = folder(root)
    library = content.load()
    assert library.findings == ()
    assert [article.path for article in library.articles] == [
        "content/c.md",
        "content/b/b.md",
        "content/a.md",
    ]


def test_two_files_with_one_slug(root: Path) -> None:
    """The second by path is a finding, and left out."""
    write(root, "a.md", file(1))
    write(root, "b/a.md", file(2))
    library = folder(root).load()
    assert rules(library) == [("duplicate-slug", "content/b/a.md")]
    assert [article.path for article in library.articles] == ["content/a.md"]


def test_wrong_files_are_left_out(root: Path) -> None:
    """One bad file does not take the others with it."""
    write(root, "a.md", file(1))
    write(root, "b.md", file(2).replace("heart", "hart"))
    write(root, "c.md", b"\xff")
    write(root, "d.md", b"x" * (frontmatter.MAX_BYTES + 1))
    library = folder(root).load()
    assert rules(library) == [
        ("unknown-category", "content/b.md"),
        ("invalid-utf8", "content/c.md"),
        ("file-too-large", "content/d.md"),
    ]
    assert len(library.articles) == 1


def test_a_second_load_parses_only_what_changed(root: Path) -> None:
    """Unchanged bytes give the very same article; changed, new and lost files are noticed."""
    for number in range(1, 4):
        write(root, f"{number}.md", file(number))
    content = folder(root)
    first = content.load()
    assert all(a is b for a, b in zip(first.articles, content.load().articles, strict=True))
    write(root, "2.md", file(2, "More."))
    write(root, "4.md", file(4))
    (root / "content/1.md").unlink()
    two, three, four = content.load().articles
    assert two.version != first.articles[1].version
    assert "More." in two.body
    assert three is first.articles[2]
    assert four.slug == "4"


def test_images(root: Path) -> None:
    """Images come by path; those that an article names must be there and be sound."""
    write(root, "images/a b.png", PNG)
    write(root, "images/unused.png", PNG)
    write(root, "top.png", PNG)
    write(root, "images/false.png", "<svg/>")
    write(root, "images/huge.png", PNG + b"x" * images.MAX_BYTES)
    write(root, "a.md", file(1, "![x](images/a%20b.png) ![y](top.png)"))
    write(root, "b.md", file(2, more="image: {path: images/none.png, alt: x}\n"))
    write(root, "c.md", file(3, "![x](/images/false.png)"))
    write(root, "d.md", file(4, "<img src='images/huge.png' alt='x'>"))
    write(
        root, "e.md", file(5, more="questions:\n  - {question: q, answer: '![x](images/no.png)'}\n")
    )
    write(root, "f.md", file(6, "![x](images/no.png)", "draft: true\n"))
    library = folder(root).load()
    assert rules(library) == [
        ("missing-image", "content/b.md"),
        ("image-kind", "content/c.md"),
        ("image-too-large", "content/d.md"),
        ("missing-image", "content/e.md"),
        ("missing-image", "content/f.md"),
    ]
    assert [article.slug for article in library.articles] == ["a"]
    assert dict(library.images) == {
        "images/a b.png": PNG,
        "images/unused.png": PNG,
        "top.png": PNG,
    }
    assert [finding.severity for finding in library.findings][-1] is Severity.WARNING


def test_nothing_outside_is_read(root: Path) -> None:
    """A link that leads out of content/ is refused; one within is followed."""
    secret = root.parent / "secret.md"
    secret.write_text(file(9))
    picture = root.parent / "secret.png"
    picture.write_bytes(PNG)
    (root / "content/out.md").symlink_to(secret)
    (root / "content/images/out.png").symlink_to(picture)
    (root / "content/away").symlink_to(root.parent)
    (root / "content/loop.md").symlink_to(root / "content/loop.md")
    write(root, "a.md", file(1, "![x](images/out.png)"))
    write(root, "b.md", file(2))
    (root / "content/c.md").symlink_to(root / "content/b.md")
    library = folder(root).load()
    assert rules(library) == [
        ("outside-content", "content/a.md"),
        ("duplicate-id", "content/c.md"),
        ("unreadable-file", "content/loop.md"),
        ("outside-content", "content/out.md"),
    ]
    assert library.images == {}
    assert [article.slug for article in library.articles] == ["b"]


def test_files_that_are_no_files(root: Path) -> None:
    """A pipe keeps nobody waiting, a strange name breaks no report, a folder is passed over."""
    os.mkfifo(root / "content/pipe.md")
    (root / "content/folder.md").mkdir()
    (root / "content/new\nline.md").write_text(file(1))
    Path(os.fsdecode(os.fsencode(root / "content") + b"/\xff.md")).write_text(file(2))
    library = folder(root).load()
    assert [finding.rule for finding in library.findings] == [
        "file-name",
        "file-name",
        "unreadable-file",
    ]
    assert all(str(finding).isprintable() for finding in library.findings)
    assert library.articles == ()


def test_no_folder(root: Path) -> None:
    """The operator is told which folder is missing."""
    (root / "content/images").rmdir()
    (root / "content").rmdir()
    with pytest.raises(OperatorError, match=r"cannot read .*content.* set `content` in"):
        folder(root).load()


def test_a_folder_elsewhere(tmp_path: Path, root: Path) -> None:
    """Content outside the journal's root is named by its own folder."""
    write(root, "a.md", file(1))
    elsewhere = Folder(
        tmp_path / "other",
        root / "content",
        zone=ZoneInfo("UTC"),
        categories=["heart"],
        words_per_minute=220,
        mint_id=str,
    )
    assert [article.path for article in elsewhere.load().articles] == ["content/a.md"]


def test_mint(root: Path) -> None:
    """Ids are written once, into the files that have none; mode and other bytes stay."""
    write(root, "a.md", file(1))
    path = write(root, "b.md", file(2, mint=False))
    path.chmod(0o640)
    content = folder(root)
    assert rules(content.load()) == [("missing-id", "content/b.md")]
    assert content.mint() == ("content/b.md",)
    assert content.mint() == ()
    assert path.read_text() == file(2, mint=False).replace(
        "---\n", "---\nid: tag:journal.example.org,2026:a/m1\n", 1
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert rules(content.load()) == []
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.md", "b.md", "images"]


def test_mint_never_gives_an_id_twice(root: Path) -> None:
    """An id that is taken is passed over, and endless repetition is our mistake."""
    write(root, "a.md", file(1))
    write(root, "b.md", file(2, mint=False))
    ids = iter([*["tag:journal.example.org,2026:a/x1"] * 2, "tag:journal.example.org,2026:a/y"])
    assert folder(root, lambda: next(ids)).mint() == ("content/b.md",)
    write(root, "c.md", file(3, mint=False))
    with pytest.raises(Defect, match="taken"):
        folder(root, lambda: "tag:journal.example.org,2026:a/x1").mint()


def test_mint_says_which_file_cannot_take_an_id(root: Path) -> None:
    """The others get theirs all the same."""
    write(root, "a.md", "---\n{title: x}\n---\nx\n")
    path = write(root, "b.md", file(2, mint=False))
    with pytest.raises(AuthorError, match=r"content/a\.md: an id cannot be added"):
        folder(root).mint()
    assert "id: tag:" in path.read_text()


def test_mint_leaves_the_old_file_when_it_cannot_write(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs nothing: the old file stays whole and no temporary one is left."""
    path = write(root, "a.md", file(1, mint=False))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder(root).mint()
    assert path.read_text() == file(1, mint=False)
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.md", "images"]


def test_every_sample_article_parses_without_findings() -> None:
    """The sample journal is an example in every respect."""
    samples = Folder(
        ROOT,
        ROOT / "content",
        zone=ZoneInfo("UTC"),
        categories=_categories(),
        words_per_minute=220,
        mint_id=str,
    ).load()
    assert [str(finding) for finding in samples.findings] == []
    assert len(samples.articles) >= 8


def _categories() -> set[str]:
    lines = (line for p in (ROOT / "content").glob("*.md") for line in p.read_text().splitlines())
    return {line.removeprefix("category: ") for line in lines if line.startswith("category: ")}


def test_mint_parts_articles_of_one_instant(root: Path) -> None:
    """The new one gets seconds below its id, once; the one that readers have keeps its instant."""
    old = write(root, "b.md", file(1))
    new = write(root, "a.md", file(2, mint=False).replace("2026-11-12", "2026-11-11"))
    content = folder(root)
    assert content.mint() == ("content/a.md",)
    assert content.load().findings == ()
    assert old.read_text() == file(1)
    lines = new.read_text().split("\n")
    assert lines[1].startswith("id: tag:")
    assert re.fullmatch(r"feed_seconds: [1-9]\d{0,2}", lines[2])
    first, second = content.load().articles
    assert first.updated_at != second.updated_at
    assert first.published_at == second.published_at
    assert content.mint() == ()


def test_stored_seconds_that_collide_are_for_people_to_part(root: Path) -> None:
    """Minting never changes seconds that are stored: the finding says what to do."""
    for number, name in enumerate(["a.md", "b.md"], 1):
        text = file(number).replace(f"2026-11-{10 + number}", "2026-11-11")
        write(root, name, text.replace("title:", "feed_seconds: 7\ntitle:", 1))
    content = folder(root)
    assert rules(content.load()) == [("shared-instant", "content/b.md")]
    assert content.mint() == ()


def test_seconds_that_cannot_be_added_are_said(root: Path) -> None:
    """An id inside braces leaves no line to add one below."""
    write(root, "a.md", file(1))
    head, _, body = file(2).replace("2026-11-12", "2026-11-11").partition("title:")
    write(root, "b.md", head.replace("id: ", '"id": ') + "title:" + body)
    with pytest.raises(AuthorError, match=r"content/b\.md: feed_seconds cannot be added"):
        folder(root).mint()


WORK = "- {key: %s, title: %s, year: 2020, kind: trial, pmid: '%d'}\n"


def drawing(number: int, sources: str) -> str:
    inline = "  - {key: s, title: A trial, kind: trial, year: 2020, pmid: '32023374'}\n"
    return file(number).replace(inline, sources)


def test_articles_draw_works_by_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One description for all; when it changes, only the articles that draw it are parsed again,
    with another version, by another process too.
    """
    write(root, "sources.yaml", WORK % ("s", "A trial", 1) + WORK % ("t", "Another", 2))
    write(root, "a.md", drawing(1, "  - s\n"))
    write(root, "b.md", drawing(2, "  - key: s\n    kind: cohort study\n"))
    write(root, "c.md", drawing(3, "  - {key: t}\n").replace("[@s]", "[@t]"))
    write(root, "d.md", file(4))
    cached = Shelf(root / "var", lambda: "e")
    content = folder(root, cache=cached)
    before = content.load()
    assert before.findings == ()
    titles = [article.sources[0].title for article in before.articles]
    assert titles == ["A trial", "A trial", "Another", "A trial"]
    assert [a.sources[0].kind for a in before.articles][:2] == ["trial", "cohort study"]
    assert list(before.works.entries) == ["s", "t"]

    write(root, "sources.yaml", WORK % ("s", "A better trial", 1) + WORK % ("t", "Another", 2))
    parsed: list[str] = []
    real = frontmatter.read

    def noted(raw: bytes, **rest: Any) -> Any:
        parsed.append(rest["path"])
        return real(raw, **rest)

    monkeypatch.setattr(frontmatter, "read", noted)
    for reader in (content, folder(root, cache=cached), folder(root)):
        after = reader.load()
        assert [article.sources[0].title for article in after.articles][:2] == [
            "A better trial"
        ] * 2
        changed = [
            old.version != new.version
            for old, new in zip(before.articles, after.articles, strict=True)
        ]
        assert changed == [True, True, False, False]
    assert parsed[:2] == ["content/a.md", "content/b.md"]
    assert len(parsed) == 2 + 4  # the first, the second by its cache, the third without any


def test_works_that_cannot_be_drawn(root: Path) -> None:
    """The article says so at its own line; the list's mistakes alone stop nothing."""
    write(root, "sources.yaml", WORK % ("s", "A trial", 1) + "- {key: t, title: T}\n")
    write(root, "more.bib", "@misc{u, title={U}, year=2020, doi={10.1000/1}}\n")
    write(root, "more.csl.json", '[{"id": "u"}]')
    write(
        root,
        "a.md",
        drawing(1, "  - s\n  - t\n  - u\n  - w\n  - [x]\n").replace("[@s]", "[@s; @t; @u; @w]"),
    )
    library = folder(root).load()
    blocking = [(f.rule, f.place.line) for f in library.findings if f.blocks]
    assert blocking == [
        ("unknown-work", 10),
        ("unknown-work", 11),
        ("unknown-work", 12),
        ("wrong-type", 13),
    ]
    said = {f.message for f in library.findings if f.place.line == 11}
    assert said == {"the work u cannot be cited as it stands at content/more.bib:1"}
    write(root, "a.md", drawing(1, "  - s\n"))
    assert not [f for f in folder(root).load().findings if f.blocks]


def test_a_list_of_works_that_cannot_be_read(root: Path) -> None:
    """It blocks: nobody can say what is in it."""
    write(root, "a.md", file(1))
    os.mkfifo(root / "content/sources.yaml")
    (found,) = folder(root).load().findings
    assert (found.rule, found.blocks) == ("unreadable-file", True)


def test_citations_in_a_style(root: Path) -> None:
    """They are written once, when the article is read, in its own language."""
    write(root, "a.md", file(1))
    write(root, "b.md", file(2, more="language: de\n"))
    asked: list[str] = []

    def cite(source: Source, language: str) -> str:
        asked.append(language)
        return f"<i>{source.title}</i>"

    library = folder(root, cite=cite, style="own", language="en-GB").load()
    assert [article.sources[0].citation for article in library.articles] == ["<i>A trial</i>"] * 2
    assert asked == ["en-GB", "de"]
