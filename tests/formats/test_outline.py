from publisher.formats.outline import parse


def test_only_what_is_shown_counts_as_text() -> None:
    """Style sheets, titles and hidden blocks are not what a reader sees."""
    seen = parse(
        "<head><title>t</title><style>p{}</style></head><body><div style='display: none'>pre<b>h</b></div>"
        "<p hidden>also</p><p>One &amp; <b>two</b><br>three</p><!-- no --></body>"
    )
    assert seen.text.split() == ["One", "&", "two", "three"]
    assert seen.hidden.split() == ["prehalso"]


def test_links_headings_and_pictures_are_listed_in_order() -> None:
    """Words of nested elements belong to the link or heading around them."""
    seen = parse(
        '<h1>A <i>b</i></h1><a href="x">to <b>x</b></a> and <a name=y>n</a><img src="p"><img src="q" alt="">'
    )
    assert seen.headings == ((1, "A b"),)
    assert seen.links == (("x", "to x"),)
    assert seen.images == (("p", None), ("q", ""))


def test_colours_are_inherited() -> None:
    """Text is seen in its nearest colour on its nearest ground; only words count."""
    seen = parse(
        '<div style="background-color:#EEEEEE"><p style="color:#111111">a<b>c</b></p>'
        '<p style="color:#222222"> </p><a style="background:#000000;color:#ffffff">b</a></div>'
    )
    assert seen.shades == {("#111111", "#eeeeee"), ("#ffffff", "#000000")}


def test_broken_html_is_read_as_far_as_it_goes() -> None:
    """Unclosed and never opened elements lose no text."""
    assert parse("</p><p>a<i>b<p>c</div>d").text.split() == ["ab", "c", "d"]
