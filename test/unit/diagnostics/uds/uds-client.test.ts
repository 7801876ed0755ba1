import { describe, expect, it } from "vitest";
import type { Who } from "../../../../agent/diagnostics/tester/tester-bus.ts";
import { AccessTurns } from "../../../../agent/diagnostics/uds/access-turns.ts";
import { failureText } from "../../../../agent/diagnostics/uds/outcome.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import type { MakeKey } from "../../../../agent/ports/key-program.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { bytesOf, ecuOf } from "../../../fakes/diagnostics/ecus.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

/** Asked for each second; a session is kept each two seconds. */
const RESULTS = ["31030203", "3e80", "31030203", "31030203"];

const NEVER = new AbortController().signal;
const TX = 0x740;
const ALLOWED = (): undefined => undefined;

const ECU = ecuOf({
  timing: { p2Ms: 300, p2StarMs: 4000 },
  security: [{ level: 1, program: "/opt/key" }],
  dids: [
    { id: 0xf190, name: "vin", length: 3, text: "ascii" },
    { id: 0x0101, name: "supply", length: 2 },
    { id: 0x0102, name: "loose" },
    { id: 0x0103, name: "delay", length: 1, write: { session: "extended", security: 1, class: "inert" } },
  ],
  troubleCodes: { extendedData: [{ record: 1, name: "occurrences", length: 1 }] },
  routines: [
    {
      id: 0x0203,
      name: "test",
      session: "extended",
      security: 1,
      class: "stationary",
      stop: {},
      results: true,
      longestMs: 5000,
      start: { bytes: "00", arguments: [{ name: "runs", startBit: 7, bits: 8, minimum: 1, maximum: 5 }] },
    },
  ],
  outputs: [{ id: 0x0301, name: "horn", class: "stationary", state: { bytes: "01" }, mask: "ff", longestMs: 1000 }],
  resets: [{ name: "restart", kind: "soft", class: "stationary" }],
});
const [VIN, SUPPLY, LOOSE, DELAY] = ECU.dids;

function given(key: MakeKey = async () => ({ kind: "key", key: bytesOf("aabb") })) {
  const tester = new FakeTesterBus();
  const clock = new ManualClock();
  const client = new UdsClient(new UdsAsker({ tester, ecu: ECU, who: "command", clock }), key);
  /** Lets what waits for time go on until `done`. */
  const settled = async <T>(done: Promise<T>): Promise<T> => {
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (let turns = 0; !isDone && turns < 2000; turns++) {
      for (let micro = 0; micro < 20; micro++) await Promise.resolve();
      if (!isDone) clock.advance(50);
    }
    return await done;
  };
  const sent = (): readonly string[] => tester.requests().map((one) => one.slice(4));
  return { tester, clock, client, settled, sent };
}

function open(tester: FakeTesterBus): void {
  tester.answer(TX, "1003", "5003 0032 01f4");
  tester.answer(TX, "1001", "5001 0032 01f4");
  tester.answer(TX, "2701", "6701 1234");
  tester.answer(TX, "2702 aabb", "6702");
}

