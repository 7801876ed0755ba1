import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { AgentError, FAULTS } from "../../../agent/core/errors.ts";
import { statusSchema } from "../../../agent/local-api/status-schema.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { bytesOf, type CliRun, runCli } from "../../fakes/daemon/cli-runner.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("../../../scripts/causeway", import.meta.url));
const THING = "veh-001";
const UP = `dt/causeway/${THING}/test`;
const DOWN = `cmd/causeway/${THING}/test`;
/** Every byte that there is. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
/** What a session and an answer may take on a busy machine, s. */
const PATIENCE_SECONDS = 120;
const STARTED = { what: "it is there", timeoutMs: 90_000, everyMs: 200 };

describe("causeway mqtt, with mosquitto's own programs on the other side", { timeout: 300_000 }, () => {
  let folder: string;
  let mosquitto: Mosquitto;
  let consumer: readonly string[];
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-mqtt-cli-"));
    const authority = createAuthority(at("ca"));
    mosquitto = await startMosquitto({ folder: at("broker"), authority, things: [THING] });
    const device = writeIdentity(folder, "device", await authority.issue({ commonName: THING, usage: "client" }));
    const other = writeIdentity(folder, "other", await authority.issue({ commonName: "consumer", usage: "client" }));
    const { host, port, caFile } = mosquitto;
    consumer = [
      "-h",
      host,
      "-p",
      String(port),
      "--cafile",
      caFile,
      "--cert",
      other.certificateFile,
      "--key",
      other.keyFile,
    ];
    mkdirSync(at("run"));
    writeFileSync(at("empty.log"), "");
    const config = {
      thingName: THING,
      bench: true,
      stateDir: at("state"),
      runtimeDir: at("run"),
      buses: [{ name: "can0", driver: "replay", file: "empty.log" }],
      broker: { host, port, caFile, ackTimeoutSeconds: PATIENCE_SECONDS },
      identity: { mode: "file", ...device },
    };
    writeFileSync(at("agent.yaml"), stringify(config));
  });
  afterAll(async () => {
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  });

  function mqtt(args: readonly string[], stdin = ""): Promise<CliRun> {
    const surroundings = { clock: systemClock(), environment: process.env, stdin: bytesOf(stdin) };
    const common = ["--timeout", String(PATIENCE_SECONDS), "--config", at("agent.yaml")];
    return runCli(["mqtt", ...args, ...common], surroundings);
  }

  /** Publishes again and again until a consumer has what it waits for, so that nobody needs to know when it has subscribed. */
  async function heardWhile(publish: () => Promise<unknown>, filter: string, format: string): Promise<string> {
    const heard = run("mosquitto_sub", [...consumer, "-q", "1", "-t", filter, "-C", "1", "-W", "60", "-F", format]);
    let text: string | undefined;
    void heard.then(({ stdout }) => {
      text = stdout;
    });
    return await until(async () => {
      await publish();
      return text;
    }, STARTED);
  }

  it.each([
    ["-m", [UP, "-m", "hello"], "", `${UP} 68656c6c6f 1\n`],
    ["-t, -m and -q 0", ["-t", UP, "-m", "hi", "-q", "0"], "", `${UP} 6869 0\n`],
    ["-f", [UP, "-f", "bytes.bin"], "", `${UP} ${BYTES.toString("hex")} 1\n`],
    ["standard input", [UP], "a\nb", `${UP} 610a62 1\n`],
    ["-l", [UP, "-l"], "one\n", `${UP} 6f6e65 1\n`],
  ])("publishes what %s says", async (_, args, stdin, heard) => {
    writeFileSync(at("bytes.bin"), BYTES);
    const given = args.map((arg) => (arg === "bytes.bin" ? at(arg) : arg));
    expect(await heardWhile(() => mqtt(["pub", ...given], stdin), UP, "%t %x %q")).toBe(heard);
  });

  it("publishes no line that an interrupt has cut off", async () => {
    const interrupt = new AbortController();
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("whole\ncut");
      interrupt.abort();
    }
    const surroundings = { clock: systemClock(), environment: {}, stdin: cut(), signal: interrupt.signal };
    const ended = await runCli(["mqtt", "pub", UP, "-l", "--json", "--config", at("agent.yaml")], surroundings);
    expect(ended.exitCode).toBe(130);
    expect(JSON.parse(ended.stdout)).toMatchObject({ messages: 1 });
  });

  it("keeps a message with -r, and takes it away with -r -n", async () => {
    const topic = `dt/causeway/${THING}/kept`;
    await mqtt(["pub", topic, "-m", "still here", "-r", "--content-type", "text/plain"]);
    const wait = [...consumer, "-V", "mqttv5", "-t", topic, "-C", "1", "-W", "5"];
    expect((await run("mosquitto_sub", [...wait, "-F", "%p %r %C"])).stdout).toBe("still here 1 text/plain\n");
    await mqtt(["pub", topic, "-r", "-n"]);
    const gone: unknown = await run("mosquitto_sub", [...wait.slice(0, -1), "1"]).catch((error: unknown) => error);
    expect(gone).toHaveProperty("stdout", "");
  });

  it("prints what comes as mosquitto_sub does, byte for byte", async () => {
    writeFileSync(at("bytes.bin"), BYTES);
    await run("mosquitto_pub", [...consumer, "-t", DOWN, "-f", at("bytes.bin"), "-r", "-q", "1"]);
    const args = ["mqtt", "sub", "-t", DOWN, "-C", "1", "-N", "--config", at("agent.yaml")];
    const { stdout } = await run(PROGRAM, args, { encoding: "buffer" });
    expect(stdout).toEqual(BYTES);
    const verbose = await mqtt(["sub", DOWN, "-n", "1", "-F", "%t %x %l"]);
    expect(verbose.stdout).toBe(`${DOWN} ${BYTES.toString("hex")} 256\n`);
    await run("mosquitto_pub", [...consumer, "-t", DOWN, "-m", "ja", "-r", "-q", "1"]);
    expect((await mqtt(["sub", `cmd/causeway/${THING}/#`, DOWN, "-C", "1", "-v"])).stdout).toBe(`${DOWN} ja\n`);
    const json: unknown = JSON.parse((await mqtt(["sub", DOWN, "-C", "1", "--json"])).stdout);
    expect(json).toMatchObject({ schemaVersion: 1, topic: DOWN, payload: "ja", bytes: 2 });
    await run("mosquitto_pub", [...consumer, "-t", DOWN, "-r", "-n"]);
  });

  it("ends with 2 when nothing came, and with 75 when less came than was waited for", async () => {
    expect((await mqtt(["sub", DOWN, "-W", "0.5"])).exitCode).toBe(2);
    await run("mosquitto_pub", [...consumer, "-t", DOWN, "-m", "one", "-r", "-q", "1"]);
    expect((await mqtt(["sub", DOWN, "-C", "2", "-W", "0.5"])).exitCode).toBe(75);
    await run("mosquitto_pub", [...consumer, "-t", DOWN, "-r", "-n"]);
  });

  it.each([
    ["a topic that the policy forbids", ["pub", "somebody/elses", "-m", "x"], 69, "let the broker's policy allow"],
    ["a filter that it forbids", ["sub", "somebody/#", "-W", "5"], 69, "subscription to somebody/#"],
    ["no topic", ["pub", "-m", "x"], 64, "there is no topic"],
    ["a topic with a wildcard", ["pub", "a/#", "-m", "x"], 64, "has no wildcard"],
    ["two messages", ["pub", UP, "-m", "x", "-n"], 64, "exclude each other"],
    ["a file that is not there", ["pub", UP, "-f", "/nowhere"], 65, "/nowhere: no such file"],
    ["more than the broker takes", ["pub", UP, "-f", "big.bin"], 65, "more than localhost takes"],
    ["a format that nobody knows", ["sub", UP, "-F", "%z"], 64, "%z is not known"],
  ])("says what is wrong with %s", async (_, args, exit, what) => {
    writeFileSync(at("big.bin"), Buffer.alloc(200_000));
    const given = args.map((arg) => (arg === "big.bin" ? at(arg) : arg));
    const thrown: unknown = await mqtt(given).catch((error: unknown) => error);
    if (!(thrown instanceof AgentError)) throw new Error("it did not fail");
    expect(`${thrown.message}\n${thrown.remedy}`).toContain(what);
    expect(FAULTS[thrown.code].exit).toBe(exit);
  });

  it("says that the connection was lost, and not only that no PUBACK came", async () => {
    async function* twoLines(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("before\n");
      await mosquitto.kill();
      yield Buffer.from("after\n");
    }
    try {
      const surroundings = { clock: systemClock(), environment: process.env, stdin: twoLines() };
      const publishing = runCli(["mqtt", "pub", UP, "-l", "--config", at("agent.yaml")], surroundings);
      const message = `localhost did not take the message to ${UP}: the connection to localhost:${mosquitto.port} was lost`;
      await expect(publishing).rejects.toThrow(message);
    } finally {
      await mosquitto.start();
    }
  });

  it("leaves the running agent its session, and refuses its client id", async () => {
    const logFile = at("agent.log");
    const agent = await startChild({ command: PROGRAM, args: ["run", "--config", at("agent.yaml")], logFile });
    const link = async () => {
      const answer = await requestLocal(at("run/view.sock"), { verb: "status" }).catch(() => undefined);
      return statusSchema.safeParse(answer).data?.link;
    };
    try {
      await until(async () => ((await link())?.state === "online" ? true : undefined), STARTED);
      await mqtt(["pub", UP, "-m", "beside the agent"]);
      await mqtt(["sub", DOWN, "-W", "0.3"]);
      expect(await link()).toMatchObject({ state: "online", connects: 1 });
      await expect(mqtt(["pub", UP, "-m", "x", "--client-id", THING])).rejects.toMatchObject({
        code: "agent.already-running",
      });
      expect(await link()).toMatchObject({ state: "online", connects: 1 });
    } finally {
      await agent.stop();
    }
  });
});
