import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { type EnrolParts, enrol } from "../../agent/control/enrol.ts";
import { IdentityLedger } from "../../agent/control/identity-ledger.ts";
import { identityState } from "../../agent/control/identity-state.ts";
import { Requester } from "../../agent/control/requester.ts";
import { AgentError } from "../../agent/core/errors.ts";
import type { Broker, LinkCredential } from "../../agent/ports.ts";
import { openIdentityFiles } from "../../drivers/os/identity-files.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { TEMPLATES } from "../bench/cloud/provisioning.ts";
import { createSession } from "../bench/mqtt-session.ts";
import { fileKeyStore } from "../fakes/file-key-store.ts";
import { MemoryLog } from "../fakes/log.ts";

// One enrolment in a process of its own, which can end itself by SIGKILL before or after any step is durable.

const request = z
  .object({
    folder: z.string(),
    thing: z.string(),
    host: z.string(),
    port: z.int(),
    caFile: z.string(),
    claim: z.object({ certificateFile: z.string(), keyFile: z.string() }),
    again: z.boolean(),
    killAt: z.string().optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? ""));
const { folder, thing, claim, again, killAt } = request;
const clock = systemClock();
const log = new MemoryLog();
const keys = fileKeyStore(join(folder, "keys"));

function sessionAs(clientId: string, { keyLabel, certificateFile }: LinkCredential): Broker {
  return createSession({
    clientId,
    identity: { mode: "file", certificateFile, keyFile: keyLabel },
    caFile: request.caFile,
    broker: { host: request.host, port: request.port, sessionExpirySeconds: 0 },
    log,
    once: true,
  });
}

const parts: EnrolParts = {
  ledger: new IdentityLedger({
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
    subject: { commonName: thing, uris: [], dnsNames: [] },
    algorithm: "ec-p256",
    format: "json",
    template: TEMPLATES.fleet,
    parameters: { SerialNumber: thing },
  },
  sessions: {
    claim: (files) => sessionAs("claim", { keyLabel: files.keyFile, certificateFile: files.certificateFile }),
    thing: ({ keyLabel, certificateFile }) => sessionAs(thing, { keyLabel: keys.fileOf(keyLabel), certificateFile }),
  },
  requesterOver: (broker) => {
    const limits = { timeoutMs: 5000, maxPending: 8, maxAnswerBytes: 100_000 };
    return new Requester({ broker, clock, log, limits, token: () => randomUUID() });
  },
  announcer: { thing, topic: `dt/causeway/${thing}/identity`, clock },
  clock,
  log,
  onStep: () => undefined,
};

try {
  process.stdout.write(`${await enrol(parts, { claim, again }, AbortSignal.timeout(20_000))}\n`);
  process.exit(0);
} catch (error) {
  if (!(error instanceof AgentError)) throw error;
  process.stdout.write(`${error.code}: ${error.message}\n`);
  process.exit(1);
}
