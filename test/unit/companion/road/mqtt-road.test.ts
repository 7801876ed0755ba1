import { beforeEach, describe, expect, it } from "vitest";
import { MqttRoad } from "../../../../agent/companion/road/mqtt-road.ts";
import { MemoryAnswers } from "../../../../agent/companion/store/memory-answers.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeBroker } from "../../../fakes/ports/broker.ts";

const REQUEST = { thing: "truck-7", id: "id-1", payload: "{}", expirySeconds: 30 };
const TOPIC = "cmd/causeway/truck-7/id-1/response";

describe("the way over MQTT 5", () => {
  let broker: FakeBroker;
  let answers: MemoryAnswers;
  let log: MemoryLog;
  let road: MqttRoad;
  beforeEach(async () => {
    broker = new FakeBroker({ clock: new ManualClock() });
    answers = new MemoryAnswers();
    log = new MemoryLog();
    road = new MqttRoad({ broker, answers, log });
    broker.start();
    await road.open();
  });
  const say = (body: unknown, correlation = "id-1", topic = TOPIC): void => {
    const correlationData = new TextEncoder().encode(correlation);
    broker.inject(topic, new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)), {
      correlationData,
    });
  };

  it("asks with where to answer, what it is known by, and how long it lives", async () => {
    expect(await road.send(REQUEST)).toBe("sent");
    const [sent] = broker.publications;
    expect(sent).toMatchObject({
      topic: "cmd/causeway/truck-7/id-1/request",
      responseTopic: TOPIC,
      messageExpirySeconds: 30,
    });
    expect(new TextDecoder().decode(sent?.correlationData)).toBe("id-1");
    expect(sent?.retain).toBe(false);
  });

  it("knows what was surely not sent from what may have been", async () => {
    broker.answer = () => ({ kind: "rejected", reasonCode: 0x87, reason: "not authorized" });
    expect(await road.send(REQUEST)).toBe("not-sent");
    broker.disconnect();
    expect(await road.send(REQUEST)).toBe("unknown");
  });

  it("keeps answers, each status once and the first one", async () => {
    say({ schemaVersion: 1, request: "id-1", status: "IN_PROGRESS" });
    say({
      schemaVersion: 1,
      request: "id-1",
      status: "FAILED",
      reason: { code: "NO_RESPONSE", description: "a\nb" },
      result: {},
    });
    say({
      schemaVersion: 1,
      request: "id-1",
      status: "FAILED",
      reason: { code: "OTHER", description: "later" },
      result: {},
    });
    expect(await answers.read("truck-7", "id-1")).toEqual([
      { status: "IN_PROGRESS" },
      { status: "FAILED", reason: { code: "NO_RESPONSE", description: "a b" } },
    ]);
  });

  it.each([
    ["of another request", { status: "SUCCEEDED" }, "id-2"],
    ["without correlation", { status: "SUCCEEDED" }, ""],
    ["of no status", { status: "DONE" }, "id-1"],
    ["with a code that is none", { status: "FAILED", reason: { code: "<b>", description: "" } }, "id-1"],
    ["that is no JSON", "{", "id-1"],
  ])("throws an answer away %s, and counts it in the log", async (_, body, correlation) => {
    say(body, correlation);
    expect(await answers.read("truck-7", "id-1")).toEqual([]);
    expect(log.entries.map(({ event }) => event)).toEqual(["companion.answer-discarded"]);
  });
});
