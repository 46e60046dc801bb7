"""The notice of a cloud that it takes a machine away, from a metadata service that answers as theirs do."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dancegen.engine.cluster import spot_notice


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2 of AWS, which refuses requests without a token, and the service of Google Cloud."""

    aws: str | None = None
    google = "FALSE"

    def do_PUT(self) -> None:
        there = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self._answer("token" if there else None)

    def do_GET(self) -> None:
        if self.path == "/latest/meta-data/spot/instance-action":
            known = self.headers["X-aws-ec2-metadata-token"] == "token"
            self._answer(self.aws if known else None, 404 if known else 401)
        elif self.path == "/computeMetadata/v1/instance/preempted":
            self._answer(self.google if self.headers["Metadata-Flavor"] == "Google" else None, 403)

    def _answer(self, text: str | None, otherwise: int = 400) -> None:
        self.send_response(200 if text else otherwise)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Metadata]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://{host}")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setenv("GCE_METADATA_HOST", host)
    yield Metadata
    Metadata.aws, Metadata.google = None, "FALSE"
    server.shutdown()
    server.server_close()


def test_aws_says_when_it_takes_the_machine(metadata: type[Metadata]):
    assert spot_notice.aws_notice() is None
    metadata.aws = '{"action": "terminate", "time": "2026-11-28T20:15:00Z"}'
    assert spot_notice.aws_notice() == datetime(2026, 11, 28, 20, 15, tzinfo=UTC).timestamp()


def test_google_says_that_it_takes_the_machine(metadata: type[Metadata]):
    assert spot_notice.google_notice() is None
    metadata.google = "TRUE"
    notice = spot_notice.google_notice()
    assert notice is not None
    assert notice - datetime.now(UTC).timestamp() == pytest.approx(30, abs=5)


def test_a_notice_drains_the_node_and_no_cloud_ends_the_watch(
    metadata: type[Metadata], monkeypatch: pytest.MonkeyPatch
):
    told = []
    monkeypatch.setattr(spot_notice, "drain_this_node", lambda reason, deadline_s: told.append(deadline_s))
    monkeypatch.setattr(spot_notice, "POLL_S", 0.01)
    watch = threading.Thread(target=spot_notice._watch)
    watch.start()
    metadata.aws = '{"action": "stop", "time": "2026-11-28T20:15:00Z"}'
    watch.join(30)
    assert told == [datetime(2026, 11, 28, 20, 15, tzinfo=UTC).timestamp()]
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")
    spot_notice._watch()
    assert len(told) == 1
