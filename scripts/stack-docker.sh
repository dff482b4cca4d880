# The stack as containers, for scripts/run: compose.yaml under a project name of its own, so that
# copies on two ports do not get into each other's way. Built images are shared between them.
# shellcheck shell=bash disable=SC2154  # $port comes from scripts/run

BASE_IMAGE=debian:trixie-slim

docker_answers() {
  command -v docker >/dev/null && docker compose version >/dev/null 2>&1 &&
    timeout 10 docker info >/dev/null 2>&1
}

# An engine that cannot reach a registry builds nothing without the base image.
docker_can_build() {
  docker image inspect $BASE_IMAGE >/dev/null 2>&1 || docker pull --quiet $BASE_IMAGE >/dev/null
}

compose() {
  local files=(--file "$ROOT/compose.yaml")
  [ "${FUSION_DEVICE:-cpu}" = cpu ] || files+=(--file "$ROOT/compose.gpu.yaml")
  docker compose --ansi never --progress quiet \
    --project-directory "$ROOT" --project-name "$project" "${files[@]}" "$@"
}

# compose clears every line before it writes it, on files too.
last_logs() { compose logs --tail 20 "$@" | sed $'s/\e\\[2K//' >&2; }

run_docker() {
  project=${COMPOSE_PROJECT_NAME:-face-fusion-$port}
  docker_answers || die "no Docker engine with compose answers" \
    "Start the engine, or run without it: scripts/run --native"
  say "building the images (minutes the first time, seconds when nothing changed)"
  waited compose build --quiet || die "the images could not be built" \
    "The messages above say why. Without Docker: scripts/run --native"
  # shellcheck disable=SC2329  # scripts/run calls it
  stop_stack() {
    kill_all # an `up` that is still at work would start again what is stopped here
    compose down --volumes --remove-orphans >/dev/null 2>&1 || true
  }
  if ! waited compose up --detach --wait --wait-timeout 180 --no-build; then
    last_logs
    die "the stack did not become ready; the last log lines are above"
  fi
  say "logs: docker compose --project-name $project logs"
  echo "ready: http://localhost:$port"

  # One line a container that dies; reading is answered at once by a signal, too.
  local service
  exec 4< <(exec docker events --filter type=container --filter event=die \
    --filter "label=com.docker.compose.project=$project" \
    --format '{{index .Actor.Attributes "com.docker.compose.service"}}')
  read -r service <&4 || die "the Docker engine went away"
  say "--- last lines of $service:"
  last_logs "$service"
  die "$service stopped, so the stack stops"
}
