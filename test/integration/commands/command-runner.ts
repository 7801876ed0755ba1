// Child process of command-kill.test.ts: sends each command of a plan through dispatch, three times, and kills itself at the step
// of the journal, the act or the answer that the plan names for it. What acts and what is told is appended to files, synced.
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { activateState } from "../../../agent/commands/actions/state.ts";
import { StateTemplates } from "../../../agent/commands/state-templates.ts";
import { publicKeySchema } from "../../../agent/core/public-key.ts";
import type { Journal } from "../../../agent/ports/journal.ts";
import { catalogueSchema } from "../../../config/catalogue.ts";
import { openJournal } from "../../../drivers/sqlite/journal/journal.ts";
import { CommandBench } from "../../fakes/commands/command-bench.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { campaignRig } from "../../fakes/telemetry/campaign-rig.ts";

const planSchema = z.object({
  key: publicKeySchema,
  commands: z.array(z.object({ id: z.string(), killAtStep: z.int(), body: z.string() })),
});

const [folder = ""] = process.argv.slice(2);
const plan = planSchema.parse(JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")));
const rig = await campaignRig();
const { clock } = rig;
let step = 0;
let current: { readonly id: string; readonly killAtStep: number } | undefined;

function append(name: string, line: string): void {
  const file = join(folder, name);
  appendFileSync(file, `${line}\n`);
  const handle = openSync(file, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function linesOf(name: string): ReadonlySet<string> {
  const file = join(folder, name);
  return new Set(existsSync(file) ? readFileSync(file, "utf8").split("\n") : []);
}

const killedBefore = linesOf("killed");
const doneBefore = linesOf("done");

/** Here the process may end. */
function pass(): void {
  step += 1;
  if (current === undefined || step !== current.killAtStep || killedBefore.has(current.id)) return;
  append("killed", current.id);
  process.kill(process.pid, "SIGKILL");
}

/** The journal with a place to end before and after everything that changes it. */
function mortal(journal: Journal): Journal {
  let depth = 0;
  const around = <T>(work: () => T): T => {
    if (depth > 0) return work();
    pass();
    depth += 1;
    try {
      return work();
    } finally {
      depth -= 1;
      pass();
    }
  };
  return {
    status: () => journal.status(),
    declareLost: (what) => journal.declareLost(what),
    acknowledgeLoss: () => journal.acknowledgeLoss(),
    atomically: (work) => around(() => journal.atomically(work)),
    get: (space, key) => journal.get(space, key),
    list: (space) => journal.list(space),
    put: (documents) => around(() => journal.put(documents)),
    command: (id) => journal.command(id),
    addCommand: (entry) => around(() => journal.addCommand(entry)),
    changeCommand: (id, change) => around(() => journal.changeCommand(id, change)),
    listCommands: (limit) => journal.listCommands(limit),
    unreportedCommands: (limit) => journal.unreportedCommands(limit),
    stats: () => journal.stats(),
    close: () => journal.close(),
  };
}

const file = join(folder, "journal.db");
const bounds = { maxCommands: 10_000, maxReads: 100, maxRefused: 100, keepMs: 3_600_000, reserveBytes: 0 };
const journal = mortal(openJournal({ ...bounds, file, clock, log: new MemoryLog() }));
const templates = catalogueSchema.parse({
  schemaVersion: 1,
  actions: [],
  protobuf: { states: [{ template: "motion", signals: ["Motion.Speed"] }] },
}).protobuf.states;
const states = new StateTemplates({
  templates,
  signals: rig.signals,
  campaigns: {
    planOf: (document) => rig.control.planOf(document),
    useStates: (plans, anew) => {
      // The act of a command; what was active before is taken up without one.
      if (anew.length > 0) {
        pass();
        append("acts", current?.id ?? "");
        pass();
      }
      rig.control.useStates(plans, anew);
    },
  },
  journal,
  clock,
  log: new MemoryLog(),
});
const bench = new CommandBench({
  clock,
  journal,
  pinned: [plan.key],
  builtIn: () => [activateState(states)],
  actions: {
    "doors.lock": {
      commandClass: "R3",
      run: async () => {
        pass();
        append("acts", current?.id ?? "");
        pass();
        return { kind: "done", result: {} };
      },
    },
  },
  onReport: (reply, answer) => {
    pass();
    append(
      "answers",
      `${reply.channel === "aws" ? reply.execution : ""} ${answer.status} ${answer.reason?.code ?? ""}`,
    );
    pass();
  },
});

const stopping = new AbortController();
bench.ledger.recover("boot");
states.restore();
append(
  "restored",
  states
    .list()
    .map(({ template }) => template)
    .join(),
);
const reporting = bench.parts.reporter.run(stopping.signal);
for (const command of plan.commands) {
  if (doneBefore.has(command.id)) continue;
  step = 0;
  current = command;
  const payload = new TextEncoder().encode(command.body);
  for (let time = 0; time < 3; time += 1) await bench.send(payload, { id: command.id });
  while (bench.ledger.unreported(1).length > 0) await sleep(1);
  append("done", command.id);
}
stopping.abort();
await reporting;
journal.close();
