import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Outcome, PartialResult } from "../../../../agent/commands/action.ts";
import { SovdChannel } from "../../../../agent/commands/channels/sovd-channel.ts";
import { dispatch } from "../../../../agent/commands/dispatch.ts";
import type { IncomingCommand } from "../../../../agent/commands/request.ts";
import { CommandBench, type TestAction } from "../../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";

const BASE = "cms/commands/things/MRDN0000000000001/executions";
const SEEN = {
  code: "P0420",
  status: "confirmed",
  occurrences: 3,
  firstSeenMs: 1_735_000_000_000,
  lastSeenMs: 1_735_000_000_000,
};
const FREEZE = { engine_speed: { value: 2800, unit: "rpm", timeMs: 1_735_000_000_000 } };

/** What the reference publishes for a request (commands_lambda.py, command_payload), with what is asked for. */
function request(
  id: string,
  nowMs: number,
  asked: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    correlation_id: id,
    vehicle_id: "VEH-MRDN-0001",
    vin: "MRDN0000000000001",
    include_freeze_frame: false,
    issued_at_ms: nowMs,
    issued_by: "operator@example.com",
    ...asked,
  };
}

const messageSchema = z.record(z.string(), z.unknown());
type Message = Readonly<Record<string, unknown>>;
const partSchema = z.object({ ECU_ENGINE: z.object({ dtcs: z.array(z.object({ code: z.string() })) }) });

/** The channel behind a broker, before the dispatch of a bench. */
async function rig(actions: Readonly<Record<string, TestAction>> = {}, maxAnswerBytes = 80_000) {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock });
  broker.start();
  const bench = new CommandBench({ clock, actions, maxReading: 8, allow: [{ action: "*", ratePerMinute: 10 }] });
  const channel = new SovdChannel({
    base: BASE,
    level: "sovd",
    maxAnswerBytes,
    maxRequestBytes: bench.parts.settings.maxRequestBytes,
    names: {
      components: { ECU_ENGINE: "engine", ECU_BODY: "body" },
      routines: new Set(["lamp_self_check", "cell_balance_check"]),
      clear: "dtc.clear",
      timeoutMs: 60_000,
    },
    broker,
    clock,
    log: new MemoryLog(),
  });
  bench.channel.onPart = (reply, part) => void channel.part(reply, part);
  const arrivals: IncomingCommand[] = [];
  await channel.open((incoming) => {
    arrivals.push(incoming);
    void dispatch(bench.parts, incoming, new AbortController().signal).then(async (answer) => {
      if (answer !== undefined) await channel.report(incoming.reply, answer);
    });
  });
  const told = (id: string): readonly Message[] =>
    broker.publications.flatMap(({ topic, payload }) =>
      topic === `${BASE}/${id}/sovd/response`
        ? [messageSchema.parse(JSON.parse(new TextDecoder().decode(payload)))]
        : [],
    );
  const ask = async (id: string, asked: Readonly<Record<string, unknown>>): Promise<readonly Message[]> => {
    broker.inject(
      `${BASE}/${id}/sovd/request`,
      new TextEncoder().encode(JSON.stringify(request(id, bench.nowMs, asked))),
    );
    await clock.run(100);
    return told(id);
  };
  return { clock, bench, broker, arrivals, ask, told };
}

function reads(result: Readonly<Record<string, unknown>>): TestAction {
  const texts = Object.entries(result).map(([name, value]) => [name, JSON.stringify(value)] as const);
  const run = async (_signal: AbortSignal, tell: (part: PartialResult) => void): Promise<Outcome> => {
    texts.forEach(([name, value], index) => tell({ name, value, index, total: texts.length }));
    return { kind: "done", result: Object.fromEntries(texts) };
  };
  return { commandClass: "R0", uses: [], run };
}

