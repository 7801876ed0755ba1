import { join } from "node:path";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { AgentConfig, FleetwiseConfig } from "../../config/schema.ts";
import { createStateFiles } from "../../drivers/os/state-files.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { CheckIns } from "../fleetwise/check-ins.ts";
import { KeptDocuments } from "../fleetwise/kept-documents.ts";
import type { ManifestLineParts } from "../fleetwise/manifest-line.ts";
import { MAX_PAYLOAD_BYTES } from "../fleetwise/read/document.ts";
import { createFleetwiseReader } from "../fleetwise/read/fleetwise-reader.ts";
import { Refusals } from "../fleetwise/refusals.ts";
import { type FleetwiseTopics, fleetwiseTopics } from "../fleetwise/topics.ts";
import { FleetwiseVehicle } from "../fleetwise/vehicle.ts";
import { VehicleSchemes } from "../fleetwise/vehicle-schemes.ts";
import { VehicleStates } from "../fleetwise/vehicle-states.ts";
import { statePayloads, type TemplateState } from "../fleetwise/write/last-known-state.ts";
import type { Broker } from "../ports/broker.ts";
import type { WantedSignals } from "../signals/wanted-signals.ts";
import type { Appender } from "../telemetry/appender.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { DataLine, Fleetwise, Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** How long documents must have been in force to be trusted at the next start. */
const SETTLED_MS = 60_000;

export type FleetwiseParts = {
  readonly settings: FleetwiseConfig;
  readonly config: Pick<AgentConfig, "thingName" | "stateDir" | "decode" | "collect" | "diagnostics">;
  readonly broker: Broker;
  readonly line: Pick<DataLine, "buses" | "records" | "activeCodes">;
  /** What the data line collects with, shared. */
  readonly shared: CollectingParts;
  /** Whether a PID of OBD-II is polled on a bus. */
  readonly isPolled: (bus: string, pid: number) => boolean;
};

/** Of the data line, for another one beside it. */
export type CollectingParts = {
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly wanted: WantedSignals;
};

/** The part of the composition root that makes the agent a vehicle of FleetWise. Takes up the documents of before; frames come later. */
export function composeFleetwise(
  parts: FleetwiseParts,
  { bootId, clock, log }: Pick<Runtime, "bootId" | "clock" | "log">,
): Fleetwise {
  const { settings, config, broker, line, shared } = parts;
  const { encoder } = shared;
  const topics = fleetwiseTopics(settings.topicPrefix, settings.vehicle ?? config.thingName);
  const kept = new KeptDocuments({ files: createStateFiles(join(config.stateDir, "fleetwise")), bootId, log });
  const refusals = new Refusals({ log, notices: line.records.notices });
  const maxBytes = (): number => Math.min(MAX_PAYLOAD_BYTES, encoder.maxBodyBytes);
  const events = new TokenBucket(settings.limits.eventsPerSecond, 1000, () => clock.monotonicMs());
  let number = 0;
  let dropped = 0;
  const share = {
    events,
    next: () => {
      number += 1;
      return number;
    },
    drop: (samples: number) => {
      if (dropped === 0) log.warn("fleetwise.samples-dropped", { samples });
      dropped += samples;
    },
  };
  const codes = config.diagnostics === undefined ? undefined : line.activeCodes;
  const schemes = new VehicleSchemes({
    refusals,
    output: { topic: topics.signals, maxBytes, ownRecords: settings.ownRecords, encoder, codes },
    share,
    maxBufferBytes: settings.limits.bufferBytes,
    clock,
    log,
  });
  const send = (state: TemplateState): void => {
    const timeMs = Math.floor(clock.wallUs() / 1000);
    const made = statePayloads({ timeMs, templates: [state] }, maxBytes());
    for (const payload of made.payloads) {
      shared.appender.add(encoder.routed("event", topics.states, payload, state.signals.length));
    }
    if (made.payloads.length > 0) shared.appender.storeSoon();
    if (made.dropped > 0) share.drop(made.dropped);
  };
  // Plans are made anew long after all parts are there.
  const states: VehicleStates = new VehicleStates(kept.templates(), { send, apply: () => vehicle.apply(), clock });
  const { maxSignals } = config.decode;
  const vehicle: FleetwiseVehicle = new FleetwiseVehicle({
    reader: createFleetwiseReader(readDescriptor("fleetwise")),
    kept,
    refusals,
    schemes,
    states,
    line: linePartsOf(parts, clock),
    settings: { busOf: busNamed(settings, line), isPolled: parts.isPolled, maxSignals },
    log,
  });
  vehicle.restore();
  const checkIns = new CheckIns({
    broker,
    topic: topics.checkins,
    documents: () => vehicle.documents(),
    changed: vehicle.changed,
    intervalMs: settings.checkinSeconds * 1000,
    clock,
    log,
  });
  const run = async (signal: AbortSignal): Promise<void> => {
    await subscribe(vehicle, topics, { broker, log });
    await Promise.all([checkIns.run(signal), clock.sleep(SETTLED_MS, signal).then(() => kept.settle())]);
  };
  return {
    states,
    facts: () => ({
      ...vehicle.facts(),
      refused: refusals.list(),
      checkIns: checkIns.arrived,
      droppedSamples: dropped,
    }),
    besides: (bus, first) => vehicle.besides(bus, first),
    takeObd: (bus, pdu, receivedAtUs) => vehicle.takeObd(bus, pdu, receivedAtUs),
    documents: loopService("documents of FleetWise", { run }),
    collecting: collectingService(vehicle),
  };
}

