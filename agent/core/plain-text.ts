/**
 * Text as the cloud's services take it: no control character, no half of a surrogate pair, at most so many UTF-16 units. AWS IoT refuses
 * the whole request for one of those (AWS IoT Jobs, statusDetails; AWS IoT commands, statusReason: `[^\\p{C}]+`).
 */
export function plainText(text: string, maxLength: number): string {
  // Cut first: what the cut halves is one of the characters that go.
  return text.slice(0, maxLength).replace(/\p{C}/gu, " ");
}

/** Text from a file or a bus as it may be shown on a terminal: control characters, which could steer it, become "?". */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