describe("reading codes over SOVD", () => {
  const engine = { protocol: "ISO 15765-4", codes: [{ ...SEEN, freeze: FREEZE }] };

  it("answers one control unit with one message, the codes in the documented form", async () => {
    const { ask } = await rig({ "dtc.read": reads({ engine }) });
    const asked = { command_type: "read_dtcs", components: ["ECU_ENGINE"], include_freeze_frame: true };
    const [answer, ...others] = await ask("c-1", asked);
    expect(others).toEqual([]);
    expect(answer).toMatchObject({
      correlation_id: "c-1",
      command_type: "read_dtcs",
      status: "SUCCEEDED",
      storage_uri: null,
      vin: "MRDN0000000000001",
      components: {
        ECU_ENGINE: {
          id: "ECU_ENGINE",
          protocol: "ISO 15765-4",
          dtcs: [
            {
              code: "P0420",
              status: "confirmed",
              occurrence_count: 3,
              first_seen_ms: 1_735_000_000_000,
              last_seen_ms: 1_735_000_000_000,
              freeze_frame: { engine_speed: { value: 2800, unit: "rpm", timestamp: "2024-12-24T00:26:40.000Z" } },
            },
          ],
        },
      },
    });
    expect(answer?.latency_ms).toBeTypeOf("number");
  });

  it("tells PROGRESS for each control unit of a scan, and then one end", async () => {
    const body = { problem: "did not answer within 1000 ms" };
    const { ask, arrivals } = await rig({ "dtc.read": reads({ engine, body }) });
    const told = await ask("c-2", { command_type: "read_dtcs", components: ["*"] });
    expect(told.map(({ status }) => status)).toEqual(["PROGRESS", "PROGRESS", "PARTIAL"]);
    expect(told[0]).toMatchObject({
      progress: { ecu_index: 0, ecu_total: 2, ecu_name: "ECU_ENGINE", ecu_status: "ok" },
      components: { ECU_ENGINE: { dtcs: [{ code: "P0420" }] } },
    });
    expect(told[1]).toMatchObject({ progress: { ecu_name: "ECU_BODY", ecu_status: "timeout" }, components: {} });
    expect(told[2]).toMatchObject({ reason: "ECU_BODY: did not answer within 1000 ms" });
    expect(told[2]?.components).not.toHaveProperty("ECU_BODY");
    expect(arrivals).toHaveLength(1);
  });

  it("says faults to whoever asks for faults", async () => {
    const { ask } = await rig({ "dtc.read": reads({ engine }) });
    const [answer] = await ask("c-3", { command_type: "read_faults", components: ["ECU_ENGINE"] });
    expect(answer).toMatchObject({ components: { ECU_ENGINE: { faults: [{ code: "P0420" }] } } });
  });

  it("gives the frame of one code, and fails for a code that is not there", async () => {
    const { ask } = await rig({ "dtc.read": reads({ engine }) });
    const frame = { command_type: "read_freeze_frames", components: ["ECU_ENGINE"] };
    expect(await ask("c-4", { ...frame, parameters: { dtc_code: "P0420" } })).toMatchObject([
      {
        status: "SUCCEEDED",
        components: {
          ECU_ENGINE: { dtc_code: "P0420", timestamp_ms: 1_735_000_000_000, frame: { engine_speed: 2800 } },
        },
      },
    ]);
    expect(await ask("c-5", { ...frame, parameters: { dtc_code: "P0999" } })).toMatchObject([
      { status: "FAILED", reason: "ECU_ENGINE: DTC P0999 is not there", components: {} },
    ]);
  });

  it("goes in parts where it is too long, each short enough, and all of them together are the answer", async () => {
    const codes = Array.from({ length: 400 }, (_, at) => ({ ...SEEN, code: `P${1000 + at}`, freeze: FREEZE }));
    const { ask } = await rig({ "dtc.read": reads({ engine: { ...engine, codes } }) }, 10_000);
    const told = await ask("c-6", {
      command_type: "read_dtcs",
      components: ["ECU_ENGINE"],
      include_freeze_frame: true,
    });
    const end = told.at(-1);
    expect(end).toMatchObject({
      status: "SUCCEEDED",
      storage_uri: null,
      parts: told.length - 1,
      summary: { ecu_count: 1, dtc_count: 400, has_freeze_frame: true },
    });
    expect(told.every((message) => JSON.stringify(message).length <= 10_000)).toBe(true);
    const whole = told.slice(0, -1).flatMap(({ components }) => {
      return partSchema.parse(components).ECU_ENGINE.dtcs.map(({ code }) => code);
    });
    expect(whole).toEqual(codes.map(({ code }) => code));
  });
});

