from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import ExportError
from tests.trial_api.export.importable import Named, Net
from trial_api import apply_fixed_architecture
from trial_api.export import export_stub

ARCHITECTURE = {"layer": "small"}


def test_the_stub_builds_the_network():
    text = export_stub(Net, ARCHITECTURE, {"width": 3, "name": 'quotes " and \\ backslashes'})
    namespace = {}
    exec(compile(text, "stub.py", "exec"), namespace)
    stub = namespace["build"]()
    model = apply_fixed_architecture(Net(3), ARCHITECTURE)
    stub.load_state_dict(model.state_dict())
    assert stub.name == 'quotes " and \\ backslashes'
    assert torch.equal(stub(torch.ones(2, 4)), model(torch.ones(2, 4)))
    assert "from tests.trial_api.export.importable import Net" in text


def test_the_stub_imports_what_its_arguments_name():
    given = {"width": 3, "activation": nn.GELU, "dtype": torch.float64}
    namespace = {}
    exec(export_stub(Named, ARCHITECTURE, given), namespace)
    stub = namespace["build"]()
    assert stub.given == (nn.GELU, torch.float64)


def test_architectures_with_awkward_names():
    architecture = {'a "b"\n': "\\d+", "ü": [True, False]}
    namespace = {}
    exec(export_stub(Net, architecture), namespace)
    assert namespace["ARCHITECTURE"] == architecture


def test_classes_that_cannot_be_imported():
    class Local(Net):
        pass

    with pytest.raises(ExportError, match=r"Local.* is defined as .*<locals>.*move it to the top"):
        export_stub(Local, ARCHITECTURE)
    main = type("Net", (Net,), {"__module__": "__main__"})
    with pytest.raises(ExportError, match="is defined in __main__, from where no other file"):
        export_stub(main, ARCHITECTURE)


def test_arguments_that_cannot_be_written():
    message = re.escape("argument `width`: <object object")
    with pytest.raises(ExportError, match=message):
        export_stub(Net, ARCHITECTURE, {"width": object()})
