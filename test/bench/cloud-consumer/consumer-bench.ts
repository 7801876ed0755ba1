import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Mosquitto, startMosquitto } from "../broker/mosquitto.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { consumerTables, createTables, LOCAL_AWS, type LocalDynamoDb, startDynamoDb } from "../cloud/dynamodb.ts";
import { type Publisher, startPublisher } from "./publisher-client.ts";
import type { FoundRecord } from "./sink-account.ts";
import { readDynamoDb, readFiles } from "./sink-readers.ts";
import { WorkerFleet } from "./worker-fleet.ts";

/** Sinks that are measured. */
export const SINKS = ["ndjson", "parquet", "daily", "dynamodb"] as const;
/** "ndjson" and "parquet" in the layout hive, "daily": a Parquet file a vehicle and day; "dynamodb" in a local one. */
export type SinkName = (typeof SINKS)[number];

/** A store of its own, a group of workers into it, and how it is read without them. */
export type Run = {
  readonly fleet: WorkerFleet;
  /** What a reader finds who has nothing to do with the workers: DuckDB, or the AWS SDK. */
  read(): Promise<FoundRecord[]>;
  /** Folder of the files; undefined for DynamoDB. */
  readonly files: string | undefined;
};

/** Keeps a record in `state.db` no longer than this, so that what is measured is at rest. */
const ROLL_SECONDS = 2;

/** Longer than workers are ever paused: the broker does not end the connection of one that says nothing. */
const KEEP_ALIVE_SECONDS = 1200;

type Parts = {
  readonly folder: string;
  readonly authority: RevokingAuthority;
  readonly vehicles: readonly string[];
  readonly broker: Mosquitto;
  readonly worker: { readonly certificateFile: string; readonly keyFile: string };
};

/** A real mosquitto, a DynamoDB, and as many publishers and fleets as are asked for. */
export class ConsumerBench {
  readonly #parts: Parts;
  #dynamo: LocalDynamoDb | undefined;
  #runs = 0;
  #publishers = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async start(folder: string, count: number): Promise<ConsumerBench> {
    const authority = createAuthority(join(folder, "authority"));
    const vehicles = Array.from({ length: count }, (_, at) => `vehicle-${at + 1}`);
    const consumers = ["worker"];
    const broker = await startMosquitto({ folder: join(folder, "mosquitto"), authority, things: vehicles, consumers });
    const issued = await authority.issue({ commonName: "worker", usage: "client" });
    const worker = writeIdentity(folder, "worker", issued);
    return new ConsumerBench({ folder, authority, vehicles, broker, worker });
  }

  /** Vehicles with an epoch of their own: what earlier ones published is not counted for them. */
  publisher(recordMs: number): Promise<Publisher> {
    this.#publishers += 1;
    const { authority, vehicles: things, broker } = this.#parts;
    const folder = join(this.#parts.folder, `publisher-${this.#publishers}`);
    mkdirSync(folder, { recursive: true });
    const epoch = 1000 * this.#publishers;
    return startPublisher({ folder, port: broker.port, authority, things, epoch, recordMs });
  }

  /** A new group into a new store; without workers yet. */
  async run(sink: SinkName): Promise<Run> {
    this.#runs += 1;
    const group = `run${this.#runs}`;
    const folder = join(this.#parts.folder, group);
    mkdirSync(folder, { recursive: true });
    return sink === "dynamodb" ? await this.#intoDynamoDb(folder, group) : this.#intoFiles(folder, group, sink);
  }

  async #intoDynamoDb(folder: string, group: string): Promise<Run> {
    this.#dynamo ??= await startDynamoDb(join(this.#parts.folder, "dynalite.log"));
    const { endpoint } = this.#dynamo;
    await createTables(endpoint, group);
    const tables = consumerTables(group);
    const fleet = this.#fleet(folder, group, { kind: "dynamodb", endpoint, ...tables });
    return { fleet, read: () => readDynamoDb(endpoint, tables.recordsTable), files: undefined };
  }

  #intoFiles(folder: string, group: string, sink: Exclude<SinkName, "dynamodb">): Run {
    const files = join(folder, "files");
    const format = sink === "ndjson" ? "ndjson" : "parquet";
    const layout = sink === "daily" ? "daily" : "hive";
    const fleet = this.#fleet(folder, group, {
      kind: "folder",
      path: files,
      format,
      layout,
      rollSeconds: ROLL_SECONDS,
    });
    const pattern = layout === "hive" ? `${files}/samples/**/*.${format}` : `${files}/*/????-??-??.${format}`;
    return { fleet, read: () => readFiles(format, pattern), files };
  }

  #fleet(folder: string, group: string, sink: Readonly<Record<string, unknown>>): WorkerFleet {
    const { broker, authority, worker } = this.#parts;
    const { host, port } = broker;
    const reconnect = { minMs: 100, maxMs: 1000 };
    const settings = {
      host,
      port,
      caFile: authority.caFile,
      ...worker,
      reconnect,
      keepAliveSeconds: KEEP_ALIVE_SECONDS,
    };
    return new WorkerFleet({ folder, group, broker: settings, sink, environment: LOCAL_AWS });
  }

  async stop(): Promise<void> {
    await this.#dynamo?.stop();
    await this.#parts.broker.stop();
  }
}
