import { appendFileSync, chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild } from "./child.ts";

/** What others can see of processes: argument lists and environments. */
export type ProcessSpy = {
  /** First on PATH, so that every run of a TPM tool is noted before the tool itself begins. */
  readonly path: string;
  /** Ends the watch and gives everything that was seen. */
  stop(): Promise<string>;
};

const PROGRAM = fileURLToPath(new URL("../processes/process-spy.ts", import.meta.url));
const TOOL_FOLDER = "/usr/bin";

/**
 * Watches every process of this machine through /proc, as another local user would, as often as it can; what is too short-lived for that,
 * the TPM tools, is caught by a script of the same name in front of each.
 */
export async function startProcessSpy(folder: string): Promise<ProcessSpy> {
  const path = join(folder, "spy-bin");
  const toolLog = join(folder, "spy-tools.log");
  const seenFile = join(folder, "spy-seen.log");
  mkdirSync(path, { recursive: true });
  for (const file of [toolLog, seenFile]) appendFileSync(file, "");
  for (const tool of readdirSync(TOOL_FOLDER).filter((name) => /^tpm2(_|$)/.test(name))) {
    const script = `#!/bin/sh\n{ printf '%s\\n' "$0" "$@"; tr '\\0' '\\n' </proc/$$/environ; } >>${toolLog}\nexec ${TOOL_FOLDER}/${tool} "$@"\n`;
    writeFileSync(join(path, tool), script);
    chmodSync(join(path, tool), 0o755);
  }
  let isWatching = false;
  const child = await startChild({
    command: process.execPath,
    args: [PROGRAM, seenFile],
    logFile: join(folder, "spy.log"),
    onLine: () => {
      isWatching = true;
    },
  });
  while (!isWatching && !child.hasEnded()) await new Promise((resolve) => setImmediate(resolve));
  return {
    path,
    stop: async () => {
      await child.stop();
      return readFileSync(seenFile, "utf8") + readFileSync(toolLog, "utf8");
    },
  };
}
