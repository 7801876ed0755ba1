import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { type BusSight, busSteps } from "../../../agent/support/line/bus-steps.ts";
import { agentStep, collectionStep, outboxSteps } from "../../../agent/support/line/data-steps.ts";
import { conclude, inOrder, type LineStep, sentenceOf } from "../../../agent/support/line/line-step.ts";
import { type LinkSight, linkSteps } from "../../../agent/support/line/link-steps.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const [BUS] = statusWith().buses;
const UP = { name: "can0", interface: { name: "can0", state: "up" }, isAnswered: false } as const;
const HEARD = { ms: 1500, errorFrames: 0, ids: [{ id: 0x100, extended: false, frames: 150, isKnown: true }] };

function firstBroken(steps: readonly LineStep[]): string | undefined {
  return inOrder(steps).find(({ verdict }) => verdict === "fail")?.what;
}

function ofBus(change: Partial<Status["buses"][number]>, sight: Partial<BusSight> = {}): string | undefined {
  return firstBroken(busSteps([{ ...UP, told: { ...BUS, ...change }, ...sight }], 60_000));
}

describe("the steps of the buses", () => {
  it.each([
    ["absent", "bus can0: there is no interface can0"],
    ["not-can", "bus can0: can0 is no CAN interface"],
    ["down", "bus can0 is down: interface can0 is down"],
  ] as const)("ends at an interface that is %s", (state, what) => {
    const steps = busSteps([{ ...UP, interface: { name: "can0", state }, heard: { ...HEARD, ids: [] } }], 0);
    expect(steps.map(({ link, verdict }) => `${link} ${verdict}`)).toEqual(["interface fail"]);
    expect(steps[0].what).toBe(what);
  });

  it("tells error frames alone, bus-off, silence and other DBC files apart", () => {
    const nothing = { received: 0, decoded: 0, unknown: 0, quietMs: undefined };
    expect(ofBus({ ...nothing, errorFrames: 7 })).toContain(
      "error frames alone, 7 so far: most likely the wrong bit rate",
    );
    expect(ofBus({ state: "bus-off" })).toContain("bus-off");
    expect(ofBus(nothing)).toBe("bus can0 is silent: no frame for 1 min 0 s");
    expect(ofBus({ ...nothing, received: 9, unknown: 9, quietMs: 10 })).toBe(
      "none of the 9 frames of bus can0 is in its DBC files",
    );
    expect(ofBus({})).toBeUndefined();
  });

  it("blames the bit rate where the controller is error-passive and nothing comes, and says which one is set", () => {
    const nothing = { received: 0, decoded: 0, unknown: 0, quietMs: undefined };
    const controller = { state: "error-passive", bitrate: 250_000 };
    const link = { name: "can0", state: "up", controller } as const;
    expect(ofBus(nothing, { interface: link })).toBe(
      "bus can0 brings no frame, and is error-passive: most likely the wrong bit rate (250 kbit/s is set)",
    );
    const [, step] = busSteps(
      [{ ...UP, interface: { ...link, controller: { ...controller, state: "error-active" } } }],
      0,
    );
    expect(step.what).toBe("bus can0: 250 kbit/s, error-active, no error frames");
  });

  it("believes control units that answered more than DBC files", () => {
    const answers = { received: 9, decoded: 0, unknown: 9, quietMs: 10 };
    expect(ofBus(answers, { isAnswered: true })).toBeUndefined();
  });

  it("names the most frequent ids that nobody decodes, as candump writes them, and how many more there are", () => {
    const ids = [7, 1, 2, 3, 4, 5, 6].map((n) => ({ id: n, extended: n === 7, frames: n * 10, isKnown: false }));
    expect(ofBus({ decoded: 0, unknown: 0 }, { heard: { ...HEARD, ids } })).toBe(
      "none of the 280 frames of bus can0 is in its DBC files; nobody decodes 00000007 (70), 006 (60), 005 (50), 004 (40), 003 (30), and 2 more",
    );
  });

  it("says of DBC files that cannot be read that alone, and not what is in them", () => {
    const heard = { ...HEARD, ids: [{ id: 0x100, extended: false, frames: 38, isKnown: false }] };
    const dbcFault = { what: "car.dbc cannot be read", remedy: "correct the path" };
    expect(firstBroken(busSteps([{ ...UP, heard, dbcFault }], 0))).toBe("car.dbc cannot be read");
    const [, , , step] = busSteps([{ ...UP, told: { ...BUS, decoded: 9 }, heard, dbcFault }], 60_000);
    expect(step).toMatchObject({ link: "dbc", verdict: "warn", what: "car.dbc cannot be read" });
  });

  it("lets one bus of two be silent without the whole line", () => {
    const silent = { ...BUS, received: 0, decoded: 0, unknown: 0, quietMs: undefined };
    const other = { ...UP, name: "can1", told: { ...silent, name: "can1" } };
    const steps = inOrder(busSteps([{ ...UP, told: BUS, heard: HEARD }, other], 60_000));
    const end = conclude(steps, 2000);
    expect(end).toMatchObject({ sends: true, link: "frames" });
    expect(sentenceOf(end)).toMatch(
      /^It sends, but not everything, because bus can1 is silent: no frame for 1 min 0 s: is/,
    );
  });
});

