#!/bin/sh
# Makes Beam's job server for Flink: a small jar that names those it needs, beside it. Needs Maven, Java and Maven Central.
#
#   deploy/flink/job_server.sh            where Beam cannot fetch its own
#   deploy/flink/job_server.sh anyway     for Flink's image, whatever Beam can fetch
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/../.."
folder=$PWD/.tools/flink

die() { # SENTENCE
    printf 'multihead: %s\n' "$1" >&2
    exit 2
}

if [ "${1:-}" != anyway ] && [ ! -f "$folder/job-server.jar" ] && .venv/bin/python -W ignore -c '
import sys
from pipeline.profiles.job_server import beams_own, can_be_had
sys.exit(not can_be_had(beams_own({"runner": "FlinkRunner"})))
'; then
    echo "multihead: nothing to make: Beam fetches its own job server when it needs it"
    exit 0
fi
command -v mvn >/dev/null || die "making the job server takes Maven (Debian: apt-get install maven)"
mkdir -p "$folder"
MULTIHEAD_OUTPUT=$folder mvn --batch-mode --quiet --file deploy/flink/pom.xml dependency:copy-dependencies jar:jar ||
    die "Maven could not make the job server, see above"
echo "multihead: made $folder/job-server.jar"
