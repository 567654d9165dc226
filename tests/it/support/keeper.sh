# Keeps one PostgreSQL server for a test process, and outlives that process for as long as it takes to clean up.
#
# Run as `sh -c "$script" keeper <bin folder> <setting>...`. It makes a cluster in a folder of its own, prints the folder, and
# then carries out the orders on its standard input, answering each with a line. That input is a pipe whose other end the
# test process holds: when the process ends, in whatever way, the pipe closes, and the server and the folder go.

bin=$1
shift
folder=$(mktemp -d /tmp/leadcast-pg.XXXXXX) || exit 1
server=

end() { # with a signal: INT is a clean stop, QUIT what a crash looks like
    [ -n "$server" ] || return 0
    kill "-$1" "$server"
    wait "$server"
    server=
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
    kill) end QUIT ;;
    esac
    echo "$order: done"
done
