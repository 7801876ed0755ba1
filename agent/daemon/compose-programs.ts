import { randomUUID } from "node:crypto";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { AgentConfig } from "../../config/schema.ts";
import type { ProgramsStatus } from "../local-api/programs-status.ts";
import type { ProgramSocketCounts } from "../ports/program-socket.ts";
import { CommandDesk } from "../programs/command-desk.ts";
import { ProgramForms } from "../programs/program-form.ts";
import { ProgramIntake } from "../programs/program-intake.ts";
import type { CollectingParts } from "./compose-fleetwise.ts";
import type { DataLine, ProgramsLine, Runtime } from "./parts.ts";
import { programSockets } from "./program-sockets.ts";

export type ProgramsComposeParts = {
  readonly settings: NonNullable<AgentConfig["programs"]>;
  readonly runtimeDir: string;
  readonly line: Pick<DataLine, "outbox">;
  readonly shared: Pick<CollectingParts, "encoder" | "appender">;
};

/** The part of the composition root for other programs. A socket that cannot be served is told, and everything else goes on. */
export function composePrograms(parts: ProgramsComposeParts, runtime: Runtime): ProgramsLine {
  const { settings, runtimeDir, line, shared } = parts;
  const { encoder, appender } = shared;
  const { clock } = runtime;
  const graceEndMs = clock.monotonicMs() + settings.answerGraceSeconds * 1000;
  const desk = new CommandDesk(settings.clients, randomUUID, () => clock.monotonicMs() < graceEndMs);
  const forms = new ProgramForms(() => readDescriptor("program"));
  const intake = new ProgramIntake({ settings, encoder, appender, outbox: line.outbox, desk, forms, clock });
  const sockets = programSockets({ settings, runtimeDir, openFor: (owner) => intake.openFor(owner) }, runtime);
  return {
    service: {
      ...sockets.service,
      stop: async () => {
        desk.close();
        await sockets.service.stop();
      },
    },
    commands: desk,
    status: () => {
      const problem = sockets.problem();
      return { ...statusOf(intake, sockets.counts()), ...(problem !== undefined && { problem }) };
    },
  };
}

function statusOf(
  { clients, strangerLines, parts: { desk } }: ProgramIntake,
  { clients: connected, ...rest }: ProgramSocketCounts,
): ProgramsStatus {
  const programs = [...clients.values()].map(({ name, counts, share, limits }) => {
    share.settle();
    const stored = { storedBytes: share.bytes, maxStoredBytes: limits.maxStoredBytes };
    const answering = { answers: desk.namesOf(name), missing: desk.missingOf(name) };
    return { name, ...counts, ...desk.countsOf(name), ...answering, ...stored };
  });
  return { connected, ...rest, strangerLines, programs };
}
