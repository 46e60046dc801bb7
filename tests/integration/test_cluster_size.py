import json

import pytest

from dancegen.engine.cluster import capacity as cluster
from dancegen.errors import ClusterError

pytestmark = pytest.mark.ray


def asked_for():
    """What the autoscaler is asked for at the moment."""
    from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.experimental.internal_kv import _internal_kv_get

    return json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL) or "[]")


def test_what_a_job_asked_the_autoscaler_for_is_taken_back_after_it(ray_session, monkeypatch):
    sizes = iter([False, False, True])  # a cluster that grows
    monkeypatch.setattr(cluster, "_holds", lambda cpus, gpus: next(sizes))
    monkeypatch.setattr(cluster, "POLL_S", 0.01)
    with cluster.enough(cpus=2.5, gpus=1, wait_s=60, remedy="Add machines."):
        assert asked_for() == [{"CPU": 1}] * 3 + [{"GPU": 1}]
    assert asked_for() == []


def test_it_is_taken_back_when_the_cluster_stays_too_small(ray_session):
    waiting = cluster.enough(cpus=1000, gpus=0, wait_s=0.01, remedy="Add machines.")
    with (
        pytest.raises(ClusterError, match=r"after 0.01 s of waiting, but 1000 and 0 are needed. Add machines."),
        waiting,
    ):
        raise AssertionError("there is no such cluster")
    assert asked_for() == []


def test_a_cluster_that_is_large_enough_is_asked_for_nothing(ray_session):
    with cluster.enough(cpus=1, gpus=0, wait_s=60, remedy="Add machines."):
        assert asked_for() == []
