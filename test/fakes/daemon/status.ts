import type { Status } from "../../../agent/local-api/status-schema.ts";

const NO_RECORDS = { records: 0, bytes: 0, lastSeq: 0, dead: 0, lost: 0 };

const NO_CLIENTS = { clients: 0, requests: 0, refused: 0, displaced: 0, idle: 0, slow: 0 };

/** The status of an agent that is online and receives, with `change` over it. */
export function statusWith(change: Partial<Status> = {}): Status {
  return {
    schemaVersion: 1,
    version: "0.1.0",
    thing: "truck-0001",
    pid: 4711,
    uptimeMs: 7_260_000,
    bootId: "0123456789abcdef0123456789abcdef",
    clockQuality: "ntp",
    configuration: { file: "/etc/causeway/agent.yaml", source: "files", problems: [] },
    signalTable: { id: "00112233445566ff", messages: 30, signals: 167 },
    buses: [
      {
        name: "can0",
        state: "up",
        detail: "",
        driver: "native",
        receiveBuffer: { askedBytes: 8_388_608, gotBytes: 16_777_216 },
        timestamps: "kernel",
        received: 1_234_567,
        decoded: 1_200_000,
        unknown: 34_567,
        filtered: 0,
        quietMs: 12,
        dropped: 0,
        errorFrames: 0,
        transmitted: 0,
      },
    ],
    link: {
      state: "online",
      sinceMs: 723_000,
      connects: 2,
      inbound: { taken: 4, discarded: 0, failed: 0, setAside: 0, waiting: 0 },
      host: "mqtt.example.com",
      port: 8883,
      key: "pkcs11 token causeway, key device",
    },
    identity: {
      key: "pkcs11 token causeway, key device",
      slot: "a",
      certificateFile: "/var/lib/causeway/identity/device.pem",
      certificate: {
        certificateId: "0".repeat(64),
        subject: "CN=truck-0001",
        notBefore: "2025-12-20T00:00:00.000Z",
        notAfter: "2026-01-19T00:00:00.000Z",
      },
      daysLeft: 18,
      renewal: { state: "waiting", nextAt: "2026-01-09T00:00:00.000Z", failures: 0 },
      orphans: 0,
    },
    dataPath: { flushes: 29_040, flushAgoMs: 120, turnAgoMs: 300, stuckAfterMs: 10_000 },
    collected: { samples: 40_000_000, records: 28_000, payloadBytes: 61_000_000, discardedSamples: 0 },
    outbox: {
      epoch: 141_343_033_650_562,
      records: 12,
      bytes: 48_000,
      maxBytes: 256_000_000,
      streams: {
        control: NO_RECORDS,
        event: NO_RECORDS,
        telemetry: { ...NO_RECORDS, records: 12, bytes: 48_000, lastSeq: 28_000, oldestUs: 1_767_225_595_000_000 },
        capture: NO_RECORDS,
      },
    },
    delivery: {
      delivered: 27_988,
      deliveredBytes: 60_900_000,
      streams: {
        control: { records: 0, bytes: 0, dayBytes: 0 },
        event: { records: 21, bytes: 4200, dayBytes: 4200 },
        telemetry: { records: 27_967, bytes: 60_895_800, dayBytes: 12_300_000 },
        capture: { records: 0, bytes: 0, dayBytes: 0 },
      },
      refused: 0,
      retried: 3,
      inFlight: 2,
      refusedTopics: [],
      firstPubackMs: 287,
      ackedAgoMs: 1200,
    },
    losses: [],
    localSockets: { view: NO_CLIENTS, admin: NO_CLIENTS },
    rssBytes: 71_000_000,
    ...change,
  };
}

/** The status of one whose broker does not answer, and whose bus is down. */
export function offlineStatus(): Status {
  const { link, buses } = statusWith();
  return statusWith({
    link: {
      ...link,
      state: "connecting",
      fault: { code: "broker.unreachable", what: "mqtt.example.com:8883: no answer", remedy: "check the modem" },
    },
    buses: buses.map((bus) => ({ ...bus, state: "down", detail: "interface can0 is down" })),
  });
}
