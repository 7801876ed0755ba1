import { describe, expect, it } from "vitest";
import type { FilesStatus } from "../../../agent/local-api/files-status.ts";
import type { ProgramsStatus } from "../../../agent/local-api/programs-status.ts";
import type { ShadowsStatus } from "../../../agent/local-api/shadows-status.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import type { TunnelsStatus } from "../../../agent/local-api/tunnels-status.ts";
import { fleetChecks } from "../../../agent/support/fleet-checks.ts";
import { logCheck, tunnelPortChecks } from "../../../agent/support/service-checks.ts";
import { statusWith } from "../../fakes/daemon/status.ts";

const NO_COMMANDS = { commands: 0, unanswered: 0, answers: [], missing: [] };
const DOOR = { name: "door-watch", records: 1200, bytes: 0, refused: 0, delayed: 0, ...NO_COMMANDS };
const PROGRAMS: ProgramsStatus = {
  connected: 1,
  refused: 0,
  displaced: 0,
  slow: 0,
  tooLong: 0,
  strangerLines: 0,
  programs: [{ ...DOOR, storedBytes: 0, maxStoredBytes: 10_000_000 }],
};
const STATE: NonNullable<ShadowsStatus["state"]> = {
  name: "state",
  state: "in-step",
  what: "",
  updates: 3,
  updatesToday: 3,
  reads: 1,
  conflicts: 0,
  failures: 0,
  omitted: [],
};
const FILES: FilesStatus = {
  uploads: [],
  stored: 2,
  failed: 0,
  refused: 0,
  retried: 0,
  sentBytes: 0,
  dayUsedBytes: 0,
  dayBytes: 500_000_000,
};
const UPLOAD = { upload: "u-1", kind: "capture", name: "drive.log", bytes: 100, sentBytes: 0 } as const;
const TUNNELS: TunnelsStatus = {
  open: [],
  opened: 1,
  refused: 0,
  untold: 0,
  connections: 4,
  connects: 2,
  bytesIn: 1500,
  bytesOut: 2000,
};

const OPEN: TunnelsStatus["open"][number] = {
  id: 3,
  services: ["SSH"],
  state: "open",
  openedMs: 0,
  leftMs: 0,
  connections: 0,
  opened: 0,
  connects: 1,
  bytesIn: 0,
  bytesOut: 0,
};

const told = (status: Partial<Status>): readonly string[] =>
  fleetChecks(statusWith(status)).map(
    ({ check, verdict, what, remedy = "" }) => `${verdict} ${check}: ${what} | ${remedy}`,
  );

