import { type CommandsConfig, forgetsTooEarly } from "./commands.ts";
import type { DiagnosticsConfig } from "./diagnostics.ts";
import { diagnosticsProblems } from "./diagnostics-checks.ts";
import type { PowerConfig } from "./power.ts";
import { powerProblems } from "./power-checks.ts";
import { type TopicSettings, topicProblems } from "./topic-rules.ts";

const DAY_MS = 86_400_000;

/** What is wrong between two settings, and where it is said. */
export type CrossProblem = { readonly path: readonly (string | number)[]; readonly message: string };

/** What is looked at of a configuration whose settings are right one by one. */
type CheckedConfig = TopicSettings & {
  readonly bench: boolean;
  readonly identity: { readonly mode: "pkcs11" | "file" };
  readonly buses: readonly {
    readonly name: string;
    readonly driver: string;
    readonly listenOnly?: boolean | undefined;
  }[];
  readonly dbc: readonly { readonly buses?: readonly string[] | undefined }[];
  readonly outbox: {
    readonly lifeMs: Readonly<Partial<Record<string, number>>>;
    readonly maxGapDays: number;
    readonly encryption?: { readonly key: "credential" | "tpm" } | undefined;
  };
  readonly broker: { readonly sessionExpirySeconds: number };
  readonly frameLog?:
    | { readonly buses?: readonly string[] | undefined; readonly splitBytes: number; readonly maxBytes: number }
    | undefined;
  readonly fleetwise?: { readonly interfaces: Readonly<Record<string, string>> } | undefined;
  readonly diagnostics?: DiagnosticsConfig | undefined;
  readonly power?: PowerConfig | undefined;
  readonly commands?: CommandsConfig | undefined;
  readonly place?: unknown;
  readonly tunnels?: { readonly endWhenDriving: boolean } | undefined;
  readonly files?: { readonly credentialsHost?: string | undefined; readonly buckets?: object | undefined } | undefined;
  readonly shadows?:
    | {
        readonly state?: { readonly name: string; readonly position?: unknown } | undefined;
        readonly config?: { readonly name: string } | undefined;
      }
    | undefined;
  readonly campaigns?: { readonly cloud?: { readonly shadow: string } | undefined } | undefined;
  readonly ota?: { readonly rollbackCounter?: { readonly index: number } | undefined } | undefined;
};

const CHECKS: readonly ((config: CheckedConfig) => readonly CrossProblem[])[] = [
  keyInFile,
  lifeBeyondGap,
  shortLedger,
  sharedCounter,
  keyWithoutToken,
  topicProblems,
  doubleBuses,
  unknownBuses,
  frameLogBounds,
  unknownInterfaces,
  positionWithoutPlace,
  sharedShadows,
  settingsWithoutUpdates,
  ({ diagnostics, buses }) => diagnosticsProblems(diagnostics, buses),
  ({ power, buses, diagnostics }) => powerProblems(power, buses, diagnostics),
  busOfPositions,
  drivingUnknown,
  bucketsWithoutCredentials,
];

/** What does not fit together in a configuration, in a fixed order. */
export function crossProblems(config: CheckedConfig): readonly CrossProblem[] {
  return CHECKS.flatMap((check) => check(config));
}

function keyInFile({ identity, bench }: CheckedConfig): readonly CrossProblem[] {
  if (identity.mode !== "file" || bench) return [];
  const message = "a key in a file is only allowed with bench: true; use mode: pkcs11 with the TPM";
  return [{ path: ["identity", "mode"], message }];
}

function lifeBeyondGap({ outbox }: CheckedConfig): readonly CrossProblem[] {
  const longestMs = Math.max(0, ...Object.values(outbox.lifeMs).filter((ms) => ms !== undefined));
  if (outbox.maxGapDays * DAY_MS >= longestMs) return [];
  const message = `must be at least ${Math.ceil(longestMs / DAY_MS)}, the longest of outbox.lifeMs`;
  return [{ path: ["outbox", "maxGapDays"], message }];
}

function shortLedger({ commands, broker }: CheckedConfig): readonly CrossProblem[] {
  const message = commands === undefined ? undefined : forgetsTooEarly(commands, broker.sessionExpirySeconds);
  return message === undefined ? [] : [{ path: ["commands", "ledger", "keepHours"], message }];
}

function sharedCounter({ commands, ota }: CheckedConfig): readonly CrossProblem[] {
  const index = commands?.rollbackCounter?.index;
  if (index === undefined || index !== ota?.rollbackCounter?.index) return [];
  const message = "is that of ota.rollbackCounter: each needs a counter of its own";
  return [{ path: ["commands", "rollbackCounter", "index"], message }];
}

