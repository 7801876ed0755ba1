import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import type { CanEcuBus } from "../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../bench/vehicle/ecus/open-ecu-bus.ts";
import { BENCH_VIN, VehicleEcus } from "../bench/vehicle/ecus/vehicle-ecus.ts";

const INTERFACE = "vcan0";
const BODY = ["-s", "740", "-d", "748", "-p", "55:55"];
/** A node of the kernel's J1939 that prints what comes by BAM with PGN 65226, source and bytes. */
const DM1_READER = `
import socket, sys
s = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("${INTERFACE}", socket.J1939_NO_NAME, socket.J1939_NO_PGN, 0x90))
s.settimeout(60)
print("ready", flush=True)
while True:
    data, (_, _, pgn, source) = s.recvfrom(2000)
    if pgn == 65226 and len(data) > 8:
        print(source, data.hex(), flush=True)
        break
`;

/** Lines that a program has printed so far. */
function listen(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part.toString();
  });
  const stop = async (): Promise<void> => {
    const closed = once(child, "close");
    child.kill();
    await closed;
  };
  return { lines: () => text.split("\n").filter((line) => line !== ""), stop };
}

function hex(text: string): string {
  return text.replace(/../g, "$& ").trim();
}

describe("the bench's control units, asked by the kernel's ISO-TP and J1939 (isotpsend, isotprecv)", () => {
  let bus: CanEcuBus;
  let ecus: VehicleEcus;

  beforeAll(async () => {
    bus = await openEcuBus({ kind: "vcan", interface: INTERFACE });
    ecus = new VehicleEcus(bus, systemClock(), { obdIds: 11, bodyFrameBytes: 8, isTruck: true, isParked: true });
  });

  afterAll(async () => {
    ecus.stop();
    await bus.stop();
  });

  /** What isotprecv has of the answers to requests that isotpsend sends. `flow` is what its flow control asks for. */
  async function ask(
    ids: readonly string[],
    flow: readonly string[],
    requests: readonly string[],
  ): Promise<readonly string[]> {
    const receiver = listen("stdbuf", ["-oL", "isotprecv", ...ids, ...flow, "-l", INTERFACE]);
    // The program says nothing when it listens: a request is repeated until there is an answer, and only then the others follow.
    const send = async (request: string): Promise<void> => {
      await promisify(execFile)("bash", ["-c", `echo ${hex(request)} | isotpsend ${ids.join(" ")} -b ${INTERFACE}`]);
    };
    const came = (count: number, timeoutMs: number) =>
      until(() => (receiver.lines().length >= count ? true : undefined), { what: `${count} answers`, timeoutMs });
    for (let tries = 0; receiver.lines().length === 0 && tries < 50; tries += 1) {
      await send("3e00");
      await came(1, 1000).catch(() => undefined);
    }
    const first = receiver.lines().length;
    for (const [at, request] of requests.entries()) {
      await send(request);
      await came(first + at + 1, 20_000);
    }
    await receiver.stop();
    return receiver
      .lines()
      .slice(first)
      .map((line) => line.replaceAll(" ", "").toLowerCase());
  }

  it("are understood by isotprecv, and understand isotpsend", async () => {
    ecus.memory("engine").set(0x0301, "confirmed");
    const long = Buffer.from("x".repeat(300)).toString("hex");
    const [vin, codes] = await ask(["-s", "7E0", "-d", "7E8", "-p", "AA"], [], ["0902", "03"]);
    expect([vin, codes]).toEqual([`490201${Buffer.from(BENCH_VIN).toString("hex")}`, "43010301"]);
    const [session, written, vinAgain] = await ask(BODY, ["-b", "1", "-m", "2"], ["1003", `2e0202${long}`, "22f190"]);
    expect([session, written, vinAgain]).toEqual(["5003003201f4", "7f2e33", vin.replace("490201", "62f190")]);
  });

  it("speak ISO-TP over CAN FD", async () => {
    ecus.stop();
    ecus = new VehicleEcus(bus, systemClock(), { bodyFrameBytes: 64, isTruck: true, isParked: true });
    const [vin, supported] = await ask([...BODY, "-L", "72:64:1"], [], ["22f190", "190a"]);
    expect(vin).toBe(`62f190${Buffer.from(BENCH_VIN).toString("hex")}`);
    expect(supported).toBe("590aff4040645092341f509a231150c1400050");
  });

  it("say DM1 by BAM to the kernel's J1939", async () => {
    const reader = listen("/usr/bin/python3", ["-c", DM1_READER]);
    await until(() => reader.lines()[0], { what: "the kernel's node listens", timeoutMs: 60_000 });
    ecus.memory("truck-engine").set((100 << 5) | 1, "confirmed");
    ecus.memory("truck-engine").set((520_200 << 5) | 31, "confirmed");
    ecus.memory("truck-engine").set((1208 << 5) | 3, "confirmed");
    const line = await until(() => reader.lines()[1], { what: "DM1 of three codes", timeoutMs: 30_000 });
    await reader.stop();
    expect(line).toBe("0 04ff64000101b804030108f0ff01");
  });
});
