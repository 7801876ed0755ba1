import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { RequestClient } from "../../../agent/cloud/request-client.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { type EnrolParts, enrol } from "../../../agent/identity/enrol.ts";
import { identityState } from "../../../agent/identity/identity-state.ts";
import { IdentityStore } from "../../../agent/identity/identity-store.ts";
import { Renewal } from "../../../agent/identity/renewal.ts";
import type { Broker, LinkCredential } from "../../../agent/ports/broker.ts";
import { renewalConfig } from "../../../config/provisioning.ts";
import { openIdentityFiles } from "../../../drivers/os/identity-files.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fileKeyStore } from "../../fakes/ports/file-key-store.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { TEMPLATES } from "../cloud/provisioning.ts";

// One enrolment or renewal in a process of its own, which can end itself by SIGKILL before or after any step is durable.

const request = z
  .object({
    folder: z.string(),
    thing: z.string(),
    host: z.string(),
    port: z.int(),
    caFile: z.string(),
    claim: z.object({ certificateFile: z.string(), keyFile: z.string() }),
    task: z.enum(["enrol", "again", "renew"]),
    killAt: z.string().optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? ""));
const { folder, thing, claim, task, killAt } = request;
const clock = systemClock();
const log = new MemoryLog();
const keys = fileKeyStore(join(folder, "keys"));

function sessionAs(clientId: string, { keyLabel, certificateFile }: LinkCredential, once = true): Broker {
  return createSession({
    clientId,
    identity: { mode: "file", certificateFile, keyFile: keyLabel },
    caFile: request.caFile,
    broker: { host: request.host, port: request.port, sessionExpirySeconds: 0 },
    log,
    once,
  });
}

async function renew(): Promise<string> {
  const { identityStore } = parts;
  const identity = identityStore.inUse();
  if (identity === undefined) throw new Error("nothing to renew");
  const broker = sessionAs(thing, { ...identity, keyLabel: keys.fileOf(identity.keyLabel) }, false);
  const renewal = new Renewal({
    steps: {
      ...parts,
      order: { ...parts.order, template: TEMPLATES.rotation, parameters: { ThingName: thing } },
      broker: {
        online: (signal, after) => broker.online(signal, after),
        publish: (publication) => broker.publish(publication),
        switchCredential: (next, withinMs) =>
          broker.switchCredential({ ...next, keyLabel: keys.fileOf(next.keyLabel) }, withinMs),
      },
      requestClient: parts.sessions.requestClient(broker),
    },
    random: Math.random,
    settings: renewalConfig.parse({ enabled: false }),
    validity: () => undefined,
  });
  const stopping = new AbortController();
  broker.start();
  const running = renewal.run(stopping.signal);
  const outcome = await renewal.request({ reason: "test" });
  stopping.abort();
  await running;
  await broker.stop();
  if (outcome.kind === "failed") throw outcome.fault;
  return "renewed";
}

const parts: EnrolParts = {
  identityStore: new IdentityStore({
    files: openIdentityFiles({ folder: join(folder, "identity"), parse: (value) => identityState.parse(value) }),
    log,
    handInstalled: () => undefined,
    onStep: (step, moment) => {
      if (killAt === `${step}:${moment}`) process.kill(process.pid, "SIGKILL");
    },
  }),
  keys,
  order: {
    thing,
    tokenLabel: "bench",
    subject: { commonName: thing, uris: [], dnsNames: [] },
    algorithm: "ec-p256",
    format: "json",
    template: TEMPLATES.fleet,
    parameters: { SerialNumber: thing },
  },
  sessions: {
    claim: (files) => sessionAs("claim", { keyLabel: files.keyFile, certificateFile: files.certificateFile }),
    thing: ({ keyLabel, certificateFile }) => sessionAs(thing, { keyLabel: keys.fileOf(keyLabel), certificateFile }),
    requestClient: (broker) => {
      const limits = { timeoutMs: 5000, maxPending: 8, maxAnswerBytes: 100_000 };
      return new RequestClient({ broker, clock, log, limits, token: () => randomUUID() });
    },
  },
  announcer: { thing, topic: `dt/causeway/${thing}/identity`, clock },
  clock,
  log,
  onStep: () => undefined,
};

try {
  const signal = AbortSignal.timeout(20_000);
  const done = task === "renew" ? await renew() : await enrol(parts, { claim, again: task === "again" }, signal);
  process.stdout.write(`${done}\n`);
  process.exit(0);
} catch (error) {
  if (!(error instanceof AgentError)) throw error;
  process.stdout.write(`${error.code}: ${error.message}\n`);
  process.exit(1);
}
