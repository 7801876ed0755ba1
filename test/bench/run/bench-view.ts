import pc from "picocolors";
import type { AgentStatus } from "../agent/agent-counters.ts";
import type { BenchParts } from "./bench-parts.ts";
import { KEY_LABEL } from "./bench-summary.ts";

/** One second of the bench. */
export type BenchTick = {
  readonly parts: Pick<BenchParts, "bus" | "consumers" | "sender"> & Partial<Pick<BenchParts, "campaigns">>;
  readonly status: AgentStatus | undefined;
  readonly elapsedS: number;
  readonly agentStarts: number;
  /** What the bench is doing to the agent at the moment. */
  readonly phase: string;
};

const CLEAR_BELOW = "\x1b[J";
const CLEAR_LINE = "\x1b[K";
const LATEST_ROWS = 10;

/** The live table: redrawn in place each second, so that the terminal's history stays readable. */
export class BenchView {
  readonly #write: (text: string) => void;
  #lines = 0;
  #before = { frames: 0, samples: 0, elapsedS: 0 };

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(tick: BenchTick): void {
    const lines = this.#linesOf(tick);
    const up = this.#lines === 0 ? "" : `\x1b[${this.#lines}A`;
    this.#write(`${up}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`);
    this.#lines = lines.length;
  }

  #linesOf({ parts, status, elapsedS, agentStarts, phase }: BenchTick): readonly string[] {
    const { consumers, sender, bus } = parts;
    const { account } = consumers;
    const now = { frames: sender.framesSent(), samples: account.samples, elapsedS };
    const spanS = Math.max(0.001, now.elapsedS - this.#before.elapsedS);
    const perSecond = (key: "frames" | "samples"): string => whole((now[key] - this.#before[key]) / spanS);
    const rows: readonly (readonly [string, string])[] = [
      ["bus", bus.label],
      ["key", KEY_LABEL],
      ["frames", `${perSecond("frames")}/s   ${whole(now.frames)} sent`],
      ["samples", `${perSecond("samples")}/s   ${whole(now.samples)} delivered`],
      ["outbox", outboxOf(status)],
      ["link", linkOf(status)],
      ["records", `${whole(account.records)} delivered`],
      ["check", checkOf(consumers)],
      ...updateOf(consumers),
      ...(parts.campaigns?.progress ?? []).map(({ id, triggers, samples }): readonly [string, string] => [
        "campaign",
        `${id}   ${whole(triggers)} triggers   ${whole(samples)} samples`,
      ]),
      ["agent", agentStarts > 1 ? `started ${agentStarts} times` : "running"],
    ];
    this.#before = now;
    const latest = [...consumers.latest].sort(([a], [b]) => a.localeCompare(b)).slice(0, LATEST_ROWS);
    return [
      pc.bold(`Causeway bench  ${elapsedS.toFixed(0)} s  ${phase}`),
      ...rows.map(([name, text]) => `  ${pc.dim(name.padEnd(9))}${text}`),
      "",
      ...latest.map(([name, { value, unit }]) => `  ${name.padEnd(36)}${shown(value).padStart(14)} ${unit}`),
    ];
  }
}

function outboxOf(status: AgentStatus | undefined): string {
  if (status === undefined) return "-";
  return `${whole(status.outbox.records)} records, ${whole(status.outbox.bytes / 1000)} kB waiting`;
}

function linkOf(status: AgentStatus | undefined): string {
  if (status === undefined) return pc.red("the agent does not answer");
  const { state, fault, connects } = status.link;
  if (state === "online") return `${pc.green("online")}   connection ${connects}`;
  return `${pc.yellow(state)}   ${fault?.what ?? ""}`;
}

/** How the update goes that was told of last; nothing where there was none. */
function updateOf({ phases }: BenchParts["consumers"]): readonly (readonly [string, string])[] {
  const last = phases.get(Math.max(...phases.keys()));
  if (last === undefined) return [];
  const { component, versionFrom, versionTo, phase, percent, bytes, totalBytes, reason, detail, job } = last;
  const parts = [
    `${component} ${versionFrom} to ${versionTo}: ${phase}`,
    `${percent} %, ${whole(bytes / 1000)} of ${whole(totalBytes / 1000)} kB`,
    ...(job === "" ? [] : [`job ${job}`]),
    ...(reason === "" ? [] : [pc.red(`${reason}: ${detail}`)]),
  ];
  return [["update", parts.join("   ")]];
}

function checkOf(consumers: BenchParts["consumers"]): string {
  const holes = consumers.account.holes();
  const text = `${holes} gaps, ${consumers.mismatches} mismatches, ${consumers.account.duplicates} repeated deliveries`;
  return holes + consumers.mismatches === 0 ? pc.green(text) : pc.red(text);
}

function shown(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(Math.abs(value) < 10 ? 4 : 2);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
