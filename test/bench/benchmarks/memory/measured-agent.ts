import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readStatus } from "../../agent/agent-client.ts";
import type { AgentStatus } from "../../agent/agent-counters.ts";
import { type Child, startChild } from "../../core/child.ts";
import { type MemoryUse, memoryUseOf, resetPeak } from "../../core/memory-use.ts";
import { usageOf } from "../../core/process-usage.ts";
import { until } from "../../core/wait.ts";
import { median } from "../timing.ts";
import { type HeapUse, heapProbe, heapUseOf } from "./heap-probe.ts";

/** A program under measurement: its command, ending with the file that Node runs, and what is different of it. */
export type MeasuredProgram = {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Options of Node that come after those of the command. */
  readonly nodeOptions: readonly string[];
};

/** Memory over some time, MB: the middle of what was seen, but for `peak`, which is of all of it, and the heap, which was asked once. */
export type MemoryFigures = MemoryUse & { readonly heap: HeapUse; readonly cpuMs: number };

const SAMPLE_MS = 250;
const PATIENCE_MS = 60_000;
const STOP_MS = 20_000;

/** An agent in a process of its own. */
export class MeasuredAgent {
  readonly #child: Child;
  readonly #folder: string;

  private constructor(child: Child, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts `program` with the configuration agent.yaml of `folder`, and waits until it answers on its socket. */
  static async start(
    program: MeasuredProgram,
    folder: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<MeasuredAgent> {
    const [command, ...options] = program.command;
    const main = options.pop() ?? "";
    const child = await startChild({
      command,
      args: [
        ...options,
        ...program.nodeOptions,
        ...heapProbe(join(folder, "heap.json")),
        main,
        "run",
        "--config",
        join(folder, "agent.yaml"),
      ],
      environment,
      logFile: join(folder, "agent.log"),
    });
    const agent = new MeasuredAgent(child, folder);
    await until(() => agent.status(), { what: "the agent answers", timeoutMs: PATIENCE_MS, everyMs: 100 });
    return agent;
  }

  /** Undefined while it does not answer. Throws when it has ended. */
  status(): Promise<AgentStatus | undefined> {
    if (this.#child.hasEnded()) throw new Error(`the agent has ended: ${this.#folder}/agent.log`);
    return readStatus(join(this.#folder, "run", "view.sock"));
  }

  /** Looks four times a second until `isOver`, asked each time with the ms since the first, says so. */
  async measure(isOver: (elapsedMs: number) => Promise<boolean> | boolean): Promise<MemoryFigures> {
    const { pid } = this.#child;
    const seen: MemoryUse[] = [];
    const heaps: HeapUse[] = [];
    resetPeak(pid);
    const beginMs = performance.now();
    const cpuUs = usageOf(pid)?.cpuUs ?? 0;
    do {
      await sleep(SAMPLE_MS);
      seen.push(memoryUseOf(pid));
      heaps.push(await heapUseOf(pid, join(this.#folder, "heap.json")));
    } while (!(await isOver(performance.now() - beginMs)));
    const middle = (of: (use: MemoryUse) => number): number => median(seen.map(of));
    const heap = (of: (use: HeapUse) => number): number => median(heaps.map(of));
    return {
      rss: middle(({ rss }) => rss),
      pss: middle(({ pss }) => pss),
      anonymous: middle(({ anonymous }) => anonymous),
      file: middle(({ file }) => file),
      peak: memoryUseOf(pid).peak,
      heap: {
        committed: heap(({ committed }) => committed),
        used: heap(({ used }) => used),
        external: heap(({ external }) => external),
      },
      cpuMs: ((usageOf(pid)?.cpuUs ?? 0) - cpuUs) / 1000,
    };
  }

  async stop(): Promise<void> {
    await this.#child.stop(STOP_MS);
  }
}
