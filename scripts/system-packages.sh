#!/usr/bin/env bash
# Installs the Debian packages that some tests talk to for real: a browser, two mail servers, PostgreSQL, a web
# server (and a second one to read its configuration), feed readers, spam filters, a DKIM verifier, and Java for the HTML checker. Where it may
# not (no apt, not root), those tests are skipped with a line each; with CI=true that is a failure.
# With `bench` those that benchmarks compare with, and need, besides.
set -euo pipefail

declare -A wanted=([chromium]=chromium [postfix]=/usr/sbin/postfix [newsboat]=newsboat [nginx]=/usr/sbin/nginx [rss2email]=r2e [dovecot-imapd]=/usr/sbin/dovecot)
wanted+=([iproute2]=ip [systemd]=systemd-analyze [openssl]=openssl [curl]=curl)
wanted+=([caddy]=caddy [default-jre-headless]=java [opendkim]=/usr/sbin/opendkim [rspamd]=rspamd [spamassassin]=spamassassin)
if [ "${1:-}" = bench ]; then
  wanted+=([hugo]=hugo [wrk]=wrk [nodejs]=node [npm]=npm)
fi
missing=()
for package in "${!wanted[@]}"; do
  command -v "${wanted[$package]}" >/dev/null 2>&1 || missing+=("$package")
done
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0

run=()
if ! command -v apt-get >/dev/null 2>&1; then
  reason="this system has no apt-get"
elif [ "$(id -u)" -eq 0 ]; then
  reason=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  reason="" run=(sudo -n)
else
  reason="installing needs root"
fi
if [ -n "$reason" ]; then
  echo "Not installed: ${missing[*]} ($reason); what needs them will be skipped, or say so." >&2
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi

echo "Installing ${missing[*]} ..."
# Debian's postinst would start the system's own mail server; the tests start one of their own.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${run[@]}" tee "$policy" >/dev/null
  "${run[@]}" chmod +x "$policy"
  made=yes
fi
trap '[ -z "$made" ] || "${run[@]}" rm -f "$policy"' EXIT
echo "postfix postfix/main_mailer_type select No configuration" | "${run[@]}" debconf-set-selections
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null
