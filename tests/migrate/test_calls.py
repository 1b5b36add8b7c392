"""What becomes of arguments, base classes and choices."""

from __future__ import annotations

import pytest

from nas_tuners.migrate import migrate
from tests.migrate.kit import V1, check


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("LayerChoice", "op_candidates=[a], key = 'k'", "candidates=[a], key = 'k'"),
        ("LayerChoice", "[a], 'sum', False, 'k'", "[a], 'sum', False, 'k'"),
        ("apply_fixed_architecture", "m, fixed_arc=f", "m, architecture=f"),
        ("EnasMutator", "m, 64, (2)", "m, lstm_size=64, lstm_num_layers=(2)"),
        (
            "DartsTrainer",
            "m, l, k, o, 3, t, v, None, 32",
            "m, l, k, o, 3, t, v, mutator=None, batch_size=32",
        ),
        (
            "SPOSSupernetTrainer",
            "m, l, k, o, 3, t, v",
            "m, l, k, o, 3, train_loader=t, valid_loader=v",
        ),
    ],
)
def test_arguments_of_version_1(name: str, before: str, after: str) -> None:
    migrated = migrate(f"from {V1}.x import {name}\n{name}({before})\n")
    assert migrated.text.splitlines()[1] == f"{name}({after})"
    assert migrated.left == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.LayerChoice([a], label='k')", "nn.LayerChoice([a], label='k')"),
        ("nn.InputChoice(3, None, 'mean')", "nn.InputChoice(3, None, 'mean')"),
        ("nn.Linear(nn.ValueChoice([1]), 2)", "nn.Linear(nn.ValueChoice([1]), 2)"),
        ("nn.ValueChoice.to_int(nn.ValueChoice([1]) / 2)", "int(nn.ValueChoice([1]) / 2)"),
        ("nn.Sequential(nn.Repeat(b, (1, 3)))", "nn.Sequential(nn.Repeat(b, (1, 3)))"),
        ("nn.MutableConv2d(1, 2, 3)", "nn.Conv2d(1, 2, 3)"),
    ],
)
def test_choices_of_retiarii(before: str, after: str) -> None:
    check(
        f"import nni.retiarii.nn.pytorch as nn\nx = {before}\n",
        f"from nas_tuners.retiarii import nn\nx = {after}\n",
    )


def test_a_model_space_of_version_3() -> None:
    check(
        """\
        import nni
        from nni.nas.nn.pytorch import LayerChoice, ModelSpace

        if True:
            @seeded
            class Net(ModelSpace):
                width = nni.choice("width", [1, 2])
        """,
        """\
        import nas_tuners.retiarii.nn
        from nas_tuners.retiarii.nn import LayerChoice

        if True:
            @nas_tuners.retiarii.model_wrapper
            @seeded
            class Net(nas_tuners.retiarii.nn.Module):
                width = nas_tuners.retiarii.nn.ValueChoice(label="width", candidates=[1, 2])
        """,
    )


def test_tracing_vanishes() -> None:
    check(
        """\
        import nni
        data = nni.trace(MNIST)(root="data")
        loader = nni.trace( DataLoader )(data)
        optimizer = nni.trace(SGD if big else Adam)(params)
        ninth = nni.trace(lambda a: a * a)(3)
        """,
        """\
        data = MNIST(root="data")
        loader = DataLoader(data)
        optimizer = (SGD if big else Adam)(params)
        ninth = (lambda a: a * a)(3)
        """,
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("EnasTrainer(m, test_arc_per_epoch=3)", "`test_arc_per_epoch`: take it out"),
        ("apply_fixed_architecture(m, f, True)", "`verbose` (argument 3): take it out"),
        ("LayerChoice(**options)", "cannot see what **... holds: `op_candidates` is `candidates`"),
        ("EnasMutator(*o)", "cannot see what *... holds: by name from argument 2 on"),
        ("EnasMutator(*o, 64)", "cannot see what *... holds: by name from argument 2 on"),
    ],
)
def test_arguments_that_a_person_has_to_look_at(call: str, message: str) -> None:
    name = call.partition("(")[0]
    migrated = migrate(f"from {V1}.x import {name}\n\n{call}\n")
    (left,) = migrated.left
    assert left.message.startswith(message)
    assert left.line == 4
    assert migrated.text.splitlines()[3].startswith(name)
    if "*" in call:
        assert migrated.text.splitlines()[3] == call


@pytest.mark.parametrize(
    "statement",
    [
        "Mine = LayerChoice",
        "class Mine(LayerChoice): pass",
        "mine = functools.partial(LayerChoice, op_candidates=[a])",
    ],
)
def test_another_name_for_something_whose_arguments_change(statement: str) -> None:
    check(
        f"from {V1}.mutables import LayerChoice\n\n{statement}\n",
        f"""\
        from trial_api import LayerChoice

        # nas-tuners: `LayerChoice`, where it is called: `op_candidates` is `candidates`
        {statement}
        """,
        left=1,
    )


def test_partial_by_its_own_name() -> None:
    check(
        f"from functools import partial\nfrom {V1}.mutables import LayerChoice\n\n"
        "mine = partial(LayerChoice, op_candidates=[a])\n",
        """\
        from functools import partial
        from trial_api import LayerChoice

        # nas-tuners: `LayerChoice`, where it is called: `op_candidates` is `candidates`
        mine = partial(LayerChoice, op_candidates=[a])
        """,
        left=1,
    )
