"""What is left to a person, and how it is said."""

from __future__ import annotations

from nas_tuners.migrate import migrate
from tests.migrate.kit import check


def test_a_name_that_may_be_something_else_is_left() -> None:
    check(
        """\
        try:
            import nni
        except ImportError:
            nni = None
        if nni:
            nni.report_final_result(1)
        """,
        """\
        try:
            # nas-tuners: `nni` may be something else, too: it was left as it is
            import nni
        except ImportError:
            nni = None
        if nni:
            nni.report_final_result(1)
        """,
        left=1,
    )


def test_a_name_that_a_function_imports_for_the_whole_module_is_left() -> None:
    script = """\
        def load():
            global nni
            {}import nni

        def report():
            nni.report_final_result(1)
        """
    mark = "# nas-tuners: `nni` may be something else, too: it was left as it is\n            "
    check(script.format(""), script.format(mark), left=1)


def test_a_class_may_name_an_attribute_as_what_it_is_made_of() -> None:
    migrated = migrate("import nni\nclass A:\n    nni = nni\n    x = nni.get_trial_id()\n")
    assert [left.message for left in migrated.left] == [
        "`nni` may be something else, too: it was left as it is"
    ]
    assert "trial_api" not in migrated.text


def test_a_comment_within_a_name_is_not_lost() -> None:
    migrated = migrate("import nni\nx = (nni.  # which?\n     get_trial_id())\n")
    assert "(nni.  # which?\n     get_trial_id())" in migrated.text
    assert len(migrated.left) == 1


def test_our_package_s_name_is_taken() -> None:
    check(
        "import nni\ntrial_api = 3\nnni.get_trial_id()\n",
        """\
        import nni
        trial_api = 3
        # nas-tuners: `get_trial_id`: its new name does not fit here: it was left as it is
        nni.get_trial_id()
        """,
        left=1,
    )


def test_what_is_left_is_marked_above_its_statement() -> None:
    check(
        """\
        import os
        import importlib
        import nni
        from nni.nas.pytorch.mutables import *
        from nni.nas.experiment import NasExperiment
        from nni.retiarii.nn.pytorch import LayerChoice, Placeholder
        import nni.nas.hub
        x = (1 +
             nni.tools(2))
        if x: nni.get_trial_id()
        elif nni.version: pass
        @nni.trace
        def f(a: "nni.nas") -> None:
            importlib.import_module("nni.nas")
            return os.environ["NNI_OUTPUT_DIR"]
        exp = NasExperiment(1)
        """,
        """\
        import os
        import importlib
        import nni
        import trial_api
        # nas-tuners: import what is used by its name, and migrate again
        from nni.nas.pytorch.mutables import *
        # nas-tuners: `NasExperiment`: make a nas_tuners.Experiment(model_space, evaluator, \
tuner, max_trials=..., concurrency=...)
        from nni.nas.experiment import NasExperiment
        # nas-tuners: `Placeholder`: use choices in the constructor of the model
        from nni.retiarii.nn.pytorch import Placeholder
        from nas_tuners.retiarii.nn import LayerChoice
        # nas-tuners: `nni` in quotes was left as it is
        import nni.nas.hub
        # nas-tuners: `nni.tools` is not known here: it was left as it is
        x = (1 +
             nni.tools(2))
        if x: trial_api.get_trial_id()
        # nas-tuners: `nni.version` is not known here: it was left as it is
        elif nni.version: pass
        # nas-tuners: `trace`: take it out: nothing needs it
        @nni.trace
        def f(a: "nni.nas") -> None:
            # nas-tuners: imports `nni.nas`, which was left as it is
            importlib.import_module("nni.nas")
            # nas-tuners: only NNI sets NNI_OUTPUT_DIR: call trial_api.get_output_dir()
            return os.environ["NNI_OUTPUT_DIR"]
        exp = NasExperiment(1)
        """,
        left=9,
    )


def test_a_comment_between_a_mark_and_its_statement() -> None:
    check(
        """\
        from nni.retiarii.nn.pytorch import (
            LayerChoice,  # one layer
            Placeholder,
        )
        """,
        """\
        # nas-tuners: `Placeholder`: use choices in the constructor of the model
        # one layer
        from nni.retiarii.nn.pytorch import Placeholder
        from nas_tuners.retiarii.nn import LayerChoice
        """,
        left=1,
    )


def test_annotations_in_texts() -> None:
    note = "annotations in texts are not read here: call trial_api, and use its choices"
    text = '"""@nni.next_parameter()"""\n'
    check(f"x = 1\n{text}", f"x = 1\n# nas-tuners: {note}\n{text}", left=1)


def test_what_is_left_is_told_again_until_its_mark_is_gone() -> None:
    first = migrate(
        "from nni.retiarii.strategy import DARTS\nimport nni.retiarii.strategy as s\ns.ENAS\n"
    )
    assert [left.line for left in first.left] == [2, 5]
    assert migrate(first.text).left == first.left
    without = "".join(line for line in first.text.splitlines(True) if "ENAS" not in line)
    assert [left.line for left in migrate(without).left] == [2]
