import { describe, expect, it } from "vitest";
import { noteEnd, noteStart } from "../../../agent/telemetry/security-memory.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const FILES = new Map([
  ["/etc/causeway/agent.yaml", "a1"],
  ["/etc/causeway/dbc/vehicle.dbc", "b1"],
]);

function started(journal: FakeJournal, bootId: string, files: ReadonlyMap<string, string> | undefined = FILES) {
  return noteStart(journal, { bootId, files }).map(({ event, detail }) => [event, detail]);
}

describe("what a start finds", () => {
  it("is nothing at the first one, and after one that ended in order in whatever boot", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    expect(started(journal, "one")).toEqual([]);
    noteEnd(journal, "one");
    expect(started(journal, "one")).toEqual([]);
    noteEnd(journal, "one");
    expect(started(journal, "two")).toEqual([]);
  });

  it("is an unexpected reboot, or a restart in the same boot, where nobody ended the last one", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    started(journal, "one");
    expect(started(journal, "one").map(([event]) => event)).toEqual(["unexpected-restart"]);
    expect(started(journal, "two").map(([event]) => event)).toEqual(["unexpected-reboot"]);
    expect(started(journal, "two").map(([event]) => event)).toEqual(["unexpected-restart"]);
  });

  it("is the files of the configuration that are others than at the last start, once", () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    const next = (files: ReadonlyMap<string, string> | undefined) => {
      const found = started(journal, "one", files);
      noteEnd(journal, "one");
      return found;
    };
    expect(next(FILES)).toEqual([]);
    const changed = new Map([...FILES, ["/etc/causeway/agent.yaml", "a2"], ["/etc/causeway/agent.d/x.yaml", "c1"]]);
    const detail = "changed since the last start: /etc/causeway/agent.d/x.yaml, /etc/causeway/agent.yaml";
    expect(next(changed)).toEqual([["config-changed", detail]]);
    expect(next(changed)).toEqual([]);
    // Files that could not be used are not known: the ones before are compared with when they can be again.
    expect(noteStart(journal, { bootId: "one", files: undefined })).toEqual([]);
    noteEnd(journal, "one");
    const many = new Map([...changed.keys(), "/f1", "/f2", "/f3", "/f4"].map((name) => [name, "z"]));
    const first = "/etc/causeway/agent.d/x.yaml, /etc/causeway/agent.yaml, /etc/causeway/dbc/vehicle.dbc, /f1, /f2";
    expect(next(many)).toEqual([["config-changed", `changed since the last start: ${first} and 2 more`]]);
  });
});
