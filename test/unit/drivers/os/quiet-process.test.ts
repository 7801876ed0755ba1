import { describe, expect, it } from "vitest";
import { runQuietly } from "../../../../drivers/os/quiet-process.ts";

const never = new AbortController().signal;
const quietly = (script: string, limitMs?: number) =>
  runQuietly({ command: ["/bin/sh", "-c", script], environment: { PATH: process.env.PATH } }, never, limitMs);

describe("runQuietly", () => {
  it("gives the code, and takes what a library would print", async () => {
    expect(await quietly("echo 'CRITICAL **: no bus' >&2; exit 69")).toEqual({
      code: 69,
      noise: "CRITICAL **: no bus\n",
      isLate: false,
    });
  });

  it("leaves the process its own way to this one's stderr", async () => {
    expect(await quietly("test /proc/self/fd/3 -ef /proc/$PPID/fd/2 && exit 7")).toMatchObject({ code: 7 });
  });

  it("ends what is interrupted before it begins", async () => {
    const before = AbortSignal.abort("SIGTERM");
    const command = ["/bin/sh", "-c", "while :; do :; done"];
    expect((await runQuietly({ command, environment: {} }, before)).code).toBeUndefined();
  });

  it("kills what does not let go at its limit", async () => {
    expect(await quietly("trap '' TERM; while :; do :; done", 1)).toMatchObject({ code: undefined, isLate: true });
  });
});
