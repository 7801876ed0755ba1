import { describe, expect, it } from "vitest";
import { activateState, deactivateState, fetchState } from "../../../agent/commands/actions/state.ts";
import { type OtherStates, StateTemplates } from "../../../agent/commands/state-templates.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { catalogueSchema, type StateTemplate } from "../../../config/catalogue.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { campaignRig, RIG_T0, samplesIn } from "../../fakes/telemetry/campaign-rig.ts";

const HOUR_MS = 3_600_000;

function templatesOf(states: readonly object[]): readonly StateTemplate[] {
  return catalogueSchema.parse({ schemaVersion: 1, actions: [], protobuf: { states } }).protobuf.states;
}

const TEMPLATES = templatesOf([
  { template: "motion", signals: ["Motion.Speed", "can0/Motion.Brake"] },
  { template: "arn:aws:x/speed", signals: ["Motion.Speed"], everyMs: 1000, stream: "telemetry", form: "columns" },
]);

/** Rows of each record of state templates: "Motion.Speed@ms=7 Motion.Brake@ms=3". */
function rowsIn(records: readonly DecodedRecord[], id = "state-motion"): string[] {
  return records.flatMap(({ body }) => {
    if (body.kind !== "rows" || body.campaign?.id !== id) return [];
    return [body.rows.map(({ name, timeUs, value }) => `${name}@${(timeUs - RIG_T0) / 1000}=${value}`).join(" ")];
  });
}

/** What outlives a start of the agent. */
type Written = { readonly rig: { readonly outbox: Outbox }; readonly journal: FakeJournal };

/** A vehicle whose templates are commanded; started again with `before`, what it had written is there. */
async function vehicle(before?: Written, wallUs?: number, others?: OtherStates) {
  const rig = await campaignRig(before === undefined ? {} : { outbox: before.rig.outbox, ...(wallUs && { wallUs }) });
  const { clock, control, signals } = rig;
  const journal = before?.journal ?? new FakeJournal({ clock });
  const log = new MemoryLog();
  const parts = { templates: TEMPLATES, signals, campaigns: control, journal, clock, log, others };
  const states = new StateTemplates(parts);
  if (others !== undefined) states.restore();
  const known = { signals, clock };
  const actions = [activateState(states), deactivateState(states), fetchState(states, known)];
  const bench = new CommandBench({ clock, journal, builtIn: () => actions });
  let number = 0;
  const ask = (action: string, given: object): Promise<string> => {
    number += 1;
    const end = { expiresAtMs: clock.wallUs() / 1000 + 60_000 };
    return bench.outcome({ ...plain(action), arguments: given, ...end }, { id: `${clock.wallUs()}-${number}` });
  };
  const active = (): string =>
    states
      .list()
      .map(({ template, leftSeconds }) => `${template} ${leftSeconds}`)
      .join();
  const run = (ms: number): void => {
    clock.advance(ms);
    states.tick();
  };
  return { rig, journal, log, parts, states, bench, ask, active, run };
}

