import pc from "picocolors";
import { LiveScreen, type ScreenContext } from "../../../agent/cli/live-screen.ts";
import { cutLine, visibleWidth, wrapLines } from "../../../agent/cli/text.ts";
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
  /** Where the page is; absent where there is none. */
  readonly page?: string | undefined;
};

const LATEST_ROWS = 10;
/** Where the text of a row begins. */
const INDENT = 11;
/** Of a value and the space before it, at least. */
const VALUE_CELLS = 10;

/** What one second of the bench shows, whatever the terminal's width. */
type Shown = {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, text: string])[];
  readonly latest: readonly (readonly [signal: string, value: string, unit: string])[];
};

/** The live table of the bench: painted in place each second, on a terminal of any size. */
export class BenchView {
  readonly #screen: LiveScreen;
  #before = { frames: 0, samples: 0, elapsedS: 0 };

  constructor(context: ScreenContext) {
    this.#screen = new LiveScreen(context);
  }

  draw(tick: BenchTick): void {
    const shown = this.#shownOf(tick);
    this.#screen.paint((size) => linesOf(shown, size?.columns ?? Number.POSITIVE_INFINITY));
  }

  /** Gives the terminal back, with the last second on it. */
  close(): void {
    this.#screen.close();
  }

  #shownOf({ parts, status, elapsedS, agentStarts, phase, page }: BenchTick): Shown {
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
      ...(page === undefined ? [] : [["page", page] as const]),
      ["agent", agentStarts > 1 ? `started ${agentStarts} times` : "running"],
    ];
    this.#before = now;
    const latest = [...consumers.latest].sort(([a], [b]) => a.localeCompare(b)).slice(0, LATEST_ROWS);
    return {
      title: `Causeway bench  ${elapsedS.toFixed(0)} s  ${phase}`.trimEnd(),
      rows,
      latest: latest.map(([name, { value, unit }]) => [name, shown(value), unit]),
    };
  }
}

function linesOf({ title, rows, latest }: Shown, columns: number): readonly string[] {
  return [
    ...wrapLines(pc.bold(title), columns, 2),
    ...rows.flatMap(([name, text]) => wrapLines(`  ${pc.dim(name.padEnd(INDENT - 2))}${text}`, columns, INDENT)),
    "",
    ...signalLines(latest, columns),
  ];
}

/** Values stand below each other; where that does not fit, names give way. */
function signalLines(latest: Shown["latest"], columns: number): readonly string[] {
  const cells = Math.max(VALUE_CELLS, ...latest.map(([, value]) => value.length + 1));
  const tail = Math.max(0, ...latest.map(([, , unit]) => cells + 1 + visibleWidth(unit)));
  const longest = Math.max(0, ...latest.map(([name]) => name.length));
  const room = Math.max(1, Math.min(longest, columns - tail - 2));
  return latest.map(([name, value, unit]) => `  ${cutLine(name, room).padEnd(room)}${value.padStart(cells)} ${unit}`);
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
