import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Broker, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { type DaemonHome, daemonHome } from "../../fakes/daemon/daemon.ts";

/** Longest wait for anything, also on a busy machine. */
export const PATIENCE_MS = 20_000;
const reader = createRecordReader(readDescriptor());

/** What the broker delivered, the first time that it did. */
type Delivered = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly stream: string;
  readonly seq: number;
};

/** One value of a signal, by its name in the table of the record that it came in. */
type Sample = {
  readonly name: string;
  readonly source: number | undefined;
  readonly aggregate: string | undefined;
  readonly timeUs: number;
  readonly raw: number | bigint;
};

/** A frame as it was put on the bus: about when, and its number. */
type Sent = { readonly timeUs: number; readonly counter: number };

const BODY_DBC = `VERSION ""
BU_: Vector__XXX
BO_ 512 Body: 8 Vector__XXX
 SG_ Level : 0|16@1+ (0.1,0) [0|0] "%" Vector__XXX
 SG_ Counter : 16|16@1+ (1,0) [0|0] "" Vector__XXX
`;

/** A broker, two buses and a consumer, for agents that run campaigns: each in a process of its own, not started here. */
export class CampaignVehicle {
  readonly hub: Hub;
  readonly proxy: TcpProxy;
  readonly #authority: Authority;
  readonly #mosquitto: Mosquitto;
  readonly #consumer: Broker;
  readonly #proxyPort: number;
  readonly #folder: string;
  readonly #delivered: Delivered[] = [];
  readonly #ids = new Set<string>();
  #counter = 0;

  private constructor(folder: string, parts: Awaited<ReturnType<typeof startParts>>) {
    this.#folder = folder;
    this.hub = parts.hub;
    this.proxy = parts.proxy;
    this.#proxyPort = parts.proxyPort;
    this.#authority = parts.authority;
    this.#mosquitto = parts.mosquitto;
    this.#consumer = parts.consumer;
  }

  /** `things`: names that vehicles may have. */
  static async start(folder: string, things: readonly string[]): Promise<CampaignVehicle> {
    const vehicle = new CampaignVehicle(folder, await startParts(folder, things));
    const take = (message: ReceivedPublish): void => vehicle.#take(message);
    for (const filter of ["dt/causeway/+/+", "dt/causeway/+/schema/+"]) {
      await vehicle.#consumer.subscribe(filter, take);
    }
    return vehicle;
  }

  async stop(): Promise<void> {
    await this.#consumer.stop();
    await this.proxy.stop();
    await this.#mosquitto.stop();
    await this.hub.stop();
  }

