import { randomBytes } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { type Outbox, STREAMS } from "../../../../../agent/ports/outbox.ts";
import { type OpenedOutbox, openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher, type RestId } from "../../../../../drivers/sqlite/outbox/rest-cipher.ts";
import { StandbyOutbox } from "../../../../../drivers/sqlite/outbox/standby-outbox.ts";
import { seededRandom } from "../../../../bench/core/seeded-random.ts";
import { draftOf, payloadOf, takeLosses, thinForTest } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const SECRET = "Engine.SecretSignal";
const encoder = new TextEncoder();
const secretDraft = draftOf("telemetry", 0, { seal: () => encoder.encode(`${SECRET} = 42 ${"x".repeat(6000)}`) });

function open(folder: string, cipher?: RestCipher, maxBytes = 1_000_000): OpenedOutbox {
  const log = new MemoryLog();
  const sizes = { logBytes: 65_536, reserveBytes: 0 };
  const settings = { file: join(folder, "outbox.db"), maxBytes, clock: new ManualClock(), log, sizes };
  return openOutbox(settings, undefined, { thin: thinForTest, cipher });
}

/** What stands in the files of a folder, whatever their names. */
function diskOf(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("\n");
}

function payloadsIn(outbox: Outbox): readonly string[] {
  return STREAMS.flatMap((stream) => outbox.read(stream, 0, ALL, 1000, ALL)).map(({ payload }) =>
    new TextDecoder().decode(payload).split(" ").slice(0, 2).join(" "),
  );
}

describe("a copied disk", () => {
  it.each([
    ["shows payloads that are not encrypted", undefined],
    [
      "shows none that is encrypted, nor what is kept, in the database, its log and what was set aside",
      randomBytes(32),
    ],
  ])("%s", (_, key) => {
    const folder = temporaryFolder();
    const cipher = key === undefined ? undefined : new RestCipher(key, true);
    const { outbox } = open(folder, cipher);
    outbox.append([secretDraft, secretDraft], [{ key: "cells", value: encoder.encode(`kept ${SECRET}`) }]);
    expect(diskOf(folder).includes(SECRET)).toBe(key === undefined);
    outbox.ack([1]);
    outbox.close();
    expect(diskOf(folder).includes(SECRET)).toBe(key === undefined);
    // Damage: set aside, and salvaged.
    const database = new Database(join(folder, "outbox.db"));
    database.exec("UPDATE records SET seq = 77");
    database.close();
    writeFileSync(join(folder, "outbox.db.check"), "");
    const second = open(folder, cipher);
    expect(second.quarantined).toBeDefined();
    expect(takeLosses(second.outbox)).toEqual(["telemetry 2-2 damaged"]);
    expect(second.outbox.kept()).toHaveLength(1);
    second.outbox.close();
    expect(diskOf(folder).includes(SECRET)).toBe(key === undefined);
  });
});

it("encrypts what was kept in clear when it is salvaged", () => {
  const folder = temporaryFolder();
  const clear = open(folder).outbox;
  clear.append([secretDraft], [{ key: "cells", value: encoder.encode(`kept ${SECRET}`) }]);
  clear.close();
  writeFileSync(join(folder, "outbox.db"), "no database", { flag: "r+" });
  const { outbox, quarantined } = open(folder, new RestCipher(randomBytes(32), true));
  expect(quarantined).toBeDefined();
  expect(outbox.kept().map(({ value }) => new TextDecoder().decode(value))).toEqual([`kept ${SECRET}`]);
  outbox.close();
  expect(readFileSync(join(folder, "outbox.db"), "latin1").includes(SECRET)).toBe(false);
});