describe("a state template", () => {
  it("is sent as one record of all last known values with their own times, and then as changes", async () => {
    const { rig, ask } = await vehicle();
    rig.drive(7, 3, 5000);
    expect(await ask("state.activate", { template: "motion" })).toBe("SUCCEEDED");
    rig.drive(7, 3, 100);
    rig.drive(8, 3, 100);
    rig.pipeline.flush();
    expect(rowsIn(rig.records())).toEqual(["Motion.Speed@0=7 Motion.Brake@0=3", "Motion.Speed@5100=8"]);
    expect(await ask("state.deactivate", { template: "motion" })).toBe("SUCCEEDED");
    rig.drive(9, 9, 100);
    rig.pipeline.flush();
    expect(rowsIn(rig.records())).toHaveLength(2);
  });

  it("leaves out what was never seen, and sends it when it comes", async () => {
    const { rig, ask } = await vehicle();
    await ask("state.activate", { template: "motion" });
    rig.pipeline.flush();
    expect(rowsIn(rig.records())).toEqual([]);
    rig.drive(1, 2, 10);
    rig.pipeline.flush();
    expect(rowsIn(rig.records())).toEqual(["Motion.Speed@0=1 Motion.Brake@0=2"]);
  });

  it("goes on every so often where its catalogue says so, with an id that a campaign can have", async () => {
    const { rig, ask } = await vehicle();
    rig.drive(5, 0, 500);
    await ask("state.activate", { template: "arn:aws:x/speed" });
    for (let at = 0; at < 4; at += 1) rig.drive(5, 0, 500);
    rig.pipeline.flush();
    const [id = ""] = rig.records().flatMap(({ body }) => (body.kind === "samples" && body.campaign?.id) || []);
    expect(id).toMatch(/^state-arn-aws-x-speed-[0-9a-f]{16}$/);
    expect(samplesIn(rig.records(), id)).toEqual(["0@0=5", "0@1000=5", "0@2000=5"]);
  });

  it("is told apart from what was so already, and begins again with a snapshot and the new end", async () => {
    const { rig, ask, active } = await vehicle();
    rig.drive(7, 3, 100);
    expect(await ask("state.deactivate", { template: "motion" })).toBe("SUCCEEDED STATE_TEMPLATE_ALREADY_DEACTIVATED");
    expect(await ask("state.activate", { template: "motion", minutes: 2 })).toBe("SUCCEEDED");
    expect(active()).toBe("motion 120");
    expect(await ask("state.activate", { template: ["motion"], seconds: 5 })).toBe(
      "SUCCEEDED STATE_TEMPLATE_ALREADY_ACTIVATED",
    );
    expect(active()).toBe("motion 5");
    expect(await ask("state.activate", { template: ["motion", "arn:aws:x/speed"] })).toBe("SUCCEEDED");
    expect(active()).toBe("motion undefined,arn:aws:x/speed undefined");
    rig.pipeline.flush();
    expect(rowsIn(rig.records())).toEqual(Array.from({ length: 3 }, () => "Motion.Speed@0=7 Motion.Brake@0=3"));
  });

  it("is fetched whether it is active or not", async () => {
    const { rig, bench } = await vehicle();
    rig.drive(7, 3, 250);
    const answer = await bench.send({
      ...plain("state.fetch"),
      arguments: { template: ["motion", "arn:aws:x/speed"] },
    });
    expect(answer).toMatchObject({
      status: "SUCCEEDED",
      result: {
        "Motion.Speed": '{"value":7,"unit":"km/h","ageMs":250}',
        "can0/Motion.Brake": '{"value":3,"unit":"bar","ageMs":250}',
      },
    });
  });

  it.each([
    ["state.activate", { template: "other" }, "STATE_TEMPLATE_OUT_OF_SYNC"],
    ["state.activate", { template: ["motion", "other"] }, "STATE_TEMPLATE_OUT_OF_SYNC"],
    ["state.deactivate", { template: "other" }, "STATE_TEMPLATE_OUT_OF_SYNC"],
    ["state.fetch", { template: "other" }, "STATE_TEMPLATE_OUT_OF_SYNC"],
    ["state.activate", { template: "motion", seconds: 0 }, "ARGUMENT_TYPE_MISMATCH"],
    ["state.activate", { template: "motion", seconds: 1, minutes: 1 }, "ARGUMENT_TYPE_MISMATCH"],
    ["state.activate", { template: [] }, "ARGUMENT_TYPE_MISMATCH"],
    ["state.deactivate", { template: "motion", seconds: 1 }, "ARGUMENT_TYPE_MISMATCH"],
    ["state.fetch", {}, "ARGUMENT_TYPE_MISMATCH"],
  ])("%s refuses %j", async (action, given, code) => {
    const { ask, active } = await vehicle();
    expect(await ask(action, given)).toBe(`REJECTED ${code}`);
    expect(active()).toBe("");
  });

  it("is not active where the journal did not take it", async () => {
    const { states, journal, active } = await vehicle();
    journal.failNext(new AgentError("journal.full", { what: "full", remedy: "none" }));
    expect(() => states.activate(["motion"], undefined)).toThrow("full");
    expect(active()).toBe("");
  });
});

