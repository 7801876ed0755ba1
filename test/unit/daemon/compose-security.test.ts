import { describe, expect, it } from "vitest";
import { composeSecurity, linkFaultsTo, openSecurityEvents } from "../../../agent/daemon/compose-security.ts";
import type { SecurityEvent } from "../../../agent/telemetry/record/encode/security-event.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { securityConfig } from "../../../config/security.ts";
import { timeConfig } from "../../../config/time.ts";
import { ManualClock, type ManualClockStart } from "../../fakes/core/clock.ts";
import { loadedBy } from "../../fakes/core/loaded-files.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const FAULT = { what: "as it was", remedy: "as it is" };
const settings = securityConfig.parse({});

function made({ keepsTime = false, ...start }: ManualClockStart & { readonly keepsTime?: boolean } = {}) {
  const clock = new ManualClock(start);
  const log = new MemoryLog();
  const journal = new FakeJournal({ clock });
  const told: SecurityEvent[] = [];
  const securityEvents = {
    handOver: (events: readonly SecurityEvent[]) => void told.push(...events),
    hasRoom: () => true,
    isStored: () => true,
  };
  const events = openSecurityEvents(settings, clock);
  const steps = new ClockSteps(clock);
  const line = { records: { securityEvents }, vehicle: { steps, clock } };
  const config = { time: keepsTime ? timeConfig.parse({}) : undefined };
  const loaded = { snapshot: undefined, config };
  const security = composeSecurity({ settings, loaded, line, journal, events }, { bootId: "one", log });
  const names = (): readonly string[] => told.map(({ event, reason, source }) => [event, reason, source].join(" "));
  return { clock, log, journal, told, names, security, steps, link: linkFaultsTo(events) };
}

describe("composeSecurity", () => {
  it("tells what the link says of certificates, PINs and other clients, and nothing of coverage", () => {
    const { link, names, log } = made();
    link({ ...FAULT, code: "broker.unreachable" }, undefined);
    link({ ...FAULT, code: "broker.refused" }, 0x8b);
    link({ ...FAULT, code: "broker.refused" }, 0x8e);
    link({ ...FAULT, code: "broker.session-contested" }, undefined);
    link({ ...FAULT, code: "identity.certificate-revoked" }, undefined);
    link({ ...FAULT, code: "broker.certificate-untrusted" }, undefined);
    link({ ...FAULT, code: "identity.pin-wrong" }, undefined);
    link({ ...FAULT, code: "identity.tpm-lockout" }, undefined);
    expect(names()).toEqual([
      "session-takeover disconnect ",
      "session-takeover contested ",
      "certificate-refused revoked ",
      "broker-untrusted untrusted ",
      "pin-refused token ",
      "tpm-lockout  ",
    ]);
    expect(log.of("security.event-told")).toHaveLength(6);
  });

  it("tells of commands what their rejection says of who asks", () => {
    const { security, names } = made();
    for (const reason of ["BUSY", "SIGNATURE_INVALID", "SIGNATURE_INVALID", "ACCESS_DENIED"] as const) {
      security.onRejected?.("aws", reason);
    }
    security.onRejected?.("companion", "ACCESS_DENIED");
    expect(names()).toEqual([
      "signature-failed SIGNATURE_INVALID aws",
      "command-refused ACCESS_DENIED aws",
      "command-refused ACCESS_DENIED companion",
    ]);
    expect(security.status()).toMatchObject({
      occurrences: [
        { event: "signature-failed", reason: "SIGNATURE_INVALID", count: 2 },
        { event: "command-refused", reason: "ACCESS_DENIED", count: 2 },
      ],
      told: 3,
    });
  });

  it.each([
    { start: {}, expected: ["clock-step back ", "clock-step forward "] },
    { start: { keepsTime: true }, expected: [] },
    // What a boot gets as its first time is no step of a clock that anybody believed.
    { start: { quality: "saved" as const }, expected: [] },
  ])("tells large steps of a believed clock that nobody else tells: $start", async ({ start, expected }) => {
    const { clock, security, steps, names } = made(start);
    const endWatch = steps.watch();
    await security.service.start();
    for (const stepUs of [-3_600_000_000, 59_000_000, 61_000_000]) {
      clock.stepWall(stepUs);
      clock.advance(1000);
    }
    await security.service.stop();
    endWatch();
    expect(names()).toEqual(expected);
    expect(clock.waiting()).toBe(0);
  });

  it("tells how the last run ended, and tells a stop what was counted", async () => {
    const { security, journal, told, names } = made();
    journal.put([{ space: "security", key: "run", value: { bootId: "zero", hasEnded: false } }]);
    await security.service.start();
    expect(names()).toEqual(["unexpected-reboot  "]);
    security.onRejected?.("aws", "ACCESS_DENIED");
    security.onRejected?.("aws", "ACCESS_DENIED");
    await security.service.stop();
    expect(told.map(({ count }) => count)).toEqual([1, 1, 1]);
    expect(journal.get("security", "run")).toEqual({ bootId: "one", hasEnded: true });
  });
});

describe("an agent without the section security", () => {
  it("loads nothing of it", () => {
    const loaded = [...loadedBy("agent/cli/verbs/run.ts")];
    expect(loaded).toContain("agent/daemon/side-lines.ts");
    expect(loaded.filter((path) => /compose-security|security-events|security-memory/.test(path))).toEqual([]);
  });
});
