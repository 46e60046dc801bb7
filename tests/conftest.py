"""What several tests share: a real S3 endpoint and a real local Ray."""

import hashlib
import os
import tempfile
from collections.abc import Iterator

import pytest

S3_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

RAY_ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S": "120",  # a hang ends as an error
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # a report waits for the next of these looks
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server in this process. It starts before Ray does, so that Ray's workers know its address too."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**S3_ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            environment.setenv(name, value)
        yield os.environ["AWS_ENDPOINT_URL"]
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, request: pytest.FixtureRequest) -> str:
    """The URI of an empty bucket of this test's own: s3://..."""
    import boto3

    bucket = "test-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture(scope="session")
def ray_environment(s3_endpoint: str) -> Iterator[dict[str, str]]:
    """The variables under which Ray runs in tests, here and in the processes that a test starts."""
    # Short, because a socket below it may have 107 characters at most.
    short = tempfile.TemporaryDirectory(prefix="dg-", dir="/tmp", ignore_cleanup_errors=True)
    with short as folder, pytest.MonkeyPatch.context() as environment:
        for name, value in {**RAY_ENVIRONMENT, "RAY_TMPDIR": folder}.items():
            environment.setenv(name, value)
        yield dict(os.environ)


@pytest.fixture(scope="session")
def ray_session(ray_environment: dict[str, str]) -> Iterator[str]:
    """One local Ray for all tests of the session; its address. More CPUs than the machine has: they only count."""
    import ray

    context = ray.init(
        address="local",
        num_cpus=8,
        object_store_memory=200_000_000,
        include_dashboard=True,  # Ray Train asks it whether its controller lives
        dashboard_port=0,
        log_to_driver=False,
        logging_level="error",
    )
    yield context.address_info["address"]
    ray.shutdown()