describe("the end of a state template", () => {
  it("comes after its time, and takes its campaign with it", async () => {
    const { rig, ask, run, active, journal } = await vehicle();
    await ask("state.activate", { template: "motion", seconds: 10 });
    run(9999);
    expect(active()).toBe("motion 1");
    expect(rig.campaigns.list()).toHaveLength(2);
    run(1);
    expect(active()).toBe("");
    expect(rig.campaigns.list()).toHaveLength(1);
    expect(journal.list("state-templates")).toEqual([]);
  });

  it("counts the time in which the agent did not run where the clock is believed", async () => {
    const first = await vehicle();
    await first.ask("state.activate", { template: "motion", minutes: 10 });
    first.run(60_000);
    const second = await vehicle(first, RIG_T0 + 5 * 60_000 * 1000);
    second.states.restore();
    expect(second.active()).toBe("motion 300");
    const third = await vehicle(first, RIG_T0 + 10 * 60_000 * 1000);
    third.states.restore();
    expect(third.active()).toBe("");
    expect(third.journal.list("state-templates")).toEqual([]);
  });

  it.each(["saved", "unsynchronised"] as const)(
    "does not come by a clock that is %s, and waits no longer",
    async (quality) => {
      const first = await vehicle();
      await first.ask("state.activate", { template: "motion", minutes: 10 });
      first.run(120_000);
      first.states.keep();
      const wrong = await vehicle(first, RIG_T0 + 1000 * HOUR_MS * 1000);
      wrong.rig.clock.setQuality(quality);
      wrong.states.restore();
      expect(wrong.active()).toBe("motion 480");
      const behind = await vehicle(first, RIG_T0 - 1000 * HOUR_MS * 1000);
      behind.rig.clock.setQuality(quality);
      behind.states.restore();
      expect(behind.active()).toBe("motion 480");
      behind.run(479_999);
      expect(behind.active()).toBe("motion 1");
      behind.run(1);
      expect(behind.active()).toBe("");
    },
  );

  it("is known again when the clock is", async () => {
    const first = await vehicle();
    await first.ask("state.activate", { template: "motion", minutes: 10 });
    const second = await vehicle(first, RIG_T0 - HOUR_MS * 1000);
    second.rig.clock.setQuality("saved");
    second.states.restore();
    second.run(1000);
    expect(second.active()).toBe("motion 599");
    second.rig.clock.stepWall((HOUR_MS + 7 * 60_000 - 1000) * 1000);
    second.rig.clock.setQuality("ntp");
    second.states.tick();
    expect(second.active()).toBe("motion 180");
  });

  it("is moved by a better clock while the agent runs, neither earlier nor later", async () => {
    for (const stepUs of [HOUR_MS * 1000, -HOUR_MS * 1000]) {
      const { rig, ask, run, active } = await vehicle();
      rig.clock.setQuality("rtc");
      await ask("state.activate", { template: "motion", minutes: 10 });
      run(60_000);
      rig.clock.stepWall(stepUs);
      rig.clock.setQuality("ntp");
      run(60_000);
      expect(active()).toBe("motion 480");
      run(480_000);
      expect(active()).toBe("");
    }
  });

  it("is not prolonged by a step back, and gives back at most a minute to a process that is killed", async () => {
    const { rig, ask, run, active, journal } = await vehicle();
    await ask("state.activate", { template: "motion", minutes: 10 });
    rig.clock.stepWall(-HOUR_MS * 1000);
    for (let at = 0; at < 90; at += 1) run(1000);
    expect(active()).toBe("motion 510");
    expect(journal.list("state-templates")[0]?.value).toMatchObject({ leftMs: 540_000 });
  });
});