describe("UdsClient", () => {
  it("reads several data identifiers at once, and those of unknown length alone", async () => {
    const { tester, client, sent } = given();
    tester.answer(TX, "22f1900101", "62f190 414243 0101 04e2");
    tester.answer(TX, "220102", "620102 0102030405");
    const readings = await client.readDids([VIN, LOOSE, SUPPLY], NEVER);
    expect(sent()).toEqual(["22f1900101", "220102"]);
    expect(readings.map(({ did, outcome }) => [did.name, outcome.kind === "done" && outcome.value.bytes])).toEqual([
      ["vin", bytesOf("414243")],
      ["supply", bytesOf("04e2")],
      ["loose", bytesOf("0102030405")],
    ]);
  });

  it("reads one by one where the ECU does not take several, and remembers that", async () => {
    const { tester, client, sent } = given();
    tester.answer(TX, "22f1900101", "7f2213");
    tester.answer(TX, "22f190", "62f190 414243");
    tester.answer(TX, "220101", "620101 04e2");
    await client.readDids([VIN, SUPPLY], NEVER);
    const readings = await client.readDids([VIN, SUPPLY], NEVER);
    expect(readings.every(({ outcome }) => outcome.kind === "done")).toBe(true);
    expect(sent()).toEqual(["22f1900101", "22f190", "220101", "22f190", "220101"]);
  });

  it("loses only the data identifier that is not supported or has another length", async () => {
    const { tester, client } = given();
    tester.answer(TX, "22f1900101", "7f2231", "62f190 4142 0101 04e2");
    tester.answer(TX, "22f190", "7f2231", "62f190 4142");
    tester.answer(TX, "220101", "620101 04e2");
    for (const problem of ["refused: request out of range (0x31)", "answered vin with data of another length"]) {
      const [vin, supply] = await client.readDids([VIN, SUPPLY], NEVER);
      expect(vin.outcome.kind === "done" ? "" : failureText(vin.outcome)).toBe(problem);
      expect(supply.outcome.kind).toBe("done");
    }
  });

  it("opens what some need to be read once for all of these, after the others", async () => {
    const { tester, settled, clock, sent } = given();
    const ecu = ecuOf({
      security: [{ level: 1, program: "/opt/key" }],
      dids: [
        { id: 1, name: "first", length: 1, session: "extended", security: 1 },
        { id: 2, name: "second", length: 1 },
        { id: 3, name: "third", length: 1, session: 3, security: 1 },
        { id: 4, name: "fourth", length: 1, session: "programming" },
      ],
    });
    const other = new UdsClient(new UdsAsker({ tester, ecu, who: "poll", clock }), async () => ({
      kind: "key",
      key: bytesOf("aabb"),
    }));
    open(tester);
    tester.answer(TX, "1002", "7f1022");
    tester.answer(TX, "220002", "62000222");
    tester.answer(TX, "2200010003", "62 0001 11 0003 33");
    const readings = await settled(other.readDids(ecu.dids, NEVER));
    expect(readings.map(({ did, outcome }) => [did.name, outcome.kind])).toEqual([
      ["second", "done"],
      ["first", "done"],
      ["third", "done"],
      ["fourth", "negative"],
    ]);
    expect(sent()).toEqual(["220002", "1003", "2701", "2702aabb", "2200010003", "1001", "1002"]);
  });

  it("says which data identifier an answer left out", async () => {
    const { tester, client } = given();
    tester.answer(TX, "22f1900101", "620101 04e2");
    const [vin] = await client.readDids([VIN, SUPPLY], NEVER);
    expect(vin.outcome).toEqual({ kind: "unfit", problem: "left vin out" });
  });

  it("repeats a request to a busy ECU, and no other", async () => {
    const { tester, client, settled, sent } = given();
    tester.answer(TX, "19020d", "7f1921", "7f1994", "5902ff123456 09");
    expect(await settled(client.readCodes(0x0d, NEVER))).toEqual({
      kind: "done",
      value: { availability: 0xff, codes: [{ raw: 0x123456, status: 9 }] },
    });
    expect(sent()).toHaveLength(3);
    for (const code of ["22", "33", "31"]) {
      const other = given();
      other.tester.answer(TX, "14ffffff", `7f14${code}`);
      expect(await other.settled(other.client.clearCodes(0xffffff, ALLOWED, NEVER))).toMatchObject({
        kind: "negative",
      });
      expect(other.sent()).toHaveLength(1);
    }
  });

  it("gives a busy ECU up in the end", async () => {
    const { tester, client, settled, sent } = given();
    tester.answer(TX, "19020d", "7f1921");
    expect(await settled(client.readCodes(0x0d, NEVER))).toMatchObject({ kind: "negative", code: 0x21 });
    expect(sent()).toHaveLength(4);
  });

  it("reads snapshots and extended data by the lengths of the catalogue", async () => {
    const { tester, client } = given();
    tester.answer(TX, "1904123456ff", "5904123456 09 01 02 0101 04e2 0102 99");
    tester.answer(TX, "1906123456ff", "5906123456 09 01 05 02 77");
    expect(await client.snapshots(0x123456, NEVER)).toMatchObject({
      kind: "done",
      value: { data: [{ record: 1, id: 0x0101 }], rest: { id: 0x0102, bytes: bytesOf("99") } },
    });
    expect(await client.extendedData(0x123456, NEVER)).toMatchObject({
      kind: "done",
      value: { data: [{ record: 1, bytes: bytesOf("05") }], rest: { record: 2, bytes: bytesOf("77") } },
    });
  });

  it("does not take what another code left for an answer", async () => {
    const { tester, client } = given();
    tester.answer(TX, "1904123456ff", "5904123457 09");
    expect(await client.snapshots(0x123456, NEVER)).toEqual({
      kind: "unfit",
      problem: "gave an answer that cannot be read",
    });
  });
});

