"""MJML against its own tags and attributes, because mrml lets errors pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.domain.template import TemplateSet
from publisher.errors import TemplateError
from publisher.formats import mjml_tags
from tests import mails


def changed(old: str, new: str, name: str = "email/digest.mjml") -> TemplateSet:
    shipped = mails.shipped()
    template = shipped.templates[name]
    assert old in template.text
    edited = replace(template, text=template.text.replace(old, new, 1))
    return replace(shipped, templates={**shipped.templates, name: edited})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<mjml><mj-bdy></mj-bdy></mjml>", "<mj-bdy> is not a component of MJML; did you mean 'mj-body'?"),
        ("<mjml>\n<mj-text colour='red'></mj-text></mjml>", "<mj-text> has no attribute 'colour'; did you mean 'color'?"),
        ("<mj-title color='red'/>", "<mj-title> has no attribute 'color'"),
        ("<mj-all paddding='0'/>", "<mj-all> has no attribute 'paddding'; did you mean 'padding'?"),
        ("<mj-include path='x'/>", "<mj-include> is not a component of MJML"),
        ("<mj-zzz/>", "<mj-zzz> is not a component of MJML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_nearest(source: str, said: str) -> None:
    """Tag or attribute, its line, and what was probably meant."""
    (found,) = mjml_tags.wrong(source)
    assert said in found.words
    assert found.line == source.count("\n") + 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<mj-section>\n<mj-text a='1'></mj-section>", [(2, "<mj-text> is not closed")]),
        ("<mj-section>\n", [(1, "<mj-section> is not closed")]),
        ("\n</mj-text>", [(2, "</mj-text> closes what was never opened")]),
    ],
)
def test_a_tag_that_is_not_closed_is_named(source: str, said: list[tuple[int, str]]) -> None:
    """mrml says "unexpected end of stream" and not where."""
    found = [(f.line, f.words) for f in mjml_tags.wrong(source) if "attribute" not in f.words]
    assert found == said


@pytest.mark.parametrize(
    "source",
    [
        "<mjml lang='en' dir='ltr'><mj-body width='600px' css-class='page'></mj-body></mjml>",
        "<mj-attributes><mj-class name='big' font-size='20px'/><mj-all color='red'/></mj-attributes>",
        "<mj-text mj-class='big' align='left'><p onclick='x' made-up='1'>HTML is not MJML</p></mj-text>",
        "<!-- <mj-bdy> -->",
    ],
)
def test_what_mjml_knows_passes(source: str) -> None:
    """Everything that may stand everywhere, and all that is not MJML."""
    assert mjml_tags.wrong(source) == ()


def test_a_mail_with_a_mistyped_attribute_is_refused() -> None:
    """mrml would drop it silently, and the mail would look wrong to everybody."""
    templates = changed("<mj-column border-top", "<mj-column bordertop")
    with pytest.raises(TemplateError, match=r"digest\.mjml:\d+: .*'bordertop'; did you mean"):
        mails.render(templates=templates)
    templates = changed("</mj-column>", "", "email/_foot.mjml")
    with pytest.raises(TemplateError, match=r"line \d+ of the rendered MJML: <mj-column> is not"):
        mails.render(templates=templates)
    templates = changed(
        '<mj-text font-size="14px">', '<mj-text font-size="14px" wdth="1">', "email/_foot.mjml"
    )
    with pytest.raises(TemplateError, match=r"_foot\.mjml:3: <mj-text> has no attribute 'wdth'"):
        mails.render(templates=templates)


def test_a_component_in_the_wrong_place_is_refused() -> None:
    """A known tag within a text is left in the mail as it stands, so it is an error too."""
    templates = changed("<mj-text>", "<mj-text><mj-divider></mj-divider>")
    with pytest.raises(TemplateError, match="stands where it cannot"):
        mails.render(templates=templates)
