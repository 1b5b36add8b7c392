"""The manifest of the example: its parts fit together, and its command runs as a pod runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.integration.worker_kit import trials_of
from tests.test_many_machines import EXAMPLE, program

Manifest = dict[str, dict[str, Any]]


@pytest.fixture
def manifest() -> Manifest:
    """What is made, by its kind."""
    objects = yaml.safe_load_all((EXAMPLE / "kubernetes.yml").read_text())
    return {made["kind"]: made for made in objects}


def container(made: dict[str, Any]) -> dict[str, Any]:
    [found] = made["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(made: dict[str, Any], secret: dict[str, str]) -> dict[str, str]:
    """The variables that a container is given."""
    given = {}
    for variable in container(made)["env"]:
        source = variable.get("valueFrom", {}).get("secretKeyRef")
        assert source is None or source["name"] == "nas-storage"
        given[variable["name"]] = secret[source["key"]] if source else variable["value"]
    return given


def test_the_url_is_that_of_the_database(manifest: Manifest) -> None:
    secret = manifest["Secret"]["stringData"]
    url = urlsplit(secret["url"])
    server, service = manifest["Deployment"], manifest["Service"]
    given = environment(server, secret)
    assert (url.username, url.password) == (given["POSTGRES_USER"], given["POSTGRES_PASSWORD"])
    assert url.path == f"/{given['POSTGRES_DB']}"
    assert (url.hostname, url.port) == (
        service["metadata"]["name"],
        service["spec"]["ports"][0]["port"],
    )
    labels = server["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert server["spec"]["selector"]["matchLabels"] == labels
    assert container(server)["ports"][0]["containerPort"] == url.port


def test_the_job_is_indexed_and_its_workers_may_start_again(manifest: Manifest) -> None:
    job = manifest["Job"]["spec"]
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == 4
    assert job["template"]["spec"]["restartPolicy"] == "OnFailure"
    volumes = {volume["name"] for volume in job["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container(manifest["Job"])["volumeMounts"]} == volumes
    assert "password" not in str(container(manifest["Job"])), "it stands in the Secret alone"


def test_the_command_of_a_pod(manifest: Manifest, tmp_path: Path, fresh_database: str) -> None:
    """Run with the variables of the manifest, in the place of the image's folders ours."""
    pod = container(manifest["Job"])
    code, work = tmp_path / "code", tmp_path / "work"
    work.mkdir()
    copied = re.search(r"COPY (.*) /code/", (EXAMPLE / "Dockerfile").read_text())
    assert copied is not None
    code.mkdir()
    for name in copied[1].split():
        shutil.copy(EXAMPLE / name, code)
    config = (code / "config.yml").read_text()
    (code / "config.yml").write_text(config.replace("max_trials: 40", "max_trials: 2"))
    program(tmp_path, "nas-tuners", f'exec {sys.executable} -m nas_tuners.cli "$@"')
    variables = environment(manifest["Job"], {"url": fresh_database}) | {
        "JOB_COMPLETION_INDEX": "3",
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    mount = pod["volumeMounts"][0]["mountPath"]
    words = [_expanded(word, variables).replace(mount, str(work)) for word in pod["command"]]
    assert pod["workingDir"] == "/code"
    done = subprocess.run(
        words, cwd=code, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [trial.state.name for trial in trials_of(fresh_database, "spirals")] == ["COMPLETE"] * 2
    assert (work / "3" / "trials" / "0001" / "metrics.jsonl").exists()


def _expanded(word: str, variables: dict[str, str]) -> str:
    """As Kubernetes does it: $(NAME)."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], word)