describe("identity and data over SOVD", () => {
  it("gives the versions that the control unit says, and claims no difference from what they should be", async () => {
    const identity = { software_version: "4.2.1", hardware_version: "B" };
    const { ask } = await rig({ "ecu.identity": reads({ engine: { identity } }) });
    expect(await ask("c-1", { command_type: "read_identity", components: ["ECU_ENGINE"] })).toMatchObject([
      {
        status: "SUCCEEDED",
        components: {
          ECU_ENGINE: {
            id: "ECU_ENGINE",
            actual: { sw_version: "4.2.1", hw_version: "B" },
            expected: null,
            delta: { sw: "unknown", hw: "unknown" },
          },
        },
      },
    ]);
  });

  it("gives the one data identifier that was asked for", async () => {
    const { ask, arrivals } = await rig({
      "ecu.read": reads({ battery: { did: "0101", name: "battery", value: 12.4, unit: "V" } }),
    });
    const told = await ask("c-2", { command_type: "read_data", components: ["ECU_BODY"], parameters: { did: "0101" } });
    expect(told).toMatchObject([
      { status: "SUCCEEDED", components: { ECU_BODY: { did: "0101", name: "battery", value: 12.4, unit: "V" } } },
    ]);
    expect(arrivals).toHaveLength(1);
    const two = await ask("c-3", { command_type: "read_data", components: ["a", "b"], parameters: { did: "0101" } });
    expect(two).toMatchObject([{ status: "FAILED", reason: "ARGUMENT_OUT_OF_RANGE: components: must be exactly one" }]);
  });
});

describe("routines over SOVD", () => {
  const result = { result: JSON.stringify({ ambient_lux: { value: 20, unit: "lx" } }), verdict: "out_of_spec" };
  const done: Outcome = { kind: "done", result };

  it("queues three that are clicked briskly, and each answer names its routine", async () => {
    const ends: (() => void)[] = [];
    const run = (): Promise<Outcome> => new Promise((resolve) => ends.push(() => resolve(done)));
    const routine = { commandClass: "R0", uses: ["ecu:body"], queues: true, run } as const;
    const { ask, told, clock } = await rig({ lamp_self_check: routine, cell_balance_check: routine });
    const ids = ["r-1", "r-2", "r-3"];
    for (const [at, id] of ids.entries()) {
      const routine_id = at === 1 ? "cell_balance_check" : "lamp_self_check";
      expect(await ask(id, { command_type: "run_routine", routine_id, session_id: "s-1" })).toEqual([]);
    }
    for (const id of ids) {
      ends.shift()?.();
      await clock.run(100);
      expect(told(id)).toMatchObject([
        {
          correlation_id: id,
          session_id: "s-1",
          status: "SUCCEEDED",
          routine_id: id === "r-2" ? "cell_balance_check" : "lamp_self_check",
          result: { ambient_lux: { value: 20 } },
          verdict: "out_of_spec",
          components: { result: { status: "SUCCEEDED" } },
        },
      ]);
    }
  });

  it.each([
    ["PRECONDITION_FAILED", "PRECONDITION_FAILED_MOVING"],
    ["VEHICLE_STATE_UNKNOWN", "REFUSED_NO_VEHICLE_STATE"],
    ["SERVICE_ONLY", "REFUSED_SERVICE_ONLY"],
    ["BUSY", "FAILED"],
  ] as const)("answers %s as %s, with the reason", async (code, status) => {
    const unsafe = () => ({ kind: "rejected", code, description: "speed is 42" }) as const;
    const { ask, bench } = await rig({ lamp_self_check: { commandClass: "R0", unsafe } });
    expect(await ask("r-1", { command_type: "run_routine", routine_id: "lamp_self_check" })).toMatchObject([
      { status, reason: `${code}: speed is 42`, error: `${code}: speed is 42`, routine_id: "lamp_self_check" },
    ]);
    expect(bench.acts).toEqual([]);
  });

  it("reaches no action that is not a routine of the catalogue, whatever it is called", async () => {
    const { ask, bench } = await rig({ "system.reboot": { commandClass: "R0" } });
    for (const routine_id of ["system.reboot", "constructor", "dpf_regeneration"]) {
      expect(await ask(`r-${routine_id.length}`, { command_type: "run_routine", routine_id })).toMatchObject([
        { status: "UNRESOLVABLE_SAFETY_CLASS" },
      ]);
    }
    expect(bench.acts).toEqual([]);
  });
});