function busNamed({ interfaces }: FleetwiseConfig, { buses }: Pick<DataLine, "buses">) {
  const names = new Set(buses.map(({ bus }) => bus.name));
  return (interfaceId: string): string | undefined => {
    const named = Object.hasOwn(interfaces, interfaceId) ? interfaces[interfaceId] : interfaceId;
    return names.has(named) ? named : undefined;
  };
}

function linePartsOf({ settings, config, line, shared }: FleetwiseParts, clock: Runtime["clock"]): ManifestLineParts {
  const { encoder, appender, wanted } = shared;
  let release = (): void => undefined;
  return {
    buses: line.buses.map(({ bus }) => bus),
    want: (frames) => {
      release();
      release = wanted.want("FleetWise", { signals: [], frames });
      wanted.settle();
    },
    encoder,
    appender,
    clock,
    batchSamples: config.collect.batchSamples,
    hasOwnRecords: settings.ownRecords !== undefined,
  };
}

/** A broker that refuses one of them leaves the others, and the rest of the agent, as they are. */
async function subscribe(
  vehicle: FleetwiseVehicle,
  topics: FleetwiseTopics,
  { broker, log }: Pick<Runtime, "log"> & Pick<FleetwiseParts, "broker">,
): Promise<void> {
  const takers = [
    [topics.manifests, (payload: Uint8Array) => vehicle.takeManifest(payload)],
    [topics.schemes, (payload: Uint8Array) => vehicle.takeSchemes(payload)],
    [topics.templates, (payload: Uint8Array) => vehicle.takeTemplates(payload)],
  ] as const;
  const asked = takers.flatMap(([filters, take]) =>
    filters.map(async (topic) => {
      try {
        await broker.subscribe(topic, ({ payload }) => take(payload));
      } catch (thrown) {
        if (!(thrown instanceof AgentError)) throw thrown;
        log.error("fleetwise.subscription-refused", { topic, code: thrown.code, what: thrown.message });
      }
    }),
  );
  await Promise.all(asked);
}

/** Stops after the buses, and before what stores for everybody. */
function collectingService(vehicle: FleetwiseVehicle): Service {
  return {
    name: "FleetWise",
    start: async () => vehicle.start(),
    stop: async () => vehicle.stop(),
  };
}
