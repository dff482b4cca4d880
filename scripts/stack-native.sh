# The stack as ordinary processes, for scripts/run: uvicorn and two nginx, the gateway and the one
# that serves the page. Only the gateway listens on a port that was chosen; the other two take free
# ones of the loopback interface. Everything they write lies in one temporary folder.
# shellcheck shell=bash disable=SC2154  # $port comes from scripts/run

run_native() {
  ensure_packages venv= nginx=nginx
  waited ensure_venv run
  waited ensure_models
  run_dir=$(mktemp -d "${TMPDIR:-/tmp}/face-fusion.XXXXXX")
  chmod 711 "$run_dir" # nginx's workers are not root
  # shellcheck disable=SC2329  # scripts/run calls it
  stop_stack() { stop_native; }

  local inference webui
  inference=$(free_port)
  webui=$(free_port)
  waited "$PYTHON" "$ROOT/services/webui/build_site.py" --out "$run_dir/site" \
    --api-base "${WEBUI_API_BASE-/api}" --server-config "$run_dir/webui/nginx.conf" \
    --listen "127.0.0.1:$webui" >/dev/null
  export GATEWAY_INFERENCE=127.0.0.1:$inference GATEWAY_WEBUI=127.0.0.1:$webui
  # Where it listens follows from GATEWAY_BIND and the ports, now and at a reload.
  export GATEWAY_LISTEN='' GATEWAY_TLS_LISTEN=''
  waited "$ROOT/scripts/gateway" check >/dev/null

  export FUSION_MODELS_DIR=${FUSION_MODELS_DIR:-$ROOT/models}
  declare -gA name_of=()
  # The same flags as in services/inference/Dockerfile, which gives the reasons.
  start inference "$PYTHON" -m uvicorn --factory fusion.app:app_from_env \
    --app-dir "$ROOT/services/inference" --host 127.0.0.1 --port "$inference" \
    --no-access-log --no-server-header --no-proxy-headers \
    --timeout-graceful-shutdown 3600
  start webui nginx -p "$run_dir/webui" -c "$run_dir/webui/nginx.conf"
  start gateway "$ROOT/scripts/gateway" run --out "$run_dir/gateway"
  local give_up=$((SECONDS + 120)) # models load in seconds
  until answers_ready; do
    check_children
    ! will_never_be_ready && [ $SECONDS -lt $give_up ] ||
      last_words inference "the service did not become ready"
    sleep 0.2
  done
  # For scripts/gateway reload, which means the stack that was started first.
  if [ -e "$ROOT/.cache/gateway/nginx.pid" ] && kill -0 "$(<"$ROOT/.cache/gateway/nginx.pid")" 2>/dev/null; then
    say "beside another stack: to reload this one, GATEWAY_OUT=$run_dir/gateway scripts/gateway reload"
  else
    ln -sfn "$run_dir/gateway" "$ROOT/.cache/gateway"
  fi
  say "logs: $run_dir/*.log"
  echo "ready: http://localhost:$port"
  while true; do
    wait -n || true
    check_children
  done
}

# start NAME COMMAND...: a session of its own, so that Ctrl-C in a terminal reaches this script
# alone and it can stop them in order; they end with the script even when that is killed outright.
# Appended to: nginx writes its own lines into the same file.
start() {
  local name=$1
  shift
  setsid setpriv --pdeathsig TERM -- "$@" <&- >>"$run_dir/$name.log" 2>&1 &
  name_of[$!]=$name
}

free_port() {
  local candidate
  while candidate=$((20000 + RANDOM % 12000)); listens "$candidate"; do :; done
  echo "$candidate"
}

# Asks through the gateway; the answer lies in $answer, headers and all.
answers_ready() {
  answer=
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET /api/health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  IFS= read -r -d '' -t 5 answer <&3 || true # there is no such end, so it always "fails"
  exec 3>&-
  [[ $answer == "HTTP/1."?" 200 "* ]]
} 2>/dev/null

# The service names the models as the reason, and no time after which to ask again.
will_never_be_ready() {
  [[ $answer == *MODEL_UNAVAILABLE* && ${answer,,} != *$'\n'retry-after:* ]]
}

# One process less is no stack.
check_children() {
  local pid
  for pid in "${!name_of[@]}"; do
    kill -0 "$pid" 2>/dev/null ||
      last_words "${name_of[$pid]}" "${name_of[$pid]} stopped, so the stack stops"
  done
}

# last_words NAME REASON: shows why, and ends the script, which stops the others.
last_words() {
  say "--- last lines of $1:"
  tail -n 20 "$run_dir/$1.log" >&2
  die "$2"
}

# signal_and_wait SIGNAL SECONDS NAME...: said again every second, since what was started in the
# background ignores QUIT until it has become nginx.
signal_and_wait() {
  local signal=$1 tenths=$(($2 * 10)) tenth pid alive send
  shift 2
  for ((tenth = 0; tenth < tenths; tenth++)); do
    alive=no send=0
    [ $((tenth % 10)) -ne 0 ] || send=$signal
    for pid in "${!name_of[@]}"; do
      [[ " $* " != *" ${name_of[$pid]} "* ]] || ! kill -s "$send" "$pid" 2>/dev/null || alive=yes
    done
    [ $alive = yes ] || return 0
    sleep 0.1
  done
}

# The gateway first, and gracefully: what it has begun still needs the other two.
stop_native() {
  local pid
  signal_and_wait QUIT 70 gateway # as long as a fusion may take; nothing begun: at once
  signal_and_wait TERM 70 inference webui
  # Each is the head of a process group: the workers of an nginx that was killed are still in it.
  for pid in "${!name_of[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
  [ "$(readlink "$ROOT/.cache/gateway")" != "$run_dir/gateway" ] || rm "$ROOT/.cache/gateway"
  rm -rf "$run_dir"
}
