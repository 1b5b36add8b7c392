"""A Ray cluster on this computer, a process of its own.

Its head has no CPUs; its nodes have two each, and a GPU that Ray counts and that is not there.

Run as a program with the number of nodes. It prints the cluster's address, the process id of the
head's server and those of the nodes, adds a node for each line of its standard input, and ends the
cluster when that ends.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    head = cluster.head_node.all_processes["gcs_server"][0].process.pid
    nodes = [_add_node(cluster) for _ in range(int(sys.argv[1]))]
    print(cluster.address, head, *nodes, flush=True)
    for _ in sys.stdin:
        print(_add_node(cluster), flush=True)
    cluster.shutdown()


def _add_node(cluster: Cluster) -> int:
    node = cluster.add_node(num_cpus=2, num_gpus=1)
    return int(node.all_processes["raylet"][0].process.pid)


if __name__ == "__main__":
    main()
