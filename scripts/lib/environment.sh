# Sourced by the scripts: `install_into_environment EXTRAS` sets $python to the Python of an
# environment with cnnzoo and the named extras from this checkout.
#
# The environment is the active one, or else .venv in the checkout, which is created if it is
# missing. uv is used if it is installed, otherwise venv and pip.

fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '   hint: %s\n' "$2" >&2
    exit 2
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The name of a Python 3.11 or newer on the path.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "cnnzoo needs Python 3.11 or newer; the path has $(python3 --version 2>&1 || true)" \
        "install one, for example: apt install python3.12 python3.12-venv, or brew install python"
}

make_environment() {
    printf 'making a virtual environment in .venv\n'
    if command -v uv >/dev/null; then
        uv venv --quiet --python '>=3.11' .venv
        return
    fi
    base=$(find_python)
    "$base" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$base comes without venv" "on Debian and Ubuntu: apt install python3-venv"
    "$base" -m venv .venv || fail "no virtual environment could be made in .venv"
}

install_into_environment() {
    if [ -n "${VIRTUAL_ENV:-}" ]; then
        environment=$VIRTUAL_ENV
    else
        environment=$PWD/.venv
        [ -x "$environment/bin/python" ] || make_environment
    fi
    python=$environment/bin/python
    is_new_enough "$python" ||
        fail "the environment $environment has no Python 3.11 or newer" "remove or leave it"

    # The installation matches pyproject.toml and this checkout, so it is not changed.
    wanted=$(printf '%s %s\n' "$PWD" "$1" && cat pyproject.toml)
    stamp=$environment/.cnnzoo-installed
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    printf 'installing cnnzoo and what it needs (a minute or two, TensorFlow is large)\n'
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$python" -e ".$1"
    else
        "$python" -m pip install --quiet --disable-pip-version-check -e ".$1"
    fi || fail "the installation failed" "its messages are above"
    printf '%s\n' "$wanted" >"$stamp"
}
