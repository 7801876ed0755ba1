import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { isArbitrationId } from "../../../../agent/ports/arbitration-id.ts";
import { FRAME_FLAG, isDataLength } from "../../../../agent/ports/frame.ts";
import type { LogEntry } from "../../../../agent/signals/log-formats/log-entry.ts";
import { readLog } from "../../../../agent/signals/log-formats/read-log.ts";
import { CANOE_BLF, entriesOf, FRAMES, inPieces, PYTHON_CAN_ASC, PYTHON_CAN_BLF, shown } from "./log-vectors.ts";

const SEED = 20_261_129;
const TRC = `;$FILEVERSION=2.1\n;$STARTTIME=43008.920986006946\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n;\n      1      2501.000 DT 2      00C8 Tx -  8    09 08 07 06 05 04 03 02\n      2  2600.5 FB 1  18FEF100 Rx -  9 00 01 02 03 04 05 06 07 08 09 0A 0B\n`;
const CANDUMP = "(1735270496.916858) can0 110#00112233\n(1735270497.000001) can1 18FEF100#R8\n";

async function formatOf(text: string | Uint8Array, pieceBytes = 7): Promise<string | undefined> {
  const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  for await (const { format } of readLog("drive", inPieces(bytes, pieceBytes))) return format;
  return undefined;
}

describe("readLog", () => {
  it.each([
    ["candump", CANDUMP],
    ["candump", "# a remark\n\n  vcan0  1F0   [2]  80 4A\n"],
    ["candump", ""],
    ["asc", PYTHON_CAN_ASC],
    ["asc", "// made by hand\nbase dec timestamps relative\n"],
    ["asc", "DATE Fri Nov 27 10:20:30 am 2026\r\n"],
    ["asc", "   0.019968 1  64              Rx   d 4 64 00 00 00\n"],
    ["trc", TRC],
    ["trc", ";##########################\n;   C:\\drive.trc\n"],
  ])("knows %s by its beginning", async (format, text) => {
    expect(await formatOf(text)).toBe(format);
  });

  it("knows BLF by its signature, in single bytes too", async () => {
    expect(await formatOf(PYTHON_CAN_BLF, 1)).toBe("blf");
  });

  it("knows the format of a pipe by its first line and does not wait for more", async () => {
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("(1.0) can0 110#00\n");
      await Promise.reject(new Error("asked for more"));
    };
    for await (const { entries } of readLog("stdin", open())) {
      expect(entries).toHaveLength(1);
      break;
    }
  });

  it.each([
    ["MDF     4.10    ", "an ASAM MDF file", "python3 -m can.logconvert drive drive.log"],
    ["\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "a packet capture (pcap)", "causeway can record"],
    ["\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "a packet capture (pcap)", "causeway can record"],
    ["\xff\xfe(\x001\x00", "text in UTF-16", "iconv -f UTF-16"],
    ["\x1f\x8b\x08\x00", "compressed with gzip", "unpack it"],
  ])("names %j for what it is", async (head, is, remedy) => {
    const thrown: unknown = await formatOf(head, 65_536).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: "input.malformed",
      message: `drive is ${is}, which is no log of frames that is read here`,
    });
    expect(thrown instanceof AgentError ? thrown.remedy : "").toContain(remedy);
  });

  it("tells the line and column of what makes no sense, and reads on", async () => {
    expect(await shown("(1.0) can0 110#00\n(2.0) can0 110#0\n(3.0) can0 110#01\n")).toEqual([
      "(0000000001.000000) can0 110#00",
      "drive:2:16 a byte has two hexadecimal digits, found one",
      "(0000000003.000000) can0 110#01",
    ]);
  });

  it("gives the same however the bytes are cut into pieces", async () => {
    for (const bytes of [
      PYTHON_CAN_BLF,
      CANOE_BLF,
      Buffer.from(PYTHON_CAN_ASC),
      Buffer.from(TRC),
      Buffer.from(CANDUMP),
    ]) {
      const whole = await entriesOf(bytes);
      for (const pieceBytes of [1, 3, 64, 145]) expect(await entriesOf(bytes, pieceBytes)).toEqual(whole);
    }
    expect(await shown(PYTHON_CAN_BLF)).toEqual(FRAMES);
  });

  it(`gives frames that can be, or says what is wrong, for whatever a log was damaged to (seed ${SEED})`, async () => {
    const logs = [PYTHON_CAN_BLF, CANOE_BLF, Buffer.from(PYTHON_CAN_ASC), Buffer.from(TRC), Buffer.from(CANDUMP)];
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    const damaged = fc.tuple(
      fc.constantFrom(...logs),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 400 }),
    );
    await fc.assert(
      fc.asyncProperty(damaged, async ([log, changes, pieceBytes]) => {
        const bytes = damage(log, changes);
        const entries = await entriesOf(bytes, pieceBytes).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "input.malformed" });
          return [];
        });
        entries.forEach(judge);
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});

function damage(log: Uint8Array, changes: readonly { at: number; byte: number; cut: boolean }[]): Uint8Array {
  let bytes = Uint8Array.from(log);
  for (const { at, byte, cut } of changes) {
    if (bytes.length === 0) break;
    if (cut && at % 5 === 0) bytes = bytes.slice(0, at % bytes.length);
    else bytes[at % bytes.length] = byte;
  }
  return bytes;
}

function judge(entry: LogEntry): void {
  if (entry.kind === "malformed") {
    expect(entry.problem).not.toBe("");
    return;
  }
  const { id, flags, data, receivedAtUs } = entry.frame;
  const isFd = (flags & FRAME_FLAG.fd) !== 0;
  const isError = (flags & FRAME_FLAG.error) !== 0;
  expect(isArbitrationId(id, isError || (flags & FRAME_FLAG.extended) !== 0)).toBe(true);
  expect(data.length).toBeLessThanOrEqual(isFd ? 64 : 8);
  if (!isFd) expect(isDataLength(data.length, false)).toBe(true);
  expect(receivedAtUs).toBeGreaterThanOrEqual(0);
}
