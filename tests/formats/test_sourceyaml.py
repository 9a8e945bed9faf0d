import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import AuthorError
from publisher.formats import bibliography, sourceyaml

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Cf"]), min_size=1, max_size=30
).filter(lambda text: text.strip() and "\ufdd0" not in text)
ENTRY = '- key: new\n  title: "N"\n'


@settings(deadline=None)
@given(title=TEXT, kind=TEXT, author=TEXT, volume=TEXT, journal=TEXT)
def test_what_is_written_is_read_again(
    title: str, kind: str, author: str, volume: str, journal: str
) -> None:
    """Whatever a registry says: colons, quotes, numbers that are texts, `yes` and `null`."""
    values = {
        "key": "k",
        "title": title,
        "kind": kind,
        "authors": [author],
        "journal": journal,
        "year": "2020",
        "volume": volume,
        "doi": "10.1000/a(b)<c>",
    }
    values["doi"] = "10.1000/a(b):c"
    (entry,), findings = bibliography.parse(
        sourceyaml.render(values).encode(), "content/sources.yaml"
    )
    assert findings == ()
    source = entry.source
    assert source is not None
    assert source.imprint is not None
    said = (source.title, source.kind, source.authors[0], source.journal, source.imprint.volume)
    assert said == tuple(" ".join(each.split()) for each in (title, kind, author, journal, volume))


@pytest.mark.parametrize(
    "word", ["yes", "null", "~", "1e3", "2020-01-01", "0x1F", "- a", "a: b", "#", "1:30"]
)
def test_words_that_yaml_reads_otherwise_are_quoted(word: str) -> None:
    """An author who pastes the entry gets what was found."""
    made = sourceyaml.render({"key": "k", "title": "t", "kind": word, "year": "2020", "pmid": "1"})
    (entry,), findings = bibliography.parse(made.encode(), "content/sources.yaml")
    assert findings == ()
    assert entry.source is not None
    assert entry.source.kind == word


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ENTRY),
        ("# Ours\n", f"# Ours\n{ENTRY}"),
        ("- key: a # why\n  title: 'x'", f"- key: a # why\n  title: 'x'\n{ENTRY}"),
        ("# c\n\n  - {key: a}\n\n", '# c\n\n  - {key: a}\n\n  - key: new\n    title: "N"\n'),
    ],
)
def test_an_entry_is_put_at_the_end(before: str, after: str) -> None:
    """Everything that was there stays as it was typed."""
    assert sourceyaml.append(before, ENTRY, "content/sources.yaml") == after


@pytest.mark.parametrize(
    "before", ["[{key: a}]\n", "a: 1\n", "word\n", "- [\n", "- key: a\n  note: |\n    x\n...\n"]
)
def test_a_file_that_cannot_be_continued_is_left_alone(before: str) -> None:
    """It says what to do instead."""
    with pytest.raises(AuthorError, match=r"content/sources\.yaml"):
        sourceyaml.append(before, ENTRY, "content/sources.yaml")
