#!/bin/sh
# Starts one part of a Flink cluster, in its container:
#
#   start jobmanager | taskmanager | jobserver [OPTIONS OF THE CLASS, such as -D KEY=VALUE]
#
# JOB_SERVER_HEAP: memory of the job server's Java, 512m if not given; it holds the plan of a job, with all its stages.
set -eu

conf=/opt/flink/conf
log="-Dlog4j.configurationFile=$conf/log4j.properties"
# Java closes its own packages since 17; Flink and Beam look into these.
opens=''
for package in java.lang java.util java.nio java.time java.net java.io java.util.concurrent; do
    opens="$opens --add-opens=java.base/$package=ALL-UNNAMED"
done

# Prints what Flink's own scripts pass to Java for the memory that config.yaml and options name.
memory() { # COMMAND OPTIONS...
    command=$1
    shift
    java -cp "/opt/flink/bin/bash-java-utils.jar:$(echo /opt/flink/lib/flink-dist-*.jar)" \
        org.apache.flink.runtime.util.bash.BashJavaUtils "$command" --configDir "$conf" "$@" |
        sed -n 's/^BASH_JAVA_UTILS_EXEC_RESULT://p'
}

# Flink, and Beam's runner without the Flink that it was made with.
beam=/opt/beam/gradle/wrapper
classes="/opt/flink/lib/*:$(printf '%s:' $(find $beam -name '*.jar' ! -name 'flink-*'))"

part=$1
shift
case $part in
jobmanager)
    # Both words are meant to be split.
    set -- $(memory GET_JM_RESOURCE_PARAMS "$@" | head -n 1) $opens "$log" -cp "$classes" \
        org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$conf" "$@"
    ;;
taskmanager)
    {
        read -r java
        read -r dynamic
    } <<RESULT
$(memory GET_TM_RESOURCE_PARAMS "$@")
RESULT
    set -- $java $opens "$log" -cp "$classes" \
        org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$conf" $dynamic "$@"
    ;;
jobserver)
    # With Flink's own logging: the runner's jars have none.
    logging=$(printf '%s:' /opt/flink/lib/log4j-*.jar)
    set -- "-Xmx${JOB_SERVER_HEAP:-512m}" $opens "$log" -cp "$beam/*:$logging" org.apache.beam.runners.flink.FlinkJobServerDriver \
        --flink-master=localhost:8081 --job-host=0.0.0.0 --artifacts-dir=/tmp/beam-artifacts "$@"
    ;;
*)
    echo "start: $part is none of jobmanager, taskmanager, jobserver" >&2
    exit 2
    ;;
esac
exec java "$@"
