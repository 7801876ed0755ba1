/**
 * Whether a topic name matches a topic filter (MQTT 5.0, 4.7). A leading `$share/{group}/` of the filter is left aside, since the
 * broker delivers by the rest (4.8.2). A topic that begins with `$` does not match a filter that begins with a wildcard (4.7.2).
 */
export function matchesFilter(filter: string, topic: string): boolean {
  const levels = effectiveFilter(filter).split("/");
  const names = topic.split("/");
  if (topic.startsWith("$") && (levels[0] === "#" || levels[0] === "+")) return false;
  for (const [index, level] of levels.entries()) {
    // "sport/#" matches "sport" too: the number sign includes the parent level.
    if (level === "#") return names.length >= index;
    if (index >= names.length) return false;
    if (level !== "+" && level !== names[index]) return false;
  }
  return names.length === levels.length;
}

function effectiveFilter(filter: string): string {
  if (!filter.startsWith("$share/")) return filter;
  return filter.split("/").slice(2).join("/");
}
