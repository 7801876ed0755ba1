import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import { hexOfId } from "../../ports/arbitration-id.ts";
import { upWith } from "../../ports/can-bus.ts";
import { otherFrames, unwantedFrames, WIRING } from "../bus-problems.ts";
import type { Problem } from "../check.ts";
import { broken, doubtful, type LineStep, sound } from "./line-step.ts";

/** An agent that has heard nothing for so long hears nothing: what a vehicle that is awake sends comes in ms. */
const SILENT_MS = 5000;
/** How many ids that no DBC file names are named. */
const NAMED_IDS = 5;

/** Frames of one id, and whether the DBC files of the bus name it. */
export type HeardId = {
  readonly id: number;
  readonly extended: boolean;
  readonly frames: number;
  readonly isKnown: boolean;
};

/** What a look at one bus found. */
export type BusSight = {
  readonly name: string;
  /** The interface of the kernel; absent where the bus is none of this machine. */
  readonly interface?: {
    readonly name: string;
    readonly state: "up" | "down" | "absent" | "not-can";
    /** Of its controller, where it has one and it is known: "error-active" and so on, and bits a second. */
    readonly controller?: { readonly state: string | undefined; readonly bitrate: number | undefined } | undefined;
  };
  /** The bus as the running agent has it; absent without one. */
  readonly told?: Status["buses"][number];
  /** Control units have answered on it: then it is right, whatever DBC files say. */
  readonly isAnswered: boolean;
  /** What keeps the DBC files from being read now: then nobody knows what is in them. */
  readonly dbcFault?: Problem;
  /** What was heard now, beside the agent; absent where nobody could listen. */
  readonly heard?: { readonly ms: number; readonly errorFrames: number; readonly ids: readonly HeardId[] };
};

/** A step a bus: each as far as its line goes. A bus that is broken is part of the line where another one brings frames. */
export function busSteps(buses: readonly BusSight[], uptimeMs: number): readonly LineStep[] {
  const lines = buses.map((bus) => stepsOf(bus, uptimeMs));
  const isBroken = (steps: readonly LineStep[]): boolean => steps.some(({ verdict }) => verdict === "fail");
  const isPartial = lines.some((steps) => !isBroken(steps));
  return lines
    .flat()
    .map((step) => (isPartial && step.verdict === "fail" ? { ...step, isPartial: true as const } : step));
}

function stepsOf(bus: BusSight, uptimeMs: number): readonly LineStep[] {
  const steps: LineStep[] = [];
  for (const look of [interfaceStep, errorStep, frameStep, decodeStep]) {
    const step = look(bus, uptimeMs);
    if (step !== undefined) steps.push(step);
    if (step?.verdict === "fail") break;
  }
  return steps;
}

function interfaceStep({ name, interface: link, told }: BusSight): LineStep | undefined {
  if (link?.state === "absent") {
    return broken("interface", {
      what: `bus ${name}: there is no interface ${link.name}`,
      remedy:
        "plug in the adapter and see that its driver is loaded, or mend interface in buses; causeway bus list shows what there is",
    });
  }
  if (link?.state === "not-can") {
    const remedy = "mend interface in buses; causeway bus list shows the CAN interfaces";
    return broken("interface", { what: `bus ${name}: ${link.name} is no CAN interface`, remedy });
  }
  if (link?.state === "down" || told?.state === "down" || told?.state === "absent") {
    const detail = link?.state === "down" ? `interface ${link.name} is down` : (told?.detail ?? "");
    const what = `bus ${name} is ${told?.state ?? "down"}${detail === "" ? "" : `: ${detail}`}`;
    return broken("interface", { what, remedy: link === undefined ? ELSEWHERE : upWith(link.name) });
  }
  return sound("interface", link === undefined ? `bus ${name} is there` : `bus ${name}: interface ${link.name} is up`);
}

const ELSEWHERE =
  "see that whoever serves this bus runs (socketcand, the log to replay), and mend buses in the configuration";

