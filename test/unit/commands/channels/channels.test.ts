import { describe, expect, it } from "vitest";
import { RequestClient } from "../../../../agent/cloud/request-client.ts";
import { decodeBody, encodeBody } from "../../../../agent/cloud/wire-format.ts";
import type { Answer } from "../../../../agent/commands/answer.ts";
import { AwsChannel } from "../../../../agent/commands/channels/aws-channel.ts";
import { CompanionChannel } from "../../../../agent/commands/channels/companion-channel.ts";
import type { IncomingCommand } from "../../../../agent/commands/request.ts";
import type { Publication } from "../../../../agent/ports/broker.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";

const DONE: Answer = { status: "SUCCEEDED", reason: undefined, result: { text: "a", isTrue: false } };
const REFUSED: Answer = { status: "REJECTED", reason: { code: "BUSY", description: "later" }, result: {} };
const never = new AbortController().signal;

describe("the companion channel", () => {
  async function open() {
    const clock = new ManualClock();
    const broker = new FakeBroker({ clock });
    broker.start();
    const log = new MemoryLog();
    const channel = new CompanionChannel({
      filter: "cmd/causeway/veh-1/+/request",
      responsePrefix: "cmd/causeway/veh-1/",
      broker,
      log,
    });
    const arrivals: IncomingCommand[] = [];
    await channel.open((incoming) => void arrivals.push(incoming));
    return { broker, channel, arrivals, log };
  }

  it("gives the correlation data back byte by byte on the response topic, in the format of the request", async () => {
    const { broker, channel, arrivals } = await open();
    const correlationData = Uint8Array.from({ length: 256 }, (_, at) => at);
    for (const format of ["json", "cbor"] as const) {
      const contentType = format === "cbor" ? "application/cbor" : "application/json";
      broker.inject("cmd/causeway/veh-1/r-1/request", new Uint8Array(2), {
        contentType,
        correlationData,
        responseTopic: "cmd/causeway/veh-1/app/answers",
        messageExpirySeconds: 9,
      });
      const incoming = arrivals.at(-1);
      expect(incoming).toMatchObject({ id: "r-1", format, restOfLifeMs: 9000 });
      if (incoming === undefined) return;
      expect(await channel.report(incoming.reply, DONE)).toBe("reported");
      const answer = broker.publications.at(-1);
      expect(answer).toMatchObject({ topic: "cmd/causeway/veh-1/app/answers", contentType, retain: false });
      expect(Buffer.compare(answer?.correlationData ?? new Uint8Array(), correlationData)).toBe(0);
      expect(decodeBody(format, answer?.payload ?? new Uint8Array())).toEqual({
        schemaVersion: 1,
        request: "r-1",
        status: "SUCCEEDED",
        result: { text: "a", isTrue: false },
      });
    }
  });

  it.each([
    ["another's topic", "dt/causeway/veh-1/telemetry"],
    ["a reserved topic", "$aws/things/veh-1/jobs/x/update"],
    ["a wildcard", "cmd/causeway/veh-1/#"],
    ["a topic that is too long", `cmd/causeway/veh-1/${"x".repeat(300)}`],
  ])("speaks nowhere but below its prefix: not on %s", async (_what, responseTopic) => {
    const { broker, channel, arrivals, log } = await open();
    broker.inject("cmd/causeway/veh-1/r-1/request", new Uint8Array(2), { responseTopic });
    expect(arrivals).toHaveLength(1);
    if (arrivals[0] !== undefined) expect(await channel.report(arrivals[0].reply, DONE)).toBe("reported");
    expect(broker.publications).toEqual([]);
    expect(log.of("command.response-topic-refused")).toHaveLength(1);
  });

  it("keeps the answer while offline, and takes no request without a good name", async () => {
    const { broker, channel, arrivals } = await open();
    broker.inject("cmd/causeway/veh-1/a b/request", new Uint8Array(2));
    expect(arrivals).toEqual([]);
    broker.inject("cmd/causeway/veh-1/r-1/request", new Uint8Array(2), {
      responseTopic: "cmd/causeway/veh-1/r-1/response",
    });
    broker.disconnect();
    if (arrivals[0] !== undefined) expect(await channel.report(arrivals[0].reply, DONE)).toBe("later");
  });
});