describe("the steps of the data", () => {
  const rules = { signals: 3, collected: 3, idle: [] };

  it("says why no agent answers, and where a start would end at once, why", () => {
    const stopped = new AgentError("agent.not-running", { what: "the agent is not running", remedy: "start it" });
    expect(agentStep({ fault: stopped }).verdict).toBe("fail");
    const refused = new AgentError("config.invalid", { what: "car.dbc cannot be read", remedy: "correct the path" });
    expect(agentStep({ fault: stopped }, refused)).toMatchObject({
      what: "the agent is not running, and its configuration is refused: car.dbc cannot be read",
      remedy: "correct the path; then start it",
    });
  });

  it("waits for the first sample of an agent that has just begun", () => {
    const collected = { samples: 0, records: 0, payloadBytes: 0, discardedSamples: 0 };
    expect(collectionStep(statusWith({ collected, uptimeMs: 4000 }), rules).verdict).toBe("pass");
    expect(collectionStep(statusWith({ collected }), rules).what).toContain("though the rules ask for 3 signals");
    const off = { signals: 3, collected: 0, idle: ["Egnine.*"] };
    expect(collectionStep(statusWith({ collected }), off).what).toContain("and Egnine.* in collect.rules matches none");
    expect(collectionStep(undefined, { signals: 0, collected: 0, idle: [] }).what).toContain(
      "no DBC file gives a signal",
    );
  });

  it("names a full disk, and records that are in memory alone", () => {
    const { outbox } = statusWith();
    const disk = { freeBytes: 0, isFull: true, reserve: "none", reserveBytes: 0 } as const;
    expect(firstBroken(outboxSteps(statusWith({ outbox: { ...outbox, disk } })))).toContain("the disk is full");
    const fault = { code: "outbox.full", what: "no room", remedy: "free space" } as const;
    expect(firstBroken(outboxSteps(statusWith({ outbox: { ...outbox, fault } })))).toBe("no room");
  });
});

describe("the steps to the broker", () => {
  const sight: LinkSight = {
    status: statusWith(),
    checks: [],
    network: [],
    wallMs: 1_767_225_600_000,
    isClockSet: true,
    refusedFilters: [],
  };

  function offline(code: "broker.unreachable" | "broker.not-authorised", what: string): Status {
    return statusWith({
      link: { ...statusWith().link, state: "connecting", fault: { code, what, remedy: "mend it" } },
    });
  }

  function brokenLink(change: Partial<LinkSight>): string | undefined {
    return inOrder(linkSteps({ ...sight, ...change })).find(({ verdict }) => verdict === "fail")?.link;
  }

  it("blames a clock of 1970, and a clock that nothing set for a certificate out of its life", () => {
    expect(brokenLink({ status: undefined, wallMs: 12_000, isClockSet: false })).toBe("clock");
    expect(brokenLink({ wallMs: 12_000, isClockSet: false })).toBeUndefined();
    const code = "broker.certificate-expired";
    const expired = {
      step: "tls",
      what: "",
      fault: { code, what: "it expired on 2026-01-01", remedy: "renew" },
    } as const;
    expect(brokenLink({ status: undefined, network: [expired], isClockSet: false })).toBe("clock");
    expect(brokenLink({ status: undefined, network: [expired] })).toBe("tls");
  });

  it("takes the agent's word where all that can be seen from here is good", () => {
    expect(brokenLink({ status: offline("broker.unreachable", "lost") })).toBe("tcp");
    expect(brokenLink({ status: offline("broker.not-authorised", "no") })).toBe("policy");
    const dns = { step: "dns", what: "", fault: { code: "broker.unreachable", what: "no", remedy: "yes" } } as const;
    expect(brokenLink({ status: offline("broker.unreachable", "lost"), network: [dns] })).toBe("dns");
  });

  it("does not call a vehicle that sleeps broken on its way", () => {
    const link = { ...statusWith().link, state: "offline", isPaused: true } as const;
    const steps = inOrder(linkSteps({ ...sight, status: statusWith({ link }) }));
    expect(sentenceOf(conclude(steps, undefined))).toContain("because the vehicle sleeps");
  });

  it("keeps to the refusal where the broker ends the connection with it", () => {
    const { delivery } = statusWith();
    const topic = {
      stream: "event",
      topic: "a/event",
      reasonCode: 0x87,
      reason: "0x87 not authorized",
      count: 2,
    } as const;
    const status = { ...offline("broker.unreachable", "lost"), delivery: { ...delivery, refusedTopics: [topic] } };
    expect(brokenLink({ status })).toBe("policy");
  });

  it("lets one stream be refused without the whole line, and names first what most records wait for", () => {
    const { delivery, outbox } = statusWith();
    const none = { records: 0, bytes: 0, dayBytes: 0 };
    const refusedTopics = (["event", "capture"] as const).map((stream) => {
      return { stream, topic: `a/${stream}`, reasonCode: 0x87, reason: "0x87 not authorized", count: 2 };
    });
    const streams = { control: none, event: none, telemetry: { ...none, records: 9 }, capture: none };
    const waiting = { ...outbox.streams, capture: { ...outbox.streams.capture, records: 5 } };
    const ended = (ackedAgoMs: number) => {
      const change = { ...delivery, refusedTopics, streams, ackedAgoMs };
      const status = statusWith({ delivery: change, outbox: { ...outbox, streams: waiting } });
      return conclude(inOrder(linkSteps({ ...sight, status })), ackedAgoMs);
    };
    expect(ended(900)).toMatchObject({ sends: true, link: "policy" });
    expect(ended(900).what).toContain("refuses capture records");
    expect(ended(60_000).sends).toBe(false);
  });

  it("tells of refused subscriptions without stopping there", () => {
    const steps = linkSteps({ ...sight, refusedFilters: ["the broker refuses the subscription to a/#: 0x87"] });
    expect(steps.find(({ link }) => link === "policy")).toMatchObject({ verdict: "warn" });
    expect(sentenceOf(conclude(inOrder(steps), 1200))).toBe("It sends: the last record was acknowledged 1 s ago.");
  });
});
