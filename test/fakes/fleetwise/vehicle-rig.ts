import snappy from "snappyjs";
import { z } from "zod";
import { composeFleetwise } from "../../../agent/daemon/compose-fleetwise.ts";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import { WantedSignals } from "../../../agent/signals/wanted-signals.ts";
import { ActiveCodes } from "../../../agent/telemetry/active-codes.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import type { RecordSink } from "../../../agent/telemetry/durable-records/record-sink.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { CodeState } from "../../../agent/telemetry/record/encode/trouble-code.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { diagnosticsConfig } from "../../../config/diagnostics.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { agentConfig } from "../../../config/schema.ts";
import { ManualClock } from "../core/clock.ts";
import { temporaryFolder } from "../core/folder.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeBroker } from "../ports/broker.ts";
import { FakeCanBus } from "../ports/can-bus.ts";
import { FakeOutbox } from "../ports/outbox.ts";
import { encoderOf } from "../telemetry/samples.ts";
import { tableOf } from "../telemetry/table.ts";
import { canSignal, messageBytes, messageFields, scheme } from "./messages.ts";

/** Where the clock of a rig starts, ms since the Unix epoch. */
export const RIG_T0_MS = 1_767_225_600_000;
export const BASE = "cms/fleetwise/vehicles/veh-001";
const records = createRecordReader(readDescriptor());

export type VehicleRigSettings = {
  /** Of the section `fleetwise`, beside the prefix. */
  readonly fleetwise?: Readonly<Record<string, unknown>>;
  /** State folder of a vehicle of before. */
  readonly stateDir?: string;
  readonly wallMs?: number;
  readonly bootId?: string;
  readonly maxSignals?: number;
  /** Active trouble codes; without them the configuration has no diagnostics. */
  readonly codes?: readonly CodeState[];
  /** Whether the broker grants a filter; all are when absent. */
  readonly grants?: (filter: string) => boolean;
};

/** A sample of VehicleData as "id@ms=value"; ms are those of the event. */
export type SentEvent = {
  readonly campaign: string;
  readonly manifest: string;
  readonly eventId: number;
  /** ms since `RIG_T0_MS`. */
  readonly eventMs: number;
  readonly samples: readonly string[];
  /** Trouble codes with their time as a sample has it; absent where none came. */
  readonly codes?: string;
  readonly stream: string;
};

/** A manifest dm-1: signals 10 and 11, the first two bytes of frame 0x123 of can0. */
export function manifestBytes(given: Readonly<Record<string, unknown>> = {}): Uint8Array {
  const can_signals = [canSignal(), canSignal({ signal_id: 11, start_bit: 8 })];
  return messageBytes("DecoderManifest", { sync_id: "dm-1", can_signals, ...given });
}

/** A list of schemes; each as `scheme` makes it. */
export function schemeBytes(...schemes: readonly Readonly<Record<string, unknown>>[]): Uint8Array {
  const collection_schemes = schemes.map((one) => scheme(one));
  return messageBytes("CollectionSchemes", { collection_schemes, timestamp_ms_epoch: RIG_T0_MS });
}

