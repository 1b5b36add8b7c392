from __future__ import annotations

import ast

import pytest

from trial_api.export._wrapping import wrapped

LONG = "argument=" + "9" * 60


def test_short_lines_stay():
    assert wrapped("    f(1, 2)") == ["    f(1, 2)"]


def test_what_is_in_brackets_gets_lines_of_its_own():
    assert wrapped(f"    nn.Layer({LONG}, b=(1, 2), c=3),{' ' * 0}") == [
        f"    nn.Layer({LONG}, b=(1, 2), c=3),"
    ]
    assert wrapped(f"    self.layer = nn.SomeLayer({LONG}, b=(1, 2), c=3),") == [
        "    self.layer = nn.SomeLayer(",
        f"        {LONG}, b=(1, 2), c=3",
        "    ),",
    ]


def test_arguments_get_lines_of_their_own_if_that_is_not_enough():
    assert wrapped(f"super().__init__({LONG}, g(1, 2), {LONG})") == [
        "super().__init__(",
        f"    {LONG},",
        "    g(1, 2),",
        f"    {LONG},",
        ")",
    ]


def test_strings_are_never_taken_apart():
    line = f"f('{LONG}, (', {LONG})"
    assert wrapped(line) == ["f(", f"    '{LONG}, (',", f"    {LONG},", ")"]
    assert wrapped(f'"{LONG}(", "{LONG})"') == [f'"{LONG}(", "{LONG})"']


def test_numbers_in_lists_stand_side_by_side():
    numbers = ["10.25"] * 30
    lines = wrapped(f"    [{', '.join(numbers)}],")
    assert "".join(line.strip() for line in lines).count("10.25,") == 30
    assert (lines[0], lines[-1], len(lines)) == ("    [", "    ],", 5)


@pytest.mark.parametrize("text", ["x = a * ({0}({0}, {0}) + b)", "x = ({0}{0},)", "f(({0}{0},))"])
def test_no_tuples_are_made_or_lost(text):
    line = text.format(LONG.replace("=", "_"))
    assert ast.dump(ast.parse("\n".join(wrapped(line)))) == ast.dump(ast.parse(line))
