#!/usr/bin/env bash
# Try a wheel as a stranger would: install it with its requirements into a fresh environment, and run its commands from
# an empty folder, without the checkout: one song, a library of two, and both again on a local cluster of that environment.
#   make try-wheel                                # builds the wheel of the last commit first
#   cluster/try_wheel.sh WHEEL [SONGS]            # SONGS: a folder of at least two songs; without it, two tones
# PYTHON (python3) makes the environment. TRIED, when set, is a folder that keeps it: a second try installs only the wheel.
set -euo pipefail

fail() {
    echo "cluster/try_wheel.sh: $*" >&2
    exit 2
}

(($# == 1 || $# == 2)) && [[ -f $1 ]] || fail "use: WHEEL [SONGS]"
root=$(cd "$(dirname "$0")/.." && pwd)
wheel=$(realpath "$1")
songs=${2:+$(realpath "$2")}
tried=${TRIED:-}
if [[ ! $tried ]]; then
    tried=$(mktemp -d /tmp/dancegen-wheel-XXXX)
    trap 'rm -rf "$tried"' EXIT
fi
mkdir -p "$tried"
tried=$(realpath "$tried")
unset PYTHONPATH VIRTUAL_ENV RAY_ADDRESS

step() { printf '== %s\n' "$*"; }

step "install $(basename "$wheel"), $(du --apparent-size --block-size=1k "$wheel" | cut -f1) kB"
[[ -x $tried/env/bin/python ]] || "${PYTHON:-python3}" -m venv "$tried/env"
export PATH=$tried/env/bin:$PATH
pip install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$wheel"
pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$wheel"
python -c 'import cv2' 2>/dev/null || pip install --quiet --disable-pip-version-check -c "$root/constraints.txt" \
    --force-reinstall --no-deps opencv-python-headless # no libGL on this machine
pip check --disable-pip-version-check

rm -rf "$tried/empty"
mkdir "$tried/empty"
cp "$root/cluster/local.sh" "$tried/local.sh" # beside no .venv it takes the active environment
cd "$tried/empty"
if [[ ! $songs ]]; then
    songs=$tried/songs
    mkdir -p "$songs"
    python - "$songs" <<'END'
import math, struct, sys, wave
for pitch_hz in (220, 330):
    with wave.open(f"{sys.argv[1]}/{pitch_hz} Hz.wav", "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        samples = (int(9000 * math.sin(2 * math.pi * pitch_hz * i / 16_000)) for i in range(64_000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
END
fi
python - <<'END'
import dancegen, sys
assert dancegen.__file__.startswith(sys.prefix), dancegen.__file__
END
picture=(fps=25 width_px=320 height_px=180 max_error_fraction=0)
mapfile -t two < <(find "$songs" -type f ! -name '*.txt' | sort | head -n 2)
((${#two[@]} == 2)) || fail "$songs: needs two songs."
printf '%s\n' "${two[@]}" >two.txt

videos() { # FOLDER: fail unless it has two videos and their rows
    (($(find "$1" -name '*.mp4' -size +0 | wc -l) == 2)) || fail "$1: does not have two videos."
    python - "$1_renders" <<'END'
import sys
from dancegen import schema, tables
rows = tables.read(sys.argv[1], schema.RENDERS, ["uri", "error", "seconds"]).to_pylist()
for row in rows:
    print(row["uri"], row["error"] or f"{row['seconds']:.1f} s")
assert len(rows) == 2 and not any(row["error"] for row in rows)
END
}

step "help, and a look at the machine"
dancegen --help >help.txt
dancegen doctor

step "one song"
dancegen dance "${two[0]}" -o x.mp4 --size 320x180
[[ -s x.mp4 ]] || fail "x.mp4 was not written."

step "a library"
dancegen render songs=two.txt output=library actors=2 "${picture[@]}"
videos library

step "the library on a cluster"
name=wheel-$$
trap 'bash "$tried/local.sh" stop --name "$name" >/dev/null 2>&1 || true; [[ ${TRIED:-} ]] || rm -rf "$tried"' EXIT
variables=$(bash "$tried/local.sh" start --name "$name" --workers 1)
eval "$variables"
dancegen render songs=two.txt output="$PWD/submitted" actors=2 machine=g6.xlarge "${picture[@]}" \
    --submit "$RAY_API_SERVER_ADDRESS"
videos submitted

step "a step that cannot run has the exit code of the step"
code=0
dancegen render songs=/no/such output="$PWD/none" --submit "$RAY_API_SERVER_ADDRESS" >none.txt 2>&1 || code=$?
((code == 2)) || fail "exit code $code instead of 2: $(tail -n 5 none.txt)"
step "all as expected"
