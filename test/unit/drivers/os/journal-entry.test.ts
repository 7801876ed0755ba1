import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogFacts } from "../../../../agent/core/log.ts";
import { journalEntry } from "../../../../drivers/os/journal-entry.ts";

const SEED = 18;

/** The fields of a datagram as the protocol says (systemd.io/JOURNAL_NATIVE_PROTOCOL), read byte after byte; throws for what is none. */
function fieldsOf(datagram: Buffer): readonly (readonly [name: string, value: string])[] {
  const fields: [string, string][] = [];
  for (let at = 0; at < datagram.length; ) {
    let end = at;
    while (datagram[end] !== 0x0a && datagram[end] !== 0x3d) end += 1;
    const name = datagram.toString("latin1", at, end);
    const isLong = datagram[end] === 0x0a;
    const from = end + (isLong ? 9 : 1);
    const to = isLong ? from + Number(datagram.readBigUInt64LE(end + 1)) : datagram.indexOf(0x0a, from);
    if (datagram[to] !== 0x0a) throw new Error(`no newline at ${to}`);
    fields.push([name, new TextDecoder("utf-8", { fatal: true }).decode(datagram.subarray(from, to))]);
    at = to + 1;
  }
  return fields;
}

function entry(facts: LogFacts, text = "{}"): Buffer {
  return journalEntry({ priority: 4, event: "outbox.evicted", facts, text }, "causeway");
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom("\n", "=", "\nPRIORITY=0\n", "\0", "€".repeat(2000), "a".repeat(60_000)),
);

describe("journalEntry", () => {
  it("is a datagram of the protocol, bounded, with each name once and no fact in the place of a field that is not its own", () => {
    const value = fc.oneof(text, fc.double(), fc.boolean(), fc.constant(undefined));
    const facts = fc.dictionary(text, value, { maxKeys: 30 });
    fc.assert(
      fc.property(facts, text, (given, line) => {
        const datagram = entry(given, line);
        expect(datagram.length).toBeLessThanOrEqual(49_152);
        const fields = fieldsOf(datagram);
        expect(fields[0]).toEqual(["PRIORITY", "4"]);
        const names = fields.map(([name]) => name);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names.slice(5)) expect(name).toMatch(/^CAUSEWAY_[A-Z0-9_]{0,55}$/);
        expect(line.startsWith(fields[4][1])).toBe(true);
      }),
      { seed: SEED },
    );
  });

  it("writes names as the journal has them, and never takes a fact for the event", () => {
    const fields = Object.fromEntries(
      fieldsOf(entry({ event: "x", retryMs: 1, p256Key: "k", "zu-kurz": true, code: "a.b" })),
    );
    expect(fields).toMatchObject({
      CAUSEWAY_EVENT: "outbox.evicted",
      CAUSEWAY_RETRY_MS: "1",
      CAUSEWAY_P256_KEY: "k",
      CAUSEWAY_ZU_KURZ: "true",
      CAUSEWAY_CODE: "a.b",
    });
  });

  it("counts what it has cut or left out, and nothing where it did not", () => {
    const one = Object.fromEntries(fieldsOf(entry({ what: `${"a".repeat(3999)}€`, bus: "can0" })));
    expect(one).toMatchObject({ CAUSEWAY_WHAT: "a".repeat(3999), CAUSEWAY_CUT: "1", CAUSEWAY_BUS: "can0" });
    expect(fieldsOf(entry({ what: "a".repeat(4000) })).map(([name]) => name)).not.toContain("CAUSEWAY_CUT");
  });
});
