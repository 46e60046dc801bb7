"""Notice of a cloud that it takes this machine away, which Ray itself does not read: passed on to Ray.

AWS gives it two minutes before, Google Cloud 30 seconds before. Both are read from the metadata service of the machine;
environment variables of their own client libraries name another address (AWS_EC2_METADATA_SERVICE_ENDPOINT,
GCE_METADATA_HOST) or turn it off (AWS_EC2_METADATA_DISABLED). On Kubernetes, Ray gets SIGTERM and drains its node.

AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
Google: https://docs.cloud.google.com/compute/docs/instances/preemptible
"""

import datetime
import json
import os
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

from dancegen.engine.cluster.internals import drain_this_node

POLL_S = 5.0  # as AWS recommends
ANSWER_S = 2.0
TOKEN_S = 21_600  # lifetime of AWS's token: its maximum
AWS, GOOGLE = "http://169.254.169.254", "metadata.google.internal"
GOOGLE_NOTICE_S = 30.0

Notice = float
"""When the machine is taken away, in seconds since the epoch."""


def watch() -> None:
    """Start a thread that drains this node of Ray when its cloud gives notice. Outside these clouds it ends at once."""
    threading.Thread(target=_watch, name="spot notice", daemon=True).start()


def _watch() -> None:
    for read in (aws_notice, google_notice):
        try:
            notice = read()
        except OSError:  # not on this cloud
            continue
        while notice is None:
            time.sleep(POLL_S)
            with suppress(OSError):  # the service is throttled, or restarts
                notice = read()
        drain_this_node("the cloud takes the machine away", notice)
        return


def aws_notice() -> Notice | None:
    """When AWS takes this machine away; None without a notice. Raises OSError where its service does not answer."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise OSError("the metadata service is turned off")
    host = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", AWS).rstrip("/")
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_S)}
    token = _ask(f"{host}/latest/api/token", lifetime, method="PUT")
    try:
        answer = _ask(f"{host}/latest/meta-data/spot/instance-action", {"X-aws-ec2-metadata-token": token})
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return datetime.datetime.fromisoformat(json.loads(answer)["time"]).timestamp()


def google_notice() -> Notice | None:
    """When Google Cloud takes this machine away; None without a notice. Raises OSError as `aws_notice` does."""
    host = os.environ.get("GCE_METADATA_HOST", GOOGLE)
    answer = _ask(f"http://{host}/computeMetadata/v1/instance/preempted", {"Metadata-Flavor": "Google"})
    return time.time() + GOOGLE_NOTICE_S if answer.strip() == "TRUE" else None


def _ask(url: str, headers: dict[str, str], method: str = "GET") -> str:
    """Answer of the metadata service, which no proxy may be asked for."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers, method=method), timeout=ANSWER_S) as answer:
        return answer.read().decode()
