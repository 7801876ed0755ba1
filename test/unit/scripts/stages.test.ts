import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const STAGES = join(import.meta.dirname, "../../../scripts/testing/stages.ts");
/** A process of its own session under a shell, as a guest is, that no signal to the run reaches. */
const DEEP = `setsid sh -c 'trap "" TERM; echo deep; while :; do sleep 1; done' & wait`;
const PATIENCE_MS = 60_000;

/** A run of one stage in a process of its own, until what the stage started is there. */
async function startRun(folder: string) {
  const program = join(folder, "run.ts");
  writeFileSync(
    program,
    `import { Stages } from ${JSON.stringify(STAGES)};
     const stages = new Stages(2000);
     process.once("SIGTERM", () => void stages.interrupt().then(() => process.exit(130)));
     process.exitCode = await stages.run({ command: "sh", args: ["-c", ${JSON.stringify(DEEP)}], environment: { IN: ${JSON.stringify(folder)} } });`,
  );
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface({ input: child.stdout }), "line");
  return child;
}

/** Command lines of the processes that were started below `folder`. */
function running(folder: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    const file = `/proc/${pid}/environ`;
    try {
      return existsSync(file) && readFileSync(file, "utf8").includes(`IN=${folder}\0`);
    } catch {
      return false;
    }
  });
}

describe("an interrupted run", () => {
  it(
    "leaves nothing running when only its first process gets the signal",
    async () => {
      const folder = temporaryFolder();
      const child = await startRun(folder);
      expect(running(folder).length).toBeGreaterThan(1);
      child.kill("SIGTERM");
      await once(child, "exit");
      expect(child.exitCode).toBe(130);
      expect(running(folder)).toEqual([]);
    },
    PATIENCE_MS,
  );
});
