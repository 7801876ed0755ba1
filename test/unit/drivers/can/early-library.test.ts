import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../../..");
const AWS_CRT = join(ROOT, `node_modules/aws-crt/dist/bin/linux-${process.arch}-glibc/aws-crt-nodejs.node`);

/** What this program says of a process of its own, in which `addon` is the receive addon and `file` the library of aws-crt. */
function said(program: string): { readonly status: number | null; readonly output: string } {
  const parts = `const addon = require("./drivers/can/native/build/Release/can_receive.node"), file = ${JSON.stringify(AWS_CRT)};`;
  const { status, stdout } = spawnSync(process.execPath, ["--eval", `${parts}${program}`], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { status, output: stdout.trim() };
}

describe("the library of aws-crt, loaded early", () => {
  it("is there and initialised before anybody loads it, and makes a TLS context", () => {
    const { status, output } = said(`
      addon.beginLibrary(file);
      const isThere = addon.awaitLibrary() && require("node:fs").readFileSync("/proc/self/maps", "utf8").includes(file);
      const { ClientTlsContext, TlsContextOptions } = require("aws-crt/dist/native/io.js");
      console.log(isThere, typeof new ClientTlsContext(new TlsContextOptions()));
      process.exit(0);`);
    expect(output).toBe("true object");
    expect(status).toBe(0);
  });

  it("may be begun twice, awaited twice, and begun when it is long there", () => {
    const { status, output } = said(`
      require(file);
      addon.beginLibrary(file);
      addon.beginLibrary(file);
      console.log(addon.awaitLibrary(), addon.awaitLibrary());
      process.exit(0);`);
    expect(output).toBe("true true");
    expect(status).toBe(0);
  });

  it("lets a process end in the midst of it", () => {
    expect(said("addon.beginLibrary(file); process.exit(78);").status).toBe(78);
  });

  it("does nothing with a file that is not there or is another library", () => {
    const { output } = said(
      `console.log(addon.awaitLibrary()); addon.beginLibrary(file + ".gone"); console.log(addon.awaitLibrary());`,
    );
    expect(output).toBe("false\nfalse");
    const other = said(
      `addon.beginLibrary(require.resolve("./drivers/can/native/build/Release/can_receive.node")); console.log(addon.awaitLibrary());`,
    );
    expect(other.output).toBe("false");
  });
});
