import { spawn } from "node:child_process";
import { type AgentError, errnoOf } from "../../agent/core/errors.ts";
import type { MonotonicCounter } from "../../agent/ports/update.ts";
import { authRefused, tpmSilent } from "./faults.ts";
import { FORMAT_ONE, responseCodes, toolFault } from "./tools/tools.ts";

/** TPM 2.0 part 2, 13.4: attributes of a counter that everyone who may use the TPM can read and move on, apart from its guess limit. */
const ATTRIBUTES = "nt=counter|ownerread|ownerwrite|authread|authwrite|no_da";
/** TPM 2.0 part 2, 6.6.3: what reading an index says that is not defined, and one that was never moved on. */
const RC_HANDLE = 0x08b;
const RC_NV_UNINITIALIZED = 0x14a;

/** Where the counter is. `environment` leads to the TPM; `ownerAuth` gives the owner's authorisation where it has one. */
export type NvCounterParts = {
  readonly index: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ownerAuth: () => string | undefined;
  /** Of one command; a TPM that hangs must not keep a start waiting. */
  readonly timeoutMs: number;
};

/**
 * A counter in the TPM's own memory (TPM2_NV_DefineSpace with TPM_NT_COUNTER): it only ever goes up, also when it is deleted and made
 * anew. Rejects with faults `identity.*`.
 */
export class NvCounter implements MonotonicCounter {
  readonly #parts: NvCounterParts;

  constructor(parts: NvCounterParts) {
    this.#parts = parts;
  }

  /** Undefined while there is no such index. */
  async read(): Promise<number | undefined> {
    const end = await this.#run("tpm2_nvread", ["--size=8", this.#index()]);
    if (typeof end === "string") return Number(Buffer.from(end, "latin1").readBigUInt64BE());
    const codes = responseCodes(end.stderr);
    if (codes.some((code) => (code & FORMAT_ONE) === RC_HANDLE)) return undefined;
    // A counter that was defined and never moved on has no value yet.
    if (codes.includes(RC_NV_UNINITIALIZED)) return 0;
    throw end.fault;
  }

  /** Makes the index, and moves it on once, so that it has a value. */
  async define(): Promise<void> {
    const auth = this.#parts.ownerAuth();
    const owner = auth === undefined ? [] : ["-P", "file:-"];
    const args = ["-C", "o", ...owner, "-s", "8", "-a", ATTRIBUTES, this.#index()];
    const end = await this.#run("tpm2_nvdefine", args, auth);
    if (typeof end !== "string") throw end.fault;
    await this.advance();
  }

  async advance(): Promise<void> {
    const end = await this.#run("tpm2_nvincrement", [this.#index()]);
    if (typeof end !== "string") throw end.fault;
  }

  #index(): string {
    return `0x${this.#parts.index.toString(16)}`;
  }

  /** Gives its stdout (latin1), or how it failed. Not as `runTool` does: this runs beside the data path, which must not stand still. */
  #run(
    command: string,
    args: readonly string[],
    secret?: string,
  ): Promise<string | { readonly stderr: string; readonly fault: AgentError }> {
    return new Promise((resolve) => {
      const options = {
        env: { ...this.#parts.environment },
        timeout: this.#parts.timeoutMs,
        killSignal: "SIGKILL",
      } as const;
      const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
      const texts = { stdout: "", stderr: "" };
      const fail = (errno: string | undefined): void => {
        const run = { command, refused: () => authRefused("owner", secret !== undefined) };
        resolve({ stderr: texts.stderr, fault: toolFault(run, texts.stderr, errno) });
      };
      child.stdout.setEncoding("latin1").on("data", (chunk: string) => (texts.stdout += chunk));
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (texts.stderr += chunk));
      child.once("error", (error) => fail(errnoOf(error)));
      child.once("close", (code, killedBy) => {
        if (code === 0) resolve(texts.stdout);
        else if (killedBy === null) fail(undefined);
        else
          resolve({
            stderr: texts.stderr,
            fault: tpmSilent(this.#parts.environment.TPM2TOOLS_TCTI, this.#parts.timeoutMs),
          });
      });
      // A tool that ends before it has read says so by its exit code.
      child.stdin.on("error", () => undefined);
      child.stdin.end(secret ?? "");
    });
  }
}