describe("the channel of AWS IoT Commands", () => {
  const BASE = "$aws/commands/things/veh-1/executions/e-1";
  const reply = { channel: "aws", execution: "e-1", format: "json" } as const;

  /** `service` says what is answered to each update. */
  async function open(service: (update: Publication) => object | undefined) {
    const clock = new ManualClock();
    const broker = new FakeBroker({ clock });
    broker.start();
    const log = new MemoryLog();
    const limits = { timeoutMs: 5000, maxPending: 8, maxAnswerBytes: 1000 };
    const requestClient = new RequestClient({ broker, clock, log, limits, token: () => "t" });
    const channel = new AwsChannel({ thing: "veh-1", broker, requestClient, log });
    const arrivals: IncomingCommand[] = [];
    await channel.open((incoming) => void arrivals.push(incoming));
    broker.answer = (publication) => {
      const rejection = service(publication);
      const verdict = rejection === undefined ? "accepted" : "rejected";
      queueMicrotask(() =>
        broker.inject(`${BASE}/response/${verdict}/json`, encodeBody("json", { ...rejection, executionId: "e-1" })),
      );
      return { kind: "acked" };
    };
    const updates = () => broker.publications.map(({ payload }) => decodeBody("json", payload));
    return { broker, channel, arrivals, updates, clock };
  }

  it("writes results and reasons as the service wants them", async () => {
    const { channel, updates } = await open(() => undefined);
    expect(await channel.report(reply, DONE, never)).toBe("reported");
    expect(await channel.report(reply, REFUSED, never)).toBe("reported");
    expect(updates()).toEqual([
      { status: "SUCCEEDED", result: { text: { s: "a" }, isTrue: { b: false } } },
      { status: "REJECTED", statusReason: { reasonCode: "BUSY", reasonDescription: "later" } },
    ]);
  });

  it("tries again what the service asks to, and gives up what it refuses for good", async () => {
    const errors = [
      "DataConflict",
      "InternalError",
      "TerminalStateReached",
      "InvalidStateTransition",
      "ResourceNotFound",
      "InvalidRequest",
    ];
    const outcomes: string[] = [];
    for (const error of errors) {
      const { channel } = await open(() => ({ error, errorMessage: "" }));
      outcomes.push(await channel.report(reply, DONE, never));
    }
    expect(outcomes).toEqual(["later", "later", "reported", "reported", "reported", "reported"]);
  });

  it("sends the next update of an execution after the answer to the one before", async () => {
    const { broker, channel, clock, updates } = await open(() => undefined);
    broker.answer = () => ({ kind: "acked" });
    const progress = channel.progress(reply, never);
    const end = channel.report(reply, DONE, never);
    await clock.run(1000);
    expect(updates()).toEqual([{ status: "IN_PROGRESS" }]);
    broker.inject(`${BASE}/response/accepted/json`, new Uint8Array());
    await progress;
    await clock.run(0);
    expect(updates()).toHaveLength(2);
    await clock.run(5000);
    expect(await end).toBe("later");
  });

  it("takes the execution from the topic and the rest of the message's life from its property", async () => {
    const { broker, arrivals } = await open(() => undefined);
    broker.inject(`${BASE}/request/cbor`, Uint8Array.of(1), { messageExpirySeconds: 3 });
    broker.inject("$aws/commands/things/veh-1/executions/a b/request/json", Uint8Array.of(1));
    expect(arrivals).toEqual([
      {
        id: "e-1",
        payload: Uint8Array.of(1),
        format: "cbor",
        reply: { channel: "aws", execution: "e-1", format: "cbor" },
        restOfLifeMs: 3000,
      },
    ]);
  });
});
