#!/bin/sh
# A Flink cluster in containers on this machine, of the shape that kubernetes.yaml has: a JobManager with Beam's job
# server at its side, and two TaskManagers, each with a pool of Beam workers at its side.
#
#   deploy/flink/cluster.sh up
#   deploy/flink/cluster.sh down
#   deploy/flink/cluster.sh lose N          kill a TaskManager and its workers, and start others
#   deploy/flink/cluster.sh lose-worker N   kill the Beam workers of a pool, as soon as there are any
#   deploy/flink/cluster.sh run COMMAND     in the cluster's network, from the image: client and workers are of one kind
#
# Settings come from the environment:
#
#   IMAGE          the project's, for workers and commands; multihead:VERSION if not given
#   FLINK_IMAGE    Flink's, which is made if it is not there; multihead-flink:VERSION, of these files, if not given
#   BASE_IMAGE     what Flink's is built on; that of IMAGE if not given
#   SHARED         folder that all containers see at the same path, for data and runs; this checkout if not given
#   TASKMANAGERS   how many; 2 if not given
#   CPUS           cores of each TaskManager and its pool together, the N-th ones of this machine; no bound if not given
#   JOB_SERVER_HEAP  memory of the job server's Java; 512m if not given
#   FLINK_OPTIONS  settings of Flink for what is started, such as "-D taskmanager.numberOfTaskSlots=2"
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/../.."
. deploy/docker.sh
name=multihead-flink
taskmanagers=$(seq "${TASKMANAGERS:-2}")
# Seconds for the parts to find each other.
patience=180

flink=$(sed -n 's/^apache-flink-libraries==\([0-9.]*\).*/\1/p' deploy/flink/requirements.txt)
flink_image=${FLINK_IMAGE:-multihead-flink:$flink}
sources=$(cat deploy/flink/* | sha256sum | cut -d ' ' -f 1)
shared=${SHARED:-$PWD}

# Is Flink's image there, and, unless another was named, of these files?
has_flink() {
    is_here "$flink_image" && {
        [ -n "${FLINK_IMAGE:-}" ] ||
            [ "$(docker image inspect --format "{{index .Config.Labels \"$name.sources\"}}" "$flink_image")" = "$sources" ]
    }
}

# Makes Flink's image, of PyPI's Flink and Beam's job server.
build_flink() {
    [ -d .tools/flink/lib ] || sh deploy/flink/job_server.sh anyway
    base=${BASE_IMAGE:-$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.name"}}' "$image")}
    context=$(mktemp -d)
    trap 'rm -rf "$context"' EXIT
    cp deploy/flink/* "$context"
    cp -R .tools/flink/lib "$context/lib"
    trust "$context/ca.crt"
    build "$flink_image" --label "$name.sources=$sources" --build-arg "BASE_IMAGE=$base" "$context"
}

# Starts a container of the cluster in the background.
start() { # PART OPTIONS-AND-IMAGE...
    part=$1
    shift
    docker run --detach --name "$name-$part" --label "$name" "$@" >/dev/null
}

start_taskmanager() { # N
    # By number, as two containers have a quota each.
    bound=${CPUS:+--cpus $CPUS --cpuset-cpus $((($1 - 1) * CPUS))-$(($1 * CPUS - 1))}
    # shellcheck disable=SC2086
    start "taskmanager-$1" $bound --network "$name" --hostname "taskmanager-$1" "$flink_image" taskmanager ${FLINK_OPTIONS:-}
    # Two TaskManagers that share a pool give their workers the same names.
    # shellcheck disable=SC2086
    start "workers-$1" $bound --network "container:$name-taskmanager-$1" --user "$(id -u):0" \
        --volume "$shared:$shared" "$image" \
        python -m pipeline.runners.worker_pool --port 50000
}

# Prints how many TaskManagers the JobManager knows, once the job server answers, too.
ready() {
    docker exec "$name-jobmanager" python3 -c '
import json, socket, urllib.request
socket.create_connection(("localhost", 8099), timeout=5)
print(json.load(urllib.request.urlopen("http://localhost:8081/overview", timeout=5))["taskmanagers"])
' 2>/dev/null || :
}

# Are all pools ready? They answer before, but have workers only when they have imported what these need.
have_workers() {
    for number in $taskmanagers; do
        docker logs "$name-workers-$number" 2>&1 | grep -q 'is ready' || return 1
    done
}

wait_until_ready() {
    waited=0
    until [ "$(ready)" = "$(echo "$taskmanagers" | wc -w)" ] && have_workers; do
        [ "$waited" -lt "$patience" ] || die "the cluster did not come up within $patience s: see \`docker logs $name-jobmanager\`, or of $name-taskmanager-1, $name-workers-1, ..."
        sleep 2
        waited=$((waited + 2))
    done
}

down() {
    docker ps --all --quiet --filter "label=$name" | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
    ! docker network inspect "$name" >/dev/null 2>&1 || docker network rm "$name" >/dev/null
}

command=${1:-}
[ -z "$command" ] || shift
case $command in
up)
    is_here "$image" || die "there is no image $image: \`make image\` makes it"
    has_flink || build_flink
    down
    docker network create "$name" >/dev/null
    # shellcheck disable=SC2086
    start jobmanager --network "$name" --hostname jobmanager --network-alias jobmanager "$flink_image" jobmanager ${FLINK_OPTIONS:-}
    start jobserver --network "container:$name-jobmanager" ${JOB_SERVER_HEAP:+--env JOB_SERVER_HEAP} "$flink_image" jobserver
    for number in $taskmanagers; do start_taskmanager "$number"; done
    wait_until_ready
    address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$name\").IPAddress}}" "$name-jobmanager")
    echo "multihead: Flink is up, see http://$address:8081; runs: sh deploy/flink/cluster.sh run multihead run flights --profile deploy/flink/profile.yaml"
    ;;
down)
    down
    ;;
lose)
    docker kill "$name-taskmanager-$1" "$name-workers-$1" >/dev/null 2>&1 || :  # To remove one takes half a second.
    docker rm --force --volumes "$name-workers-$1" "$name-taskmanager-$1" >/dev/null
    start_taskmanager "$1"
    ;;
lose-worker)
    # The pool is the first process, and one of its children forks the workers.
    docker exec --interactive "$name-workers-$1" python3 - <<PYTHON || die "there was no Beam worker beside taskmanager-$1 for $patience s"
import os, pathlib, signal, time
until = time.monotonic() + $patience
while time.monotonic() < until:
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().split()[2:4]
        except OSError:  # It has just ended.
            continue
        if state != "Z":
            parents[path.parent.name] = parent
    workers = [int(process) for process, parent in parents.items() if parents.get(parent) == "1"]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    if workers:
        raise SystemExit(0)
    time.sleep(0.005)
raise SystemExit(1)
PYTHON
    ;;
run)
    # With --init, as the first process of a container is deaf to signals until it asks for them.
    exec docker run --rm --init --label "$name" --network "$name" --user "$(id -u):0" --volume "$shared:$shared" --workdir "$PWD" "$image" "$@"
    ;;
*)
    die "usage: deploy/flink/cluster.sh up | down | lose N | lose-worker N | run COMMAND"
    ;;
esac
