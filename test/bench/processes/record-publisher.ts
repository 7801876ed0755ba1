import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createTopics, type Topics } from "../../../agent/cloud/topics.ts";
import { publicationOf } from "../../../agent/telemetry/publish/record-publication.ts";
import { agentConfig } from "../../../config/schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { RawMqtt, type RawPublish } from "../broker/raw-mqtt.ts";
import {
  type PublishedStream,
  type PublisherCommand,
  type PublisherConfig,
  publisherCommand,
  publisherConfig,
} from "../cloud-consumer/publisher-protocol.ts";
import { type MilledRecord, RecordMill } from "../cloud-consumer/record-mill.ts";
import { emit, fail, onCommands, parseLine } from "../core/line-protocol.ts";

/**
 * Vehicles that publish records of their mills. Each tenth comes a second time after the one that follows it, as from an agent that lost
 * its link before the PUBACK: to another worker, as a rule.
 */
const REPEAT_EACH = 10;

const clock = systemClock({ kernelErrorUs: () => 1000 });

type Vehicle = {
  readonly thing: string;
  readonly client: RawMqtt;
  readonly mill: RecordMill;
  readonly topics: Topics;
  readonly streams: Map<string, PublishedStream & { readonly samples: number[] }>;
  readonly again: RawPublish[];
  payloadBytes: number;
};

async function connect(config: PublisherConfig, at: number): Promise<Vehicle> {
  const { name, certificateFile, keyFile } = config.things[at];
  const client = await RawMqtt.connect({
    port: config.port,
    clientId: name,
    ca: readFileSync(config.caFile, "utf8"),
    certificatePem: readFileSync(certificateFile, "utf8"),
    privateKeyPem: readFileSync(keyFile, "utf8"),
  });
  const mill = new RecordMill(name, config.epoch + at, clock, config.recordMs);
  const topics = createTopics(agentConfig.shape.topics.parse({}), name);
  const vehicle: Vehicle = { thing: name, client, mill, topics, streams: new Map(), again: [], payloadBytes: 0 };
  await send(vehicle, mill.table());
  return vehicle;
}

async function send(vehicle: Vehicle, records: readonly MilledRecord[]): Promise<void> {
  const { thing, client, topics, streams } = vehicle;
  const publishes = records.map(({ record, samples }) => {
    const { epoch, stream } = record;
    const known = streams.get(stream) ?? { thing, epoch, stream, samples: [] };
    streams.set(stream, known);
    known.samples.push(samples);
    if (samples > 0) vehicle.payloadBytes += record.payload.length;
    const { topic, payload, retain, contentType, userProperties } = publicationOf(record, topics, undefined, true);
    const properties = { contentType, userProperties: Object.fromEntries(userProperties ?? []) };
    return { topic, payload: Buffer.from(payload), qos: 1 as const, retain, dup: false, properties };
  });
  const repeats = vehicle.again.splice(0);
  vehicle.again.push(...publishes.filter((_, at) => records[at].record.seq % REPEAT_EACH === 0));
  await client.publish([...publishes, ...repeats]);
}

/** One vehicle: records at equal steps of time, or as fast as they are acknowledged. */
async function publish(
  vehicle: Vehicle,
  { records, seconds }: PublisherCommand,
  stepMs: number,
  offsetMs: number,
): Promise<void> {
  const start = performance.now() + offsetMs;
  for (let at = 0; at < (records ?? Number.POSITIVE_INFINITY); at++) {
    const due = start + at * stepMs;
    if (seconds !== undefined && performance.now() - start > seconds * 1000) return;
    if (due > performance.now()) await sleep(due - performance.now());
    await send(vehicle, vehicle.mill.next());
  }
}

async function obey(vehicles: readonly Vehicle[], command: PublisherCommand): Promise<void> {
  const start = performance.now();
  const stepMs = command.perSecond === undefined ? 0 : (1000 * vehicles.length) / command.perSecond;
  await Promise.all(vehicles.map((vehicle, at) => publish(vehicle, command, stepMs, (stepMs * at) / vehicles.length)));
  emit({
    kind: "published",
    streams: vehicles.flatMap(({ streams }) => [...streams.values()]),
    payloadBytes: vehicles.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
    seconds: (performance.now() - start) / 1000,
  });
}

async function main(configFile: string): Promise<void> {
  const config = parseLine(publisherConfig, readFileSync(configFile, "utf8"));
  const vehicles = await Promise.all(config.things.map((_, at) => connect(config, at)));
  let last = Promise.resolve();
  onCommands(publisherCommand, (command) => {
    last = last.then(() => obey(vehicles, command)).catch(fail);
  });
  emit({ kind: "ready" });
}

main(process.argv[2] ?? "").catch(fail);
