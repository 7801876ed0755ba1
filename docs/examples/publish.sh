#!/bin/sh
# Hands over a value, and keeps it in a file while the agent does not take it. Usage: publish.sh NAME VALUE (as JSON has it)
set -eu
waiting=${WAITING:-/var/lib/door-watch/lines} code=0
exec 9>>"$waiting.lock" && flock 9
printf '{"stream":"event","values":[{"name":"%s","value":%s,"time":"%s"}]}\n' "$1" "$2" "$(date -u +%FT%TZ)" >>"$waiting"
causeway --json ${CONFIG:+--config "$CONFIG"} publish --program door-watch - <"$waiting" >"$waiting.answers" || code=$?
# Kept, of 10000: what has no answer, or can be taken later. What is refused for good would be so each time.
awk 'FILENAME == ARGV[1] { answer[FNR] = $0; next }
  !(FNR in answer) || answer[FNR] ~ /"code":"program.(full|not-stored)"/ { kept[n++ % 10000] = $0 }
  END { for (i = n > 10000 ? n - 10000 : 0; i < n; i++) print kept[i % 10000] }' "$waiting.answers" "$waiting" >"$waiting.new"
mv "$waiting.new" "$waiting"
exit "$code"
