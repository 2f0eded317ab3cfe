#!/bin/bash
# Rehearse the loss of a spot machine, without a cloud: stand-ins for the queue and for the metadata service,
# two workers, 500 tasks; one worker gets a notice and is killed in the middle.
#
# usage: examples/spot/run.sh [sqs|pubsub]
set -euo pipefail
set -m # every background process leads a group of its own

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
which=${1:-sqs}

if [ -z "${PYTHON:-}" ]; then
    PYTHON=$root/.venv/bin/python
    [ -x "$PYTHON" ] || make -C "$root" setup
fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
run=$(mktemp -d "${TMPDIR:-/tmp}/spot-XXXXXX")
cd "$run"

started=()
finish() {
    # Only what was started here, each group by its number.
    for pid in "${started[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
}
trap finish EXIT

# start NAME COMMAND...: in the background, with its output in NAME.out and NAME.err
start() {
    local name=$1
    shift
    "$@" >"$name.out" 2>"$name.err" </dev/null &
    started+=($!)
}

# address NAME: what the stand-in that was started last says when it listens
address() {
    for _ in $(seq 300); do
        if [ -s "$1.out" ]; then
            sed -n 's/^listening on //p' "$1.out"
            return
        fi
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$1.err" >&2
    return 1
}

case $which in
sqs)
    start queue "$PYTHON" -m fakes.sqs --port 0
    AWS_ENDPOINT_URL_SQS=$(address queue)
    export AWS_ENDPOINT_URL_SQS AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none
    export RMS_CLOUD_TASKS_PROVIDER=AWS
    cloud=aws
    ;;
pubsub)
    start queue "$PYTHON" -m fakes.pubsub --port 0
    PUBSUB_EMULATOR_HOST=$(address queue)
    export PUBSUB_EMULATOR_HOST RMS_CLOUD_TASKS_PROVIDER=GCP RMS_CLOUD_TASKS_PROJECT_ID=rehearsal
    cloud=gcp
    ;;
*)
    echo "usage: $0 [sqs|pubsub]" >&2
    exit 2
    ;;
esac
export RMS_CLOUD_TASKS_JOB_ID=spot
commands=("$PYTHON" -m cloud_tasks)
provider=(--provider "$RMS_CLOUD_TASKS_PROVIDER" --job-id spot)
[ "$cloud" = aws ] || provider+=(--project-id "$RMS_CLOUD_TASKS_PROJECT_ID")

echo "== 500 tasks into the queue"
"$PYTHON" "$here/make_tasks.py" >tasks.json
"${commands[@]}" load_queue "${provider[@]}" --task-file tasks.json --db-file spot.db --force

echo "== two workers; the machine of one of them will be lost"
worker=("$PYTHON" "$here/worker.py" --num-simultaneous-tasks 2 --max-runtime 60 --visibility-timeout 15)
machine=("$PYTHON" -m fakes.metadata --cloud "$cloud" --port 0)

start safe_machine "${machine[@]}" --script no-notice
safe=$(address safe_machine)
# The machine that will be lost has to know its process group before it listens, and the worker its address.
mkfifo address
start lost bash -c 'read -r lost <address; export AWS_EC2_METADATA_SERVICE_ENDPOINT=$lost GCE_METADATA_HOST=${lost#http://}; exec "$@"' \
    lost "${worker[@]}"
lost_worker=$!
start lost_machine "${machine[@]}" --script "$here/machine.yaml" --instance-pgid "$lost_worker"
address lost_machine >address
AWS_EC2_METADATA_SERVICE_ENDPOINT=$safe GCE_METADATA_HOST=${safe#http://} start safe "${worker[@]}"

echo "== until every task is finished"
"${commands[@]}" monitor_event_queue "${provider[@]}" --db-file spot.db --output-file events.jsonl

echo "== what the machine that was lost said"
cat lost_machine.err
wait "$lost_worker" && echo "its worker ended by itself" || echo "its worker ended with status $?"

echo "== what the database says"
"$PYTHON" - <<'EOF'
import json, sqlite3, sys

counts = dict(sqlite3.connect("spot.db").execute("SELECT status, count(*) FROM tasks GROUP BY status"))
twice = [
    row[0]
    for row in sqlite3.connect("spot.db").execute("SELECT result FROM tasks")
    if "attempt 1 " not in str(row[0])
]
print(counts, "of which not at the first attempt:", len(twice))
sys.exit(counts != {"completed": 500})
EOF
echo "everything is in $run"
