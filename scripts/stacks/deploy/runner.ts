import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError, errnoOf } from "../../../agent/core/errors.ts";
import { filled, type Step, shellText, type Values } from "./step.ts";

/** Longest part of a command's complaint that is told, characters. */
const MAX_COMPLAINT = 2000;
/** Largest answer that is read, bytes. */
const MAX_ANSWER_BYTES = 16_777_216;

type End = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Prints steps as they would be run: each command exactly, with `{name}` for what is learnt on the way. */
export function describeSteps(steps: readonly Step[], say: (line: string) => void, indent = ""): void {
  for (const step of steps) {
    const condition = step.unless === undefined ? "" : ` (unless there is ${step.unless})`;
    say(`${indent}# ${step.says}${condition}`);
    if (step.kind === "make") continue;
    const stdin = step.kind === "run" && step.stdin !== undefined ? ` < {${step.stdin}}` : "";
    say(`${indent}${shellText(step.command)}${stdin}`);
    if (step.kind === "each") describeSteps(step.steps, say, `${indent}  `);
  }
}

/** Runs steps one after the other, and gives what they have learnt. Throws `input.missing` for a program that is not there, `input.refused` for a command that fails. */
export async function runSteps(
  steps: readonly Step[],
  known: Values,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map(known);
  for (const step of steps) {
    if (step.unless !== undefined && values.has(step.unless)) continue;
    say(`# ${step.says}`);
    if (step.kind === "make") {
      values.set(step.learns, await step.make(values));
      continue;
    }
    const end = await runStep(step, values, say);
    const isAbsent = end.code !== 0 && step.absent?.test(end.stderr) === true;
    if (end.code !== 0 && !isAbsent) throw failure(step.command, end);
    if (isAbsent) continue;
    if (step.kind === "run") for (const learnt of learned(step.learns ?? {}, end.stdout)) values.set(...learnt);
    else await runEach(step, end, values, say);
  }
  return values;
}

/** Runs the command of a step, with the file that it reads, in memory where that can be. */
async function runStep(
  step: Exclude<Step, { kind: "make" }>,
  values: Values,
  say: (line: string) => void,
): Promise<End> {
  const { stdin, file } = step.kind === "run" ? step : { stdin: undefined, file: undefined };
  const input = stdin === undefined ? undefined : (values.get(stdin) ?? "");
  if (file === undefined) {
    const command = filled(step.command, values);
    say(shellText(command));
    return await run(command, input);
  }
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "causeway-cloud-"));
  try {
    const path = join(folder, "input.json");
    writeFileSync(path, values.get(file) ?? "", { mode: 0o600 });
    const command = filled(step.command, new Map([...values, ["file", path]]));
    say(shellText(command));
    return await run(command, input);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runEach(
  { path, steps }: Step & { readonly kind: "each" },
  { stdout }: End,
  values: Values,
  say: (line: string) => void,
): Promise<void> {
  const list = at(parsed(stdout), path);
  for (const item of Array.isArray(list) ? list : []) {
    await runSteps(steps, new Map([...values, ["item", String(item)]]), say);
  }
}

function learned(paths: Readonly<Record<string, string>>, stdout: string): readonly (readonly [string, string])[] {
  return Object.entries(paths).flatMap(([name, path]) => {
    const value = path === "" ? stdout.trim() : at(parsed(stdout), path);
    return typeof value === "string" && value !== "" ? [[name, value] as const] : [];
  });
}

function parsed(text: string): unknown {
  return text.trim() === "" ? {} : JSON.parse(text);
}

function at(value: unknown, path: string): unknown {
  let here = value;
  for (const key of path.split(".")) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Object.entries(here).find(([name]) => name === key)?.[1];
  }
  return here;
}

function run([program = "", ...args]: readonly string[], stdin: string | undefined): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      if (stdout.length < MAX_ANSWER_BYTES) stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      stderr = (stderr + part).slice(-MAX_COMPLAINT);
    });
    child.once("error", (cause) => reject(errnoOf(cause) === "ENOENT" ? missing(program) : cause));
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // One that ends without reading says why by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin ?? "");
  });
}

function missing(program: string): AgentError {
  const remedies: Readonly<Record<string, string>> = {
    aws: "install the AWS CLI, version 2, and sign in (aws sts get-caller-identity must work); --dry-run needs neither",
    docker: "install docker, or have the image pushed elsewhere and name it with --image-tag",
  };
  return new AgentError("input.missing", {
    what: `there is no program ${program} on the PATH`,
    remedy: remedies[program] ?? `install ${program}`,
  });
}

function failure(command: readonly string[], { code, stderr }: End): AgentError {
  return new AgentError("input.refused", {
    what: `${shellText(command)}\n  ended with ${code}: ${stderr.trim()}`,
    remedy: "mend what it says and run the same command again: what is there already stays as it is",
  });
}
