import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../bench/core/wait.ts";
import { type EcusProcess, startEcus } from "../../bench/vehicle/ecus/ecus-client.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";

describe("the process of the bench's control units, on a hub", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-ecus-"));
  let hub: Hub;
  let ecus: EcusProcess;

  beforeAll(async () => {
    hub = await startHub();
    const bus = { kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" } as const;
    ecus = await startEcus({ bus, obdIds: 11, bodyFrameBytes: 8, isTruck: true, isParked: true }, folder);
  });

  afterAll(async () => {
    await ecus.stop();
    await hub.stop();
    rmSync(folder, { recursive: true });
  });

  it("has codes that come and go, and answers a second tester that asks for them", async () => {
    ecus.tell({ kind: "code", ecu: "engine", code: 0x0301, state: "confirmed" });
    ecus.tell({ kind: "code", ecu: "body", code: 0x9a_2311, state: "pending" });
    ecus.tell({ kind: "ask", txId: 0x7e0, rxId: 0x7e8, request: [0x03] });
    ecus.tell({ kind: "ask", txId: 0x740, rxId: 0x748, request: [0x22, 0xf1, 0x90] });
    ecus.tell({ kind: "code", ecu: "engine", code: 0x0301, state: "healed" });
    await until(() => (ecus.answered.length === 2 && ecus.notes.length === 3 ? true : undefined), {
      what: "two answers and three notes",
      timeoutMs: 20_000,
    });
    const answers = ecus.answered.map(({ answer }) => Buffer.from(answer ?? []).toString("latin1"));
    expect(answers.toSorted()).toEqual(["C\u0001\u0003\u0001", "b\u00f1\u00901M8GDM9AXKP042788"]);
    expect(ecus.notes.map(({ ecu, code, what }) => `${ecu} ${code} ${what}`)).toEqual([
      `engine ${0x0301} confirmed`,
      `body ${0x9a_2311} pending`,
      `engine ${0x0301} healed`,
    ]);
  });
});
