import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { defenderLines } from "../../../agent/cli/status-lines/defender.ts";
import { securityLines } from "../../../agent/cli/status-lines/security.ts";
import { securityChecks } from "../../../agent/support/security-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const plain = pico.createColors(false);
const quiet = {
  accepted: 12,
  rejected: 0,
  unanswered: 0,
  reportId: 5,
  reportBytes: 300,
  acceptedAgoMs: 61_000,
  unreadLines: 0,
  customLeftOut: 0,
};

describe("security events and Device Defender in checks and in the status page", () => {
  it("are not there where they are not configured", () => {
    const status = statusWith();
    expect([securityChecks(status), securityLines(status, plain), defenderLines(status, plain)]).toEqual([[], [], []]);
  });

  it("say that all is quiet", () => {
    const status = statusWith({ security: { occurrences: [], told: 0, untold: 0 }, defender: quiet });
    expect(securityChecks(status).map(({ verdict, what }) => `${verdict} ${what}`)).toEqual([
      "pass nobody tried anything since the start",
      "pass 12 reports accepted since the start",
    ]);
    expect(securityLines(status, plain)).toEqual([]);
    expect(defenderLines(status, plain)).toEqual(["defender   12 reports accepted, the last 1 min 1 s ago"]);
  });

  it("say who tried what, and why reports are not taken", () => {
    const occurrences = [
      { event: "signature-failed" as const, reason: "SIGNATURE_INVALID", count: 345 },
      { event: "tpm-lockout" as const, reason: "", count: 1 },
    ];
    const fault = "rejected: Throttled slow\u001b[31m";
    const defender = { ...quiet, rejected: 2, unanswered: 1, acceptedAgoMs: undefined, accepted: 0, fault };
    const status = statusWith({ security: { occurrences, told: 3, untold: 0 }, defender });
    const [event, report] = securityChecks(status);
    expect(event).toMatchObject({
      verdict: "warn",
      what: "since the start: 345 signature-failed (SIGNATURE_INVALID), 1 tpm-lockout",
    });
    expect(report?.verdict).toBe("warn");
    expect(report?.what).toContain("rejected: Throttled slow");
    expect(report?.what).not.toContain("\u001b");
    expect(securityLines(status, plain)).toEqual([
      "security   345 signature-failed (SIGNATURE_INVALID)",
      "           1 tpm-lockout",
    ]);
    expect(defenderLines(status, plain)[0]).toBe("defender   0 reports accepted, 2 refused, 1 unanswered");
    expect(defenderLines(status, plain)[1]).not.toContain("\u001b");
  });

  it("say that nobody answers", () => {
    const status = statusWith({ defender: { ...quiet, accepted: 0, unanswered: 4 } });
    expect(securityChecks(status)).toMatchObject([{ check: "defender", what: "nobody answers 4 reports" }]);
  });
});
