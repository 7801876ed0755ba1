import type { OutgoingFile } from "../../telemetry/record/encode/file.ts";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe } from "./prepare.ts";

export type CollectSupportParts = {
  readonly collect: () => Promise<OutgoingFile>;
  /** Hands a file over to the outbox; gives the number of its records. */
  readonly send: (file: OutgoingFile) => number;
};

/**
 * `support.collect`: a support bundle, which goes to the cloud as records. It changes nothing, but it tells much and costs traffic:
 * class R1, so that a policy may want a signature for it.
 */
export function collectSupport({ collect, send }: CollectSupportParts): Action {
  return {
    name: "support.collect",
    summary: "a support bundle, sent as records of the event stream",
    commandClass: "R1",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["support.collect"],
    timeoutMs: 300_000,
    prepare: (given) => {
      if (Object.keys(given).length > 0) return rejected("ARGUMENT_TYPE_MISMATCH", "it takes no arguments");
      return alwaysSafe(async () => {
        const file = await collect();
        const records = send(file);
        const { name, sha256, content } = file;
        return {
          kind: "done",
          result: { file: name, sha256, bytes: String(content.length), records: String(records) },
        };
      });
    },
  };
}
