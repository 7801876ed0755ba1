import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { packedProgram } from "../agent/packed-program.ts";
import { startMosquitto } from "../broker/mosquitto.ts";
import { createAuthority } from "../cloud/certificate-authority.ts";
import { buildNativeTool } from "../native/native-tool.ts";
import { startAgent } from "./peer-subjects.ts";
import { AGENT_THING } from "./peer-vehicle.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** Until the code of the frame path is compiled, and what only a start needs has been let go. */
const WARM_UP_MS = 35_000;
const SEED = 1;

/** What the threads of one name took. */
export type ThreadFigures = {
  readonly name: string;
  /** Processor time a second, µs. */
  readonly microsPerSecond: Spread;
  /** How often one of them was woken a second: each time it had gone to sleep by itself. */
  readonly wakesPerSecond: Spread;
};

/** Over the rounds. */
export type ProfileFigures = {
  readonly load: number;
  readonly whole: Spread;
  readonly threads: readonly ThreadFigures[];
};

type Usage = ReadonlyMap<string, { readonly us: number; readonly wakes: number }>;

/** Watches the threads of the packed agent, online, while one bus brings so many frames a second (0: none), `rounds` times `seconds` in one run. */
export async function benchmarkThreads(
  framesPerSecond: number,
  rounds: number,
  seconds: number,
): Promise<ProfileFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-profile-"));
  const authority = createAuthority(join(folder, "ca"));
  const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [AGENT_THING] });
  const place = { folder, cloud: { authority, mosquitto }, buses: 1, load: "thinned" } as const;
  const agent = await startAgent(place, await packedProgram(join(folder, "program")));
  try {
    const args = ["can0", String(framesPerSecond), String(WARM_UP_MS / 1000 + rounds * seconds + 1), String(SEED)];
    const env = { ...process.env, ...agent.buses.environment };
    const generator = await buildNativeTool("frame-generator");
    const sending = framesPerSecond === 0 ? undefined : promisify(execFile)(generator, args, { env });
    await sleep(WARM_UP_MS);
    const usages = [usageByThread(agent.pid)];
    for (let round = 0; round < rounds; round += 1) {
      await sleep(seconds * 1000);
      usages.push(usageByThread(agent.pid));
    }
    await sending;
    return figuresOf(usages, seconds);
  } finally {
    await agent.stop();
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  }
}

function figuresOf(usages: readonly Usage[], seconds: number): ProfileFigures {
  const names = [...new Set(usages.flatMap((usage) => [...usage.keys()]))];
  const rates = (name: string, of: "us" | "wakes"): readonly number[] =>
    usages.slice(1).map((usage, at) => ((usage.get(name)?.[of] ?? 0) - (usages[at].get(name)?.[of] ?? 0)) / seconds);
  const all = names.map((name) => rates(name, "us"));
  return {
    load: loadavg()[0],
    whole: spreadOf(usages.slice(1).map((_, round) => all.reduce((sum, of) => sum + of[round], 0))),
    threads: names.map((name) => ({
      name,
      microsPerSecond: spreadOf(rates(name, "us")),
      wakesPerSecond: spreadOf(rates(name, "wakes")),
    })),
  };
}

/** Time on a core (proc_pid_schedstat, ns) and voluntary switches of a process's threads so far, by the name of the thread without its number. */
function usageByThread(pid: number): Usage {
  const found = new Map<string, { us: number; wakes: number }>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const of = (file: string): string => readFileSync(`/proc/${pid}/task/${id}/${file}`, "utf8");
    try {
      const name = of("comm").trim().replace(/\d+$/, "");
      const known = found.get(name) ?? { us: 0, wakes: 0 };
      known.us += Number(of("schedstat").split(" ")[0]) / 1000;
      known.wakes += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(of("status"))?.[1] ?? 0);
      found.set(name, known);
    } catch {
      // The thread has ended between two of the reads.
    }
  }
  return found;
}