  /** A folder with the configuration of a vehicle on both buses, and these campaigns; `change` alters the configuration before it is written. */
  async home(
    thing: string,
    campaigns: Readonly<Record<string, object>>,
    change: (config: Record<string, unknown>) => void = () => undefined,
  ): Promise<DaemonHome> {
    const issued = await this.#authority.issue({ commonName: thing, usage: "client" });
    const identity = writeIdentity(join(this.#folder, "identities"), thing, issued);
    const { host, caFile } = this.#mosquitto;
    const home = await daemonHome((config) => {
      config.thingName = thing;
      config.broker = { host, port: this.#proxyPort, caFile, reconnect: { minMs: 100, maxMs: 1000 } };
      config.identity = { mode: "file", ...identity };
      config.buses = ["can0", "can1"].map((name) => {
        return { name, driver: "socketcand", host: "127.0.0.1", port: this.hub.port, interface: name };
      });
      config.dbc = [
        { file: "car.dbc", buses: ["can0"] },
        { file: "body.dbc", buses: ["can1"] },
      ];
      change(config);
    });
    writeFileSync(join(home.folder, "body.dbc"), BODY_DBC);
    mkdirSync(join(home.folder, "campaigns"));
    for (const [id, campaign] of Object.entries(campaigns)) writeCampaign(home, id, campaign);
    return home;
  }

  /** Puts frames with this raw value on a bus, numbered on over both buses. */
  send(bus: "can0" | "can1", value: number, count = 1): readonly Sent[] {
    return Array.from({ length: count }, () => {
      this.#counter += 1;
      const data = Buffer.alloc(8);
      data.writeUInt16LE(value, 0);
      data.writeUInt16LE(this.#counter, 2);
      const id = bus === "can0" ? 0x100 : 0x200;
      this.hub.inject(bus, { id, flags: 0, data, receivedAtUs: 0 });
      return { timeUs: Date.now() * 1000, counter: this.#counter };
    });
  }

  /** What came of a vehicle, each record once. */
  delivered(thing: string): readonly Delivered[] {
    return this.#delivered.filter(({ topic }) => topic.split("/")[2] === thing);
  }

  /** The records of a vehicle, those in JSON left out. */
  records(thing: string): readonly DecodedRecord[] {
    return this.delivered(thing)
      .filter(({ contentType }) => contentType !== "application/json")
      .map(({ payload }) => reader.decode(payload));
  }

  /** Hears what the consumer may hear beside the records. */
  async subscribe(filter: string, take: (message: ReceivedPublish) => void): Promise<void> {
    await this.#consumer.subscribe(filter, take);
  }

  /** Samples of a campaign's columns; of the rules of collection without an id. */
  samples(thing: string, id?: string): readonly Sample[] {
    const records = this.records(thing);
    const tables = new Map(records.flatMap(({ body }) => (body.kind === "table" ? [[body.id, body.signals]] : [])));
    return records.flatMap(({ body }) => {
      if (body.kind !== "samples" || body.campaign?.id !== id) return [];
      const signals = tables.get(body.table);
      if (signals === undefined) throw new Error(`no table ${body.table}`);
      return body.columns.flatMap(({ signal, source, timesUs, raws }) => {
        const { message, name, aggregate } = signals[signal];
        const full = message === "" ? name : `${message}.${name}`;
        return timesUs.map((timeUs, at) => ({ name: full, source, aggregate, timeUs, raw: raws[at] }));
      });
    });
  }

  /** Trigger records of a campaign, in the order in which they were made. */
  triggers(thing: string, id: string) {
    return this.records(thing).flatMap(({ body }) =>
      body.kind === "trigger" && body.campaign.id === id ? [body] : [],
    );
  }

  /** Waits until `probe` gives a value. */
  async until<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
    return await until(probe, { what, timeoutMs: PATIENCE_MS });
  }

  #take({ topic, payload, contentType, userProperties }: ReceivedPublish): void {
    if (topic.endsWith("/presence")) return;
    const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
    const id = [topic.split("/")[2], value("epoch"), value("stream"), value("seq")].join("/");
    // At least once: what is sent again after a cut may come twice.
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    const [stream, seq] = [value("stream"), Number(value("seq"))];
    this.#delivered.push({ topic, payload: payload.slice(), contentType, stream, seq });
  }
}

/** Puts a campaign into the folder of a vehicle. */
export function writeCampaign(home: DaemonHome, id: string, campaign: object): void {
  writeFileSync(campaignFile(home, id), stringify({ schemaVersion: 1, id, version: 1, ...campaign }));
}

/** Takes a campaign out of the folder of a vehicle. */
export function removeCampaign(home: DaemonHome, id: string): void {
  rmSync(campaignFile(home, id));
}

function campaignFile(home: DaemonHome, id: string): string {
  return join(home.folder, "campaigns", `${id}.yaml`);
}

async function startParts(folder: string, things: readonly string[]) {
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things });
  const proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
  const proxyPort = await proxy.start();
  const hub = await startHub({ buses: ["can0", "can1"] });
  const issued = await authority.issue({ commonName: "consumer", usage: "client" });
  const consumer = createSession({
    clientId: "consumer",
    identity: { mode: "file", ...writeIdentity(join(folder, "identities"), "consumer", issued) },
    caFile: mosquitto.caFile,
    broker: { host: mosquitto.host, port: mosquitto.port },
    log: new MemoryLog(),
  });
  consumer.start();
  await consumer.online(AbortSignal.timeout(PATIENCE_MS));
  return { authority, mosquitto, proxy, proxyPort, hub, consumer };
}
