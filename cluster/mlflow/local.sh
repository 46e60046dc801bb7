#!/usr/bin/env bash
# MLflow's server with PostgreSQL on this machine, for trainings of several days or people:
#   sudo apt-get install postgresql && .venv/bin/pip install 'psycopg[binary]'
#   cluster/mlflow/local.sh start FOLDER      # prints the tracking_uri
#   cluster/mlflow/local.sh stop FOLDER
# The database and the files of runs are in FOLDER and survive a stop. The server listens on the loopback only, the
# database on a socket in FOLDER. MLFLOW_PORT (5000) is the server's port.
set -euo pipefail

fail() {
    echo "cluster/mlflow/local.sh: $*" >&2
    exit 2
}

(($# == 2)) || fail "use: start FOLDER, or stop FOLDER"
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$root/.venv/bin/python
[[ -x $python ]] || python=$(command -v python3)
mkdir -p "$2"
folder=$(realpath "$2")
port=${MLFLOW_PORT:-5000}
programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[[ $programs ]] || fail "PostgreSQL is not installed."
((${#folder} < 80)) || fail "$folder: socket paths are limited to 107 characters. Use a shorter folder."

postgres() { # PostgreSQL refuses to run as root
    if [[ $(id -u) == 0 ]]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

start() {
    "$python" -c 'import psycopg' 2>/dev/null || fail "psycopg is missing: pip install 'psycopg[binary]'"
    [[ ! -e $folder/server.pid ]] || ! kill -0 "$(<"$folder/server.pid")" 2>/dev/null || fail "$folder: already runs."
    mkdir -p "$folder/artifacts" "$folder/postgres"
    if [[ $(id -u) == 0 ]]; then
        chown postgres "$folder/postgres"
    fi
    if [[ ! -e $folder/postgres/PG_VERSION ]]; then
        postgres "$programs/initdb" --pgdata="$folder/postgres" --username=mlflow --auth=trust --encoding=UTF8 >/dev/null
    fi
    # Trust is safe here: only the owner can reach the socket
    chmod 700 "$folder/postgres"
    postgres "$programs/pg_ctl" --pgdata="$folder/postgres" --log="$folder/postgres/log" --wait --silent \
        --options="-c listen_addresses='' -c unix_socket_directories='$folder/postgres'" start
    postgres "$programs/createdb" --host="$folder/postgres" --username=mlflow mlflow 2>/dev/null || true
    nohup "$python" -m mlflow server --host=127.0.0.1 --port="$port" --workers=2 \
        --backend-store-uri="postgresql://mlflow@/mlflow?host=$folder/postgres" \
        --artifacts-destination="$folder/artifacts" >>"$folder/server.log" 2>&1 &
    echo $! >"$folder/server.pid"
    for ((second = 0; second < 180; second++)); do
        if curl --silent --fail --max-time 2 "http://127.0.0.1:$port/health" >/dev/null; then
            echo "tracking_uri=http://127.0.0.1:$port"
            return
        fi
        kill -0 "$(<"$folder/server.pid")" 2>/dev/null || break
        sleep 1
    done
    tail -n 20 "$folder/server.log" >&2
    fail "the server does not respond; its log is above."
}

stop() {
    if [[ -e $folder/server.pid ]]; then
        kill "$(<"$folder/server.pid")" 2>/dev/null || true
        rm "$folder/server.pid"
    fi
    if [[ -e $folder/postgres/postmaster.pid ]]; then
        postgres "$programs/pg_ctl" --pgdata="$folder/postgres" --wait --silent --mode=fast stop
    fi
}

case $1 in
    start | stop) "$1" ;;
    *) fail "use: start FOLDER, or stop FOLDER" ;;
esac
