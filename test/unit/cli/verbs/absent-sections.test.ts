import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { absentVerbs } from "../../../../agent/local-api/absent-sections.ts";
import { clearCodes, listCodes } from "../../../../agent/local-api/codes-schema.ts";
import { diagnosticsAsk } from "../../../../agent/local-api/diagnostics-schema.ts";
import { j1939Nodes, j1939Request } from "../../../../agent/local-api/j1939-schema.ts";
import { jobsCancel, jobsList } from "../../../../agent/local-api/jobs-schema.ts";
import { otaCheck, otaCommit, otaInstall, otaShow, otaWatch } from "../../../../agent/local-api/ota-schema.ts";
import { placePrivate, placeShow } from "../../../../agent/local-api/place-schema.ts";
import { vehicleSleep } from "../../../../agent/local-api/sleep-schema.ts";
import { statusVerb } from "../../../../agent/local-api/status-schema.ts";
import { vehicleSetState, vehicleState, vehicleTrips } from "../../../../agent/local-api/vehicle-schema.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

const LOCAL_API = join(import.meta.dirname, "../../../../agent/local-api");

/** What every agent answers, whatever its configuration says (composeVerbs). */
const ALWAYS =
  /^(?:status|watch|signals\..*|metrics|buffer\..*|cert\..*|campaign\..*|commands\..*|file\..*|identity\..*|support\..*|logs\..*|tunnel\..*)$/;

describe("verbs of sections that the configuration does not have", () => {
  it.each([
    [["ota", "show"], "section ota"],
    [["jobs", "list"], "section ota, with jobs.enabled: true"],
    [["dtc", "list"], "section diagnostics"],
    [["vehicle", "state"], "section power, with state"],
    [["vehicle", "trips"], "section power, with state"],
  ])("are answered with the section that is missing: %s", async (args, section) => {
    const verbs = [statusVerb.answeredBy(() => statusWith()), ...absentVerbs([])];
    const config = await serveView(servedOn("admin", verbs));
    const thrown: unknown = await runCli([...args, "--config", config]).catch((error: unknown) => error);
    expect(thrown).toHaveProperty("code", "config.invalid");
    expect(thrown).toHaveProperty("message", expect.stringContaining(section));
    expect(thrown).toHaveProperty("remedy", expect.stringContaining("systemctl restart causeway"));
  });

  it("are all known, and those that are served stay as they are", () => {
    const named = readdirSync(LOCAL_API)
      .filter((file) => file.endsWith("-schema.ts"))
      .flatMap((file) => [
        ...readFileSync(join(LOCAL_API, file), "utf8").matchAll(/(?:name: |change\()"([a-z0-9.-]+)"/g),
      ])
      .map(([, name]) => name);
    const missing = new Set(absentVerbs([]).map(({ name }) => name));
    expect(named.filter((name) => !ALWAYS.test(name) && !missing.has(name))).toEqual([]);
    const served = { name: "ota.show", socket: "view", handle: () => "served" } as const;
    expect(absentVerbs([served]).some(({ name }) => name === "ota.show")).toBe(false);
  });

  it("are on the sockets that their schemas say", () => {
    const verbs = [
      otaShow,
      otaCheck,
      otaInstall,
      jobsList,
      jobsCancel,
      listCodes,
      clearCodes,
      diagnosticsAsk,
      j1939Nodes,
      j1939Request,
    ];
    const others = [
      placeShow,
      placePrivate,
      vehicleState,
      vehicleSetState,
      vehicleTrips,
      vehicleSleep,
      otaWatch,
      otaCommit,
    ];
    for (const { name, socket } of [...verbs, ...others]) {
      expect(absentVerbs([]).find((one) => one.name === name)).toMatchObject({ name, socket });
    }
  });
});
