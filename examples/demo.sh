#!/usr/bin/env bash
# Three exports of three systems in three zones become ConversationInput: each by itself, then merged by a job.
# Usage: demo.sh OUTPUT-FOLDER
set -euo pipefail
examples=$(dirname "${BASH_SOURCE[0]}")
out=$1
mkdir -p "$out"

# A command as a person would type it.
typed() {
  local word line=crosswalk
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./=:-]+$ ]] || word="'$word'"
    line+=" $word"
  done
  printf '%s' "$line"
}

# Rejects are expected here (exit code 3): the exports have the troubles that real ones have.
show() {
  printf '\n> %s\n' "$(typed "$@")"
  crosswalk "$@" 2>&1 || [ $? -eq 3 ]
}

show translate --time-zone 'Pacific Time (US & Canada)' --rejects "$out/zendesk.rejects.jsonl" \
  --summary "$out/zendesk.summary.json" --output "$out/zendesk.jsonl" "$examples/zendesk/tickets.csv"
show translate --rejects "$out/asapp.rejects.jsonl" \
  --summary "$out/asapp.summary.json" --output "$out/asapp.jsonl" "$examples/asapp/conversations.jsonl"
show translate --rejects "$out/unified-inbox.rejects.jsonl" \
  --summary "$out/unified-inbox.summary.json" --output "$out/unified-inbox.jsonl" "$examples/unified-inbox/*.json"

printf '\nThe first conversation of each:\n'
for source in zendesk asapp unified-inbox; do
  head -n 1 "$out/$source.jsonl"
done
printf '\nA record that could not be translated, and why:\n'
head -n 1 "$out/zendesk.rejects.jsonl"

# A job writes beside its file, so it runs in a copy.
printf '\nNow all three as one view, with the answers to the survey (%s):\n' "$examples/job.toml"
rm -rf "$out/job"
mkdir -p "$out/job"
for part in job.toml zendesk asapp unified-inbox survey ids; do
  cp -R "$examples/$part" "$out/job"
done
show run --ledger "$out/ledger.jsonl" --summary "$out/summary.json" "$out/job/job.toml"

printf '\nA chat that became a ticket and was called back, out of three systems:\n'
grep -m 1 '"external_id":"zendesk:48314"' "$out/job/out/conversations.jsonl"
printf '\nWho says when it began, and who says otherwise:\n'
show why "$out/job/job.toml" zendesk:48314.started_at
printf '\nEverything is in %s\n' "$out"
