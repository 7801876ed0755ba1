import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  STATE_KEYS,
  type StateFacts,
  type StateSurroundings,
  stateDocument,
} from "../../../agent/shadows/state-document.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const SURROUNDINGS: StateSurroundings = {
  os: { name: "Debian GNU/Linux 13 (trixie)", kernel: "6.12.0" },
  campaigns: { running: [{ id: "fuel", version: 3 }], refused: 1 },
  position: { latitude: 52.52, longitude: 13.405 },
};
const FACTS: StateFacts = statusWith({
  links: { inUse: { name: "wwan0", isMetered: true, cost: "high" }, budgets: [], held: [] },
  update: { step: "install", isOver: false, versionFrom: "1.0", versionTo: "1.1", percent: 17 },
  diagnostics: { buses: [], codes: { active: 2, events: 5, forgotten: 0, refused: 0, delayed: 0 } },
});

describe("stateDocument", () => {
  it("tells what changes seldom", () => {
    expect(stateDocument(FACTS, SURROUNDINGS, 8192)).toEqual({
      omitted: [],
      reported: {
        agent: { version: "0.1.0" },
        os: { name: "Debian GNU/Linux 13 (trixie)", kernel: "6.12.0" },
        configuration: { source: "files", problems: 0 },
        campaigns: { inForce: { fuel: 3 }, refused: 1 },
        update: { step: "install", from: "1.0", to: "1.1" },
        link: { interface: "wwan0", isMetered: true },
        buses: { can0: "up" },
        clock: { quality: "ntp" },
        certificate: { notAfter: "2026-01-19T00:00:00.000Z" },
        troubleCodes: { active: 2 },
        position: { latitude: 52.52, longitude: 13.405 },
      },
    });
  });

  it("is the same while nothing but counts and times goes on", () => {
    const before = stateDocument(statusWith(), SURROUNDINGS, 8192);
    const link = { ...statusWith().link, sinceMs: 1, connects: 99 };
    const after = stateDocument(statusWith({ uptimeMs: 9e9, rssBytes: 1, link, pid: 1 }), SURROUNDINGS, 8192);
    expect(after).toEqual(before);
  });

  it("says why an update failed and that a renewal did, and has no key for what is not known", () => {
    const failure = { reason: "health", detail: "a detail for people" };
    const update = { step: "failed", isOver: true, versionFrom: "1", versionTo: "2", failure };
    const identity = { ...statusWith().identity, renewal: { state: "failed" as const, failures: 3 } };
    const none = { ...SURROUNDINGS, campaigns: { running: [], refused: 0 }, position: undefined };
    const { reported } = stateDocument(statusWith({ update, identity, buses: [] }), none, 8192);
    expect(reported).toMatchObject({ update: { failure: "health" }, certificate: { renewal: "failed" } });
    expect(Object.keys(reported)).not.toContain("buses");
    expect(Object.keys(reported)).not.toContain("position");
    expect(reported.campaigns).toEqual({ refused: 0 });
    expect(JSON.stringify(reported)).not.toContain("detail");
  });

  it("keeps control characters and long texts out", () => {
    const { reported } = stateDocument(statusWith({ version: `1\u0000${"x".repeat(500)}` }), SURROUNDINGS, 8192);
    expect(reported.agent).toEqual({ version: `1 ${"x".repeat(98)}` });
  });

  it("fits where leaving out gets there, names what is, and has no empty object (seed 18)", () => {
    const one = fc.record({ id: fc.stringMatching(/^[a-z]{1,40}$/), version: fc.nat() });
    const seen = new Set<number>();
    fc.assert(
      fc.property(fc.array(one, { maxLength: 300 }), fc.integer({ min: 100, max: 8192 }), (running, maxBytes) => {
        const surroundings = { ...SURROUNDINGS, campaigns: { running, refused: 0 } };
        const { reported, omitted } = stateDocument(FACTS, surroundings, maxBytes);
        const keys = Object.keys(reported);
        seen.add(omitted.length);
        if (omitted.length < 7) expect(Buffer.byteLength(JSON.stringify(reported))).toBeLessThanOrEqual(maxBytes);
        expect(reported.omitted ?? []).toEqual(omitted);
        expect(keys.filter((key) => omitted.includes(key))).toEqual([]);
        expect(keys.filter((key) => !STATE_KEYS.some((own) => own === key))).toEqual([]);
        expect(JSON.stringify(reported)).not.toContain("{}");
      }),
      { seed: 18, numRuns: 300 },
    );
    expect([...seen]).toContain(0);
    expect(Math.max(...seen)).toBeGreaterThan(3);
  });
});
