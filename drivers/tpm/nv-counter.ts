import { spawn } from "node:child_process";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { RisingCounter } from "../../agent/update-ports.ts";

/** TPM 2.0 part 2, 13.4: attributes of a counter that everyone who may use the TPM can read and move on, apart from its guess limit. */
const ATTRIBUTES = "nt=counter|ownerread|ownerwrite|authread|authwrite|no_da";
const TOOL_TIMEOUT_MS = 60_000;
/** What tpm2_nvread says of an index that is not defined (TPM_RC_HANDLE, TSS2_ESYS_RC). */
const UNDEFINED = /0x18b|0x28b|handle is not correct/i;

/** Where the counter is. `environment` leads to the TPM; `ownerAuth` gives the owner's authorisation where it has one. */
export type NvCounterParts = {
  readonly index: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ownerAuth: () => string | undefined;
};

/**
 * A counter in the TPM's own memory (TPM2_NV_DefineSpace with TPM_NT_COUNTER): it only ever goes up, also when it is deleted and made
 * anew. Rejects with `identity.tpm-absent`.
 */
export class NvCounter implements RisingCounter {
  readonly #parts: NvCounterParts;

  constructor(parts: NvCounterParts) {
    this.#parts = parts;
  }

  /** Undefined while there is no such index. */
  async read(): Promise<number | undefined> {
    const { code, stdout, stderr } = await this.#run("tpm2_nvread", ["--size=8", this.#index()]);
    if (code === 0) return Number(Buffer.from(stdout, "latin1").readBigUInt64BE());
    if (UNDEFINED.test(stderr)) return undefined;
    // A counter that was defined and never moved on has no value yet (TPM_RC_NV_UNINITIALIZED).
    if (/0x14a|uninitialized|not.*initialized/i.test(stderr)) return 0;
    throw unusable(stderr);
  }

  /** Makes the index, and moves it on once, so that it has a value. */
  async define(): Promise<void> {
    const auth = this.#parts.ownerAuth();
    const owner = auth === undefined ? [] : ["-P", "file:-"];
    const args = ["-C", "o", ...owner, "-s", "8", "-a", ATTRIBUTES, this.#index()];
    const { code, stderr } = await this.#run("tpm2_nvdefine", args, auth);
    if (code !== 0) throw unusable(stderr);
    await this.advance();
  }

  async advance(): Promise<void> {
    const { code, stderr } = await this.#run("tpm2_nvincrement", [this.#index()]);
    if (code !== 0) throw unusable(stderr);
  }

  #index(): string {
    return `0x${this.#parts.index.toString(16)}`;
  }

  #run(
    command: string,
    args: readonly string[],
    secret = "",
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve, reject) => {
      const options = { env: { ...this.#parts.environment }, timeout: TOOL_TIMEOUT_MS, killSignal: "SIGKILL" } as const;
      const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
      const texts = { stdout: "", stderr: "" };
      child.stdout.setEncoding("latin1").on("data", (chunk: string) => (texts.stdout += chunk));
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (texts.stderr += chunk));
      child.once("error", (error) => reject(unusable(messageOf(error))));
      child.once("close", (code) => resolve({ code: code ?? 1, ...texts }));
      // A tool that ends before it has read says so by its exit code.
      child.stdin.on("error", () => undefined);
      child.stdin.end(secret);
    });
  }
}

function unusable(problem: string): AgentError {
  return new AgentError("identity.tpm-absent", {
    what: `the counter in the TPM cannot be used: ${problem.trim().split("\n").at(-1) ?? ""}`,
    remedy: "check the TPM with: tpm2_getcap properties-variable; tpm2_getcap handles-nv-index",
  });
}
