/**
 * The text of a DBC file: UTF-8 (a byte order mark is dropped) when the bytes are valid UTF-8, otherwise windows-1252, which
 * maps every byte, so this never fails.
 */
export function decodeDbcBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not UTF-8: the editors that write DBC files then mean windows-1252.
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
