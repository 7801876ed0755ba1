import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import { sentencesOf, trackOf } from "../../bench/vehicle/nmea-track.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";
import { tcpReceiver } from "./receiver.ts";

const clock = systemClock();
/** The position of the receiver, and that of the control unit, however they are written. */
const CANARIES = ["48.36", "10.89", "4822.1", "01053.9", "483687", "108986", "52.5163", "13.3777", "525163", "133777"];
/** The same in a frame: int32 of 1e-7 degrees, the least significant byte first. */
const GPS_BYTES = "f8594d1f6846f907";
const GPS = `BO_ 512 Gps: 8 Vector__XXX
 SG_ Lat : 0|32@1- (1e-7,0) [0|0] "deg" Vector__XXX
 SG_ Lon : 32|32@1- (1e-7,0) [0|0] "deg" Vector__XXX
`;

/** An agent with a receiver, and with a control unit that says a position too; it ends when it has had fixes of the receiver for a while. */
async function drive(privacy: object): Promise<{ home: DaemonHome; said: string }> {
  const receiver = await tcpReceiver();
  const home = await daemonHome((config) => {
    config.place = {
      sources: [
        { kind: "nmea-tcp", host: "127.0.0.1", port: receiver.port },
        { kind: "signals", latitude: "Gps.Lat", longitude: "Gps.Lon" },
      ],
      privacy,
    };
    config.frameLog = { folder: "frames" };
    config.log = { level: "debug" };
    config.encode = { compression: "none" };
  });
  appendFileSync(home.dbc, GPS);
  const data = Buffer.from(GPS_BYTES, "hex");
  appendFileSync(
    join(home.folder, "drive.log"),
    `(1700000000.300000) can0 200#${data.toString("hex").toUpperCase()}\n`,
  );
  const daemon = await startDaemon(home);
  const [point] = trackOf({ points: 1, stepMs: 1000, startMs: Date.now() });
  const end = clock.every(50, () => receiver.say(sentencesOf({ ...point, timeMs: Date.now() })));
  const hasFix = async () =>
    (await daemon.status()).place?.fix?.source.startsWith("nmea") === true ? true : undefined;
  await until(hasFix, { what: "a fix", timeoutMs: 20_000 });
  const shown = await runCli(["place", "show", "--json", "--config", home.config], { clock });
  const page = await runCli(["status", "--config", home.config], { clock });
  end();
  const status = JSON.stringify(await daemon.status());
  await daemon.child.stop();
  await receiver.stop();
  const logs = `${daemon.lines.join("\n")}${readFileSync(daemon.errors, "utf8")}`;
  const isTold = JSON.stringify(privacy) === "{}";
  return { home, said: [logs, status, page.stdout, isTold ? "" : shown.stdout].join("\n") };
}

/** Names of the signals that the records of an agent that has ended hold samples of. */
function sampled({ folder }: DaemonHome): ReadonlySet<string> {
  const file = join(folder, "state", "outbox.db");
  const disk = { file, maxBytes: 100_000_000, bootId: "0".repeat(32), clock, log: new MemoryLog(), standbyFiles: [] };
  const { outbox } = openOutbox(disk);
  const reader = createRecordReader(readDescriptor());
  const records = (["control", "event", "telemetry", "capture"] as const).flatMap((stream) =>
    outbox.read(stream, 0, outbox.lastRow(), 10_000, 1e9).map(({ payload }) => reader.decode(payload).body),
  );
  outbox.close();
  const names = new Map(
    records.flatMap((body) =>
      body.kind === "table"
        ? body.signals.map(({ index, message, name }) => [index, `${message}.${name}`] as const)
        : [],
    ),
  );
  return new Set(
    records.flatMap((body) =>
      body.kind === "samples" ? body.columns.map(({ signal }) => names.get(signal) ?? `signal ${signal}`) : [],
    ),
  );
}

/** All that the agent has written, as text. */
function written(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && !path.endsWith("drive.log"))
    .map((path) => readFileSync(path).toString("latin1"))
    .join("\n");
}

describe("where the vehicle is", () => {
  it("is in records where it may be told, and never in a log, a status or an error", async () => {
    const { home, said } = await drive({});
    const names = sampled(home);
    expect([...names]).toEqual(
      expect.arrayContaining(["location.latitude", "location.fix", "Gps.Lat", "Engine.Speed"]),
    );
    for (const canary of CANARIES) expect([canary, said.includes(canary)]).toEqual([canary, false]);
  });

  it("is nowhere at all where it stays in the vehicle: not in records, frames, answers or files", async () => {
    const { home, said } = await drive({ share: false });
    expect([...sampled(home)].filter((name) => /location|Gps/.test(name))).toEqual([]);
    const files = written(home.folder);
    for (const canary of CANARIES) expect([canary, said.includes(canary)]).toEqual([canary, false]);
    for (const canary of [...CANARIES, "200#", Buffer.from("b8554d1f", "hex").toString("latin1")]) {
      expect([canary, files.includes(canary)]).toEqual([canary, false]);
    }
    expect(files).toContain("100#");
  });
});
