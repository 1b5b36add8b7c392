"""The JSON schema of a configuration file, for editors and for programs that write such files."""

from __future__ import annotations

import json
from pathlib import Path

from .config import ExperimentConfig
from .described import Schema, object_schema
from .fields import fields_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> Schema:
    """What ``nas-tuners run`` reads, from the table of its keys and the docstrings.

    It is a little narrower than the reader: a key without a value, which the reader takes for
    absent, is no value of its type. Whether files exist and names are known it cannot tell.
    """
    either = [{"required": ["command"]}, {"required": ["function"]}]
    title = {"$schema": _DIALECT, "title": "An experiment of nas-tuners"}
    return title | object_schema(ExperimentConfig, fields_of(Path())) | {"oneOf": either}


def config_schema_text() -> str:
    """The same as a file."""
    return json.dumps(config_schema(), indent=2) + "\n"
