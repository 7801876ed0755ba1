import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { type Child, startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const EXAMPLE = join(import.meta.dirname, "../../../docs/examples/answer.py");
const WAIT_MS = 10_000;

/** Standard library alone: writes down each command that it gets, durably; "crash" kills it, to "hang" it gives no answer. */
const PROGRAM = `
import json, os, signal, socket, sys
agent = socket.socket(socket.AF_UNIX)
agent.connect(sys.argv[1])
lines = agent.makefile("rw", encoding="utf-8")
say = lambda value: print(json.dumps(value), file=lines, flush=True)
say({"program": "hvac", "answers": ["precondition", "crash", "hang"]})
for line in lines:
    command = json.loads(line).get("command")
    if command is None: continue
    with open(sys.argv[2], "a") as got:
        print(command["name"], command["id"], command["ledgerId"], file=got, flush=True)
        os.fsync(got.fileno())
    if command["name"] == "crash": os.kill(os.getpid(), signal.SIGKILL)
    if command["name"] == "hang": continue
    say({"answer": {"id": command["id"], "status": "failed", "reason": "no compressor"}})
`;

/** Another member of the group: answers ids that it guesses, the same ones again and again, and garbage. */
const HOSTILE = `
import json, socket, sys
agent = socket.socket(socket.AF_UNIX)
agent.connect(sys.argv[1])
agent.sendall(b'{"program":"hvac"}\\n')
ids = [line.split()[1] for line in open(sys.argv[2])]
for id in ids + ["", "x" * 64, "\\x00"]:
    for status in ("succeeded", "rejected", "great"):
        agent.sendall(json.dumps({"answer": {"id": id, "status": status}}).encode() + b"\\n")
agent.sendall(b'{"answer":\\n{"answer":{"id":[]}}\\n{"answer":null}\\n')
agent.shutdown(socket.SHUT_WR)
answers = agent.makefile().read().splitlines()
sys.exit(0 if all("error" in line for line in answers[1:]) else 1)
`;

const celsius = { type: "number", minimum: 16, maximum: 28 };
const asked = (name: string, change: object = {}) => ({
  name: `cabin.${name}`,
  kind: "program",
  program: "hvac",
  command: name,
  class: "R1",
  timeoutMs: 60_000,
  ...change,
});
const ACTIONS = [
  asked("precondition", { class: "R2", arguments: { celsius }, results: { celsius } }),
  asked("crash"),
  asked("hang"),
];

async function vehicle() {
  const key = signingKey("operations");
  const home = await daemonHome((config) => {
    config.programs = { clients: [{ name: "hvac", answers: ["precondition", "crash", "hang"] }] };
    config.commands = { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" };
  });
  const at = (name: string): string => join(home.folder, name);
  writeFileSync(at("policy.yaml"), stringify({ schemaVersion: 1, keys: [key.pinned], allow: [{ action: "cabin.*" }] }));
  writeFileSync(at("catalogue.yaml"), stringify({ schemaVersion: 1, actions: ACTIONS }));
  let counter = 0;
  const signed = (id: string, given: Readonly<Record<string, number>>) => {
    const nowMs = Date.now();
    counter += 1;
    const action = "cabin.precondition";
    const times = { notBeforeMs: nowMs - 5000, expiresAtMs: nowMs + 60_000, counter };
    const fields = { id, thing: "veh-1", action, arguments: given, ...times };
    return { ...fields, signature: key.sign(fields) };
  };
  return { home, signed, socket: join(home.folder, "run", "publish.sock"), got: at("got") };
}

/** A technician runs a command; its end as "STATUS CODE: description", or the results. */
async function run({ folder, config }: DaemonHome, request: object): Promise<string> {
  const file = join(folder, "request.json");
  writeFileSync(file, JSON.stringify({ schemaVersion: 1, ...request }));
  const { stdout } = await runCli(["--json", "commands", "run", file, "--config", config]);
  return textOf(z.object({ answer: end }).parse(JSON.parse(stdout)).answer);
}

const plain = (id: string, action: string) => ({ id, action, expiresAtMs: Date.now() + 60_000 });

const end = z.object({
  status: z.string(),
  reason: z.object({ code: z.string(), description: z.string() }).optional(),
  result: z.record(z.string(), z.unknown()),
});

function textOf({ status, reason, result }: z.infer<typeof end>): string {
  return `${status} ${reason === undefined ? JSON.stringify(result) : `${reason.code}: ${reason.description}`}`;
}

async function python(code: readonly string[], folder: string): Promise<Child> {
  const child = await startChild({
    command: "python3",
    args: code,
    logFile: join(folder, "python.log"),
    onLine: () => undefined,
  });
  onTestFinished(async () => void (await child.stop()));
  return child;
}

describe("commands that another program answers", () => {
  it("reach it once, whatever becomes of it, of the agent, and of who asks", async () => {
    const { home, signed, socket, got } = await vehicle();
    const daemon = await startDaemon(home);
    const connected = async (name: string, agent = daemon): Promise<void> => {
      const answers = async () => (await agent.status()).programs?.programs[0]?.answers ?? [];
      const isSo = async () => ((await answers()).includes(name) ? true : undefined);
      await until(isSo, { what: `a program answers ${name}`, timeoutMs: WAIT_MS });
    };
    const names = (): readonly string[] =>
      existsSync(got)
        ? readFileSync(got, "utf8")
            .trim()
            .split("\n")
            .map((line) => line.split(" ")[0] ?? "")
        : [];
    const start = () => python(["-c", PROGRAM, socket, got], home.folder);

    await python([EXAMPLE, socket], home.folder);
    await connected("precondition");
    expect(await run(home, signed("p-2", { celsius: 21.5 }))).toBe('SUCCEEDED {"celsius":"21.5"}');
    expect(await run(home, signed("p-3", { celsius: 29 }))).toMatch(/^REJECTED ARGUMENT_OUT_OF_RANGE: celsius/);
    const { signature: _, ...unsigned } = signed("p-4", { celsius: 21 });
    expect(await run(home, unsigned)).toMatch(/^REJECTED SIGNATURE_MISSING/);

    await start();
    await connected("hang");
    expect(await run(home, signed("p-5", { celsius: 22 }))).toBe("FAILED PROGRAM_FAILED: hvac: no compressor");
    const gone = "FAILED PROGRAM_GONE: hvac went away with the command; it may have been done, and is not done again";
    const crash = plain("c-1", "cabin.crash");
    expect(await run(home, crash)).toBe(gone);
    expect(await run(home, signed("p-1", { celsius: 21 }))).toBe("REJECTED UNAVAILABLE: hvac is not connected");
    await start();
    await connected("hang");
    expect(await run(home, crash)).toBe(gone);
    expect(names()).toEqual(["precondition", "crash"]);

    const hang = plain("h-1", "cabin.hang");
    const hung = run(home, hang).catch(() => "the agent has gone");
    await until(() => (names().length === 3 ? true : undefined), { what: "the program has it", timeoutMs: WAIT_MS });
    expect(await (await python(["-c", HOSTILE, socket, got], home.folder)).ended).toMatchObject({ code: 0 });
    expect((await daemon.status()).programs?.programs).toMatchObject([{ commands: 4, unanswered: 1 }]);
    daemon.child.signal("SIGKILL");
    expect(await hung).toBe("the agent has gone");
    const next = await startDaemon(home);
    // The example connects again: what comes before that waits for it.
    expect(await run(home, signed("p-6", { celsius: 23 }))).toBe('SUCCEEDED {"celsius":"23"}');
    await start();
    const lost = /^FAILED INDETERMINATE: the agent ended while it acted; it may have been done, and is not done again/;
    expect(await run(home, hang)).toMatch(lost);
    expect(names()).toEqual(["precondition", "crash", "hang"]);
    expect(
      readFileSync(got, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[2]),
    ).toEqual(["p-5", "c-1", "h-1"]);

    await connected("hang", next);
    const waiting = run(home, plain("h-2", "cabin.hang"));
    await until(() => (names().length === 4 ? true : undefined), { what: "the program has it", timeoutMs: WAIT_MS });
    await next.child.stop(WAIT_MS);
    expect(await waiting).toBe(
      "FAILED INTERRUPTED: the agent ends while hvac has the command; it may have been done, and is not done again",
    );
  }, 60_000);
});
