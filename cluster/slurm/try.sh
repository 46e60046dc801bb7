#!/usr/bin/env bash
# Try ray.sbatch and array.sbatch with a Slurm of one node on this machine, in namespaces of its own: other processes,
# and other files in /tmp, are neither seen nor touched.
#   sudo apt-get install --no-install-recommends slurmctld slurmd slurm-client && sudo cluster/slurm/try.sh
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ ${1:-} != inside ]]; then
    [[ $(id -u) == 0 ]] || { echo "try.sh: needs root for the namespaces" >&2; exit 2; }
    command -v slurmctld slurmd >/dev/null || { echo "try.sh: slurmctld and slurmd are not installed" >&2; exit 2; }
    exec unshare --pid --mount --fork --mount-proc --kill-child bash "$root/cluster/slurm/try.sh" inside
fi

mount -t tmpfs tmpfs /tmp
mkdir -p /tmp/slurm/state /tmp/slurm/spool /tmp/songs /tmp/home
export SLURM_CONF=/tmp/slurm/slurm.conf HOME=/tmp/home PYTHONPATH=$root OMP_NUM_THREADS=1
host=$(hostname)
cat >"$SLURM_CONF" <<END
ClusterName=try
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=/tmp/slurm/state
SlurmdSpoolDir=/tmp/slurm/spool
SlurmctldPidFile=/tmp/slurm/slurmctld.pid
SlurmdPidFile=/tmp/slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=4
PartitionName=main Nodes=$host Default=YES State=UP
END
slurmctld -D >/tmp/slurm/slurmctld.log 2>&1 &
slurmd -D >/tmp/slurm/slurmd.log 2>&1 &
for ((second = 0; second < 60; second++)); do
    [[ $(sinfo --noheader --format=%t 2>/dev/null) == idle ]] && break
    sleep 1
done
sinfo

cd "$root"
"$root/.venv/bin/python" - <<'END'
import math, struct, wave
for pitch_hz in (220, 330, 440, 550, 660, 770):
    with wave.open(f"/tmp/songs/{pitch_hz} Hz.wav", "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        samples = (int(9000 * math.sin(2 * math.pi * pitch_hz * i / 16_000)) for i in range(32_000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
END
picture=(look=skeleton fps=25 width_px=160 height_px=96 max_error_fraction=0)

wait_for() { # JOB: show its log when it has ended
    local state=
    for ((second = 0; second < 500; second++)); do
        state=$(sacct_state "$1")
        [[ $state =~ COMPLETED|FAILED|CANCELLED|TIMEOUT ]] && break
        sleep 1
    done
    echo "== job $1: $state"
    tail -n 12 /tmp/slurm/"$1"*.out
    [[ $state == COMPLETED ]]
}
sacct_state() { scontrol show job "$1" | grep -o 'JobState=[A-Z]*' | cut -d= -f2 | sort -u | tr '\n' ' ' | sed 's/ $//'; }

echo "== one Ray over the allocation; it is told after the first video that its time is nearly over"
job=$(sbatch --parsable --nodes=1 --output=/tmp/slurm/%j.out cluster/slurm/ray.sbatch \
    render configs/render.yaml songs=/tmp/songs output=/tmp/dances actors=1 "${picture[@]}")
for ((second = 0; second < 1000; second++)); do
    compgen -G '/tmp/dances/*.mp4' >/dev/null && break
    sleep 0.5
done
scancel --batch --signal=USR1 "$job"
sleep 8
echo "videos at the requeue: $(find /tmp/dances -name '*.mp4' | wc -l); $(sacct_state "$job")"
scontrol update JobId="$job" StartTime=now
wait_for "$job"
grep -c "put back into the queue" "/tmp/slurm/$job.out"
[[ $(find /tmp/dances -name '*.mp4' | wc -l) == 6 ]]

echo "== a step that cannot run has the exit code of the step"
job=$(sbatch --parsable --nodes=1 --output=/tmp/slurm/%j.out cluster/slurm/ray.sbatch render songs=/no/such output=/tmp/x)
wait_for "$job" && exit 1
scontrol show job "$job" | grep -o 'ExitCode=[0-9:]*'

echo "== a job array of three shards, of which one is missing at first"
(cd /tmp/songs && ls -- *.wav >/tmp/songs/list.txt)
arguments=(cluster/slurm/array.sbatch 3 /tmp/songs/list.txt /tmp/shards configs/render.yaml actors=1 "${picture[@]}")
job=$(sbatch --parsable --array=0,2 --cpus-per-task=2 --output=/tmp/slurm/%A_%a.out "${arguments[@]}")
wait_for "$job"
missing=$(cluster/slurm/missing.sh /tmp/shards 3)
echo "missing: $missing"
[[ $missing == 1 ]]
job=$(sbatch --parsable --array="$missing" --cpus-per-task=2 --output=/tmp/slurm/%A_%a.out "${arguments[@]}")
wait_for "$job"
cluster/slurm/missing.sh /tmp/shards 3 && exit 1
[[ $(find /tmp/shards -name '*.mp4' | wc -l) == 6 ]]
echo "== all as expected"