function errorStep(bus: BusSight): LineStep | undefined {
  const { name, told, heard, interface: link } = bus;
  const errors = (told?.errorFrames ?? 0) + (heard?.errorFrames ?? 0);
  const bitrate = link?.controller?.bitrate;
  const state = told?.state === "bus-off" || told?.state === "error-passive" ? told.state : link?.controller?.state;
  const set = bitrate === undefined ? "" : ` (${bitrateText(bitrate)} is set)`;
  if (state === "bus-off") {
    return broken("bus", { what: `bus ${name} is bus-off: the controller has left the bus${set}`, remedy: WIRING });
  }
  if (framesOf(bus) === 0 && (errors > 0 || state === "error-passive")) {
    const brings = errors > 0 ? `error frames alone, ${formatCount(errors)} so far` : "no frame, and is error-passive";
    const what = `bus ${name} brings ${brings}: most likely the wrong bit rate${set}`;
    return broken("bus", { what, remedy: WIRING });
  }
  if (state === "error-passive") {
    return doubtful("bus", { what: `bus ${name} is error-passive: many frames are damaged${set}`, remedy: WIRING });
  }
  const facts = [
    ...(bitrate === undefined ? [] : [bitrateText(bitrate)]),
    ...(state === undefined ? [] : [state]),
    errors === 0 ? "no error frames" : formatCounted(errors, "error frame"),
    ...(told?.load === undefined ? [] : [`load ${Math.round(told.load * 100)} %`]),
  ];
  return sound("bus", `bus ${name}: ${facts.join(", ")}`);
}

function bitrateText(bitrate: number): string {
  return `${bitrate / 1000} kbit/s`;
}

function frameStep(bus: BusSight, uptimeMs: number): LineStep | undefined {
  const { name, told, heard } = bus;
  const heardFrames = framesHeard(heard);
  if (heard !== undefined && heardFrames > 0) {
    const [frames, ids] = [formatCounted(heardFrames, "frame"), formatCounted(heard.ids.length, "id")];
    return sound("frames", `bus ${name}: ${frames} of ${ids} in ${(heard.ms / 1000).toFixed(1)} s`);
  }
  if (told === undefined) return heard === undefined ? undefined : silent(bus, heard.ms);
  const quietMs = told.quietMs ?? uptimeMs;
  if (quietMs >= SILENT_MS && (heard !== undefined || unwantedFrames(told) === 0)) return silent(bus, quietMs);
  if (told.received === 0 && unwantedFrames(told) === 0 && otherFrames(told) === 0) return silent(bus, quietMs);
  return sound("frames", `bus ${name}: ${formatCount(told.received)} frames received since the start`);
}

function silent({ name }: BusSight, quietMs: number): LineStep {
  return broken("frames", {
    what: `bus ${name} is silent: no frame for ${formatDuration(quietMs)}`,
    remedy: "is the ignition on, and the connector in? then check the bit rate (ip -details link show)",
  });
}

function decodeStep(bus: BusSight): LineStep | undefined {
  const { name, told, heard, isAnswered, dbcFault } = bus;
  const all = framesHeard(heard);
  const known = heard?.ids.filter(({ isKnown }) => isKnown).reduce((sum, { frames }) => sum + frames, 0) ?? 0;
  const decoded = (told?.decoded ?? 0) + (told?.multiPacket?.frames ?? 0);
  // An agent that decodes has read them before.
  if (dbcFault !== undefined) return decoded === 0 ? broken("dbc", dbcFault) : doubtful("dbc", dbcFault);
  const [others, unwanted] = told === undefined ? [0, 0] : [otherFrames(told), unwantedFrames(told)];
  if (known === 0 && decoded === 0 && !isAnswered && (all > 0 || (others > 0 && unwanted === 0))) {
    return broken("dbc", {
      what: `none of the ${formatCount(Math.max(all, others))} frames of bus ${name} is in its DBC files${named(bus)}`,
      remedy: `give the DBC files of this vehicle in dbc of the configuration; causeway can dump ${name} and causeway dbc list show both sides`,
    });
  }
  if (all === 0)
    return sound("dbc", `bus ${name}: ${formatCount(decoded)} frames decoded, ${formatCount(others)} in no DBC file`);
  return sound(
    "dbc",
    `bus ${name}: ${Math.floor((known / all) * 100)} % of its frames are in the DBC files${named(bus)}`,
  );
}

/** "; most frequent of the others: 3E9 (120), 18FEF100 (33)", in the notation of candump. */
function named({ heard }: BusSight): string {
  const others = (heard?.ids ?? []).filter(({ isKnown }) => !isKnown).sort((a, b) => b.frames - a.frames);
  if (others.length === 0) return "";
  const most = others.slice(0, NAMED_IDS).map((one) => `${hexOfId(one)} (${formatCount(one.frames)})`);
  const more = others.length > NAMED_IDS ? `, and ${formatCount(others.length - NAMED_IDS)} more` : "";
  return `; nobody decodes ${most.join(", ")}${more}`;
}

function framesHeard(heard: BusSight["heard"]): number {
  return heard?.ids.reduce((sum, { frames }) => sum + frames, 0) ?? 0;
}

function framesOf({ told, heard }: BusSight): number {
  const ofAgent = told === undefined ? 0 : told.received + otherFrames(told) + unwantedFrames(told);
  return ofAgent + framesHeard(heard);
}
