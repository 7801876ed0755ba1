import type { z } from "zod";
import type { recentLogs } from "../../../agent/local-api/logs-schema.ts";
import { ShamAgent } from "./sham-agent.ts";

const NAMES = ["Speed", "EngineSpeed", "CoolantTemp", "BrakePressure", "FuelLevel", "BatteryVoltage"];
const UNITS = ["km/h", "rpm", "°C", "bar", "%", "V"];

/** A vehicle with a bit of everything: 200 signals, campaigns, codes, a command, updates. */
export function shamVan(): ShamAgent {
  const agent = new ShamAgent();
  agent.state.signals = Array.from({ length: 200 }, (_, n) => ({
    bus: "can0",
    of: `Message${Math.floor(n / 8)}`,
    id: 256 + Math.floor(n / 8),
    extended: false,
    name: n < 6 ? (NAMES[n] ?? "") : `Signal${n}`,
    unit: UNITS[n % 6] ?? "",
  }));
  const nowUs = Date.now() * 1000;
  agent.state.status = {
    campaigns: { running: 2, waiting: 0, spent: 0, paused: 0, ended: 0, refused: 0, elsewhere: 0, triggers: 3 },
    diagnostics: { buses: [], codes: { active: 1, events: 1, forgotten: 0, refused: 0, delayed: 0 } },
    commands: {
      ledger: "sound",
      remembered: 1,
      maxCommands: 100,
      refused: 0,
      forgottenRejections: 0,
      rejectedOverBudget: 0,
      auditDropped: 0,
      running: 0,
      ended: [],
      rejected: {},
    },
  };
  const inForce = {
    version: 3,
    digest: "0",
    source: "files",
    state: "running",
    suppressed: 0,
    bytesToday: 120_000,
    discardedSamples: 0,
  };
  const triggersAt = (...agos: number[]) =>
    agos.map((ago, number) => ({ number, timeUs: nowUs - ago * 1e6, byHand: number === 2, values: [] }));
  const shown = (id: string) => (id === "hard-braking" ? triggersAt(500, 240, 30) : []);
  agent.state.answers = {
    "campaign.list": {
      schemaVersion: 1,
      campaigns: [
        { id: "hard-braking", ...inForce, triggers: 3 },
        { id: "cold-start", ...inForce, triggers: 0 },
      ],
      refused: [],
    },
    "campaign.show": ({ id }: { id: string }) => ({
      schemaVersion: 1,
      campaign: {
        id,
        ...inForce,
        triggers: 3,
        document: {},
        warnings: [],
        cost: { historyBytes: 0, historySeconds: 0, windowBytes: 0, evaluationsPerSecond: 0, bytesPerDay: 0 },
        derived: [],
        lastTriggers: shown(id),
      },
      refused: [],
    }),
    "codes.list": {
      schemaVersion: 1,
      codes: [
        {
          bus: "can0",
          ecu: "engine",
          protocol: "uds",
          code: "P0301",
          raw: 769,
          text: "Cylinder 1 misfire detected",
          isActive: true,
          isPending: false,
          isConfirmed: true,
          isPermanent: false,
          occurrences: 3,
          firstSeenUs: nowUs - 9e8,
          sinceUs: nowUs - 9e8,
          lastSeenUs: nowUs,
          freeze: [{ name: "EngineSpeed", value: 2140, unit: "rpm" }],
          freezeDropped: 0,
        },
      ],
      ecus: ["engine"],
      counters: { events: 1, forgotten: 0, refused: 0, delayed: 0 },
    },
    "commands.list": {
      schemaVersion: 1,
      commands: [
        {
          id: "4f2d-unlock",
          action: "doors.unlock",
          channel: "aws",
          state: "ended",
          isReported: true,
          status: "SUCCEEDED",
        },
      ],
    },
    "ota.show": { schemaVersion: 1, root: 2, running: "packaged", installed: [] },
    "logs.recent": ({ after }: z.input<typeof recentLogs.request>) => ({
      schemaVersion: 1,
      omitted: 0,
      mark: { startedAtMs: 0, logged: 2 },
      lines: [
        {
          atMs: Date.now() - 90_000,
          level: "warn",
          event: "broker.connection-lost",
          facts: { code: "broker.unreachable" },
        },
        { atMs: Date.now() - 80_000, level: "info", event: "broker.connected", facts: { host: "mqtt.example.com" } },
      ].slice(after?.logged),
    }),
  };
  return agent;
}
