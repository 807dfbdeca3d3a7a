#!/bin/sh
# A Flink cluster in containers on this machine, of the shape that kubernetes.yaml has: a JobManager with Beam's job
# server at its side, and two TaskManagers, each with a pool of Beam workers at its side.
#
#   deploy/flink/cluster.sh up
#   deploy/flink/cluster.sh down
#   deploy/flink/cluster.sh lose N        kill a TaskManager and its workers, and start others
#   deploy/flink/cluster.sh run COMMAND   in the cluster's network, from the image: client and workers are of one kind
#
# Settings come from the environment:
#
#   IMAGE        the project's, for workers and commands; multihead:VERSION if not given
#   FLINK_IMAGE  Flink's, which is made if it is not there; multihead-flink:VERSION if not given
#   BASE_IMAGE   what Flink's is built on; that of IMAGE if not given
#   SHARED       folder that all containers see at the same path, for data and runs; this checkout if not given
#   CPUS         cores of each TaskManager, and of each pool; no bound if not given
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/../.."
. deploy/docker.sh
name=multihead-flink
taskmanagers='1 2'
# Seconds for the parts to find each other.
patience=180

flink=$(sed -n 's/^apache-flink-libraries==\([0-9.]*\).*/\1/p' deploy/flink/requirements.txt)
flink_image=${FLINK_IMAGE:-multihead-flink:$flink}
shared=${SHARED:-$PWD}

# Makes Flink's image, of PyPI's Flink and Beam's job server.
build_flink() {
    [ -d .tools/flink/lib ] || sh deploy/flink/job_server.sh anyway
    base=${BASE_IMAGE:-$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.name"}}' "$image")}
    context=$(mktemp -d)
    trap 'rm -rf "$context"' EXIT
    cp deploy/flink/* "$context"
    cp -R .tools/flink/lib "$context/lib"
    trust "$context/ca.crt"
    build "$flink_image" --build-arg "BASE_IMAGE=$base" "$context"
}

# Starts a container of the cluster in the background.
start() { # PART OPTIONS-AND-IMAGE...
    part=$1
    shift
    docker run --detach --name "$name-$part" --label "$name" "$@" >/dev/null
}

start_taskmanager() { # N
    bound=${CPUS:+--cpus $CPUS}
    # shellcheck disable=SC2086
    start "taskmanager-$1" $bound --network "$name" --hostname "taskmanager-$1" "$flink_image" taskmanager
    # Two TaskManagers that share a pool give their workers the same names.
    # shellcheck disable=SC2086
    start "workers-$1" $bound --network "container:$name-taskmanager-$1" --user "$(id -u):0" \
        --volume "$shared:$shared" "$image" \
        python -m apache_beam.runners.worker.worker_pool_main --service_port=50000
}

# Prints how many TaskManagers the JobManager knows, once the job server answers, too.
ready() {
    docker exec "$name-jobmanager" python3 -c '
import json, socket, urllib.request
socket.create_connection(("localhost", 8099), timeout=5)
print(json.load(urllib.request.urlopen("http://localhost:8081/overview", timeout=5))["taskmanagers"])
' 2>/dev/null || :
}

wait_until_ready() {
    waited=0
    until [ "$(ready)" = "$(echo "$taskmanagers" | wc -w)" ]; do
        [ "$waited" -lt "$patience" ] || die "the cluster did not come up within $patience s: see \`docker logs $name-jobmanager\`"
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
    is_here "$flink_image" || build_flink
    down
    docker network create "$name" >/dev/null
    start jobmanager --network "$name" --hostname jobmanager --network-alias jobmanager "$flink_image" jobmanager
    start jobserver --network "container:$name-jobmanager" "$flink_image" jobserver
    for number in $taskmanagers; do start_taskmanager "$number"; done
    wait_until_ready
    address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$name\").IPAddress}}" "$name-jobmanager")
    echo "multihead: Flink is up, see http://$address:8081; runs: sh deploy/flink/cluster.sh run multihead run flights --profile deploy/flink/profile.yaml"
    ;;
down)
    down
    ;;
lose)
    docker rm --force --volumes "$name-workers-$1" "$name-taskmanager-$1" >/dev/null
    start_taskmanager "$1"
    ;;
run)
    exec docker run --rm --label "$name" --network "$name" --user "$(id -u):0" --volume "$shared:$shared" --workdir "$PWD" "$image" "$@"
    ;;
*)
    die "usage: deploy/flink/cluster.sh up | down | lose N | run COMMAND"
    ;;
esac
