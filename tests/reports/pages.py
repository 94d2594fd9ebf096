"""Ways to read a page back."""

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """A page's elements, with the text below each."""

    VOID = frozenset({"meta", "link", "img", "br", "input", "use", "path", "rect", "image"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += f" {data.strip()}" if data.strip() else ""

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every `tag`."""
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        """Return every id of the page."""
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def assert_self_contained(html: str) -> None:
    """Nothing in `html` is fetched from anywhere, and no script runs but the page's own."""
    page = Page(html)
    assert not re.search(r"https?://|//[a-z]+\.", html), "the page names an address"
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), attributes
        assert not [name for name in attributes if name.startswith("on")], attributes
    assert not page.all("link")
    assert not page.all("iframe")
    assert len(page.all("script")) == 1
    assert "url(" not in re.sub(r"url\(#", "", html)
    assert "default-src 'none'" in page.all("meta")[3]["content"]
