import { readFileSync } from "node:fs";
import { emit, onCommands, parseLine } from "../core/line-protocol.ts";
import { type FrameSender, openSender } from "./frame-sender.ts";
import { type SenderConfig, senderCommand, senderConfig } from "./sender-protocol.ts";

const REPORT_EVERY_MS = 1000;

/** `sent` is called with the number of frames the bus has just taken. */
export type SendingParts = {
  readonly config: SenderConfig;
  readonly sender: FrameSender;
  readonly startUs: number;
  readonly signal: AbortSignal;
  readonly sent: (frames: number) => void;
};

/** Runs the vehicle or the replayer as a process: reads the configuration file, waits for "start", reports each second, ends at "stop". */
export async function runSender(configFile: string, send: (parts: SendingParts) => Promise<void>): Promise<void> {
  const config = parseLine(senderConfig, readFileSync(configFile, "utf8"));
  const sender = await openSender(config.bus);
  const stopping = new AbortController();
  let frames = 0;
  const started = new Promise<number | undefined>((resolve) => {
    onCommands(senderCommand, (command) => {
      if (command.kind === "start") return resolve(command.startUs);
      stopping.abort();
      resolve(undefined);
    });
  });
  emit({ kind: "ready" });
  const startUs = await started;
  const timer = setInterval(() => emit({ kind: "sent", frames }), REPORT_EVERY_MS);
  const sent = (count: number): void => {
    frames += count;
  };
  if (startUs !== undefined) await send({ config, sender, startUs, signal: stopping.signal, sent });
  clearInterval(timer);
  await sender.close();
  emit({ kind: "stopped", frames });
}
