import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain import naming

words = st.text(st.sampled_from("abcÄß-, {}."), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "short", "shown"),
    [
        ("Liu, Enli", "Liu E", "Enli Liu"),
        ("van der Berg, Jan Peter", "van der Berg JP", "Jan Peter van der Berg"),
        ("Müller, J.-P.", "Müller JP", "J.-P. Müller"),
        ("Wright, JT Jr", "Wright JT Jr", "JT Jr Wright"),
        ("King, Martin Luther Jr.", "King ML Jr", "Martin Luther Jr. King"),
        ("Curie, MS", "Curie MS", "MS Curie"),
        ("Enli Liu", "Enli Liu", "Enli Liu"),
        ("World Health Organization", "World Health Organization", "World Health Organization"),
        ("{Ministry of Health, Rome}", "Ministry of Health, Rome", "Ministry of Health, Rome"),
        ("Liu,", "Liu", "Liu"),
    ],
)
def test_a_name_is_read_as_it_is_written(text: str, short: str, shown: str) -> None:
    """`Family, Given` has two parts; whatever else stands there stands as it is."""
    name = naming.parse(text)
    assert (name.short, name.shown) == (short, shown)


@given(family=words, given=words)
def test_a_name_that_was_written_is_read_again(family: str, given: str) -> None:
    """Nothing that a reference manager exports is lost, but for a comma in a family name."""
    alone = " ".join(family.split())
    if alone and not alone.startswith("{"):
        assert naming.parse(naming.written(family)).family in (alone, alone.strip(" ,"))
    both = naming.parse(naming.written(family.replace(",", "x"), given.replace(",", "x")))
    assert both.family == " ".join(family.replace(",", "x").split()) or not both.given
