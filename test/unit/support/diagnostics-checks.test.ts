import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { statusPage } from "../../../agent/cli/status-page.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { emptyState } from "../../../agent/diagnostics/tester/tester-counts.ts";
import { type Status, statusSchema } from "../../../agent/local-api/status-schema.ts";
import { checkEcus, diagnosticsChecks } from "../../../agent/support/diagnostics-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

type Bus = NonNullable<Status["diagnostics"]>["buses"][number];

const QUIET = emptyState("can0");

/** A status as it comes over the socket. */
function statusOf(...buses: readonly Partial<Bus>[]): Status {
  const status = statusWith({ diagnostics: { buses: buses.map((bus) => ({ ...QUIET, ...bus })) } });
  return statusSchema.parse(JSON.parse(JSON.stringify(status)));
}

function withheld(reason: string, what: string): Partial<Bus> {
  return { withheld: { reason, what } };
}

describe("diagnosticsChecks", () => {
  it("are none without diagnostics", () => {
    expect(diagnosticsChecks(statusWith())).toEqual([]);
  });

  it("say of each bus how much was asked and answered", () => {
    const counts = { ...QUIET.counts, requests: 12, answers: 10 };
    expect(
      diagnosticsChecks(statusOf({ counts }, { bus: "can1" })).map(({ verdict, what }) => [verdict, what]),
    ).toEqual([
      ["pass", "bus can0: 12 requests, 10 answers"],
      ["pass", "bus can1: 0 requests, 0 answers"],
    ]);
  });

  it.each([
    ["listen-only", "warn", "the controller of bus can0 is set to listen only"],
    ["other-tester", "warn", "another tester speaks"],
    ["condition", "pass", "bus can0: nothing is sent: rpm > 300.0 is not true"],
    ["off", "pass", "bus can0: nothing is sent: no transmit"],
  ])("tell %s as %s", (reason, verdict, told) => {
    const [check] = diagnosticsChecks(statusOf(withheld(reason, told.replace("bus can0: nothing is sent: ", ""))));
    expect(check).toMatchObject({ check: "diagnostics", verdict, what: told });
  });

  it("warn of control units that do not answer", () => {
    const [check] = diagnosticsChecks(statusOf({ backingOff: [{ ecu: "engine", ms: 80_000 }] }));
    expect(check).toMatchObject({ verdict: "warn", what: "bus can0: no answer of engine (asked again in 1 min 20 s)" });
  });
});

describe("causeway status", () => {
  it("shows each bus with diagnostics, why it is not asked, and who keeps it waiting", () => {
    const busy = {
      counts: { ...QUIET.counts, requests: 1200, answers: 1000, negatives: 50, silent: 150 },
      pending: [{ ecu: "body", ms: 61_000 }],
      backingOff: [{ ecu: "gearbox", ms: 10_000 }],
    };
    const status = statusOf(busy, { bus: "can1", ...withheld("other-tester", "another tester speaks on bus can1") });
    const page = statusPage({ status, atMs: 0 }, undefined, 0, pico.createColors(false));
    expect(page.split("\n").filter((line) => /can1|diagnosis|body|gearbox/.test(line))).toEqual([
      "diagnosis  can0 1 200 requests, 1 050 answered, 150 not",
      "           body pending for 1 min 1 s",
      "           gearbox silent, asked again in 10 s",
      "           can1 0 requests, 0 answered, 0 not",
      "           another tester speaks on bus can1",
    ]);
  });
});

const BODY = { name: "body", programs: ["/usr/lib/example/body-key", "/usr/lib/example/body-key"] };
const GATEWAY = { name: "gateway", programs: [] };

describe("the catalogue of control units", () => {
  it("passes when each program of its security can be run", async () => {
    expect(await checkEcus({ readEcus: async () => [BODY, GATEWAY], mayRun: async () => true })).toEqual([
      { check: "ecus", verdict: "pass", what: "2 control units of the catalogue" },
    ]);
  });

  it("fails with each program that cannot", async () => {
    expect(await checkEcus({ readEcus: async () => [GATEWAY, BODY], mayRun: async () => false })).toEqual([
      expect.objectContaining({
        verdict: "fail",
        what: "body: /usr/lib/example/body-key, which works out keys of its security, cannot be run",
      }),
    ]);
  });

  it("fails with what is wrong in it, and is not spoken of where there is none", async () => {
    const readEcus = async () => {
      throw new AgentError("config.invalid", { what: "ecus.yaml:3:5 ecus[0].name: x", remedy: "correct the file" });
    };
    expect(await checkEcus({ readEcus, mayRun: async () => true })).toEqual([
      expect.objectContaining({ verdict: "fail", what: "ecus.yaml:3:5 ecus[0].name: x", code: "config.invalid" }),
    ]);
    expect(await checkEcus({ readEcus: async () => [], mayRun: async () => true })).toEqual([]);
  });
});
