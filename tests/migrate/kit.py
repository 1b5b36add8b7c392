"""What the tests of the rewriting share."""

from __future__ import annotations

from textwrap import dedent

from nas_tuners.migrate import migrate

V1 = "nni.nas.pytorch"


def check(before: str, after: str, left: int = 0) -> None:
    """The one becomes the other, which stays as it is."""
    migrated = migrate(dedent(before))
    assert migrated.text == dedent(after)
    assert len(migrated.left) == left
    assert migrate(migrated.text) == migrated
