import { spawn } from "node:child_process";

/** Variables that lead the TPM tools to the bench's TPM. */
export type ToolEnvironment = Readonly<Record<string, string>>;

/** One run of a tool. `input` goes to its stdin. */
export type ToolRun = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: ToolEnvironment;
  readonly input?: string;
  readonly folder?: string;
};

/** Runs a tool to its end and gives its stdout; throws with its stderr when it fails. */
export function runTool(run: ToolRun): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(run.command, run.args, { env: { ...process.env, ...run.environment }, cwd: run.folder });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    child.once("error", (cause) => reject(new Error(`cannot start ${run.command}`, { cause })));
    child.once("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${run.command} ended with ${code}: ${stderr.trim()}`));
    });
    // A tool that ended without reading its input fails by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(run.input ?? "");
  });
}
