import { describe, expect, it } from "vitest";
import { serialLines } from "../../../../drivers/gnss/serial-lines.ts";
import { until } from "../../../bench/core/wait.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

async function firstFault(stty: string): Promise<string> {
  const link = serialLines(
    { device: "/dev/null", baud: 9600 },
    { maxLineBytes: 100, clock: new ManualClock(), random: () => 0, stty },
  );
  const said: string[] = [];
  link.start({ onUp: () => void said.push("up"), onLine: () => undefined, onDown: (what) => void said.push(what) });
  try {
    await until(() => (said.length > 0 ? true : undefined), { what: stty, timeoutMs: 20_000, everyMs: 5 });
    return said.join(", ");
  } finally {
    await link.stop();
  }
}

describe("serialLines", () => {
  it("says that a file is no serial port", async () => {
    expect(await firstFault("stty")).toContain("no serial port");
  });

  it("ends the attempt, and not the process, when the port is none any more once it was set", async () => {
    expect(await firstFault("true")).toContain("TTY initialization failed");
  });
});
