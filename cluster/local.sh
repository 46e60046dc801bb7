#!/usr/bin/env bash
# A Ray cluster on one machine: a head that runs no tasks, and workers. Other Ray processes are not touched.
set -euo pipefail

usage() {
    cat <<'END'
usage: cluster/local.sh start|status|kill|preempt|stop [options]

  start   start a head and workers, and print the environment variables that clients need:
              eval "$(cluster/local.sh start --workers 2)"
              dancegen render configs/render.yaml songs=songs output=videos --submit "$RAY_API_SERVER_ADDRESS"
  status  print the variables again and the state of the cluster; exit code 3 when it is not running
  kill    kill one node without notice, like a power failure (--node)
  preempt send Ray a preemption notice for a node, wait --after seconds, and kill the node (--node)
  stop    stop the cluster and delete its files; other Ray clusters on the machine are untouched

  --name NAME             name of the cluster; several can run at the same time (default: local)
  --workers N             nodes that run tasks (default: 2); with 0 the head runs them
  --cpus C                logical CPUs of each worker; may exceed the machine's cores (default: 4)
  --gpus G                GPUs of each worker (default: 0)
  --port P                the head's port (default: a free one)
  --dashboard-port P      port of the dashboard and job server (default: a free one)
  --object-store-mb M     shared memory of each node (default: 200)
  --token, --no-token     require the token (default), or accept everyone with access to the ports, some of which Ray
                          opens to the network; the token is RAY_AUTH_TOKEN when set, or a new one
  --node N                kill, preempt: number of the node; the first worker is 1
  --after S               preempt: seconds from the notice to the kill (default: 30)
  --keep-logs             stop: keep the logs
END
}

fail() {
    echo "cluster/local.sh: $*" >&2
    exit 2
}