describe("what acts, over SOVD", () => {
  const asked = {
    command_type: "clear_dtcs",
    components: ["ECU_ENGINE"],
    attestation: { text: "I am responsible", user_email: "operator@example.com", timestamp_ms: 1_735_000_000_000 },
  };
  const clears: TestAction = {
    commandClass: "R3",
    run: () => Promise.resolve({ kind: "done", result: { engine: '{"status":"cleared"}' } }),
  };

  it("needs a signature as on every other channel: an attestation is none", async () => {
    const { ask, bench } = await rig({ "dtc.clear": clears });
    const [answer] = await ask("c-1", asked);
    expect(answer?.status).toBe("FAILED");
    expect(answer?.reason).toMatch(/^SIGNATURE_MISSING/);
    expect(bench.acts).toEqual([]);
  });

  it("is done with one, once, and says who attested it", async () => {
    const { ask, bench, broker } = await rig({ "dtc.clear": clears });
    const signed = bench.signed("dtc.clear", { arguments: { ecus: ["engine"] } });
    const { id, thing, counter, notBeforeMs, expiresAtMs, signature } = signed;
    const whole = { ...asked, id, thing, counter, not_before_ms: notBeforeMs, expires_at_ms: expiresAtMs, signature };
    const [answer] = await ask("c-2", whole);
    expect(answer).toMatchObject({
      status: "SUCCEEDED",
      components: { ECU_ENGINE: { id: "ECU_ENGINE", status: "CLEARED", attestation: asked.attestation } },
    });
    expect(JSON.stringify(answer)).not.toContain("signature");
    broker.inject(
      `${BASE}/c-2/sovd/request`,
      new TextEncoder().encode(JSON.stringify(request("c-2", bench.nowMs, whole))),
    );
    expect(bench.acts).toEqual(["dtc.clear"]);
  });
});

describe("requests that are none, over SOVD", () => {
  it("answers a command that it does not know, so that an older vehicle beside a newer cloud fails in words", async () => {
    const { ask } = await rig();
    expect(await ask("c-1", { command_type: "flash_ecu", components: ["*"] })).toMatchObject([
      { status: "UNSUPPORTED_COMMAND", command_type: "flash_ecu", correlation_id: "c-1" },
    ]);
  });

  it.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["no command", "{}"],
    [
      "values that nest deeper than any stack",
      `{"command_type":"read_dtcs","x":${"[".repeat(1500)}${"]".repeat(1500)}}`,
    ],
    ["components that are no list", '{"command_type":"read_dtcs","components":"*"}'],
  ])("answers %s as failed, and does nothing", async (_what, text) => {
    const { broker, told, clock, bench } = await rig();
    broker.inject(`${BASE}/c-1/sovd/request`, new TextEncoder().encode(text));
    await clock.run(100);
    const [answer, ...others] = told("c-1");
    expect(others).toEqual([]);
    expect(answer).toMatchObject({ status: "FAILED", correlation_id: "c-1" });
    expect(answer?.reason).toMatch(/^COMMAND_REQUEST_PARSING_FAILED/);
    expect(bench.acts).toEqual([]);
  });

  it("reads nothing of a request that is too long", async () => {
    const { ask, bench } = await rig({ "dtc.read": reads({}) });
    const [answer] = await ask("c-1", { command_type: "read_dtcs", note: "x".repeat(5000) });
    expect(answer).toMatchObject({ status: "FAILED", correlation_id: "c-1", command_type: "" });
    expect(answer?.reason).toMatch(/^TOO_LARGE/);
    expect(bench.acts).toEqual([]);
  });

  it("does not call a vehicle of which no control unit is known one without faults", async () => {
    const { ask } = await rig({ "dtc.read": reads({}) });
    expect(await ask("c-1", { command_type: "read_dtcs", components: ["*"] })).toMatchObject([
      { status: "FAILED", reason: "no control unit is known yet" },
    ]);
  });

  it("takes a missing list of components for all of them, as null and an empty one", async () => {
    const { ask, arrivals } = await rig({ "dtc.read": reads({}) });
    for (const [at, components] of [undefined, null, [], ["ALL"]].entries()) {
      await ask(`c-${at}`, { command_type: "read_dtcs", components });
    }
    const asked = arrivals.map(({ format, payload }) =>
      typeof format === "function" ? format(payload)?.body : undefined,
    );
    expect(asked).toMatchObject(Array.from({ length: 4 }, () => ({ arguments: { freeze: false, fresh: true } })));
  });

  it("answers a vehicle's own rate as RATE_LIMITED", async () => {
    const { ask } = await rig({ "dtc.read": reads({}) });
    for (let at = 0; at < 10; at += 1) await ask(`c-${at}`, { command_type: "read_dtcs" });
    expect(await ask("late", { command_type: "read_dtcs" })).toMatchObject([{ status: "RATE_LIMITED" }]);
  });
});
