#!/usr/bin/env bash
# Installs what `make bench` compares with: Hugo, nginx and wrk, Postfix's own sender and sink (apt), nodemailer (npm,
# into build/bench), two Markdown parsers and aiosmtplib (pip, into .venv).
set -euo pipefail
cd "$(dirname "$0")/.."
NODEMAILER=10.6.1
scripts/system-packages.sh bench
there=build/bench/node_modules/nodemailer/package.json
if ! grep -qs "\"version\": \"$NODEMAILER\"" "$there"; then
  command -v npm >/dev/null || { echo "npm is missing: install Node.js, then run this again" >&2; exit 1; }
  echo "Installing nodemailer $NODEMAILER ..."
  mkdir -p build/bench
  npm install --silent --no-audit --no-fund --no-save --prefix build/bench "nodemailer@$NODEMAILER"
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check aiosmtplib==5.1.3 cmarkgfm==2025.10.22 mistune==3.4.0
