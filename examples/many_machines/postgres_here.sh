#!/usr/bin/env bash
# A throw-away PostgreSQL on this computer, which only this computer reaches. It needs no root
# rights (and, given them, runs as `nobody`), and nothing but the programs of PostgreSQL
# (Debian and Ubuntu: apt-get install postgresql).
#
#   eval "$(bash postgres_here.sh start)"    starts it; sets NAS_TUNERS_STORAGE, password included
#   bash postgres_here.sh stop               stops it and removes all that it held
#
# POSTGRES_DIR and POSTGRES_PORT say where, if not in the temporary folder and at port 54320.
set -euo pipefail
umask 077

dir=${POSTGRES_DIR:-${TMPDIR:-/tmp}/nas-tuners-postgres-$(id -u)}
port=${POSTGRES_PORT:-54320}
# Debian keeps the programs out of the PATH; the newest version goes first.
PATH=$PATH:$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV | paste -sd:)
as_user=()
[[ $(id -u) -ne 0 ]] || as_user=(setpriv --reuid nobody --regid nogroup --clear-groups)

start() {
    command -v initdb pg_ctl >/dev/null || { echo "PostgreSQL is not installed" >&2; exit 1; }
    mkdir "$dir" || { echo "stop the one that is there first" >&2; exit 1; }
    trap 'rm -rf "$dir"' ERR
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password"
    [[ $(id -u) -ne 0 ]] || chown -R nobody:nogroup "$dir"
    cd "$dir"
    "${as_user[@]}" initdb -D "$dir/data" -U nas -A scram-sha-256 --pwfile "$dir/password" \
        -E UTF8 --locale=C >"$dir/log"
    "${as_user[@]}" pg_ctl start -w -s -D "$dir/data" -l "$dir/server.log" \
        -o "-h 127.0.0.1 -p $port -k $dir" || { cat "$dir/server.log" >&2; false; }
    echo "export NAS_TUNERS_STORAGE=postgresql://nas:$(<"$dir/password")@127.0.0.1:$port/postgres"
}

stop() {
    [[ -d $dir ]] || { echo "it does not run: there is no $dir" >&2; return; }
    cd "$dir"
    if "${as_user[@]}" pg_ctl status -D "$dir/data" >/dev/null 2>&1; then
        "${as_user[@]}" pg_ctl stop -s -m fast -D "$dir/data"
    else
        echo "it does not run any more; what it held is removed" >&2
    fi
    rm -rf "$dir"
}

case ${1:-} in
    start | stop) "$1" ;;
    *) echo "usage: bash postgres_here.sh start|stop" >&2; exit 2 ;;
esac
