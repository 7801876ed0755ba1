import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { encodeFrame } from "../../../agent/signals/codec/encode-frame.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcMessage, DbcSignal } from "../../../agent/signals/dbc/model.ts";

// Real DBC files, each with frames and the values that cantools 9.1 decodes from them; kept outside the project.
const CORPUS = process.env.CAUSEWAY_DBC_CORPUS ?? join(import.meta.dirname, "../../../../shared/dbc-corpus");
const isThere = existsSync(CORPUS);

const vector = z.object({
  id: z.number(),
  ext: z.boolean(),
  data: z.hex(),
  msg: z.string(),
  raw: z.record(z.string(), z.unknown()),
  phys: z.record(z.string(), z.unknown()),
});

type Counts = { equal: number; refused: number; skipped: number; readonly differences: string[] };

/** Bits of the signals that the vector lists: what of the frame must come out the same. */
function maskOf(message: DbcMessage, names: readonly string[]): Uint8Array {
  const mask = new Uint8Array(message.length);
  for (const signal of message.signals.filter(({ name }) => names.includes(name))) {
    for (const at of bitsOf(signal)) if (at >> 3 < mask.length) mask[at >> 3] |= 1 << (at & 7);
  }
  return mask;
}

function bitsOf({ startBit, bits, byteOrder }: DbcSignal): readonly number[] {
  if (byteOrder === "little") return Array.from({ length: bits }, (_, index) => startBit + index);
  // Numbered from the most significant bit of byte 0 on, a big-endian signal is one run.
  const first = (startBit >> 3) * 8 + (7 - (startBit & 7));
  return Array.from({ length: bits }, (_, index) => first + index).map((at) => (at >> 3) * 8 + (7 - (at & 7)));
}

function compare(file: string, counts: Counts): void {
  const { database } = parseDbcBytes(readFileSync(join(CORPUS, file)));
  const lines = readFileSync(join(CORPUS, `${file}.jsonl`), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  for (const [index, line] of lines.entries()) {
    const parsed = vector.safeParse(JSON.parse(line));
    if (!parsed.success) continue;
    const { id, ext, data, msg, phys } = parsed.data;
    const message = database.messages.find((one) => one.id === id && one.extended === ext && one.name === msg);
    const values = Object.entries(phys).flatMap(([name, value]) =>
      typeof value === "number" && Math.abs(value) <= 2 ** 52 ? [[name, value] as const] : [],
    );
    // Wide integers and what is no number cannot be asked for.
    if (message === undefined || values.length !== Object.keys(phys).length) {
      counts.skipped += 1;
      continue;
    }
    const encoded = encodeFrame(message, new Map(values));
    if (encoded.kind === "unfit") {
      counts.refused += 1;
      continue;
    }
    const mask = maskOf(message, Object.keys(phys));
    const bytes = Buffer.from(data, "hex");
    const wanted = Buffer.from(bytes.map((byte, at) => byte & (mask[at] ?? 0))).toString("hex");
    const got = Buffer.from(encoded.data).toString("hex");
    if (got === wanted) counts.equal += 1;
    else counts.differences.push(`${file}.jsonl:${index + 1} ${msg}: ${got}, not ${wanted}`);
  }
}

describe.skipIf(!isThere)(
  `encodeFrame against the frames of cantools${isThere ? "" : ` (skipped: no corpus at ${CORPUS})`}`,
  () => {
    it("gives the frame back that cantools decoded, bit by bit, for every value in range", () => {
      const counts: Counts = { equal: 0, refused: 0, skipped: 0, differences: [] };
      for (const file of readdirSync(CORPUS).filter((name) => name.endsWith(".dbc"))) compare(file, counts);
      expect(counts.differences).toEqual([]);
      expect(counts.equal).toBeGreaterThan(1000);
    }, 60_000);
  },
);
