import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommandEntry, Journal } from "../../agent/ports/journal.ts";
import { ManualClock } from "../fakes/core/clock.ts";

/** One journal under test, and how to be rid of it. */
export type JournalSubject = {
  readonly journal: Journal;
  /** What it holds is lost, as after damage that is found at the next open; gives the journal there is then. */
  lose(): Journal;
  end(): void;
};

/** Bounds of the journals under test. */
export const JOURNAL_BOUNDS = { maxCommands: 4, maxReads: 3, maxRefused: 2, keepMs: 60_000 } as const;

/** Opens an empty journal with `JOURNAL_BOUNDS`. */
export type OpenJournalSubject = (clock: ManualClock) => JournalSubject;

/** A command of the ledger as a test wants it. */
export function entryOf(id: string, change: Partial<CommandEntry> = {}): CommandEntry {
  return {
    id,
    digest: `digest of ${id}`,
    state: "received",
    isRead: false,
    isReported: false,
    body: { for: id },
    ...change,
  };
}

/** What `Journal` promises, in order of its documentation. */
export function journalContract(name: string, open: OpenJournalSubject): void {
  describe(`Journal contract: ${name}`, () => {
    let subject: JournalSubject;
    let clock: ManualClock;
    let journal: Journal;
    beforeEach(() => {
      clock = new ManualClock();
      subject = open(clock);
      journal = subject.journal;
    });
    afterEach(() => subject.end());

    const ids = (): readonly string[] => journal.listCommands(100).map(({ id }) => id);

    describe("documents", () => {
      it("gives back what was put, by space and key", () => {
        const value = { floor: 7, list: [1, "two", true, null], text: "ä€" };
        journal.put([
          { space: "update", key: "b", value: 2 },
          { space: "update", key: "a", value },
          { space: "command-keys", key: "a", value: "other" },
        ]);
        expect(journal.get("update", "a")).toEqual(value);
        expect(journal.get("command-keys", "b")).toBeUndefined();
        expect(journal.list("update")).toEqual([
          { space: "update", key: "a", value },
          { space: "update", key: "b", value: 2 },
        ]);
        expect(journal.list("collection")).toEqual([]);
      });

      it("replaces a value, and removes one for undefined", () => {
        journal.put([{ space: "job", key: "k", value: 1 }]);
        journal.put([{ space: "job", key: "k", value: 2 }]);
        expect(journal.get("job", "k")).toBe(2);
        journal.put([{ space: "job", key: "k", value: undefined }]);
        expect(journal.get("job", "k")).toBeUndefined();
        expect(journal.list("job")).toEqual([]);
      });

      it.each([
        ["no sign", "-phasek"],
        ["a hyphen", "phase-k"],
      ])("keeps spaces apart whose names and keys run into each other with %s between", (_, key) => {
        journal.put([
          { space: "update", key, value: 1 },
          { space: "update-phase", key: "k", value: 2 },
        ]);
        expect([journal.get("update", key), journal.get("update-phase", "k")]).toEqual([1, 2]);
      });
    });

    describe("atomically", () => {
      it("undoes all of it when the work throws, nested calls too", () => {
        journal.put([{ space: "job", key: "k", value: 1 }]);
        const work = (): void =>
          journal.atomically(() => {
            journal.put([{ space: "job", key: "k", value: 2 }]);
            journal.atomically(() => journal.addCommand(entryOf("one")));
            throw new RangeError("no");
          });
        expect(work).toThrow("no");
        expect(journal.get("job", "k")).toBe(1);
        expect(journal.command("one")).toBeUndefined();
        expect(journal.stats().commands).toBe(0);
      });

      it("gives what the work gives", () => {
        expect(journal.atomically(() => 42)).toBe(42);
      });
    });

    describe("commands", () => {
      it("remembers a command with every field", () => {
        const entry = entryOf("one", { state: "started", isReported: true, body: { answer: ["x", 1] } });
        expect(journal.addCommand(entry)).toBe("added");
        expect(journal.command("one")).toEqual(entry);
        expect(journal.command("two")).toBeUndefined();
      });

      it("knows an id that it has and leaves it as it is", () => {
        journal.addCommand(entryOf("one"));
        expect(journal.addCommand(entryOf("one", { digest: "another", state: "finished" }))).toBe("known");
        expect(journal.command("one")).toEqual(entryOf("one"));
      });

      it("changes only what is named", () => {
        journal.addCommand(entryOf("one"));
        journal.changeCommand("one", { state: "finished", body: "done" });
        expect(journal.command("one")).toEqual(entryOf("one", { state: "finished", body: "done" }));
        journal.changeCommand("one", { isReported: true });
        expect(journal.command("one")).toMatchObject({ state: "finished", isReported: true, body: "done" });
      });

      it("takes the change of a command that it does not have for a bug", () => {
        expect(() => journal.changeCommand("none", { isReported: true })).toThrow("command none is not in the ledger");
      });

      it("lists the newest first, and the untold oldest first", () => {
        for (const id of ["one", "two", "three"]) journal.addCommand(entryOf(id, { isReported: id === "two" }));
        expect(ids()).toEqual(["three", "two", "one"]);
        expect(journal.listCommands(1).map(({ id }) => id)).toEqual(["three"]);
        expect(journal.unreportedCommands(100).map(({ id }) => id)).toEqual(["one", "three"]);
        expect(journal.unreportedCommands(1).map(({ id }) => id)).toEqual(["one"]);
      });
    });

    describe("bounds", () => {
      it("is full of commands that are too young, told or not, and takes one again when they are old enough", () => {
        for (const id of ["1", "2", "3", "4"]) journal.addCommand(entryOf(id, { isReported: id !== "4" }));
        clock.advance(JOURNAL_BOUNDS.keepMs - 1);
        expect(journal.addCommand(entryOf("5"))).toBe("full");
        expect(ids()).toHaveLength(4);
        clock.advance(1);
        expect(journal.addCommand(entryOf("5"))).toBe("added");
        expect(ids()).toEqual(["5", "4"]);
      });

      it("never forgets one whose answer is not told", () => {
        for (const id of ["1", "2", "3", "4"]) journal.addCommand(entryOf(id));
        clock.advance(JOURNAL_BOUNDS.keepMs * 1000);
        expect(journal.addCommand(entryOf("5"))).toBe("full");
      });

      it("goes by running time: a step of the wall clock makes nothing old", () => {
        for (const id of ["1", "2", "3", "4"]) journal.addCommand(entryOf(id, { isReported: true }));
        clock.stepWall(10 * 365 * 86_400_000_000);
        expect(journal.addCommand(entryOf("5"))).toBe("full");
      });

      it("keeps the newest refused ones, which take no room from the others", () => {
        for (const id of ["1", "2", "3", "4"]) journal.addCommand(entryOf(id));
        for (const id of ["a", "b", "c"]) {
          expect(journal.addCommand(entryOf(id, { state: "rejected" }))).toBe("added");
        }
        expect(ids()).toEqual(["c", "b", "4", "3", "2", "1"]);
        expect(journal.stats()).toEqual({ commands: 6, maxCommands: 4, reads: 0, refused: 2, forgottenRejections: 1 });
        expect(journal.addCommand(entryOf("5"))).toBe("full");
      });
    });

    describe("reads", () => {
      const read = (id: string, isReported = true) => journal.addCommand(entryOf(id, { isRead: true, isReported }));

      it("forgets the oldest one that is told, and takes no room from what acts", () => {
        for (const id of ["1", "2", "3", "4"]) journal.addCommand(entryOf(id));
        expect([read("a", false), read("b"), read("c"), read("d"), read("e")]).toEqual(Array(5).fill("added"));
        expect(ids()).toEqual(["e", "d", "a", "4", "3", "2", "1"]);
        expect(journal.stats()).toMatchObject({ commands: 7, reads: 3 });
        expect(journal.addCommand(entryOf("5"))).toBe("full");
      });

      it("is full of those that are not told, and what acts has its room", () => {
        for (const id of ["a", "b", "c"]) read(id, false);
        expect(read("d", false)).toBe("full");
        expect(ids()).toEqual(["c", "b", "a"]);
        for (const id of ["1", "2", "3", "4"]) expect(journal.addCommand(entryOf(id))).toBe("added");
        journal.changeCommand("b", { isReported: true });
        expect(read("d", false)).toBe("added");
        expect(ids()).toEqual(["d", "4", "3", "2", "1", "c", "a"]);
        expect(journal.command("d")).toEqual(entryOf("d", { isRead: true }));
      });
    });

    describe("loss", () => {
      it("says so when whoever compares it declares it, until that is acknowledged, and keeps what it has", () => {
        journal.put([{ space: "job", key: "k", value: 1 }]);
        journal.addCommand(entryOf("one"));
        journal.declareLost("it is an older copy");
        const sinceUs = clock.wallUs();
        expect(journal.status()).toEqual({ kind: "lost", what: "it is an older copy", sinceUs });
        journal.acknowledgeLoss();
        expect(journal.status()).toEqual({ kind: "sound" });
        expect([journal.get("job", "k"), ids()]).toEqual([1, ["one"]]);
      });

      it("holds nothing of before, where it is of the journal's own finding", () => {
        journal.put([{ space: "job", key: "k", value: 1 }]);
        journal.addCommand(entryOf("one"));
        journal = subject.lose();
        expect(journal.status().kind).toBe("lost");
        expect([journal.get("job", "k"), journal.list("job"), ids()]).toEqual([undefined, [], []]);
        journal.put([{ space: "job", key: "k", value: 2 }]);
        journal.acknowledgeLoss();
        expect([journal.status().kind, journal.get("job", "k")]).toEqual(["sound", 2]);
      });
    });

    it("says that it is sound", () => {
      expect(journal.status()).toEqual({ kind: "sound" });
    });
  });
}