describe("an encrypted outbox", () => {
  it("gives its records and what is kept back after a restart", () => {
    const folder = temporaryFolder();
    const key = randomBytes(32);
    const first = open(folder, new RestCipher(key, true));
    const { epoch } = first.outbox.stats();
    first.outbox.append([draftOf("event", 50), draftOf("telemetry", 8000)], [{ key: "k", value: encoder.encode("v") }]);
    first.outbox.close();
    const { outbox, quarantined, lostKey } = open(folder, new RestCipher(key, true));
    expect([quarantined, lostKey, outbox.stats().epoch]).toEqual([undefined, undefined, epoch]);
    const [record] = outbox.read("telemetry", 0, ALL, 10, ALL);
    expect(record.payload).toEqual(Buffer.from(payloadOf(record, 8000)));
    expect(outbox.stats().bytes).toBe(8050);
    expect(outbox.kept().map(({ value }) => new TextDecoder().decode(value))).toEqual(["v"]);
    outbox.close();
  });

  it("keeps what is in clear when encryption begins, and what is encrypted when it ends", () => {
    const folder = temporaryFolder();
    const key = randomBytes(32);
    const ciphers = [undefined, new RestCipher(key, true), new RestCipher(key, false), new RestCipher(key, true)];
    for (const cipher of ciphers) {
      const { outbox, quarantined } = open(folder, cipher);
      expect(quarantined).toBeUndefined();
      outbox.append([draftOf("event", 20)]);
      outbox.close();
    }
    const { outbox } = open(folder, new RestCipher(key, false));
    expect(payloadsIn(outbox)).toEqual(["event 1", "event 2", "event 3", "event 4"]);
    outbox.close();
  });

  it.each([
    ["another key", new RestCipher(randomBytes(32), true), "with another key than that of outbox.encryption"],
    ["no key", undefined, "outbox.encryption names no key"],
  ])("is set aside with %s: the loss is told, what is in clear comes over, a new epoch begins", (_, cipher, why) => {
    const folder = temporaryFolder();
    const clear = open(folder).outbox;
    const { epoch } = clear.stats();
    clear.append([draftOf("event", 20)]);
    clear.close();
    const first = open(folder, new RestCipher(randomBytes(32), true)).outbox;
    first.append([draftOf("event", 20), draftOf("control", 20)], [{ key: "k", value: encoder.encode("v") }]);
    first.close();
    const { outbox, quarantined, lostKey } = open(folder, cipher);
    expect(quarantined).toBe(join(folder, "outbox.db.damaged-1"));
    expect(lostKey).toContain(why);
    expect(outbox.stats().epoch).not.toBe(epoch);
    expect(payloadsIn(outbox)).toEqual(["event 1"]);
    expect(outbox.kept()).toEqual([]);
    expect([...takeLosses(outbox)].sort()).toEqual(["control 1-1 damaged", "event 2-2 damaged"]);
    outbox.close();
    const again = open(folder, cipher);
    expect([again.quarantined, again.lostKey]).toEqual([undefined, undefined]);
    again.outbox.close();
  });

  it.each([
    ["another key", new RestCipher(randomBytes(32), true)],
    ["no key", undefined],
  ])("takes %s without a word once all that it holds is in clear", (_, cipher) => {
    const folder = temporaryFolder();
    const key = randomBytes(32);
    for (const encrypts of [true, false]) {
      const { outbox } = open(folder, new RestCipher(key, encrypts));
      outbox.ack(outbox.read("event", 0, ALL, 10, ALL).map(({ row }) => row));
      outbox.append([draftOf("event", 20)], [{ key: "k", value: encoder.encode("v") }]);
      outbox.close();
    }
    const { outbox, quarantined, lostKey } = open(folder, cipher);
    expect([quarantined, lostKey]).toEqual([undefined, undefined]);
    expect(payloadsIn(outbox)).toEqual(["event 2"]);
    expect(outbox.kept()).toHaveLength(1);
    outbox.close();
  });

  it("takes another key, or none, without a word once it is empty", () => {
    const folder = temporaryFolder();
    for (const cipher of [new RestCipher(randomBytes(32), true), new RestCipher(randomBytes(32), true), undefined]) {
      const { outbox, quarantined } = open(folder, cipher);
      expect(quarantined).toBeUndefined();
      outbox.append([draftOf("event", 20)]);
      outbox.ack(outbox.read("event", 0, ALL, 10, ALL).map(({ row }) => row));
      outbox.close();
    }
    const { outbox } = open(folder);
    outbox.append([draftOf("event", 20)]);
    outbox.close();
    const last = open(folder);
    expect(last.quarantined).toBeUndefined();
    last.outbox.close();
  });

  it("finds a payload that was changed together with its checksum", () => {
    const folder = temporaryFolder();
    const key = randomBytes(32);
    const first = open(folder, new RestCipher(key, true)).outbox;
    first.append([draftOf("event", 20), draftOf("event", 20)]);
    first.close();
    // One payload in the place of the other, its checksum with it: what nothing but the tag can tell.
    const database = new Database(join(folder, "outbox.db"));
    database.exec(
      `UPDATE records SET payload = (SELECT payload FROM records WHERE row = 1),
        crc = crc - crc % 4294967296 + (SELECT crc % 4294967296 FROM records WHERE row = 1) WHERE row = 2`,
    );
    database.close();
    const { outbox } = open(folder, new RestCipher(key, true));
    expect(payloadsIn(outbox)).toEqual(["event 1"]);
    expect(takeLosses(outbox)).toEqual(["event 2-2 damaged"]);
    outbox.close();
  });

  it("encrypts what comes over from memory", () => {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const log = new MemoryLog();
    const cipher = new RestCipher(randomBytes(32), true);
    let isAway = true;
    const settings = { file: join(folder, "outbox.db"), maxBytes: 1_000_000, clock, log };
    const outbox = new StandbyOutbox({
      openDisk: (adopt) => {
        if (isAway) throw new AgentError("outbox.unavailable", { what: "away", remedy: "wait" });
        return openOutbox(settings, adopt, { cipher }).outbox;
      },
      memoryBytes: 1_000_000,
      standbyFiles: [],
      clock,
      log,
    });
    outbox.append([secretDraft], [{ key: "k", value: encoder.encode(SECRET) }]);
    isAway = false;
    clock.advance(10_000);
    expect(outbox.stats().fault).toBeUndefined();
    expect(diskOf(folder)).not.toContain(SECRET);
    expect(payloadsIn(outbox)).toEqual([`${SECRET} =`]);
    expect(outbox.kept().map(({ value }) => new TextDecoder().decode(value))).toEqual([SECRET]);
    outbox.close();
  });
});

