import { startChild } from "../bench/core/child.ts";
import { until } from "../bench/core/wait.ts";
import { temporaryFolder } from "../fakes/core/folder.ts";

/** What canbusload has counted so far, over all of its lines. */
export type Canbusload = {
  readonly count: { readonly frames: number; readonly bits: number };
  readonly stop: () => Promise<unknown>;
};

/** Starts canbusload of can-utils on an interface; resolves when it counts. */
export async function startCanbusload(interfaceName: string, bitrate: number): Promise<Canbusload> {
  const count = { frames: 0, bits: 0 };
  let lines = 0;
  const child = await startChild({
    command: "canbusload",
    args: [`${interfaceName}@${bitrate}`],
    logFile: `${temporaryFolder()}/canbusload.log`,
    onLine: (line) => {
      const said = /^ ?\w+@\d+\s+(\d+)\s+(\d+)/.exec(line);
      if (said === null) return;
      lines += 1;
      count.frames += Number(said[1]);
      count.bits += Number(said[2]);
    },
  });
  await until(() => lines > 0 || undefined, { what: "canbusload counts", timeoutMs: 20_000 });
  return { count, stop: () => child.stop() };
}
