import { writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Tpm } from "../tpm/tpm.ts";
import type { BenchBus } from "../vehicle/bench-bus.ts";

/** What the agent's configuration on the bench depends on. */
export type AgentConfigParts = {
  readonly file: string;
  readonly thing: string;
  readonly stateDir: string;
  readonly runtimeDir: string;
  readonly bus: BenchBus;
  readonly dbcFile: string;
  readonly collectEverything: boolean;
  readonly broker: { readonly host: string; readonly port: number; readonly caFile: string };
  readonly tpm: Tpm;
  /** By which updates are taken; undefined where none are. */
  readonly rootFile: string | undefined;
  readonly certificateFile: string;
  /** Folder of campaigns; undefined where none run. */
  readonly campaignFolder: string | undefined;
};

/** Messages that are collected every 100 ms, so that this mode is in use too. */
export const THINNED_MESSAGES = ["CellVoltages"];

/** Writes the configuration of the agent under test. Only what the bench must set differs from the defaults, and the waits between connection attempts. */
export function writeAgentConfig(parts: AgentConfigParts): void {
  const { broker, tpm } = parts;
  const config = {
    thingName: parts.thing,
    // The machine of a bench need not have a clock that anything vouches for.
    bench: true,
    stateDir: parts.stateDir,
    runtimeDir: parts.runtimeDir,
    buses: [busOf(parts.bus)],
    dbc: [{ file: parts.dbcFile }],
    collect: {
      rules: parts.collectEverything ? [{ signals: "*", mode: "every", ms: 0 }] : vehicleRules(),
      // The judge of campaigns needs the very times by which they work.
      ...(parts.campaignFolder === undefined ? {} : { timeResolutionUs: 1 }),
    },
    ...(parts.campaignFolder === undefined ? {} : { campaigns: { folder: parts.campaignFolder } }),
    broker: { ...broker, keepAliveSeconds: 10, ackTimeoutSeconds: 10, reconnect: { minMs: 200, maxMs: 2000 } },
    identity: {
      mode: "pkcs11",
      tokenLabel: tpm.tokenLabel,
      keyLabel: tpm.keyLabel,
      certificateFile: parts.certificateFile,
      pinFile: tpm.pinFile,
      storeDir: tpm.storeDir,
      tcti: tpm.tcti,
    },
    ...(parts.rootFile === undefined ? {} : { ota: updatesBy(parts.rootFile) }),
  };
  writeFileSync(parts.file, stringify(config), { mode: 0o600 });
}

/** A vehicle that may be updated at any time. */
function updatesBy(rootFile: string): object {
  const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
  return { rootFile, hardware: "bench", gate, healthCheck: { withinSeconds: 30, offlineSeconds: 20 } };
}

function vehicleRules(): readonly object[] {
  return [
    { signals: "*", mode: "on-change" },
    ...THINNED_MESSAGES.flatMap((message) => [
      { signals: `${message}.*`, mode: "every", ms: 100 },
      // The counter numbers the frames for the consumers.
      { signals: `${message}.Counter`, mode: "on-change" },
    ]),
  ];
}

function busOf(bus: BenchBus): object {
  return bus.kind === "vcan"
    ? { name: "can0", driver: "native", interface: bus.interface }
    : { name: "can0", driver: "socketcand", host: bus.host, port: bus.port, interface: bus.interface };
}
