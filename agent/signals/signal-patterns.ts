import type { SignalEntry } from "./signal-entry.ts";
import { exactMessageName } from "./signal-names.ts";

/**
 * Whether `name` matches `pattern`, where '*' stands for any run of characters, also an empty one. Upper and lower case differ.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let inPattern = 0;
  let inName = 0;
  let star = -1;
  let resumeAt = 0;
  while (inName < name.length) {
    if (pattern[inPattern] === "*") {
      star = inPattern;
      resumeAt = inName;
      inPattern += 1;
    } else if (pattern[inPattern] === name[inName]) {
      inPattern += 1;
      inName += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      inPattern = star + 1;
      inName = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}

/**
 * Whether `pattern` matches one of a signal's names: MESSAGE.SIGNAL, with the bus before it where the pattern has a '/', with the id
 * of the message where it has an '@' (see `findSignal`); or one of its paths in VSS, such as Vehicle.Speed.
 */
export function matchesSignal(pattern: string, signal: SignalEntry): boolean {
  if (signal.vss.some(({ path }) => matchesPattern(pattern, path))) return true;
  const name = `${pattern.includes("@") ? exactMessageName(signal) : signal.message}.${signal.name}`;
  return matchesPattern(pattern, pattern.includes("/") ? `${signal.bus}/${name}` : name);
}
