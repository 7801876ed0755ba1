import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readFiles } from "../cloud-consumer/sink-readers.ts";
import { WorkerFleet } from "../cloud-consumer/worker-fleet.ts";
import { until } from "../core/wait.ts";

const WORKERS = 2;
/** A record is only in `state.db` no longer than this. */
const ROLL_SECONDS = 2;
const AT_REST_MS = 60_000;

/** What the files of the consumer hold, as DuckDB reads them. */
export type SinkContent = {
  readonly folder: string;
  /** Records with samples, and samples. */
  readonly records: number;
  readonly samples: number;
};

/** How the workers reach the broker: host, port, CA, certificate and key, as the section `broker` of their settings. */
export type SinkBroker = Readonly<Record<"host" | "caFile" | "certificateFile" | "keyFile", string>> & {
  readonly port: number;
};

/** Two workers of the cloud's consumer, which put what the vehicle sends into Parquet files in a folder, beside the bench's own judges. */
export class BenchSink {
  readonly #fleet: WorkerFleet;
  readonly #folder: string;

  private constructor(fleet: WorkerFleet, folder: string) {
    this.#fleet = fleet;
    this.#folder = folder;
  }

  /** Resolves when both are subscribed. `folder` must be empty, or not there: what lies in it would be counted. */
  static async start(folder: string, broker: SinkBroker, logs: string): Promise<BenchSink> {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty: name another folder for --sink`);
    const sink = { kind: "folder", path: folder, format: "parquet", rollSeconds: ROLL_SECONDS };
    const settings = { ...broker, reconnect: { minMs: 100, maxMs: 1000 } };
    const fleet = new WorkerFleet({ folder: logs, group: "sink", broker: settings, sink, environment: {} });
    for (let at = 0; at < WORKERS; at += 1) await fleet.add();
    const started = new BenchSink(fleet, folder);
    await fleet.ready().catch(async (thrown: unknown) => {
      await started.stop();
      throw thrown;
    });
    return started;
  }

  /** Waits until all that came is in files, and reads them past the workers. Ends the workers. */
  async content(): Promise<SinkContent> {
    const probe = async (): Promise<true | undefined> => ((await this.#fleet.isAtRest()) ? true : undefined);
    await until(probe, { what: "all records of the sink are in files", timeoutMs: AT_REST_MS });
    await this.stop();
    const found = await readFiles("parquet", join(this.#folder, "samples/**/*.parquet"));
    const samples = found.reduce((sum, record) => sum + record.samples, 0);
    return { folder: this.#folder, records: found.length, samples };
  }

  async stop(): Promise<void> {
    await this.#fleet.stop();
  }
}
