import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { EcuSpace } from "../../../../agent/diagnostics/obd/ecu-space.ts";
import { KnownEcus } from "../../../../agent/diagnostics/obd/known-ecus.ts";
import { VinNotice } from "../../../../agent/diagnostics/obd/vin-notice.ts";
import type { Notice } from "../../../../agent/telemetry/record/encode/events.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const ENGINE = { response: 0x7e8, extended: false };
const SUPPORT = { pids: [0x0c, 0x0d], infoTypes: [2], packs: true };

function rig() {
  const [journal, log] = [new FakeJournal({ clock: new ManualClock() }), new MemoryLog()];
  const space = new EcuSpace(journal, log);
  const open = (configured?: readonly { name: string; response: number; extended: boolean }[]) =>
    new KnownEcus({ bus: "can0", configured, space });
  return { journal, log, space, open };
}

describe("the ECUs of a bus", () => {
  it("keep names and what they have over a restart", () => {
    const { open } = rig();
    const before = open();
    expect(before.meet([ENGINE]).fresh.map(({ name }) => name)).toEqual(["engine"]);
    expect(before.learn(ENGINE, SUPPORT)).toBe(true);
    expect(before.learn(ENGINE, SUPPORT)).toBe(false);
    expect(open().list()).toEqual([{ name: "engine", ...ENGINE, support: SUPPORT }]);
    expect(open().meet([ENGINE])).toEqual({ fresh: [], nameless: [] });
  });

  it("are those of the configuration where it names some, with what is known of them", () => {
    const { open } = rig();
    const before = open();
    before.meet([ENGINE]);
    before.learn(ENGINE, SUPPORT);
    const named = open([{ name: "motor", ...ENGINE }]);
    expect(named.list()).toEqual([{ name: "motor", ...ENGINE, support: SUPPORT }]);
    const stranger = { response: 0x7e9, extended: false };
    expect(named.meet([stranger])).toEqual({ fresh: [], nameless: [stranger] });
  });

  it("are none where the journal holds what cannot be read, and are met without a journal too", () => {
    const { journal, log, open } = rig();
    journal.put([{ space: "ecus", key: "obd:can0", value: { ecus: [{ name: 7 }] } }]);
    const known = open();
    expect(known.list()).toEqual([]);
    journal.failNext(new AgentError("journal.full", { what: "the journal is full", remedy: "free disk space" }));
    expect(known.meet([ENGINE]).fresh).toHaveLength(1);
    expect(known.at(ENGINE)?.name).toBe("engine");
    expect(log.of("obd.journal-refused")).toHaveLength(1);
  });
});

describe("the VIN", () => {
  it("is told once, also over a restart, and again when it is another; the journal does not have it", () => {
    const { journal, log, space } = rig();
    const told: Notice[] = [];
    const open = (): VinNotice => new VinNotice({ space, notify: (notice) => void told.push(notice) });
    const notice = open();
    notice.take("1G1JC5444R7252367");
    notice.take("1G1JC5444R7252367");
    open().take("1G1JC5444R7252367");
    open().take("1M8GDM9AXKP042788");
    expect(told.map(({ event, detail }) => [event, detail])).toEqual([
      ["obd.vin", "1G1JC5444R7252367"],
      ["obd.vin", "1M8GDM9AXKP042788"],
    ]);
    expect(JSON.stringify([journal.list("ecus"), log.entries])).not.toContain("1M8GDM9AXKP042788");
  });
});
