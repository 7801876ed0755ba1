import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { placeOf } from "../../../agent/signals/log-formats/log-entry.ts";
import { readLog } from "../../../agent/signals/log-formats/read-log.ts";
import { WRITTEN_FORMATS, type WrittenFormat } from "../../../agent/signals/log-formats/write-log.ts";
import { until } from "../../bench/core/wait.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const LOGGER = fileURLToPath(new URL("./frame-logger.ts", import.meta.url));
const report = z.object({ sent: z.number(), written: z.number(), dropped: z.number() });

let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill("SIGKILL");
});

/** Those of the continuous log. */
const FORMATS = WRITTEN_FORMATS.filter((format) => format !== "trc");

type Logger = { readonly process: ChildProcess; last(): z.infer<typeof report> };

function startLogger(folder: string, format: WrittenFormat): Logger {
  const started = spawn(process.execPath, [LOGGER, folder, format], { stdio: ["ignore", "pipe", "inherit"] });
  child = started;
  let last = { sent: 0, written: 0, dropped: 0 };
  createInterface({ input: started.stdout }).on("line", (line) => {
    last = report.parse(JSON.parse(line));
  });
  return { process: started, last: () => last };
}

type Found = { readonly numbers: readonly number[]; readonly problems: readonly string[] };

/** The numbers of the frames in all files of the folder. */
async function read(folder: string): Promise<Found> {
  const numbers: number[] = [];
  const problems: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield readFileSync(join(folder, name));
    };
    for await (const { entries, format } of readLog(name, bytes())) {
      for (const entry of entries) {
        if (entry.kind === "frame") numbers.push(Buffer.from(entry.frame.data).readUInt32BE(0));
        else problems.push(`${placeOf(name, format, entry.at, entry.column)} ${entry.problem}`);
      }
    }
  }
  return { numbers, problems };
}

function python(folder: string): readonly number[] | undefined {
  const script = `
import can, os, sys
for name in sorted(os.listdir(sys.argv[1])):
    for message in can.LogReader(os.path.join(sys.argv[1], name)):
        print(int.from_bytes(message.data[:4], 'big'))`;
  try {
    execFileSync("/usr/bin/python3", ["-c", "import can"], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  const out = execFileSync("/usr/bin/python3", ["-c", script, folder], { encoding: "utf8", maxBuffer: 64_000_000 });
  return out.trimEnd().split("\n").map(Number);
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe("the continuous log of a process that is killed", () => {
  it.each(FORMATS)(
    "opens in %s (also in python-can, where that is installed), has no gap, and lacks at most the last second",
    async (format) => {
      const folder = temporaryFolder();
      const logger = startLogger(folder, format);
      await until(() => logger.last().written > 20_000 || undefined, {
        what: "20,000 frames are durable",
        timeoutMs: 60_000,
      });
      logger.process.kill("SIGKILL");
      await once(logger.process, "close");
      const { sent, written, dropped } = logger.last();
      const { numbers, problems } = await read(folder);
      expect(dropped).toBe(0);
      expect(numbers).toEqual(upTo(numbers.length));
      expect(numbers.length).toBeGreaterThanOrEqual(written);
      // Killed at any moment: what came in the last second (8,000 frames), and what it slept for on a busy machine.
      expect(sent - written).toBeLessThanOrEqual(16_000);
      expect(problems.length).toBeLessThanOrEqual(1);
      const independent = python(folder) ?? numbers;
      expect(independent).toEqual(numbers);
    },
  );

  it("is whole after a stop in order", async () => {
    const folder = temporaryFolder();
    const logger = startLogger(folder, "blf");
    await until(() => logger.last().sent > 3000 || undefined, { what: "3,000 frames", timeoutMs: 60_000 });
    logger.process.kill("SIGTERM");
    await once(logger.process, "close");
    const { numbers, problems } = await read(folder);
    expect(problems).toEqual([]);
    expect(numbers).toEqual(upTo(logger.last().sent));
  });
});
