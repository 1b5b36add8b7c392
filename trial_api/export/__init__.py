"""The chosen network outside of this project: as readable source code, and as ONNX."""

from ._onnx import export_onnx
from ._source import export_code
from ._stub import export_stub

__all__ = ["export_code", "export_onnx", "export_stub"]
