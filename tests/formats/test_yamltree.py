import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats import yamlskim, yamltree
from publisher.formats.yamltree import Fault, Mapping, Node, Scalar, Sequence

PIECES = st.sampled_from(
    ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "'", '"', "|\n", "&x ", "*x", "? ", "#"]
)


def value(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [value(item) for item in node.items]
    return {key.value: value(item) for key, item in node.pairs}


def test_lines_and_repeated_keys() -> None:
    """Every value knows its line, and a repeated key is still there."""
    tree = yamltree.compose("a: 1\nb:\n  - x\n  - y: 2\na: 3\n", 10)
    assert isinstance(tree, Mapping)
    assert [(key.value, key.line, node.line) for key, node in tree.pairs] == [
        ("a", 10, 10),
        ("b", 11, 12),
        ("a", 14, 14),
    ]
    assert tree.find("a") == Scalar("1", "", 10)
    assert tree.find("c") is None


@pytest.mark.parametrize(
    ("written", "kind", "kept"),
    [
        ("text", "text", "text"),
        ("'7'", "text", "7"),
        ("0123", "number", "0123"),
        ("10.1000", "number", "10.1000"),
        ("2026-02-30", "date", "2026-02-30"),
        ("no", "yes/no value", "no"),
        ("~", "empty value", "~"),
        ("", "empty value", ""),
    ],
)
def test_scalars_keep_what_was_typed(written: str, kind: str, kept: str) -> None:
    """The kind is YAML's, the text is the author's."""
    tree = yamltree.compose(f"a: {written}")
    assert isinstance(tree, Mapping)
    node = tree.find("a")
    assert isinstance(node, Scalar)
    assert (node.kind, node.value) == (kind, kept)


@pytest.mark.parametrize(
    ("text", "rule", "line", "words"),
    [
        ("a: &x 1\nb: *x", "yaml-limit", 1, "anchors"),
        ("a: 1\nb: *x", "yaml-limit", 2, "aliases"),
        ("a: !!python/object:os.system x", "yaml-limit", 1, "tag"),
        ("a: " + "[" * 9 + "]" * 9, "yaml-limit", 1, "deeper"),
        ("a: " + "[" * 100_000, "yaml-limit", 1, "deeper"),
        ("- " * 50_000, "yaml-limit", 1, "deeper"),
        ("a:\n" + "- x\n" * 20_001, "yaml-limit", 20_000, "more than"),
        ("a: 1\n? [x]\n: 2", "front-matter", 2, "a key"),
        ("a: 1\n...\n%YAML 1.1\n--- b", "front-matter", 4, "second"),
        ("a: 1\n--- b", "front-matter", 2, "second"),
        ("a: b: c", "front-matter", 1, "mapping values"),
        ("a: 1\nb: [1", "front-matter", 2, "expected"),
        ('a: "\\ud800"', "front-matter", 1, "Unicode"),
        ("a: \x00", "front-matter", 1, "not valid"),
    ],
)
def test_faults(text: str, rule: str, line: int, words: str) -> None:
    """What cannot be a tree is named with its line, in little time whatever its size."""
    fault = yamltree.compose(text)
    assert isinstance(fault, Fault)
    assert fault.rule == rule
    assert abs(fault.line - line) <= 1
    assert words in fault.message


def test_nothing_is_an_empty_scalar() -> None:
    """No document at all is not an error of YAML."""
    assert yamltree.compose("# only this\n", 2) == Scalar("", "", 2)


@given(st.lists(PIECES, max_size=20).map("".join) | st.text())
def test_composes_as_pyyaml_does(text: str) -> None:
    """Any text gives a tree or a fault, and a tree says what PyYAML's own nodes say."""
    tree = yamltree.compose(text)
    if not isinstance(tree, Fault):
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        assert value(tree) == ("" if node is None else plain(node))


def plain(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain(item) for key, item in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return node.value


LINES = st.sampled_from(
    [
        *("title: Plain text", 'a: "quoted: #"', "b: 'single'", "c: [x, Dr Y, 3]", "d: []", "e:"),
        *(
            "  - key: one",
            "    title: two",
            "  - word",
            "  path: x",
            "",
            "  ",
            "f: 2001-01-03T22:00Z",
        ),
        *(
            "g: a: b",
            "h: a #b",
            "i: x:",
            "    - deep: 1",
            "- top",
            "j: |",
            "k: {a: b}",
            "# no",
            "l: ''",
        ),
        *("m: 10.1056/x.7", "  n: [a b, c-d]", "o: no", "  more", "p:q", "q: 'it''s'", 'r: "a\\n"'),
        *(
            "s: [a, ]",
            "t: [a b: c]",
            "u: (x) y",
            "---",
            "...",
            "v: \u00e9\u4e2d",
            "w: \u2028x",
            "x:  y  ",
        ),
    ]
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_what_is_skimmed_is_what_the_parser_reads(text: str) -> None:
    """Front matter that is read line by line gives the very tree, lines and styles included."""
    if (tree := yamlskim.skim(text, 3)) is not None:
        assert tree == yamltree.parse(text, 3)


def test_ordinary_front_matter_is_skimmed() -> None:
    """What an author writes day by day takes the short way; what is odd does not."""
    plain = "id: tag:x.example,2026:a/b\ntags: [a, b c]\nsources:\n  - key: k\n    year: 2020\n"
    assert yamlskim.skim(plain) == yamltree.parse(plain)
    for odd in ("a: |\n  x\n", "a:\n", "a: &x 1\n", "a: b\n  c\n", "", "a", 'a: "x\n y"\n'):
        assert yamlskim.skim(odd) is None