/** The agent as a vehicle of FleetWise on one bus, as the daemon composes it. */
export async function vehicleRig({ fleetwise = {}, stateDir = temporaryFolder(), ...rest }: VehicleRigSettings = {}) {
  const { wallMs = RIG_T0_MS, bootId = "b1", maxSignals = 1000, codes, grants } = rest;
  const clock = new ManualClock({ wallUs: wallMs * 1000 });
  const log = new MemoryLog();
  const outbox: Outbox = new FakeOutbox({ clock, maxBytes: 100_000_000 });
  const own = tableOf([]);
  const encoder = encoderOf(own, {}, undefined, clock);
  const appender = new Appender({ outbox, clock, log, holdBytes: 10_000_000, wake: () => undefined });
  const wanted = new WantedSignals(own);
  const bus = new FakeCanBus("can0");
  wanted.attach(bus);
  wanted.settle();
  const broker = new FakeBroker({ clock, ...(grants && { grants }) });
  const notices: Notice[] = [];
  const sink: RecordSink<Notice> = {
    handOver: (some) => void notices.push(...some),
    hasRoom: () => true,
    isStored: () => true,
  };
  const unused = { handOver: () => undefined, hasRoom: () => true, isStored: () => true };
  const settings = agentConfig.shape.fleetwise.unwrap().parse({ topicPrefix: "cms/fleetwise/", ...fleetwise });
  const { decode, collect } = agentConfig.shape;
  const diagnostics = codes === undefined ? undefined : diagnosticsConfig.parse({ buses: [{ bus: "can0" }] });
  const activeCodes = new ActiveCodes();
  activeCodes.use(() => codes ?? []);
  const config = { decode: decode.parse({ maxSignals }), collect: collect.parse({}), diagnostics };
  const vehicle = composeFleetwise(
    {
      settings,
      config: { thingName: "veh-001", stateDir, ...config },
      broker,
      line: {
        activeCodes,
        buses: [{ bus, state: "up", detail: "" }],
        records: {
          audit: unused,
          notices: sink,
          phases: unused,
          clockChanges: unused,
          troubleCodes: unused,
          securityEvents: unused,
          vehicle: unused,
          tunnelEvents: unused,
          uploadedFiles: unused,
          sendCodeReport: () => undefined,
          sendHealth: () => undefined,
          sendFile: () => 0,
        },
      },
      shared: { encoder, appender, wanted },
      isPolled: (_bus, pid) => pid === 0x0c,
    },
    { bootId, clock, log },
  );
  broker.start();
  const first = { frames: 0 };
  await vehicle.documents.start();
  await vehicle.collecting.start();
  await bus.start(
    vehicle.besides("can0", {
      onFrames: (batch) => {
        first.frames += batch.count;
      },
      onState: () => undefined,
    }),
  );
  /** A frame 0x123 with these bytes now, then time goes on. */
  const drive = (bytes: readonly number[], forMs: number, id = 0x123): void => {
    bus.deliver([{ id, flags: 0, data: Uint8Array.from(bytes), receivedAtUs: clock.wallUs() }]);
    clock.advance(forMs);
  };
  const give = (topic: string, payload: Uint8Array): void => broker.inject(`${BASE}/${topic}`, payload);
  const routed = (suffix: string) =>
    (["event", "telemetry", "capture"] as const).flatMap((stream) =>
      outbox
        .read(stream, 0, outbox.lastRow(), 100_000, 1e9)
        .filter(({ route }) => route === `${BASE}/${suffix}`)
        .map(({ payload }) => ({ stream, payload })),
    );
  const events = (isCompressed = false): SentEvent[] =>
    routed("signals").map(({ stream, payload }) => ({
      ...eventOf(isCompressed ? snappy.uncompress(payload) : payload),
      stream,
    }));
  const states = (): unknown[] =>
    routed("last_known_states/data").map(({ payload }) =>
      messageFields("LastKnownStateData", snappy.uncompress(payload)),
    );
  const ownRecords = (): DecodedRecord[] =>
    (["event", "telemetry", "capture"] as const).flatMap((stream) =>
      outbox
        .read(stream, 0, outbox.lastRow(), 100_000, 1e9)
        .filter(({ route }) => route === undefined)
        .map(({ payload }) => records.decode(payload)),
    );
  const checkIns = () =>
    broker.publications
      .filter(({ topic }) => topic === `${BASE}/checkins`)
      .map(({ payload }) => messageFields("Checkin", payload));
  const stop = async (): Promise<void> => {
    await bus.stop();
    await vehicle.collecting.stop();
    await vehicle.documents.stop();
  };
  const world = { clock, log, outbox, bus, broker, wanted, notices, first, stateDir };
  return { ...world, vehicle, drive, give, events, states, ownRecords, checkIns, stop };
}

const vehicleData = z.object({
  campaign_sync_id: z.string(),
  decoder_sync_id: z.string(),
  collection_event_id: z.int(),
  collection_event_time_ms_epoch: z.bigint(),
  captured_signals: z.array(
    z.object({
      relative_time_ms: z.bigint().default(0n),
      signal_id: z.int(),
      double_value: z.number().optional(),
      string_value: z.string().optional(),
    }),
  ),
  dtc_data: z.object({ relative_time_ms: z.bigint().default(0n), active_dtc_codes: z.array(z.string()) }).optional(),
});

function eventOf(payload: Uint8Array): Omit<SentEvent, "stream"> {
  const fields = vehicleData.parse(messageFields("VehicleData", payload));
  const eventMs = Number(fields.collection_event_time_ms_epoch) - RIG_T0_MS;
  const dtcs = fields.dtc_data;
  return {
    campaign: fields.campaign_sync_id,
    manifest: fields.decoder_sync_id,
    eventId: fields.collection_event_id,
    eventMs,
    samples: fields.captured_signals.map((one) => {
      return `${one.signal_id}@${eventMs + Number(one.relative_time_ms)}=${one.double_value ?? one.string_value}`;
    }),
    ...(dtcs !== undefined && {
      codes: `${dtcs.active_dtc_codes.join(" ")}@${eventMs + Number(dtcs.relative_time_ms)}`,
    }),
  };
}
