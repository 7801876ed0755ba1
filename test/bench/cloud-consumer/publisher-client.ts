import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Authority, writeIdentity } from "../cloud/certificate-authority.ts";
import { type Child, startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { untilStarted } from "../core/wait.ts";
import { type PublisherCommand, type PublisherReport, publisherReport } from "./publisher-protocol.ts";

const PROGRAM = fileURLToPath(new URL("../processes/record-publisher.ts", import.meta.url));

/** Vehicles of a publisher: their names, and what their records hold. */
export type PublisherRequest = {
  readonly folder: string;
  readonly port: number;
  readonly authority: Authority;
  readonly things: readonly string[];
  readonly epoch: number;
  readonly recordMs: number;
};

type Published = Extract<PublisherReport, { kind: "published" }>;

/** The process of vehicles that publish. */
export type Publisher = {
  /** Resolves with all that was published since the start. */
  publish(command: Omit<PublisherCommand, "kind">): Promise<Published>;
  stop(): Promise<void>;
};

/** Starts it; resolves when each vehicle is connected and has published its signal table. */
export async function startPublisher({ authority, things, ...request }: PublisherRequest): Promise<Publisher> {
  const { folder, port, epoch, recordMs } = request;
  const identities = await Promise.all(
    things.map(async (name) => {
      const issued = await authority.issue({ commonName: name, usage: "client" });
      return { name, ...writeIdentity(folder, name, issued) };
    }),
  );
  const configFile = join(folder, `publisher-${epoch}.json`);
  writeFileSync(configFile, JSON.stringify({ port, caFile: authority.caFile, things: identities, epoch, recordMs }));
  let isReady = false;
  let waiting: PromiseWithResolvers<Published> | undefined;
  const onLine = (line: string): void => {
    const report = parseLine(publisherReport, line);
    if (report.kind === "ready") isReady = true;
    else if (report.kind === "published") waiting?.resolve(report);
    else waiting?.reject(new Error(report.what));
  };
  const args = [PROGRAM, configFile];
  const logFile = join(folder, "publisher.log");
  const child = await startChild({ command: process.execPath, args, logFile, onLine });
  await untilStarted(child, () => (isReady ? true : undefined), "the publisher is connected");
  return { publish, stop: async () => void (await child.stop()) };

  function publish(command: Omit<PublisherCommand, "kind">): Promise<Published> {
    waiting = Promise.withResolvers<Published>();
    endsWith(child, waiting);
    child.writeLine(JSON.stringify({ kind: "publish", ...command }));
    return waiting.promise;
  }
}

function endsWith(child: Child, waiting: PromiseWithResolvers<Published>): void {
  void child.ended.then((end) => waiting.reject(new Error(`the publisher has ended: ${JSON.stringify(end)}`)));
}
