from pathlib import Path

import pytest

import publisher
from publisher import templates
from publisher.errors import TemplateError
from publisher.templates import Folders, shipped_dir


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A journal's template folder with one override, one new file and one asset."""
    (tmp_path / "site/assets").mkdir(parents=True)
    (tmp_path / "site/article.html").write_bytes(b"\xef\xbb\xbfmine \xc3\xa9")
    (tmp_path / "site/extra.html").write_text("extra")
    (tmp_path / "site/assets/extra.css").write_bytes(b"\xff\xfe")
    return tmp_path


def test_the_shipped_templates_are_found_and_whole() -> None:
    """Without a folder of its own a journal has every page, and the stylesheet."""
    found = Folders().load()
    for name in ("base", "article", "index", "category", "issues", "404", "feed-content"):
        template = found.templates[f"site/{name}.html"]
        assert not template.overridden
        assert Path(template.origin).is_relative_to(shipped_dir())
    assert b"--serif" in found.assets["site/assets/style.css"]
    assert not any(name.startswith("site/assets/") for name in found.templates)


def test_the_journals_files_win_one_by_one(own: Path) -> None:
    """An override replaces that file alone; new files are added; the rest stays shipped."""
    found, shipped = Folders(own).load(), Folders().load()
    assert found.templates["site/article.html"].text == "mine é"
    assert found.templates["site/article.html"].overridden
    assert found.origin("site/article.html") == str(own / "site/article.html")
    assert found.templates["site/extra.html"].text == "extra"
    assert found.templates["site/base.html"] == shipped.templates["site/base.html"]
    assert found.assets["site/assets/extra.css"] == b"\xff\xfe"
    assert found.assets["site/assets/style.css"] == shipped.assets["site/assets/style.css"]


def test_a_folder_that_is_not_there_overrides_nothing(tmp_path: Path) -> None:
    """A journal need not have a template folder."""
    assert Folders(tmp_path / "none").load() == Folders().load()


def test_hidden_files_backups_and_pictures_are_no_templates(own: Path) -> None:
    """What editors and systems leave behind is passed over."""
    before = Folders(own).load()
    (own / ".git").mkdir()
    (own / ".git/x.html").write_text("x")
    (own / "site/article.html~").write_text("x")
    (own / "site/photo.PNG").write_bytes(b"\x89PNG\xff")
    assert Folders(own).load() == before


def test_no_link_leads_out_of_the_folder(
    own: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to elsewhere is refused by name, so that no secret ends on a page."""
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.html"
    secret.write_text("secret")
    (own / "site/leak.html").symlink_to(secret)
    with pytest.raises(TemplateError, match=r"leak\.html leads out of"):
        Folders(own).load()


def test_a_link_within_the_folder_is_fine(own: Path) -> None:
    """One file may stand for two."""
    (own / "site/same.html").symlink_to(own / "site/extra.html")
    assert Folders(own).load().templates["site/same.html"].text == "extra"


def test_a_template_that_is_not_utf8_is_named_with_its_line(own: Path) -> None:
    """Whoever saved it learns where to look."""
    (own / "site/bad.html").write_bytes(b"fine\n\xff")
    with pytest.raises(TemplateError, match=r"bad\.html:2: this is not UTF-8"):
        Folders(own).load()


def test_a_huge_template_is_refused(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file has a bound."""
    monkeypatch.setattr(templates, "MAX_BYTES", 1024 * 1024)
    (own / "site/huge.html").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(TemplateError, match=r"huge\.html is larger than 1 MiB"):
        Folders(own).load()


def test_a_template_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A wrong setting is said plainly."""
    (tmp_path / "templates").write_text("x")
    with pytest.raises(TemplateError, match="is not a folder"):
        Folders(tmp_path / "templates").load()


def test_a_file_that_cannot_be_read_is_named(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is passed on."""
    whole = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "extra.html":
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TemplateError, match=r"extra\.html cannot be read: Permission denied"):
        Folders(own).load()


def test_an_installation_without_templates_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken wheel is told from a wrong setting."""
    monkeypatch.setattr(publisher, "__file__", str(tmp_path / "publisher/__init__.py"))
    with pytest.raises(TemplateError, match="reinstall publisher"):
        shipped_dir()


def test_the_wheels_templates_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package never looks into a folder beside it."""
    (tmp_path / "publisher/shipped").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(publisher, "__file__", str(tmp_path / "publisher/__init__.py"))
    assert shipped_dir() == tmp_path / "publisher/shipped"
