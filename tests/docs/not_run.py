"""The blocks of the pages that cannot run in a test, and why: page and first line of the block."""

from __future__ import annotations

_INSTALLS = "it installs, from the internet, what the environment of the tests has"

NOT_RUN = {
    (
        "README.md",
        "make demo    # makes .venv, then searches among 24 image classifiers: a dozen trials",
    ): "it makes the environment in which this page is tested",
    ("README.md", "pip install .                       # the package"): _INSTALLS,
    ("docs/tutorials/hello_nas.md", "pip install scikit-learn"): _INSTALLS,
    ("docs/tutorials/trial_script.md", "pip install scikit-learn"): _INSTALLS,
    ("docs/many_machines.md", "sbatch slurm.sbatch"): "it needs Slurm; the script itself is run",
    (
        "docs/many_machines.md",
        "docker build -t registry.example.com/nas-search:1 . "
        "&& docker push registry.example.com/nas-search:1",
    ): "it needs Kubernetes; the command of its pods is run",
    (
        "docs/many_machines.md",
        "bash start_workers.sh gpu1 gpu2 gpu3",
    ): "it needs hosts; the script itself is run",
    (
        "docs/ray.md",
        "export RAY_AUTH_MODE=token",
    ): "`ray stop` ends every Ray process of the user; such clusters are in tests/integration",
}
