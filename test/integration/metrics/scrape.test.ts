import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { startChild } from "../../bench/core/child.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { until } from "../../bench/core/wait.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const PATIENCE = { timeoutMs: 20_000 };

/** What Prometheus answers to a query: the value of the first series. */
const answer = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** Starts a Prometheus that scrapes `port` every second; gives what asks it. */
async function startPrometheus(
  folder: string,
  own: number,
  port: number,
): Promise<(query: string) => Promise<string | undefined>> {
  const file = join(folder, "prometheus.yml");
  const targets = [{ targets: [`127.0.0.1:${port}`] }];
  const jobs = [{ job_name: "causeway", scrape_interval: "1s", scrape_timeout: "1s", static_configs: targets }];
  // A YAML file may be JSON.
  writeFileSync(file, JSON.stringify({ scrape_configs: jobs }));
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/tsdb`, `--web.listen-address=127.0.0.1:${own}`];
  const prometheus = await startChild({ command: "prometheus", args, logFile: join(folder, "prometheus.log") });
  onTestFinished(async () => void (await prometheus.stop()));
  return async (query) => {
    try {
      const response = await fetch(`http://127.0.0.1:${own}/api/v1/query?query=${encodeURIComponent(query)}`);
      return answer.parse(await response.json()).data.result[0]?.value[1];
    } catch {
      // It has not started yet.
      return undefined;
    }
  };
}

describe("who reads the numbers of the agent", () => {
  it("is a Prometheus on this machine, and a file that promtool finds nothing wrong with", async () => {
    const own = await freePorts(2);
    const home = await daemonHome((settings) =>
      Object.assign(settings, {
        metrics: { scrape: { port: own + 1, socketFile: "metrics.sock" }, textFile: { folder: ".", seconds: 5 } },
      }),
    );
    const ask = await startPrometheus(home.folder, own, own + 1);
    await startDaemon(home);
    const frames = await until(() => ask('causeway_bus_frames_total{bus="can0"} == 200'), {
      what: "Prometheus has the frames",
      ...PATIENCE,
    });
    expect(frames).toBe("200");
    expect(await ask("up")).toBe("1");
    const stored = await ask("histogram_quantile(0.5, causeway_outbox_store_seconds_bucket)");
    expect(Number(stored)).toBeGreaterThan(0);
    expect(await ask('causeway_outbox_waiting_records{stream="telemetry"} > 0')).toBeDefined();
    expect(await ask('causeway_metrics_scrapes_total{place="socket",result="answered"}')).toBe("0");
    const file = join(home.folder, "causeway.prom");
    await until(async () => (existsSync(file) ? true : undefined), { what: "the file is written", ...PATIENCE });
    expect(execFileSync("promtool", ["check", "metrics"], { input: readFileSync(file), encoding: "utf8" })).toBe("");
  });
});
