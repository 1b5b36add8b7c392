"""The blocks of the pages that cannot run in a test, and why: page and first line of the block."""

from __future__ import annotations

_INSTALLS = "it installs, from the internet, what the environment of the tests has"
_SERVES = "it serves until Ctrl-C; tests/e2e looks at such pages"

NOT_RUN = {
    (
        "README.md",
        "make demo    # makes .venv, then searches among 24 image classifiers: a dozen trials",
    ): "it makes the environment in which this page is tested",
    ("README.md", "pip install .                       # the package"): _INSTALLS,
    ("README.md", "pip install '.[view]'"): _INSTALLS,
    ("docs/viewer.md", "pip install 'nas-tuners[view]'"): _INSTALLS,
    ("docs/viewer.md", "nas-tuners view --logdir logs/digits --port 6060"): _SERVES,
    (
        "docs/viewer.md",
        "nas-tuners view --experiment                # the latest, or the folder of one",
    ): _SERVES,
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
