# What each leg does. Read by .ci/run, which gives each leg a process of its own.

PYTEST=(-m pytest -o cache_dir=.ci/venvs/.pytest_cache --durations=10 --durations-min=1)

# environment NAME PYTHON REQUIREMENT...: makes or refreshes .ci/venvs/NAME and sets PY to its Python.
environment() {
    local folder="$VENVS/$1" python="$2"
    shift 2
    [ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
    PY="$folder/bin/python"
    "$PY" -m pip install -q "$@"
    "$PY" --version
    "$PY" -m pip list --format=freeze | grep -iE '^(django|whoosh3?|numpy)=' || true
}

# temporary: sets work to a new folder. It goes with the leg, and so does what was started as server.
temporary() {
    work="$(mktemp -d)"
    server=""
    trap '[ -z "$server" ] || kill -- "-$server" 2> /dev/null || true; rm -rf "$work"' EXIT
}

leg_lint() {
    # Django 6 and its stubs need Python 3.12; the syntax of 3.10 is asked for by the settings of ruff and mypy.
    environment lint "$(newest_python)" -e ".[dev]"
    local complaints=0
    "$PY" -m ruff check . || complaints=1
    "$PY" -m ruff format --check . || complaints=1
    "$PY" -m mypy || complaints=1
    "$PY" "${PYTEST[@]}" tests/test_layers.py tests/test_migrations.py || complaints=1
    return "$complaints"
}

# py3.12-django6.0: everything but the browser. Between the oldest and the newest Python, tests/faults is left out.
leg_matrix() {
    local python="${1%%-*}" django="${1##*-django}" left_out=()
    case "$python" in py3.11 | py3.12) left_out=(--ignore tests/faults) ;; esac
    environment "$1" "$(python_of "${python#py}")" -e ".[test]" "Django~=$django.0" build hatchling
    "$PY" "${PYTEST[@]}" -n auto -m "not browser" "${left_out[@]}"
}

# Kills, power cuts, broken disks and many processes, on SQLite and on a PostgreSQL server that the tests start. Nothing
# is skipped, but what needs to mount a file where that can not be done. NEWSINDEX_TRIALS=full for the counts of
# docs/promises.md.
leg_faults() {
    local loop=0
    install_postgresql
    environment faults "$(newest_python)" -e ".[test,faults]"
    if mounts_files; then
        loop=1
    else
        echo "Power cuts of a file system in a file are left out: only root may mount one, where there are loop devices."
    fi
    NEWSINDEX_TRIALS="${NEWSINDEX_TRIALS:-few}" NEWSINDEX_FAULTS_REQUIRE=1 NEWSINDEX_FAULTS_LOOP="$loop" \
        "$PY" "${PYTEST[@]}" tests/faults
}

# Whether a file can be mounted here.
mounts_files() {
    local folder status=1
    folder="$(mktemp -d)"
    mkdir "$folder/at"
    truncate -s 8M "$folder/disk"
    if mkfs.ext4 -q -F "$folder/disk" && mount -o loop "$folder/disk" "$folder/at"; then
        umount "$folder/at"
        status=0
    fi
    rm -rf "$folder"
    return "$status"
}

# Real OpenSearch servers, which the tests obtain and start: one node for the contract and all that one is enough for, in
# two processes, then three for a site whose nodes are killed and frozen. Nothing is skipped. NEWSINDEX_TRIALS=full for
# many more faults.
leg_cluster() {
    local failed=0
    environment cluster "$(newest_python)" -e ".[test,opensearch,faults]"
    install_java
    export NEWSINDEX_CLUSTER_REQUIRE=1 NEWSINDEX_FAULTS_REQUIRE=1 NEWSINDEX_TRIALS="${NEWSINDEX_TRIALS:-few}"
    export NEWSINDEX_CLUSTER_CACHE="$PWD/.ci/cluster"
    "$PY" -m tests.cluster "$PY" "${PYTEST[@]}" -n 2 --dist worksteal -k "opensearch or cluster" \
        --ignore tests/cluster/test_faults.py tests/cluster tests/contract || failed=1
    "$PY" "${PYTEST[@]}" tests/cluster/test_faults.py || failed=1
    return "$failed"
}

# The fork with the same import name, in the place of Whoosh. Neither may lie over the other.
leg_whoosh3() {
    environment whoosh3 "$(newest_python)" -e ".[test]"
    "$PY" -m pip uninstall -q -y Whoosh whoosh3
    "$PY" -m pip install -q whoosh3
    "$PY" -c "import whoosh; print('whoosh', whoosh.__version__); assert whoosh.__version__[0] >= 3"
    "$PY" "${PYTEST[@]}" tests/contract tests/test_whoosh*
}

# The wheel, installed as a site would, in a project that has never seen this checkout.
leg_wheel() {
    temporary
    environment build "$(newest_python)" build hatchling
    "$PY" -m build -q --no-isolation --outdir "$work" .
    rm -rf "$VENVS/wheel"
    environment wheel "$(newest_python)" "$work"/*.whl mypy
    bash .ci/foreign_site.sh "$PY" "$work"
}

leg_browser() {
    environment browser "$(newest_python)" -e ".[test,browser]"
    "$PY" "${PYTEST[@]}" -m browser tests/browser
}

# readme_command N: the Nth line of the README that sets everything up.
readme_command() {
    sed -n 's/^\(python3 -m venv .*\)$/\1/p' README.md | sed -n "$1p" | grep .
}

# A checkout without anything that git does not know, in $1/checkout, and an empty home beside it.
clean_checkout() {
    mkdir -p "$1/checkout" "$1/home"
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard \
        | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done \
        | tar -cf - --null -T - | tar -xf - -C "$1/checkout"
}

# in_nothing FOLDER COMMAND: as a newcomer's shell would run it, who has Python, pip's settings and nothing else.
in_nothing() {
    local kept
    mapfile -t kept < <(env | grep -E '^(PIP_|SSL_CERT|REQUESTS_CA_BUNDLE|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)[A-Z_]*=' || true)
    cd "$1/checkout"
    # A fixed seed, as the other legs have: the same code is to get the same answer twice.
    exec env -i "${kept[@]}" NEWSINDEX_SEED=1 HOME="$1/home" LANG=C.UTF-8 PATH="$(dirname "$(newest_python)"):/usr/bin:/bin" bash -c "$2"
}

leg_readme_site() {
    local command address page
    temporary
    command="$(readme_command 1)"
    echo "\$ $command"
    clean_checkout "$work"
    address=http://127.0.0.1:8000
    if (exec 3<> /dev/tcp/127.0.0.1/8000) 2> /dev/null; then
        echo "Something else answers at $address; stop it first." >&2
        return 1
    fi
    export -f in_nothing newest_python python_of
    setsid bash -c 'in_nothing "$@"' - "$work" "$command" &
    server=$!
    for _ in $(seq 600); do
        if (exec 3<> /dev/tcp/127.0.0.1/8000) 2> /dev/null; then break; fi
        if ! kill -0 "$server" 2> /dev/null; then
            echo "The command ended before the site answered." >&2
            return 1
        fi
        sleep 1
    done
    page="$("$(newest_python)" .ci/ask.py "$address/search/?q=flooded+ferry")"
    case "$page" in
        *"<mark>"*) echo "200, with $(grep -o '<mark>' <<< "$page" | wc -l) marks" ;;
        *) echo "The page has no <mark>." >&2; return 1 ;;
    esac
}

leg_readme_tests() {
    local command
    temporary
    command="$(readme_command 2)"
    echo "\$ $command"
    clean_checkout "$work"
    (in_nothing "$work" "$command")
}

# The lines that pytest closed with in this leg's log, without their frames.
closing_lines() {
    { grep -E '^=+ .*[0-9]+ (passed|failed|errors?|skipped|deselected).* in [0-9.]+s.* =+$' "$LOGS/$1.log" || true; } | sed -E 's/^=+ //; s/ =+$//'
}

# The last of them.
closing_line() {
    closing_lines "$1" | tail -n 1
}

# Prints how many tests passed and failed in the logs of these legs.
totals() {
    local leg line passed=0 failed=0 number
    while IFS= read -r line; do
        number="$(sed -nE 's/.*\b([0-9]+) passed.*/\1/p' <<< "$line")"
        passed=$((passed + ${number:-0}))
        number="$(sed -nE 's/.*\b([0-9]+) failed.*/\1/p' <<< "$line")"
        failed=$((failed + ${number:-0}))
        number="$(sed -nE 's/.*\b([0-9]+) errors?.*/\1/p' <<< "$line")"
        failed=$((failed + ${number:-0}))
    done < <(for leg in "$@"; do closing_lines "$leg"; done)
    echo "$passed $failed"
}
