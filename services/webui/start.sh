#!/bin/sh
# Start of the container: writes the page's config.json from WEBUI_API_BASE, then serves the page.
# $1 is the folder for what is written (on tmpfs, the image itself is read-only); the rest is the
# command to run afterwards.
set -eu
here=$(dirname "$0")
runtime_dir=$1
shift

api_base=${WEBUI_API_BASE-/api}
pattern=$(cat "$here/api-base.pattern")
# printf adds the final newline; more than one line means a newline in the value.
if [ -z "$api_base" ] || [ "$(printf '%s\n' "$api_base" | wc -l)" -ne 1 ] ||
    ! printf '%s\n' "$api_base" | LC_ALL=C grep -Exq -- "$pattern"; then
    cat >&2 <<END
webui: WEBUI_API_BASE=$api_base cannot be used, so the page is not served.
It is the address of the API as the browser sees it. Use one of:
  WEBUI_API_BASE=/api                          behind the same gateway (the default)
  WEBUI_API_BASE=https://fusion.example/api    on another origin: that gateway's
                                               CORS_ALLOWED_ORIGINS must list this page's origin
No query, no user name, no spaces, no quotes.
END
    exit 64
fi

api_base=${api_base%/}
case $api_base in
    http*://*)
        rest=${api_base#*://}
        origin=${api_base%%://*}://${rest%%/*}
        ;;
    *) origin= ;;
esac
printf '{"apiBase": "%s"}\n' "$api_base" >"$runtime_dir/config.json"
printf 'default "%s";\n' "$origin" >"$runtime_dir/api-origin.conf"
exec "$@"
