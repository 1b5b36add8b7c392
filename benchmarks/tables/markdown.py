"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "*Not measured yet.*"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, or a remark that there is nothing to show."""
    if not rows:
        return NOTHING
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