describe("the services in doctor", () => {
  it("are not there where they are not configured", () => {
    expect(told({})).toEqual([]);
    expect(told({ shadows: {} })).toEqual([]);
  });

  it("pass while they do what they are for", () => {
    expect(told({ programs: PROGRAMS, shadows: { state: STATE }, files: FILES, tunnels: TUNNELS })).toEqual([
      "pass programs: served, 1 200 records since the start | ",
      "pass shadow: state is in step | ",
      "pass uploads: 0 under way, 2 stored since the start | ",
      "pass tunnels: 0 open, 1 since the start | ",
    ]);
  });

  it("say that a socket is not served, that a budget is full, and who is not known", () => {
    expect(told({ programs: { ...PROGRAMS, problem: "no socket\u001b[2J" } })).toEqual([
      "fail programs: not all sockets for programs are served: no socket?[2J | systemctl enable causeway-publish.socket, and causeway-publish@NAME.socket for a program with ownSocket, then systemctl restart causeway",
    ]);
    const programs = [{ ...DOOR, storedBytes: 9_900_000, maxStoredBytes: 10_000_000 }];
    const [full, strangers, ...more] = told({ programs: { ...PROGRAMS, programs, strangerLines: 7 } });
    expect(full).toMatch(/^warn programs: door-watch has 9\.9 MB of its 10\.0 MB in the outbox: it is refused \| ./);
    expect(strangers).toMatch(/^warn programs: 7 lines of unknown programs since the start \| ./);
    expect(more).toEqual([]);
    const unnamed = [{ ...DOOR, name: "", storedBytes: 10, maxStoredBytes: 10 }];
    expect(told({ programs: { ...PROGRAMS, programs: unnamed } })[0]).toContain("who says no name has 10 B");
  });

  it("say which commands a program may answer and does not", () => {
    const programs = [
      {
        ...DOOR,
        name: "hvac",
        answers: ["status"],
        missing: ["precondition", "defrost"],
        storedBytes: 0,
        maxStoredBytes: 10,
      },
    ];
    expect(told({ programs: { ...PROGRAMS, programs } })).toEqual([
      'warn programs: hvac does not answer precondition, defrost | start it; it says what it answers in its first line: {"program":"NAME","answers":[...]}',
    ]);
  });

  it("say how the settings do that a shadow desires, and what grants its topics", () => {
    const config = (settings: NonNullable<ShadowsStatus["config"]>["settings"], state = STATE.state) =>
      told({ shadows: { config: { reported: { ...STATE, name: "config", state }, settings } } });
    expect(config({ state: "in-force", reason: "", digest: "ab" })).toEqual([
      "pass shadow: config is in step | ",
      "pass settings of the shadow: in force | ",
    ]);
    expect(config({ state: "taken-back", reason: "PUBACK\u001b[2J", digest: "ab" })[1]).toBe(
      "warn settings of the shadow: taken back: PUBACK?[2J | desire others; the same ones are not tried again by themselves",
    );
    expect(config({ state: "unread", reason: "", digest: "" }, "refused")[0]).toContain("parameter ConfigShadow");
  });

  it("say that a shadow cannot be told, what is left out of it, and what went wrong last", () => {
    const state = (change: Partial<typeof STATE>) => told({ shadows: { state: { ...STATE, ...change } } });
    expect(state({ state: "refused", what: "not authorized" })).toEqual([
      "fail shadow: state cannot be told: not authorized | allow the topics of the shadow state in the vehicle's policy (stack parameter StateShadow)",
    ]);
    expect(state({ state: "behind", what: "no answer in time", omitted: ["campaigns", "buses"] })).toEqual([
      "warn shadow: state has no room for campaigns, buses | take out of it what others have written there, or run fewer campaigns",
      "warn shadow: state is behind: no answer in time | it is tried again by itself",
    ]);
    expect(state({ state: "behind" })).toEqual(["pass shadow: state is behind | "]);
  });

  it("say which commands no program answers, which tunnel has no connection, and that no credentials come", () => {
    const programs = [{ ...DOOR, unanswered: 2, storedBytes: 0, maxStoredBytes: 10_000_000 }];
    expect(told({ programs: { ...PROGRAMS, programs } })[0]).toMatch(/^warn programs: 2 commands without an answer/);
    const files = { ...FILES, credentials: { given: 0, failed: 3 } };
    expect(told({ files })[0]).toMatch(/^warn uploads: no credentials for buckets: 3 times asked in vain/);
    expect(told({ files: { ...files, credentials: { given: 1, failed: 3 } } })[0]).toMatch(/^pass /);
    const open = [{ ...OPEN, problem: "HTTP 500" }];
    expect(told({ tunnels: { ...TUNNELS, open } })[0]).toMatch(
      /^warn tunnels: tunnel 3 has no connection: HTTP 500 \| ./,
    );
    expect(told({ tunnels: { ...TUNNELS, open: [OPEN] } })[0]).toMatch(/^pass tunnels: 1 open/);
  });

  it("say of an upload why it does not go on, and how to help it", () => {
    const uploads = [
      { ...UPLOAD, state: "sending" },
      { ...UPLOAD, state: "waiting" },
      { ...UPLOAD, state: "waiting", problem: "the store refuses it: HTTP 403" },
      { ...UPLOAD, state: "sending", problem: "ECONNREFUSED" },
    ] as const;
    expect(told({ files: { ...FILES, uploads, failed: 1, dayUsedBytes: 500_000_000 } })).toEqual([
      "warn uploads: capture drive.log: nobody has named a place for it | name a place for u-1 with file.upload, or cancel it",
      "warn uploads: capture drive.log: the store refuses it: HTTP 403 | name a place for u-1 with file.upload, or cancel it",
      "warn uploads: capture drive.log: ECONNREFUSED | it is tried again by itself; see causeway connect test, files and link.budgets",
      "warn uploads: 1 given up since the start | see why: causeway logs --event upload.failed",
      "warn uploads: the 500 MB of this day are used up | it goes on by itself at 00:00 UTC; or raise files.dayBytes",
    ]);
  });

  it("say that notifications of tunnels do not come", () => {
    expect(told({ tunnels: { ...TUNNELS, problem: "not authorized" } })[0]).toMatch(
      /^fail tunnels: notifications of tunnels do not come: not authorized \| ./,
    );
    expect(told({ tunnels: { ...TUNNELS, allowedMs: 1000 } })[0]).toContain("a person at the vehicle allows them");
  });
});

describe("what stands around the agent, in doctor", () => {
  it("says which local ports of tunnels nobody serves", async () => {
    const services = { SSH: 22, WEB: 8080 };
    const isServed = (port: number): Promise<boolean> => Promise.resolve(port === 22);
    expect(await tunnelPortChecks({}, isServed)).toEqual([]);
    expect(await tunnelPortChecks({ SSH: 22 }, isServed)).toEqual([
      { check: "services", verdict: "pass", what: "tunnels lead to SSH (port 22)" },
    ]);
    expect(await tunnelPortChecks(services, isServed)).toMatchObject([
      { check: "services", verdict: "warn", what: "nobody serves 127.0.0.1:8080, to which tunnels for WEB lead" },
    ]);
  });

  it("says where the log is, and whether it outlives a reboot", () => {
    expect(logCheck({ access: "absent", isKept: false })).toMatchObject({ verdict: "pass" });
    expect(logCheck({ access: "open", isKept: false })).toMatchObject({
      verdict: "warn",
      what: "the journal is in memory: what was logged is gone after a reboot",
    });
    expect(logCheck({ access: "open", isKept: true })).toMatchObject({ what: "the journal is kept over reboots" });
    expect(logCheck({ access: "closed", isKept: true }).what).toContain("not for this user");
  });
});
