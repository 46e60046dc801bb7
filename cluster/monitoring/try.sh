#!/usr/bin/env bash
# Try the metrics with a real Prometheus: a Ray of one node, a rendering and a small training, in namespaces of their own,
# and meanwhile each query of grafana.json. Fails when one has no answer.
#   sudo apt-get install --no-install-recommends prometheus && sudo cluster/monitoring/try.sh
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ ${1:-} != inside ]]; then
    [[ $(id -u) == 0 ]] || { echo "try.sh: needs root for the namespaces" >&2; exit 2; }
    command -v prometheus promtool >/dev/null || { echo "try.sh: prometheus is not installed" >&2; exit 2; }
    exec unshare --pid --mount --net --fork --mount-proc --kill-child bash "$root/cluster/monitoring/try.sh" inside
fi

mount -t tmpfs tmpfs /tmp
ip link set lo up
export HOME=/tmp PATH=$root/.venv/bin:$PATH PYTHONPATH=$root OMP_NUM_THREADS=1 RAY_AUTH_MODE=token
ray get-auth-token --generate >/dev/null
promtool check config "$root/cluster/monitoring/prometheus.yml"
cd "$root"
ray start --head --node-ip-address=127.0.0.1 --num-cpus=4 --object-store-memory=200000000 --metrics-export-port=9099 \
    --disable-usage-stats >/tmp/ray.log 2>&1 || { cat /tmp/ray.log; exit 1; }
prometheus --config.file="$root/cluster/monitoring/prometheus.yml" --storage.tsdb.path=/tmp/prometheus \
    --web.listen-address=127.0.0.1:9090 >/tmp/prometheus.log 2>&1 &
mkdir /tmp/songs
python - <<'END'
import math, struct, wave
for pitch_hz in range(200, 500, 5):
    with wave.open(f"/tmp/songs/{pitch_hz} Hz.wav", "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        samples = (int(9000 * math.sin(2 * math.pi * pitch_hz * i / 16_000)) for i in range(32_000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
open("/tmp/songs/broken.wav", "wb").write(b"not a song")
END
export RAY_ADDRESS=127.0.0.1:6379
tiny=tests/e2e/tiny
(
    python -m dancegen make-corpus $tiny/make_corpus.yaml output=/tmp/corpus
    python -m dancegen extract-poses $tiny/extract_poses.yaml videos=/tmp/corpus/videos.csv poses=/tmp/poses
    python -m dancegen cut-clips $tiny/cut_clips.yaml poses=/tmp/poses clips=/tmp/clips
    python -m dancegen train-dance $tiny/train_dance.yaml clips=/tmp/clips output=/tmp/dance epochs=1000 validate_every=1
) >/tmp/train.log 2>&1 &
python -m dancegen render configs/render.yaml songs=/tmp/songs output=/tmp/dances actors=2 \
    look=skeleton fps=25 width_px=160 height_px=96 max_error_fraction=1 >/tmp/render.log 2>&1 &
python - "$root/cluster/monitoring/grafana.json" <<'END'
import json, sys, time, urllib.parse, urllib.request

panels = json.load(open(sys.argv[1]))["panels"]
queries = [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]


def values(query):
    words = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"http://127.0.0.1:9090/api/v1/query?{words}") as answer:
        return [one["value"][1] for one in json.load(answer)["data"]["result"]]


until = time.monotonic() + 1500
found = {}  # the latest answer to each query: gauges exist only while their job runs
while len(found) < len(set(queries)) and time.monotonic() < until:
    found |= {one: numbers for one in queries if (numbers := values(one[1]))}
    time.sleep(5)
for one in queries:
    numbers = found.get(one, [])
    print(f"{one[0]:<65} {len(numbers):>3} series: {', '.join(numbers[:3]) or 'NOTHING'}")
sys.exit(0 if len(found) == len(set(queries)) else 1)
END
