# Keeps one PostgreSQL server for a test process, and outlives that process for as long as it takes to clean up.
#
# Run as `sh -c "$script" keeper <bin folder> <setting>...`. It makes a cluster in a folder of its own, prints the folder, and
# then carries out the orders on its standard input, answering each with a line. That input is a pipe whose other end the
# test process holds: when the process ends, in whatever way, the pipe closes, and the server and the folder go.

bin=$1
shift
folder=$(mktemp -d /tmp/leadcast-pg.XXXXXX) || exit 1
server=

end() { # with a signal: INT is a clean stop, QUIT one in a hurry
    [ -n "$server" ] || return 0
    kill "-$1" "$server"
    wait "$server"
    server=
}

# What a power cut looks like to the server: all of its processes end at once, so that none writes down what it still holds in
# memory, and none outlives the others by the blink in which it could.
crash() {
    [ -n "$server" ] || return 0
    kill -STOP "$server" # it makes no more processes
    children=$(processes | while read -r process parent _; do [ "$parent" != "$server" ] || echo "$process"; done)
    # shellcheck disable=SC2086 # several words
    kill -KILL "$server" $children
    wait "$server"
    server=
    # While one of them is there it holds the shared memory, and the next server would not start.
    for child in $children; do
        while processes | grep -q "^ *$child [ 0-9]* [^Z ]"; do sleep 0.01; done
    done
}

processes() { # number, parent, state
    if [ -d /proc/self ]; then
        for stat in /proc/[0-9]*/stat; do
            # It may have ended since.
            { read -r process _ state parent _ <"$stat"; } 2>/dev/null && echo "$process $parent $state"
        done
    else
        ps -A -o pid= -o ppid= -o stat=
    fi
}

clean_up() {
    end QUIT
    cd / && rm -rf "$folder"
}
trap clean_up EXIT
trap exit HUP INT TERM
trap '' PIPE # answers that nobody reads any more must not end this before its time

cd "$folder" || exit 1
"$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync </dev/null >log 2>&1
echo "$folder"

while read -r order; do
    case $order in
    start)
        "$bin/postgres" -D data -k "$folder" -p 5432 -c listen_addresses= "$@" </dev/null >>log 2>&1 &
        server=$!
        ;;
    stop) end INT ;;
    kill) crash ;;
    esac
    echo "$order: done"
done
