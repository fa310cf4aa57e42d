#!/usr/bin/env bash
# Makes the pictures of the README: runs the demo in a terminal of tmux, and photographs that terminal and the report with
# Chromium. Usage: docs/images/make.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
images=$PWD/docs/images
work=$(mktemp -d)
trap 'tmux kill-session -t "$session" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/alike" ./cmd/alike
cd "$work"

# photograph FILE.png WIDTH HEIGHT PAGE
photograph() {
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
		--window-size="$2,$3" --screenshot="$1" "file://$4" 2>/dev/null
}

# The terminal: the last time that it showed the bar in training, before the last fifth.
session=alike-pictures-$$
command="alike demo${1:+ --epochs $1}"
tmux -f /dev/null new-session -d -s "$session" -x 124 -y 24 "./$command && touch done; sleep 60"
while tmux has-session -t "$session" 2>/dev/null && [ ! -e done ]; do
	tmux capture-pane -p -t "$session" >screen.txt
	at=$(sed -nE 's|^training.*█ ?░.* ([0-9]+/[0-9]+),.*|\1|p' screen.txt | tail -1)
	if [ -n "$at" ] && ((10 * ${at%/*} / ${at#*/} >= 6 && 10 * ${at%/*} / ${at#*/} < 8)); then cp screen.txt shown.txt; fi
	sleep 0.5
done
{
	printf '<!doctype html><meta charset="utf-8"><style>body { margin: 0; background: #1b1d1e; color: #e8e6e1 }'
	printf 'pre { margin: 0; padding: 16px; font: 14px/1.4 "DejaVu Sans Mono", monospace }</style><pre>$ %s\n' "$command"
	sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' shown.txt
} >terminal.html
photograph "$images/terminal.png" 1080 $((36 + 20 * ($(grep -c . shown.txt) + 1))) "$work/terminal.html"

photograph "$images/report.png" 1200 1200 "$work/alike-demo/run/report.html"
./alike views --data alike-demo/photos --out "$images/views.png" --pictures 5 --image-size 48
