import { readFileSync } from "node:fs";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

/**
 * The FileDescriptorSet of telemetry.proto, as protoc made it (`npm run fix` renews it): what a record is, for any protobuf reader.
 *
 * Throws `input.missing` when the file is not beside the program.
 */
export function readDescriptor(): Uint8Array {
  const file = new URL("./telemetry.desc", import.meta.url);
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new AgentError("input.missing", {
      what: `cannot read the record descriptor ${file.pathname}: ${messageOf(thrown)}`,
      remedy: "Install the program again: the descriptor is a part of it.",
      cause: thrown,
    });
  }
}