describe("acts that need a session", () => {
  it("open session and security, keep the session while it lasts, and leave it", async () => {
    const { tester, client, settled, sent } = given();
    open(tester);
    tester.answer(TX, "31010203 03", "71010203 00");
    tester.answer(TX, "31030203", "7f3124", "7f3124", "71030203 01f4");
    tester.answer(TX, "3e80", { kind: "answer", pdu: new Uint8Array(), receivedAtUs: 0, pendings: 0 });
    const outcome = await settled(client.runRoutine(ECU.routines[0], Uint8Array.of(3), ALLOWED, NEVER));
    expect(outcome).toEqual({ kind: "done", value: bytesOf("01f4") });
    expect(sent()).toEqual(["1003", "2701", "2702aabb", "3101020303", ...RESULTS, "1001"]);
  });

  it("wait for each other, whoever wants them, since leaving a session ends that of all", async () => {
    const { tester, clock, settled, sent } = given();
    open(tester);
    tester.answer(TX, "31010203 01", "71010203");
    tester.answer(TX, "31030203", "7f3121", "71030203 01f4");
    tester.answer(TX, "2e0103 05", "6e0103");
    const turns = new AccessTurns();
    const clientOf = (who: Who) =>
      new UdsClient(new UdsAsker({ tester, ecu: ECU, who, clock, turns }), async () => ({
        kind: "key",
        key: bytesOf("aabb"),
      }));
    const running = clientOf("command").runRoutine(ECU.routines[0], Uint8Array.of(1), ALLOWED, NEVER);
    const writing = clientOf("technician").write(DELAY, bytesOf("05"), ALLOWED, NEVER);
    expect((await settled(Promise.all([running, writing]))).map(({ kind }) => kind)).toEqual(["done", "done"]);
    const leaves = sent().flatMap((one, at) => (one === "1001" ? [at] : []));
    expect(leaves).toEqual([sent().lastIndexOf("31030203") + 1, sent().length - 1]);
  });

  it("use the timing that the ECU says, and that of the catalogue before and after", async () => {
    const { tester, client, settled } = given();
    open(tester);
    tester.answer(TX, "31010203 01", "71010203");
    tester.answer(TX, "31030203", "71030203");
    await settled(client.runRoutine(ECU.routines[0], Uint8Array.of(1), ALLOWED, NEVER));
    await client.readCodes(1, NEVER);
    const timing = tester.asked
      .filter(({ answerless }) => answerless !== true)
      .map(({ p2Ms, p2StarMs }) => [p2Ms, p2StarMs]);
    expect(timing[0]).toEqual([300, 4000]);
    // 50 ms and 5000 ms, and what the way takes.
    expect(timing[1]).toEqual([300, 5250]);
    expect(timing.at(-1)).toEqual([300, 4000]);
  });

  it("give up where security is refused, and try a key once", async () => {
    const { tester, client, settled, sent } = given();
    open(tester);
    tester.answer(TX, "2702 aabb", "7f2735");
    expect(await settled(client.write(DELAY, bytesOf("05"), ALLOWED, NEVER))).toEqual({
      kind: "negative",
      code: 0x35,
      name: "invalid key",
    });
    expect(sent()).toEqual(["1003", "2701", "2702aabb", "1001"]);
  });

  it("send no key for a level that is open, and none without a program's", async () => {
    const asked: Uint8Array[] = [];
    const { tester, client, settled, sent } = given(async (_program, seed) => {
      asked.push(seed);
      return { kind: "failed", problem: "/opt/key ended with code 1" };
    });
    open(tester);
    tester.answer(TX, "2701", "6701 0000", "6701 1234");
    tester.answer(TX, "2e0103 05", "6e0103");
    expect(await settled(client.write(DELAY, bytesOf("05"), ALLOWED, NEVER))).toEqual({
      kind: "done",
      value: undefined,
    });
    expect(asked).toEqual([]);
    expect(await settled(client.write(DELAY, bytesOf("05"), ALLOWED, NEVER))).toEqual({
      kind: "unfit",
      problem: "security level 1: /opt/key ended with code 1",
    });
    expect(asked).toEqual([bytesOf("1234")]);
    expect(sent()).toEqual(["1003", "2701", "2e010305", "1001", "1003", "2701", "1001"]);
  });

  it("stop a routine and leave the session when nobody waits any more", async () => {
    const { tester, clock, client, settled, sent } = given();
    open(tester);
    tester.answer(TX, "31010203 01", "71010203");
    tester.answer(TX, "31020203", "71020203");
    const gone = new AbortController();
    const done = client.runRoutine(ECU.routines[0], Uint8Array.of(1), ALLOWED, gone.signal);
    for (let micro = 0; micro < 40; micro++) await Promise.resolve();
    clock.advance(1000);
    gone.abort();
    expect(await settled(done)).toMatchObject({ kind: "withheld", reason: "aborted" });
    expect(sent()).toEqual(["1003", "2701", "2702aabb", "3101020301", "31020203", "1001"]);
  });

  it("give an output back", async () => {
    const { tester, client, settled, sent } = given();
    tester.answer(TX, "2f030103 01ff", "6f030103 01");
    tester.answer(TX, "2f030100", "6f030100 00");
    expect(
      await settled(client.holdOutput(ECU.outputs[0], { state: Uint8Array.of(1), holdMs: 1000 }, ALLOWED, NEVER)),
    ).toEqual({
      kind: "done",
      value: bytesOf("01"),
    });
    expect(sent()).toEqual(["2f03010301ff", "2f030100"]);
  });

  it("refuse what the catalogue does not allow", async () => {
    const { client, sent } = given();
    expect(await client.write(SUPPLY, bytesOf("0000"), ALLOWED, NEVER)).toEqual({
      kind: "unfit",
      problem: "supply is not to be written",
    });
    expect(await client.write(DELAY, bytesOf("0000"), ALLOWED, NEVER)).toEqual({
      kind: "unfit",
      problem: "delay has 1 bytes, not 2",
    });
    expect(sent()).toEqual([]);
  });
});
