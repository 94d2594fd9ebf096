"""What became of a model after its page was drawn: put into the page when it is fetched."""

from collections.abc import Mapping

from reports.findings import Finding
from reports.pages import render

_RESULT = '<a href="#result">Result</a>'
_LINK = '<a href="#outcome">Outcome</a>'
_END = "</section>\n"


def with_outcome(page: str, rows: Mapping[str, str]) -> str:
    """Return the page of a training job with `rows`, words by name, after its result; another page as it is."""
    head, result, rest = page.partition(_RESULT)
    section, end, others = rest.partition(_END)
    if not (rows and result and end):
        return page
    told = render("outcome.html", findings=[Finding("note", f"{name}: {words}") for name, words in rows.items()])
    return f"{head}{result}{_LINK}{section}{end}\n{told}{others}"
