import { formatCandumpLog } from "../../../../agent/signals/log-formats/candump-text.ts";
import { type LogEntry, placeOf } from "../../../../agent/signals/log-formats/log-entry.ts";
import { readLog } from "../../../../agent/signals/log-formats/read-log.ts";

/**
 * Seven frames that python-can 4.1.0 wrote as BLF (can.BLFWriter) and read back as FRAMES; it rounds the start to ms.
 * Two channels, classic, FD with BRS, extended FD with ESI, remote, error, no data.
 */
export const PYTHON_CAN_BLF = Buffer.from(
  "TE9HR5AAAAAFAAAAAgYIAYQBAAAAAAAAmAIAAAAAAAAHAAAAAAAAAOgHDAAFABsAAwAiADgAlQPoBwwABQAbAAMAIgA7AJUDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAATE9CShAAAQD0AAAACgAAAAIAAAAAAAAA6AEAAAAAAAB4nPPxd/JSYGBkMGBgAJIMDEwMqAAoxiIAkhBUMgbxfXCoF9SGsJgYGDkYPv6bwcDIxMzCysYOU18ClEtBNv/ULGuo+ZwKjFAxZh6opRC9HJxc3AxkAJx26mdEQu3k/3BvzyywGKsDhp08vHz8AoJCwiKiYuISklLSMrJy8gqKSsoqqmrqGppa2jq6evoGhkbGJqZm5haWVtY2tnb2uMKFYYppOcTOBg4WmD+R3Aiy3RNJfYObTBvUjVDAASZZYFwWVP0Y9sVd2ATT/58dYR8Ai+8j/g==",
  "base64",
);

export const FRAMES = [
  "(1735270496.917000) can0 110#00112233",
  "(1735270496.917142) can1 18FEF100#0001020304050607",
  "(1735270497.917000) can0 120##5000102030405060708090A0B",
  "(1735270498.417000) can0 1ABCDEF0##6000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F",
  "(1735270498.917000) can0 104#R8",
  "(1735270499.167000) can0 20000004#0004000000000000",
  "(1735270499.917000) can0 7FF#",
];

/** The same frames as python-can 4.1.0 wrote them as ASC (can.ASCWriter); the class of the error frame is lost in this format. */
export const PYTHON_CAN_ASC = `date Sun Nov 29 02:46:10.212 PM 2026
base hex  timestamps absolute
internal events logged
Begin Triggerblock Fri Dec 27 03:34:56.917 AM 2024
 0.000000 Start of measurement
 0.000000 1  110             Rx   d 4 00 11 22 33
 0.000142 2  18FEF100x       Tx   d 8 00 01 02 03 04 05 06 07
 1.000000 CANFD   1 Rx        120                                   1 0 9 12 00 01 02 03 04 05 06 07 08 09 0A 0B        0    0     3000        0        0        0        0        0
 1.500000 CANFD   1 Rx   1ABCDEF0x                                   0 1 f 64 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F 30 31 32 33 34 35 36 37 38 39 3A 3B 3C 3D 3E 3F        0    0     5000        0        0        0        0        0
 2.000000 1  104             Rx   r 8
 2.250000 1  ErrorFrame
 3.000000 1  7FF             Rx   d 0
End TriggerBlock
`;

/** A log of CANoe with a header of version 2.6 that holds 22 FD frames whose data end early (python-can test/data/issue_1905.blf). */
export const CANOE_BLF = Buffer.from(
  "TE9HR5AAAAD8YE0ABgkBAAwCAAAAAAAAtAsAAAAAAAAWAAAAAQAAAOgHDAACAB8ADgAJACgA3gDoBwwAAgAfAA4ACwAcAOwBiAEAAAAAAABcAAAAKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAATE9CShAAAQD2AAAACgAAAAIAAAAAAAAAUAoAAAAAAAB42vPxd/JSYGBkqGBgYEgFYiYGCFix5dYhEM3O78Cwko2BwQHEMWDACf6TCHxw2FuQce8N4wDYK/D8iRjzANjrofnKgWUA7E3o+5jFOgD2NoR/m8I2APYq7GPYzz4A9k4IYH3JMQD2SkiJCnMNgL0/9GRtuQfAXgMGhXSeAbA3w0ZtIu8A2PtCwmo33wDYe+Ct3VP+AbB3AZ8rv+BA2FvuYyk0EPb+80sWHoj0zBrVKzIQ9X5x5HbRgchH4XEPxQbA3g+F2dwSAxG/MfmmkjS0FwBG8pR1AABMT0JKEAABAFoAAAAKAAAAAgAAAAAAAAB0AAAAAAAAAHja8/F38lJgYGSwYGBgKAZiJgYIyIjJN5VkQAccQCjB8IKZgcEHqs8GRR8jDn08QAgBAkAMAEm9CC0AAExPQkoQAAEAKAAAAAoAAAACAAAAAAAAAAAAAAAAAAAAeNoDAAAAAAE=",
  "base64",
);

/** The bytes in pieces of `pieceBytes`; each piece is overwritten when the next one is asked for. */
export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const part = bytes.subarray(at, at + pieceBytes);
    piece.fill(0xee);
    piece.set(part);
    yield piece.subarray(0, part.length);
  }
}

/** The entries of a log that comes in pieces. */
export async function entriesOf(bytes: Uint8Array, pieceBytes = 65_536): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const piece of readLog("drive", inPieces(bytes, pieceBytes))) entries.push(...piece.entries);
  return entries;
}

/** As candump would log them; what makes no sense with its place. */
export async function shown(bytes: Uint8Array | string, pieceBytes?: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const source = inPieces(typeof bytes === "string" ? Buffer.from(bytes) : bytes, pieceBytes ?? 65_536);
  for await (const { entries, format } of readLog("drive", source)) {
    for (const entry of entries) {
      if (entry.kind === "frame") lines.push(formatCandumpLog(entry.bus, entry.frame));
      else lines.push(`${placeOf("drive", format, entry.at, entry.column)} ${entry.problem}`);
    }
  }
  return lines;
}
