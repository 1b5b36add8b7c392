#!/usr/bin/env bash
# Starts a worker on each host by ssh, in the folder of the same name there as here:
#
#   bash start_workers.sh HOST...
#
# NAS_TUNERS_STORAGE says where the study is. It goes to the hosts through the connection, so that
# a password is in no list of processes. A worker that is gone is started again in the same way.
set -euo pipefail
: "${NAS_TUNERS_STORAGE:?is not set: where is the study?}"

here=$(printf %q "$PWD")
start="read -r NAS_TUNERS_STORAGE && export NAS_TUNERS_STORAGE && cd $here && mkdir -p workers &&
    { nohup nas-tuners worker --config config.yml --folder workers/HOST \
        </dev/null >>workers/HOST.log 2>&1 & }"
for host in "$@"; do
    ssh "$host" "${start//HOST/$host}" <<<"$NAS_TUNERS_STORAGE"
    echo "$host: a worker is started; what it prints goes to workers/$host.log there"
done
