import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMessage } from "../../../../../agent/telemetry/record/envelope/decrypt-message.ts";
import { isEncrypted } from "../../../../../agent/telemetry/record/envelope/message-format.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";
import { encrypterOf, wrappingPair } from "../../../../fakes/telemetry/encryption.ts";
import { encoderOf, idOf, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const HOUR_MS = 3_600_000;
const SEED = 29;
const pair = wrappingPair();
const table = tableOf([{ name: "Engine", signals: [{ name: "SecretSpeed", bits: 16 }] }]);

function wrappedKey(message: Uint8Array): string {
  const [{ bytes }] = parseMessage(message).wrappedKeys;
  return Buffer.from(bytes).toString("hex");
}

describe("a data key", () => {
  it("serves until its time, its records or its bytes are over, whichever comes first", () => {
    const clock = new ManualClock();
    const keysOf = (rotation: { hours: number; records: number; bytes: number }, stepMs: number): number[] => {
      const encrypter = encrypterOf(pair, { rotation }, clock);
      const keys = Array.from({ length: 12 }, (_, at) => {
        clock.advance(stepMs);
        return wrappedKey(encrypter.encrypt(idOf(at), new Uint8Array(100)));
      });
      return [...new Set(keys)].map((key) => keys.filter((one) => one === key).length);
    };
    const far = { hours: 8760, records: 1000, bytes: 1_000_000 };
    expect(keysOf({ ...far, records: 5 }, 0)).toEqual([5, 5, 2]);
    expect(keysOf({ ...far, bytes: 450 }, 0)).toEqual([4, 4, 4]);
    expect(keysOf({ ...far, bytes: 50 }, 0)).toEqual(Array.from({ length: 12 }, () => 1));
    expect(keysOf({ ...far, hours: 2 }, HOUR_MS / 2)).toEqual([4, 4, 4]);
    expect(keysOf(far, HOUR_MS)).toEqual([12]);
  });

  it("is another after each start", () => {
    const keys = [1, 2].map(() => wrappedKey(encrypterOf(pair).encrypt(idOf(1), new Uint8Array(1))));
    expect(new Set(keys).size).toBe(2);
  });
});

describe("records that are encrypted", () => {
  it("fit the bound with what encryption adds, at every bound", () => {
    const samples = Array.from({ length: 4000 }, (_, at) => ({
      signal: 0,
      timeUs: 1e15 + at * at * 37,
      raw: (at * 7919) % 65_536,
    }));
    fc.assert(
      fc.property(fc.integer({ min: 4096, max: 140_000 }), (maxPayloadBytes) => {
        const settings = { maxPayloadBytes, compression: "none" as const };
        const payloads = encoderOf(table, settings, encrypterOf(pair))
          .samples(logOf(table, samples), [])
          .map((draft, at) => draft.seal({ epoch: 2 ** 48 - 1, stream: "telemetry", seq: 1_000_000 + at }));
        expect(payloads.every((payload) => payload.length <= maxPayloadBytes)).toBe(true);
        return payloads.length > 0;
      }),
      { seed: SEED, numRuns: 25 },
    );
  });

  it("carry the id in their context, are other bytes each time, and say no name of a signal", () => {
    const encoder = encoderOf(table, { compression: "none" }, encrypterOf(pair));
    const [draft] = encoder.table();
    const id = { epoch: 77, stream: "event", seq: 5 } as const;
    const [first, second] = [draft.seal(id), draft.seal(id)];
    expect(parseMessage(first).context).toEqual({ thing: "truck-1", epoch: "77", stream: "event", seq: "5" });
    expect(Buffer.compare(first, second)).not.toBe(0);
    expect(Buffer.from(first).includes("SecretSpeed")).toBe(false);
    const [clear] = encoderOf(table, { compression: "none" }).table();
    expect(Buffer.from(clear.seal(id)).includes("SecretSpeed")).toBe(true);
  });

  it("are those of the streams that are named, and tables where they are", () => {
    const encoder = encoderOf(table, {}, encrypterOf(pair, { streams: ["event"], tables: false }));
    const isOn = (draft: { seal(id: ReturnType<typeof idOf>): Uint8Array }): boolean =>
      isEncrypted(draft.seal(idOf(1)));
    const [telemetry] = encoder.samples(logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]), []);
    const [description] = encoder.table();
    const notice = encoder.notice({ event: "x.y", detail: "z" });
    expect([telemetry, description, notice].map(isOn)).toEqual([false, false, true]);
    const tablesOnly = encoderOf(table, {}, encrypterOf(pair, { streams: ["capture"] }));
    expect([...tablesOnly.table(), tablesOnly.notice({ event: "x.y", detail: "z" })].map(isOn)).toEqual([true, false]);
  });

  it("are never thinned, since the vehicle cannot read them", () => {
    const log = (): Parameters<ReturnType<typeof encoderOf>["samples"]>[0] =>
      logOf(table, [{ signal: 0, timeUs: 1, raw: 1 }]);
    const settings = { schema: table, campaign: undefined, stream: "telemetry", form: "columns", thin: 10 } as const;
    const [clear] = encoderOf(table).lane(settings).encode(log(), []);
    const [secret] = encoderOf(table, {}, encrypterOf(pair)).lane(settings).encode(log(), []);
    const [other] = encoderOf(table, {}, encrypterOf(pair, { streams: ["event"] }))
      .lane(settings)
      .encode(log(), []);
    expect([clear.thin, secret.thin, other.thin]).toEqual([10, undefined, 10]);
    expect([clear, secret, other].map((draft) => isEncrypted(draft.seal(idOf(1))))).toEqual([false, true, false]);
  });

  it("are told once to who starts a campaign whose records rules should read, or which should be thinned", () => {
    const log = new MemoryLog();
    const encoder = encoderOf(table, {}, encrypterOf(pair, { streams: ["telemetry"] }, new ManualClock(), log));
    const lane = (id: string, change: Partial<Parameters<typeof encoder.lane>[0]>): void => {
      const campaign = { id, version: 1, digest: "0" };
      encoder.lane({ schema: table, campaign, stream: "telemetry", form: "columns", ...change });
    };
    lane("fine", {});
    lane("elsewhere", { form: "json", stream: "event", thin: 10 });
    expect(log.entries).toEqual([]);
    for (const _ of [1, 2]) lane("rows", { form: "rows" });
    lane("thin", { thin: 10 });
    expect(log.entries.map(({ event, facts }) => [event, facts?.campaign, facts?.what])).toEqual([
      ["encode.encrypted-campaign", "rows", "its stream telemetry is encrypted: no rule of a cloud reads its rows"],
      [
        "encode.encrypted-campaign",
        "thin",
        "its stream telemetry is encrypted: a full outbox evicts its records, and does not thin them",
      ],
    ]);
  });
});