read_options() {
    name=local workers=2 cpus=4 gpus=0 port='' dashboard_port='' object_store_mb=200 token=yes keep_logs=''
    node='' after=30
    while (($#)); do
        case $1 in
            --token) token=yes && shift && continue ;;
            --no-token) token='' && shift && continue ;;
            --keep-logs) keep_logs=yes && shift && continue ;;
            -h | --help) usage; exit 0 ;;
            --name | --workers | --cpus | --gpus | --port | --dashboard-port | --object-store-mb | --node | --after) ;;
            *) fail "unknown option $1. See cluster/local.sh --help." ;;
        esac
        (($# > 1)) || fail "$1 has no value."
        if [[ $1 == --name ]]; then
            [[ $2 =~ ^[a-z0-9-]{1,16}$ ]] || fail "--name $2: give 1 to 16 of a-z, 0-9 and -."  # part of a path
        else
            [[ $2 =~ ^[0-9]+$ ]] || fail "$1 $2: give a whole number."
        fi
        local variable=${1#--}
        printf -v "${variable//-/_}" %s "$2"
        shift 2
    done
    base=/tmp/dancegen-$(id -u) # short, because socket paths below it are limited to 107 characters
    state=$base/$name
}

# Python of the project's .venv, or of the active environment.
find_ray() {
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    python=$here/.venv/bin/python
    [[ -x $python ]] || python=$(command -v python3) || fail "Python not found. Run make setup."
    "$python" -c 'import ray' 2>/dev/null || fail "$python has no Ray. Run make setup, or activate its environment."
}

# Allow one start or stop at a time, in a folder that other users cannot write to.
lock() {
    mkdir -p -m 700 "$base"
    [[ -O $base && ! -L $base ]] || fail "$base belongs to another user. Delete it."
    exec 9>"$base/$name.lock"
    flock -n 9 || fail "another start or stop of '$name' is in progress. Wait for it."
}

# PIDs of the cluster. Every process has its folder in its environment, also workers, jobs and their children.
pids() {
    { grep -lzsxF "DANCEGEN_CLUSTER=$state" /proc/[0-9]*/environ || true; } | tr -cd '0-9\n'
}

# PIDs of one node.
node_pids() {
    { grep -lzsxF "DANCEGEN_NODE=$state/$node" /proc/[0-9]*/environ || true; } | tr -cd '0-9\n'
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Fail at once when a port is in use: Ray would wait half a minute for the head.
check_free() {
    [[ -z $2 ]] || ! (: <>"/dev/tcp/127.0.0.1/$2") 2>/dev/null || fail "$1 $2: this port is in use. Choose another one."
}

# ray start with the environment of this cluster. Its output goes to a file, shown only when it fails. No metrics
# servers: Ray binds them to all interfaces unless a node is 127.0.0.1 itself, and they require no token.
ray_start() {
    local log=$state/start-$node.log
    env -u RAY_AUTH_TOKEN -u RAY_AUTH_TOKEN_PATH DANCEGEN_CLUSTER="$state" DANCEGEN_NODE="$state/$node" RAY_TMPDIR="$state" \
        RAY_USAGE_STATS_ENABLED=0 RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 \
        RAY_enable_metrics_collection=0 AUTOSCALER_METRIC_PORT=-1 DASHBOARD_METRIC_PORT=-1 \
        PATH="${python%/*}:$PATH" "${authentication[@]}" "$python" -m ray.scripts.scripts start "$@" \
        --object-store-memory=$((object_store_mb * 1024 * 1024)) --dashboard-agent-listen-port=0 \
        --min-worker-port=0 --max-worker-port=0 --disable-usage-stats --log-color=false \
        >>"$log" 2>&1 </dev/null 9>&- || {
        tail -n 30 "$log" >&2
        fail "ray start failed. Its log is above."
    }
}

# Each node has its own address in 127.0.0.0/8, so that Ray treats them as different machines, and its own folder:
# otherwise one node would unpack a job's code over the files that another node is running.
start_nodes() {
    local worker devices head=127.0.0.2 head_cpus=0
    node=head
    ((workers > 0)) || head_cpus=$cpus
    ray_start --head --node-ip-address="$head" --port="$port" --num-cpus="$head_cpus" --num-gpus=0 --temp-dir="$state/ray" \
        --dashboard-host=127.0.0.1 --dashboard-port="$dashboard_port" --ray-client-server-port="$(free_port)"
    local starts=()
    for ((worker = 0; worker < workers; worker++)); do
        node=$((worker + 1))
        devices=$(seq -s, $((worker * gpus)) $((worker * gpus + gpus - 1)))
        CUDA_VISIBLE_DEVICES=$devices ray_start --address="$head:$port" \
            --node-ip-address="127.0.0.$((worker + 3))" --temp-dir="$state/n$node" --num-cpus="$cpus" --num-gpus="$gpus" &
        starts+=($!)
    done
    local start
    for start in "${starts[@]}"; do wait "$start"; done # a failed start has already printed its log
}

# The job server answers some seconds after the head. 401 (no token) counts as an answer.
wait_for_job_server() {
    "$python" - "http://127.0.0.1:$dashboard_port/api/version" <<'END' || fail "the job server does not answer. See the logs in $state."
import sys, time, urllib.error, urllib.request

for _ in range(120):
    try:
        urllib.request.urlopen(sys.argv[1], timeout=2)
        sys.exit(0)
    except urllib.error.HTTPError:
        sys.exit(0)
    except OSError:
        time.sleep(0.5)
sys.exit(1)
END
}

start() {
    [[ -d /proc/self ]] || fail "a cluster on one machine requires Linux."
    find_ray
    lock
    unset RAY_ADDRESS
    [[ -z $(pids) ]] || fail "'$name' is already running. See cluster/local.sh status, or stop it first."
    check_free --port "$port"
    check_free --dashboard-port "$dashboard_port"
    rm -rf "$state"
    mkdir -m 700 "$state"
    if [[ $python == *[[:space:]]* ]]; then # Ray starts the workers of a job through a shell, without quoting
        ln -s "${python%/bin/*}" "$state/python"
        python=$state/python/bin/${python##*/}
    fi
    port=${port:-$(free_port)} dashboard_port=${dashboard_port:-$(free_port)}
    echo "$port" >"$state/port"
    authentication=(RAY_AUTH_MODE=disabled)
    if [[ $token ]]; then
        (umask 077 && printf %s "${RAY_AUTH_TOKEN:-$("$python" -c 'import secrets; print(secrets.token_hex(32))')}" >"$state/token")
        authentication=(RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$state/token")
    fi
    {
        echo "export RAY_API_SERVER_ADDRESS=http://127.0.0.1:$dashboard_port"
        printf 'export %s\n' "${authentication[@]}"
    } >"$state/variables"
    trap 'kill_all' EXIT # stop a cluster that started only in part
    echo "Starting a head and $workers workers ..." >&2
    start_nodes
    wait_for_job_server
    trap - EXIT
    echo "Ray is running. Dashboard: http://127.0.0.1:$dashboard_port. Stop it with: cluster/local.sh stop --name $name" >&2
    cat "$state/variables"
}

status() {
    local running
    running=$(pids | wc -l)
    if ((running == 0)); then
        echo "'$name' is not running." >&2
        return 3
    fi
    cat "$state/variables"
    echo "'$name' is running: $running processes, logs in $state/*/session_latest/logs" >&2
}

# Kill one node at once. Ray detects it by failed health checks.
kill_node() {
    local found try
    [[ $node ]] || fail "--node is missing: give the number of a node."
    mapfile -t found < <(node_pids)
    ((${#found[@]})) || fail "'$name' has no running node $node. See cluster/local.sh status."
    for ((try = 0; try < 50 && ${#found[@]}; try++)); do
        kill -KILL "${found[@]}" 2>/dev/null || true
        sleep 0.1
        mapfile -t found < <(node_pids) # what was started while the others were listed
    done
    ((!${#found[@]})) || fail "these processes of node $node do not end: ${found[*]}. End them by hand."
    echo "node $node of '$name' is killed." >&2
}

# Send a preemption notice, as a cloud provider does before it reclaims a spot instance.
preempt() {
    [[ $node && $(node_pids) ]] || fail "--node must be the number of a running node."
    find_ray
    # shellcheck source=/dev/null
    source "$state/variables"
    "$python" - "127.0.0.$((node + 2))" "$after" "$RAY_API_SERVER_ADDRESS" "127.0.0.2:$(<"$state/port")" <<'END' || fail "Ray refused the preemption notice."
import subprocess, sys
from ray.util.state import list_nodes

ip, after, dashboard, head = sys.argv[1:]
(found,) = [one.node_id for one in list_nodes(dashboard) if one.node_ip == ip and one.state == "ALIVE"]
drain = ["drain-node", "--address", head, "--node-id", found, "--reason", "DRAIN_NODE_REASON_PREEMPTION"]
said = ["--reason-message", "taken away", "--deadline-remaining-seconds", after]
subprocess.run([sys.executable, "-m", "ray.scripts.scripts", *drain, *said], check=True, stdout=sys.stderr)
END
    sleep "$after"
    kill_node
}

# Send SIGTERM to all processes, and SIGKILL after 3 seconds.
kill_all() {
    local signal=TERM found try
    for ((try = 0; try < 75; try++)); do
        mapfile -t found < <(pids)
        ((${#found[@]})) || return 0
        ((try < 15)) || signal=KILL
        ((try % 15)) || kill "-$signal" "${found[@]}" 2>/dev/null || true
        sleep 0.2
    done
    fail "these processes of '$name' do not end: ${found[*]}. End them by hand."
}

stop() {
    lock
    local running
    running=$(pids | wc -l)
    kill_all
    [[ $keep_logs ]] || rm -rf "$state"
    if ((running)); then echo "'$name' is stopped." >&2; else echo "'$name' was not running." >&2; fi
}

command=${1:-}
case $command in
    start | status | preempt | stop)
        shift
        read_options "$@"
        "$command"
        ;;
    kill)
        shift
        read_options "$@"
        kill_node
        ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
