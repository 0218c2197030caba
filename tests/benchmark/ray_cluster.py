"""A Ray cluster of two machines, which are processes here."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def two_machines(**environment: str) -> Iterator:
    """Run it for the block: two cores and two GPUs each, `spare` is the one without the head.

    Args:
        environment: variables that its machines have.
    """
    import ray
    from ray.cluster_utils import Cluster

    environment = {'RAY_USAGE_STATS_ENABLED': '0', **environment}
    os.environ.update(environment)
    size = {'num_cpus': 2, 'num_gpus': 2, 'include_dashboard': False}
    looks = {'health_check_initial_delay_ms': 0, 'health_check_period_ms': 500, 'health_check_failure_threshold': 4}
    looks['worker_niceness'] = 0  # else other work on this machine leaves them nothing
    cluster = Cluster(initialize_head=True, head_node_args={**size, '_system_config': looks})
    try:
        cluster.spare = cluster.add_node(**size)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        for name in environment:
            del os.environ[name]
