from __future__ import annotations

import logging
import sys

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError
from tests.search_spaces.zoo import ZOO, batch, builder, drawn
from tests.trial_api.networks import ARCHITECTURE, Net, images
from trial_api import apply_fixed_architecture
from trial_api.export import export_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")


def evaluated(path, *inputs: Tensor) -> list[Tensor]:
    """What the file computes, by the evaluator that onnx defines its operators with."""
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(str(path))
    given = dict(zip(session.input_names, [value.numpy() for value in inputs], strict=True))
    return [torch.from_numpy(output) for output in session.run(None, given)]


def test_the_file_computes_the_same_for_batches_of_any_size(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)  # where a script's own files go that runs alone
    model = apply_fixed_architecture(Net(), ARCHITECTURE)
    model.head.eval()
    modes = [module.training for module in model.modules()]
    logging.getLogger("torch.onnx").addHandler(caplog.handler)  # what is torch's goes no further
    path = export_onnx(model, images())
    logging.getLogger("torch.onnx").removeHandler(caplog.handler)
    assert "torchvision" not in caplog.text  # that it is missing is no news
    assert path.resolve() == tmp_path / "model.onnx"
    onnx.checker.check_model(path, full_check=True)
    for inputs in (images(), images()[:1].repeat(7, 1, 1, 1)):
        torch.testing.assert_close(evaluated(path, inputs)[0], model(inputs))
    assert [module.training for module in model.modules()] == modes
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.extended
@pytest.mark.parametrize("name", ZOO)
def test_zoo(name, tmp_path):
    model = apply_fixed_architecture(builder(name), drawn(name, 0)).eval()
    path = export_onnx(model, batch(name), tmp_path / "networks" / "net.onnx")
    torch.testing.assert_close(evaluated(path, batch(name))[0], model(batch(name)))


class Weighted(nn.Module):
    def forward(self, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        return x * weights["all"]


def test_inputs_that_end_with_a_dict(tmp_path):
    x, y = torch.rand(2, 3), torch.rand(2, 3)
    path = export_onnx(Weighted(), [x, {"all": y}], tmp_path / "net.onnx")
    torch.testing.assert_close(evaluated(path, x, y)[0], x * y)


class Depends(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_what_cannot_be_exported(tmp_path):
    target = tmp_path / "net.onnx"
    target.write_text("before")
    with pytest.raises(ExportError, match="Depends cannot be exported as ONNX: "):
        export_onnx(Depends(), torch.rand(2, 2), target)
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert target.read_text() == "before"


def test_folders_are_no_files(tmp_path):
    with pytest.raises(ExportError, match="is a folder: name a file in it"):
        export_onnx(nn.ReLU(), torch.rand(1), tmp_path)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    message = r"ONNX needs the package onnxscript: pip install 'nas-tuners\[onnx\]'"
    with pytest.raises(ExportError, match=message):
        export_onnx(nn.ReLU(), torch.rand(1))