function keyWithoutToken({ identity, outbox }: CheckedConfig): readonly CrossProblem[] {
  if (outbox.encryption?.key !== "tpm" || identity.mode === "pkcs11") return [];
  const message = "tpm needs the token of identity.mode: pkcs11; take credential without one";
  return [{ path: ["outbox", "encryption", "key"], message }];
}

function doubleBuses({ buses }: CheckedConfig): readonly CrossProblem[] {
  const names = buses.map(({ name }) => name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index ? [] : [{ path: ["buses", index, "name"], message: `bus ${name} is named twice` }],
  );
}

function unknownBuses({ buses, dbc }: CheckedConfig): readonly CrossProblem[] {
  const names = buses.map(({ name }) => name);
  return dbc.flatMap(({ buses: named = [] }, index) =>
    named.flatMap((name, at) =>
      names.includes(name)
        ? []
        : [{ path: ["dbc", index, "buses", at], message: `unknown bus ${name}; configured: ${names.join(", ")}` }],
    ),
  );
}

/** Positions have the bus "place" in names of signals. */
function busOfPositions({ place, buses }: CheckedConfig): readonly CrossProblem[] {
  if (place === undefined) return [];
  const message = "place is where the signals of positions are; give the bus another name";
  return buses.flatMap(({ name }, index) => (name === "place" ? [{ path: ["buses", index, "name"], message }] : []));
}

function drivingUnknown({ tunnels, power }: CheckedConfig): readonly CrossProblem[] {
  if (tunnels?.endWhenDriving !== true || power?.state !== undefined) return [];
  const message = "needs power.state: nobody else knows whether the vehicle is driving";
  return [{ path: ["tunnels", "endWhenDriving"], message }];
}

function positionWithoutPlace({ shadows, place }: CheckedConfig): readonly CrossProblem[] {
  if (shadows?.state?.position === undefined || place !== undefined) return [];
  const message = "needs the section place, which says where the vehicle is and what of that may leave it";
  return [{ path: ["shadows", "state", "position"], message }];
}

/** Two that listen on the same topics take each other's answers. */
function sharedShadows({ shadows, campaigns }: CheckedConfig): readonly CrossProblem[] {
  const named: readonly (readonly [of: string, name: string | undefined])[] = [
    ["campaigns.cloud.shadow", campaigns?.cloud?.shadow],
    ["shadows.state.name", shadows?.state?.name],
    ["shadows.config.name", shadows?.config?.name],
  ];
  return named.flatMap(([of, name], index) => {
    const other = named.slice(0, index).find(([, earlier]) => earlier === name);
    if (name === undefined || other === undefined) return [];
    return [{ path: of.split("."), message: `is ${other[0]}: each needs a shadow of its own` }];
  });
}

function settingsWithoutUpdates({ shadows, ota }: CheckedConfig): readonly CrossProblem[] {
  if (shadows?.config === undefined || ota !== undefined) return [];
  return [{ path: ["shadows", "config"], message: "needs the section ota, whose jobs.settings says what may be set" }];
}

/** The oldest file goes while the newest is written: with less than two of them, none would be left. */
function frameLogBounds({ frameLog, buses }: CheckedConfig): readonly CrossProblem[] {
  if (frameLog === undefined) return [];
  const names = buses.map(({ name }) => name);
  const unknown = (frameLog.buses ?? []).flatMap((name, at) =>
    names.includes(name)
      ? []
      : [{ path: ["frameLog", "buses", at], message: `unknown bus ${name}; configured: ${names.join(", ")}` }],
  );
  if (frameLog.maxBytes >= 2 * frameLog.splitBytes) return unknown;
  const message = `must be at least ${2 * frameLog.splitBytes}, twice frameLog.splitBytes`;
  return [...unknown, { path: ["frameLog", "maxBytes"], message }];
}

function unknownInterfaces({ fleetwise, buses }: CheckedConfig): readonly CrossProblem[] {
  const names = buses.map(({ name }) => name);
  return Object.entries(fleetwise?.interfaces ?? {}).flatMap(([id, bus]) =>
    names.includes(bus)
      ? []
      : [{ path: ["fleetwise", "interfaces", id], message: `unknown bus ${bus}; configured: ${names.join(", ")}` }],
  );
}

function bucketsWithoutCredentials({ files }: CheckedConfig): readonly CrossProblem[] {
  if (files?.buckets === undefined || files.credentialsHost !== undefined) return [];
  const message = "needs files.credentialsHost: aws iot describe-endpoint --endpoint-type iot:CredentialProvider";
  return [{ path: ["files", "buckets"], message }];
}
