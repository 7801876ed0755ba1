import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { metricsLines } from "../../../agent/cli/status-lines/metrics.ts";
import { metricsChecks } from "../../../agent/support/metrics-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const plain = pico.createColors(false);
const port = { place: "port", at: "127.0.0.1:9464", answered: 1200, refused: 1, failed: 0 } as const;
const file = { path: "/var/lib/node/causeway.prom", written: 3, failed: 0 };

describe("readers of metrics in checks and in the status page", () => {
  it("are not there where they are not configured", () => {
    expect([metricsChecks(statusWith()), metricsLines(statusWith(), plain)]).toEqual([[], []]);
  });

  it("say where they read", () => {
    const status = statusWith({ metrics: { scrapes: [port], file, health: { reports: 2 } } });
    expect(metricsChecks(status).map(({ verdict, what }) => `${verdict} ${what}`)).toEqual([
      "pass scraped at 127.0.0.1:9464",
      "pass file /var/lib/node/causeway.prom",
    ]);
    expect(metricsLines(status, plain)).toEqual([
      "metrics    scraped at 127.0.0.1:9464, 1 200 times",
      "           /var/lib/node/causeway.prom written 3 times",
      "           2 health records",
    ]);
  });

  it("say why they cannot", () => {
    const scrapes = [{ ...port, problem: "EADDRINUSE\u001b[2J" }];
    const status = statusWith({ metrics: { scrapes, file: { ...file, problem: "EACCES" } } });
    expect(metricsChecks(status).map(({ verdict, what }) => `${verdict} ${what}`)).toEqual([
      "warn scraped at 127.0.0.1:9464: EADDRINUSE?[2J",
      "warn file /var/lib/node/causeway.prom: EACCES",
    ]);
    expect(metricsLines(status, plain)).toContain("           EACCES");
  });
});
