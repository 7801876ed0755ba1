import { parentPort } from "node:worker_threads";
import { DEFAULT_ISOTP } from "../../agent/diagnostics/isotp/default-settings.ts";
import { openOurs } from "./isotp-tools.ts";

// Begins to send what nobody takes, says so and goes on: whoever ends this thread ends it in the middle of a transmission.
const { isotp } = await openOurs("kernel", "vcan1");
const sink = { onPdu: () => undefined, onFault: () => undefined };
const channel = isotp.open({ txId: 0x7e0, rxId: 0x7e8, extended: false }, DEFAULT_ISOTP, sink);
channel.send(new Uint8Array(400)).catch(() => undefined);
parentPort?.postMessage("sending");
