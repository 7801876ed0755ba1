#!/usr/bin/env node
import { useCompiledCode } from "../drivers/os/compiled-code.ts";

/** Entry of the one executable. The daemon, whose start and memory count, is loaded apart from the verbs of the technician; its compiled code is kept. */
async function main(): Promise<void> {
  const mainMs = Number(process.hrtime.bigint()) / 1e6;
  const isDaemon = process.argv[2] === "run";
  if (isDaemon) useCompiledCode(process.env);
  const { run } = await (isDaemon ? import("./cli/daemon-verb.ts") : import("./cli/all-verbs.ts"));
  await run({ packageFile: new URL("../package.json", import.meta.url), mainMs });
}

await main();
