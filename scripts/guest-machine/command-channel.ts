import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Child } from "../../test/bench/core/child.ts";
import { until } from "../../test/bench/core/wait.ts";

/** How a command in the guest ended. */
export type GuestOutcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** What is asked of the guest: a shell script, or the agent's status. Script and output are files named by `id` in `folder`, which the guest sees too. */
export type GuestJob = {
  readonly folder: string;
  readonly id: string;
  /** Undefined asks for the status. */
  readonly script: string | undefined;
  readonly timeoutMs: number;
};

/** The way to the command server in the guest. */
export type CommandChannel = { run(job: GuestJob): Promise<GuestOutcome>; close(): void };

/** Connects to the serial port's socket and resolves when the server in the guest says that it is ready. Throws when QEMU ends or time does. */
export async function connectChannel(path: string, qemu: Child, timeoutMs: number): Promise<CommandChannel> {
  const ended = qemu.ended.then(({ code }) => Promise.reject(new Error(`QEMU ended with ${code}`)));
  ended.catch(() => undefined);
  const exists = until(() => (existsSync(path) ? true : undefined), {
    what: "QEMU's command socket",
    timeoutMs: 30_000,
  });
  await Promise.race([exists, ended]);
  const socket = connect(path);
  // "close" follows and says the same.
  socket.on("error", () => undefined);
  await Promise.race([once(socket, "connect"), ended]);
  const answers = new Map<string, (code: number) => void>();
  const ready = Promise.withResolvers<void>();
  createInterface({ input: socket }).on("line", (line) => {
    if (line === "ready") ready.resolve();
    const [id, code] = line.split(" ");
    answers.get(id)?.(Number(code));
    answers.delete(id);
  });
  const timer = setTimeout(() => ready.reject(new Error(`not within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([ready.promise, ended]);
  } finally {
    clearTimeout(timer);
  }
  return { run: (job) => run(socket, answers, job), close: () => socket.destroy() };
}

async function run(socket: Socket, answers: Map<string, (code: number) => void>, job: GuestJob): Promise<GuestOutcome> {
  const file = (kind: string): string => join(job.folder, `${job.id}.${kind}`);
  const { script } = job;
  if (script !== undefined) writeFileSync(file("sh"), script);
  const answer = Promise.withResolvers<number>();
  answers.set(job.id, answer.resolve);
  const fail = (why: string) => (): void =>
    answer.reject(new Error(`${why}: ${(script ?? "the status").trim().slice(0, 200)}`));
  const lost = fail("the power went during");
  const timer = setTimeout(fail(`not within ${job.timeoutMs} ms`), job.timeoutMs);
  socket.once("close", lost);
  try {
    if (socket.destroyed) lost();
    else socket.write(`${job.id} ${script === undefined ? "view" : "run"}\n`);
    const code = await answer.promise;
    return { code, stdout: readFileSync(file("out"), "utf8"), stderr: readFileSync(file("err"), "utf8") };
  } finally {
    clearTimeout(timer);
    socket.off("close", lost);
    answers.delete(job.id);
    for (const kind of ["sh", "out", "err"]) rmSync(file(kind), { force: true });
  }
}
