import { readFileSync, writeSync } from "node:fs";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import { runKeyOperation } from "./key-operations.ts";
import { type WorkerRequest, type WorkerResponse, workerRequest } from "./worker-protocol.ts";

/**
 * One job with the token, in a process of its own: the request comes as JSON on stdin, the response goes as JSON to stdout. The token's library
 * is loaded here and not in the daemon, so that it can be killed when it hangs and so that the daemon's use of it is left alone.
 */
async function main(): Promise<void> {
  // The library makes its files for everybody to read otherwise.
  process.umask(0o077);
  const request = workerRequest.parse(JSON.parse(readFileSync(0, "utf8")));
  writeSync(1, `${JSON.stringify(await responseTo(request))}\n`);
}

async function responseTo(request: WorkerRequest): Promise<WorkerResponse> {
  try {
    return { kind: "done", result: await runKeyOperation(request) };
  } catch (error) {
    if (error instanceof AgentError) {
      return { kind: "fault", code: error.code, what: error.message, remedy: error.remedy };
    }
    const what = `key work failed: ${messageOf(error)}`;
    return { kind: "fault", code: "internal.bug", what, remedy: "report this with the output of --verbose" };
  }
}

if (import.meta.main) await main();