/** Remembers what each call gave. */
class WatchedCipher extends RestCipher {
  readonly #seen: Map<string, string>;

  constructor(rootKey: Uint8Array, seen: Map<string, string>) {
    super(rootKey, true);
    this.#seen = seen;
  }

  override encrypt(id: RestId, payload: Uint8Array): Uint8Array {
    const stored = super.encrypt(id, payload);
    const iv = Buffer.from(stored).subarray(8, 30).toString("hex");
    if (this.#seen.has(iv)) throw new Error(`used twice: ${iv}`);
    this.#seen.set(iv, `${JSON.stringify(id)} ${Buffer.from(payload).toString("hex")}`);
    return stored;
  }
}

describe("key and counter of a payload", () => {
  it("are never used twice: not by failed transactions, thinning, salvage, or a file that is put back", () => {
    const random = seededRandom(4);
    const key = randomBytes(32);
    const seen = new Map<string, string>();
    const folder = temporaryFolder();
    const file = join(folder, "outbox.db");
    const below = (bound: number): number => Math.floor(random() * bound);
    let { outbox } = open(folder, new WatchedCipher(key, seen), 60_000);
    const failing = draftOf("telemetry", 0, {
      seal: () => {
        throw new RangeError("on purpose");
      },
    });
    let thinned = 0;
    for (let step = 0; step < 400; step += 1) {
      const drafts = Array.from({ length: 1 + below(4) }, () => draftOf("telemetry", 200 + below(900), { thin: 4 }));
      // Told apart by more than their ids: the same id is given again to other bytes.
      const salted = drafts.map((draft) => ({ ...draft, seal: () => randomBytes(300) }));
      if (random() < 0.3) expect(() => outbox.append([...salted, failing])).toThrow("on purpose");
      else outbox.append(drafts);
      if (random() < 0.05) {
        thinned += outbox.lossCounts().filter(({ reason }) => reason === "thinned").length;
        outbox.close();
        if (random() < 0.5) copyFileSync(file, join(folder, "left"));
        else if (readdirSync(folder).includes("left")) copyFileSync(join(folder, "left"), file);
        outbox = open(folder, new WatchedCipher(key, seen), 60_000).outbox;
      }
    }
    const ids = [...seen.values()].map((text) => text.split("} ")[0]);
    // There was what the test is about: ids that were used for several plaintexts.
    expect(new Set(ids).size).toBeLessThan(ids.length);
    expect(thinned).toBeGreaterThan(0);
    outbox.close();
  });
});
