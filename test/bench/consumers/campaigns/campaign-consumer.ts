import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../../core/child.ts";
import { parseLine } from "../../core/line-protocol.ts";
import { START_TIMEOUT_MS, until } from "../../core/wait.ts";
import { type CampaignReport, campaignReport } from "../consumer-protocol.ts";
import type { CampaignProgress } from "./campaign-check.ts";
import type { CampaignVerdict } from "./campaign-verdict.ts";

const ENTRY = fileURLToPath(new URL("../../processes/campaign-consumer.ts", import.meta.url));
/** For a long drive of many campaigns. */
const JUDGE_TIMEOUT_MS = 300_000;

/** The process that gets every record and judges campaigns when the drive is over. */
export class CampaignConsumer {
  progress: readonly CampaignProgress[] = [];
  #child: Child | undefined;
  /** How often it has subscribed: once at its start, and after each new connection. */
  subscriptions = 0;
  #failure: string | undefined;
  #verdicts: readonly CampaignVerdict[] | undefined;

  /** Resolves when it has its subscriptions. */
  async start(configFile: string, logFolder: string): Promise<void> {
    this.#child = await startChild({
      command: process.execPath,
      args: [ENTRY, configFile],
      logFile: join(logFolder, "campaign-consumer.log"),
      onLine: (line) => this.#take(parseLine(campaignReport, line)),
    });
    void this.#child.ended.then(({ code, signal }) => {
      this.#failure ??= `the consumer of campaigns ended with ${code ?? signal}`;
    });
    await this.#until(() => (this.subscriptions > 0 ? true : undefined), START_TIMEOUT_MS);
  }

  /** The wall time of the vehicle's first frame, µs since the Unix epoch. */
  begin(startUs: number): void {
    this.#child?.writeLine(JSON.stringify({ kind: "start", startUs }));
  }

  /** Judges what has come. `excuse`: why what is missing may be missing. Rejects when the process has failed. */
  async judge(excuse: string | undefined): Promise<readonly CampaignVerdict[]> {
    this.#child?.writeLine(JSON.stringify({ kind: "judge", excuse }));
    return await this.#until(() => this.#verdicts, JUDGE_TIMEOUT_MS);
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }

  #until<T>(probe: () => T | undefined, timeoutMs: number): Promise<T> {
    const orFailure = (): T | undefined => {
      if (this.#failure !== undefined) throw new Error(this.#failure);
      return probe();
    };
    return until(orFailure, { what: "the consumer of campaigns answers", timeoutMs });
  }

  #take(report: CampaignReport): void {
    switch (report.kind) {
      case "ready":
        this.subscriptions += 1;
        return;
      case "failed":
        this.#failure ??= report.what;
        return;
      case "progress":
        this.progress = report.campaigns;
        return;
      case "campaigns":
        this.#verdicts = report.verdicts;
    }
  }
}
