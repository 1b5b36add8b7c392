"""What becomes of imports and of what they bring; and that nothing else changes."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.migrate import migrate
from tests.migrate.kit import V1, check


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import nni\nnni.get_trial_id()\n", "import trial_api\ntrial_api.get_trial_id()\n"),
        ("import nni as n\nn.get_trial_id()\n", "import trial_api\ntrial_api.get_trial_id()\n"),
        (
            "from nni import get_trial_id as g\ng()\n",
            "from trial_api import get_trial_id as g\ng()\n",
        ),
        (
            f"from {V1}.mutables import LayerChoice, InputChoice as I\n",
            "from trial_api import LayerChoice, InputChoice as I\n",
        ),
        (
            f"from {V1}.darts import DartsMutator\n",
            "from trial_api.mutators import SoftmaxMutator as DartsMutator\n",
        ),
        (
            "from nni.retiarii.strategy import TPEStrategy as TPE\n",
            "from nas_tuners.retiarii.strategy import TPE as TPE\n",
        ),
        (
            "import nni.retiarii.strategy as s\ns.TPEStrategy()\n",
            "from nas_tuners.retiarii import strategy as s\ns.TPE()\n",
        ),
        (
            "from nni.retiarii import strategy as s, model_wrapper\n",
            "from nas_tuners.retiarii import strategy as s, model_wrapper\n",
        ),
        (
            "import nni.retiarii as r\nr.nn.pytorch.Linear(1, 2)\n",
            "from nas_tuners import retiarii as r\nr.nn.Linear(1, 2)\n",
        ),
        (
            "from nni.nas.nn.pytorch import MutableLinear\n",
            "from nas_tuners.retiarii.nn import Linear as MutableLinear\n",
        ),
    ],
)
def test_imports(before: str, after: str) -> None:
    check(before, after)


def test_a_statement_that_imports_from_several_places_is_split_and_keeps_its_comments() -> None:
    check(
        """\
        def f():
            from nni.algorithms.nas.pytorch.enas import (
                EnasTrainer,  # trains
                EnasMutator,
            )  # both
            return EnasTrainer(EnasMutator)
        """,
        """\
        def f():
            # trains
            from trial_api.oneshot import EnasTrainer
            from trial_api.mutators import ControllerMutator as EnasMutator  # both
            return EnasTrainer(EnasMutator)
        """,
    )


def test_the_layout_of_a_statement_stays_where_its_names_stay_together() -> None:
    check(
        f"""\
        from {V1}.mutables import (  # all
            LayerChoice,  # one layer
              InputChoice
        )
        """,
        """\
        from trial_api import (  # all
            LayerChoice,  # one layer
              InputChoice
        )
        """,
    )


def test_what_is_not_nnis_stays_in_its_statement() -> None:
    check(
        "import os, nni, sys; x = 1\nnni.report_final_result(x)\n",
        "import os, sys; import trial_api; x = 1\ntrial_api.report_final_result(x)\n",
    )


def test_nothing_is_imported_twice() -> None:
    check(
        f"""\
        import nni
        from {V1} import mutables
        from {V1} import classic_nas
        from nni.algorithms.nas.pytorch import enas  # ENAS
        mutables.LayerChoice([nni.get_trial_id()], key="a")
        classic_nas.get_and_apply_next_architecture(m)
        enas.AverageMeter()
        """,
        """\
        import trial_api
        import trial_api.oneshot  # ENAS
        trial_api.LayerChoice([trial_api.get_trial_id()], key="a")
        trial_api.get_and_apply_next_architecture(m)
        trial_api.oneshot.AverageMeter()
        """,
    )


def test_an_import_further_below_is_none_yet() -> None:
    check(
        "import nni\nnni.get_trial_id()\nimport trial_api\n",
        "import trial_api\ntrial_api.get_trial_id()\nimport trial_api\n",
    )


@pytest.mark.parametrize(
    "script",
    [
        # of others
        "from .nni import LayerChoice\nLayerChoice(op_candidates=[])\n",
        "import nnix, my.nni\nnnix.report_final_result(1)\n",
        "class LayerChoice: ...\nLayerChoice(op_candidates=[])\n",
        "import trial_api\ntrial_api.report_final_result(1)\n",
        # texts and comments
        "'''import nni'''\n# nni.report_final_result\nx = f'{y} nni.trace'\n",
    ],
)
def test_what_is_not_nnis_stays(script: str) -> None:
    migrated = migrate(script)
    assert migrated.text == script
    assert migrated.left == ()


def test_a_local_name_hides_an_imported_one() -> None:
    check(
        f"""\
        import nni
        from {V1}.mutables import LayerChoice

        def f(nni, LayerChoice):
            nni.report_final_result(LayerChoice(op_candidates=[]))

        def g():
            nni = mine
            [nni.get_trial_id() for LayerChoice in (LayerChoice(op_candidates=[]),)]
            lambda LayerChoice: LayerChoice(op_candidates=[])

        def h():
            nni.report_final_result(LayerChoice(op_candidates=[]))
        """,
        """\
        import trial_api
        from trial_api import LayerChoice

        def f(nni, LayerChoice):
            nni.report_final_result(LayerChoice(op_candidates=[]))

        def g():
            nni = mine
            [nni.get_trial_id() for LayerChoice in (LayerChoice(candidates=[]),)]
            lambda LayerChoice: LayerChoice(op_candidates=[])

        def h():
            trial_api.report_final_result(LayerChoice(candidates=[]))
        """,
    )


def test_the_same_name_from_two_places_of_nni() -> None:
    check(
        """\
        try:
            from nni.algorithms.nas.pytorch.darts import DartsTrainer
        except ImportError:
            from nni.nas.pytorch.darts import DartsTrainer
        DartsTrainer(a, b, c, d, e, f, g, None)
        """,
        """\
        try:
            from trial_api.oneshot import DartsTrainer
        except ImportError:
            from trial_api.oneshot import DartsTrainer
        DartsTrainer(a, b, c, d, e, f, g, mutator=None)
        """,
    )


def test_every_place_that_a_name_can_stand_in() -> None:
    before = """\
        import nni
        print(f"ü {nni.get_trial_id()!r:>{nni.get_sequence_id()}}", f'\''{
            nni.get_trial_id()}'\'')
        call(nni=nni.get_trial_id, x=self.nni.get_trial_id)
        async def f(x: nni.get_trial_id = nni.get_trial_id()) -> nni.get_trial_id:
            global nni
            with nni.get_trial_id() as y: pass
            if (z := nni.get_trial_id()): return (nni).get_trial_id()
        """
    after = before.replace("nni.get", "trial_api.get").replace("(nni).get", "trial_api.get")
    after = after.replace("import nni", "import trial_api").replace("self.trial_api", "self.nni")
    check(before, after)


def test_ends_of_lines_that_are_none_here() -> None:
    with pytest.raises(ConfigError, match=r"old.py: line 2: a carriage return alone"):
        migrate("import nni\r\nnni.nope()\rnni.nope()\n", "old.py")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_layout_line_ends_and_letters_stay(newline: str) -> None:
    before = (
        "# -*- coding: utf-8 -*-\n\nimport nni\t# 报告\n\n\n"
        "def  f( x ) :\n\treturn(nni . get_trial_id ( ) ,'ü',\\\n\t\tx)   \n\n"
        "nni.nope\nclass  A :  x=nni.get_trial_id()"
    )
    after = (
        "# -*- coding: utf-8 -*-\n\nimport nni\nimport trial_api\t# 报告\n\n\n"
        "def  f( x ) :\n\treturn(trial_api.get_trial_id ( ) ,'ü',\\\n\t\tx)   \n\n"
        "# nas-tuners: `nni.nope` is not known here: it was left as it is\n"
        "nni.nope\nclass  A :  x=trial_api.get_trial_id()"
    )
    migrated = migrate(before.replace("\n", newline))
    assert migrated.text == after.replace("\n", newline)


def test_broken_python() -> None:
    with pytest.raises(ConfigError, match=r"old.py: line 2: not Python 3: "):
        migrate("import nni\nprint 'hello'\n", "old.py")


def test_python_that_is_nested_too_deeply() -> None:
    with pytest.raises(ConfigError, match=r"deep.py: nested too deeply"):
        migrate(f"x = {'-' * 1000}1\n", "deep.py")


def test_a_missing_libcst() -> None:
    code = dedent(
        """\
        import sys
        sys.modules["libcst"] = None
        from nas_tuners.cli import main
        sys.exit(main(["migrate", sys.argv[1]]))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "migrate: needs the package libcst: pip install 'nas-tuners[migrate]'" in done.stderr