describe("active state templates after a restart", () => {
  it("are active again, but for those that the catalogue has no more or that cannot be read", async () => {
    const first = await vehicle();
    await first.ask("state.activate", { template: ["motion", "arn:aws:x/speed"] });
    first.journal.put([
      { space: "state-templates", key: "gone", value: {} },
      { space: "state-templates", key: "arn:aws:x/speed", value: { leftMs: "soon" } },
    ]);
    const second = await vehicle(first);
    second.states.restore();
    expect(second.active()).toBe("motion undefined");
    expect(second.journal.list("state-templates").map(({ key }) => key)).toEqual(["motion"]);
    second.rig.drive(4, 2, 10);
    second.rig.pipeline.flush();
    expect(rowsIn(second.rig.records())).toEqual(["Motion.Speed@0=4 Motion.Brake@0=2"]);
  });

  it("are none where the journal cannot be read", async () => {
    const { parts, log } = await vehicle();
    const fault = new AgentError("journal.unavailable", { what: "gone", remedy: "none" });
    const journal = {
      list: () => {
        throw fault;
      },
      put: () => undefined,
    };
    const states = new StateTemplates({ ...parts, journal });
    states.restore();
    expect(states.list()).toEqual([]);
    expect(log.of("state-template.not-kept")).toHaveLength(1);
  });
});

describe("a campaign", () => {
  it("cannot have the id of a state template", async () => {
    const { use } = await campaignRig();
    const [refused] = use({ id: "state-motion", collect: [{ signals: "*", mode: "on-change" }] });
    expect(refused?.reason).toBe(
      "id: state-motion is one of those of state templates; choose one that begins otherwise",
    );
  });
});

describe("state templates from elsewhere", () => {
  /** Other templates, and what was asked of them. */
  function others(known: Set<string>) {
    const asked: string[] = [];
    let changed = (): void => undefined;
    return {
      asked,
      lose: (template: string) => {
        known.delete(template);
        changed();
      },
      has: (template: string) => known.has(template),
      use: (active: ReadonlySet<string>, anew: ReadonlySet<string>) =>
        void asked.push(`${[...active].join()} anew ${[...anew].join()}`),
      fetch: (template: string) => void asked.push(`fetch ${template}`),
      watch: (told: () => void) => {
        changed = told;
      },
    };
  }

  it("are activated, end by themselves and over a restart like those of the catalogue, each in its own way", async () => {
    const other = others(new Set(["far"]));
    const { ask, active, run, rig, journal } = await vehicle(undefined, undefined, other);
    expect(other.asked).toEqual([" anew "]);
    expect(await ask("state.activate", { template: ["far", "motion"], seconds: 60 })).toBe("SUCCEEDED");
    expect(other.asked.at(-1)).toBe("far anew far");
    run(10_000);
    const again = others(new Set(["far"]));
    const later = await vehicle({ rig, journal }, rig.clock.wallUs(), again);
    later.states.restore();
    expect(again.asked.at(-1)).toBe("far anew ");
    later.run(51_000);
    expect(again.asked.at(-1)).toBe(" anew ");
    expect(active()).toBe("far 50,motion 50");
  });

  it("are fetched in their own way, with those of the catalogue or alone", async () => {
    const other = others(new Set(["far"]));
    const { ask, rig } = await vehicle(undefined, undefined, other);
    rig.drive(7, 3, 100);
    expect(await ask("state.fetch", { template: "far" })).toBe("SUCCEEDED");
    expect(await ask("state.fetch", { template: ["far", "motion"] })).toBe("SUCCEEDED");
    expect(other.asked.filter((one) => one.startsWith("fetch"))).toEqual(["fetch far", "fetch far"]);
    expect(await ask("state.fetch", { template: "none" })).toMatch(/STATE_TEMPLATE_OUT_OF_SYNC/);
  });

  it("end when they are not there any more", async () => {
    const other = others(new Set(["far"]));
    const { ask, active, journal } = await vehicle(undefined, undefined, other);
    await ask("state.activate", { template: "far" });
    other.lose("far");
    expect(active()).toBe("");
    expect(journal.list("state-templates")).toEqual([]);
    expect(await ask("state.deactivate", { template: "far" })).toMatch(/STATE_TEMPLATE_OUT_OF_SYNC/);
  });
});
