import { describe, expect, it } from "vitest";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import {
  type HealthFacts,
  healthProblems,
  missingProof,
  stuckAfterMs,
  stuckReason,
} from "../../../agent/telemetry/health.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

type Change = { readonly [Part in keyof HealthFacts]?: Partial<HealthFacts[Part]> };

/** An agent that is online and does its work, with `change` over its parts. */
function factsWith(change: Change = {}): HealthFacts {
  const { configuration, buses, link, outbox, dataPath, delivery } = statusWith();
  return {
    configuration: { ...configuration, ...change.configuration },
    buses: change.buses === undefined ? buses : [{ ...buses[0], ...change.buses[0] }],
    link: { ...link, ...change.link },
    outbox: { ...outbox, ...change.outbox },
    dataPath: { ...dataPath, ...change.dataPath },
    delivery: { ...delivery, ...change.delivery },
  };
}

const advice = { what: "it is broken", remedy: "mend it" };
const bus = (state: Status["buses"][number]["state"]): Change => ({ buses: [{ name: "can0", state, detail: "why" }] });
const unreachable = { code: "broker.unreachable", what: "no route", remedy: "find coverage" } as const;
const offline = { link: { state: "offline", sinceMs: 5000, fault: unreachable } } as const;
const neverOnline = { link: { ...offline.link, connects: 0 }, delivery: { firstPubackMs: undefined } } as const;

describe("healthProblems", () => {
  it("finds nothing where the agent does its work", () => {
    expect(healthProblems(factsWith())).toEqual([]);
    expect(healthProblems(factsWith(bus("error-passive")))).toEqual([]);
  });

  it.each<readonly [string, Change, string, string]>([
    [
      "a pipeline that does not flush",
      { dataPath: { flushAgoMs: 10_001 } },
      "stuck",
      "the last flush was 10001 ms ago",
    ],
    [
      "a publisher without turns",
      { dataPath: { turnAgoMs: 20_000 } },
      "stuck",
      "the publisher's last turn was 20000 ms ago",
    ],
    ["a copy in force", { configuration: { source: "last-good", problems: [advice] } }, "unfit", "it is broken"],
    ["an outbox in memory", { outbox: { fault: advice } }, "unfit", "it is broken"],
    ["a bus that cannot be bound", bus("absent"), "unfit", "bus can0 is absent: why"],
    ["a bus that is down", bus("down"), "impaired", "bus can0 is down: why"],
    ["a bus that is off", bus("bus-off"), "impaired", "bus can0 is bus-off: why"],
    ["a layer that is not in force", { configuration: { problems: [advice] } }, "impaired", "it is broken"],
    ["no coverage", offline, "impaired", "link offline for 5 s: no route"],
    [
      "a connection on its way",
      { link: { state: "connecting", sinceMs: 5000 } },
      "impaired",
      "link connecting, offline for 5 s",
    ],
  ])("says who minds %s", (_, change, kind, what) => {
    expect(healthProblems(factsWith(change))).toMatchObject([{ kind, what }]);
  });

  it("names everything at once", () => {
    const all = healthProblems(factsWith({ ...bus("down"), ...offline, outbox: { fault: advice } }));
    expect(all.map(({ kind }) => kind)).toEqual(["unfit", "impaired", "impaired"]);
  });
});

describe("stuckReason", () => {
  it("is silent before the first flush and the first turn, and at the bound", () => {
    expect(stuckReason(factsWith({ dataPath: { flushAgoMs: undefined, turnAgoMs: undefined } }))).toBeUndefined();
    expect(stuckReason(factsWith({ dataPath: { flushAgoMs: 10_000, turnAgoMs: 10_000 } }))).toBeUndefined();
  });

  it("names how long ago the last flush was", () => {
    expect(stuckReason(factsWith({ dataPath: { flushAgoMs: 20_000.4 } }))).toBe("the last flush was 20000 ms ago");
  });

  it("names how long ago the publisher's turn was, but only where a connection has given it one", () => {
    const dataPath = { turnAgoMs: 20_000 };
    expect(stuckReason(factsWith({ dataPath }))).toBe("the publisher's last turn was 20000 ms ago");
    expect(stuckReason(factsWith({ dataPath, link: { sinceMs: 10_000 } }))).toBeUndefined();
    expect(stuckReason(factsWith({ dataPath, link: { state: "offline" } }))).toBeUndefined();
  });

  it("is silent about what a restart does not mend", () => {
    const broken: Change = { ...bus("absent"), ...offline, outbox: { fault: advice } };
    expect(stuckReason(factsWith(broken))).toBeUndefined();
  });

  it("waits for ten batches, and ten seconds at least", () => {
    expect([stuckAfterMs(250), stuckAfterMs(5000)]).toEqual([10_000, 50_000]);
  });
});

describe("missingProof", () => {
  it("is nothing for a version that collects, stores and was acknowledged", () => {
    expect(missingProof(factsWith(), false)).toBeUndefined();
  });

  it("is a flush that comes after that of the start, however good the link is", () => {
    expect(missingProof(factsWith({ dataPath: { flushes: 0, flushAgoMs: undefined } }), true)).toBe(
      "a flush of the pipeline",
    );
    expect(missingProof(factsWith({ dataPath: { flushes: 1, flushAgoMs: 900 } }), true)).toBe(
      "a flush of the pipeline",
    );
    expect(missingProof(factsWith({ dataPath: { flushes: 2 } }), false)).toBeUndefined();
  });

  it("is a data path that moves again, however good the link is", () => {
    expect(missingProof(factsWith({ dataPath: { flushAgoMs: 11_000 } }), true)).toContain("a flush of the pipeline: ");
    expect(missingProof(factsWith({ dataPath: { turnAgoMs: 11_000 } }), true)).toContain("a turn of the publisher: ");
  });

  it.each<readonly [string, Change]>([
    ["an outbox that can be written", { outbox: { fault: advice } }],
    ["a configuration that can be used", { configuration: { source: "last-good", problems: [advice] } }],
    ["bus can0: why", bus("absent")],
  ])("is %s", (missing, change) => {
    expect(missingProof(factsWith(change), true)).toBe(missing);
  });

  it("is no bus that is asleep, and no setting that is not in force", () => {
    expect(missingProof(factsWith(bus("down")), false)).toBeUndefined();
    expect(missingProof(factsWith({ configuration: { problems: [advice] } }), false)).toBeUndefined();
  });

  it("is a connection, and then an acknowledgement of what is stored", () => {
    expect(missingProof(factsWith(neverOnline), false)).toBe("a connection: no route");
    const unanswered = { delivery: { firstPubackMs: undefined } };
    expect(missingProof(factsWith(unanswered), false)).toBe("an acknowledgement of the broker");
    expect(missingProof(factsWith({ ...unanswered, outbox: { records: 0 } }), false)).toBeUndefined();
  });

  it("is no connection that was there and is gone", () => {
    expect(missingProof(factsWith(offline), false)).toBeUndefined();
  });

  it("asks for no connection where the broker is out of reach for the time of grace, but where it rejects", () => {
    for (const code of ["broker.unreachable", "proxy.unreachable", "proxy.bad-gateway"] as const) {
      const link = { ...neverOnline.link, fault: { ...unreachable, code } };
      expect(missingProof(factsWith({ ...neverOnline, link }), true)).toBeUndefined();
    }
    const rejected = { ...unreachable, code: "broker.not-authorised" } as const;
    const link = { ...neverOnline.link, fault: rejected };
    expect(missingProof(factsWith({ ...neverOnline, link }), true)).toBe("a connection: no route");
  });
});
