import { describe, expect, it } from "vitest";
import { EVERYTHING } from "../../../config/example-values.ts";
import { agentConfig } from "../../../config/schema.ts";

/** "path: message" of what is wrong with the whole example in which `changed` stands in place of its own sections. */
function problems(changed: object): readonly string[] {
  const parsed = agentConfig.safeParse({ ...EVERYTHING, ...changed });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("settings that do not fit together", () => {
  it("are none in the example", () => {
    expect(problems({})).toEqual([]);
  });

  it("are a key in a file, on a vehicle", () => {
    const identity = { mode: "file", certificateFile: "device.pem", keyFile: "device.key" };
    expect(problems({ identity })).toEqual([expect.stringMatching(/^identity\.mode: a key in a file/)]);
    expect(problems({ identity, bench: true })).toEqual([]);
  });

  it("are a key of the outbox that a TPM keeps, and no token", () => {
    const outbox = { encryption: { key: "tpm" } };
    const identity = { mode: "file", certificateFile: "device.pem", keyFile: "device.key" };
    expect(problems({ outbox })).toEqual([]);
    expect(problems({ outbox, identity, bench: true })).toEqual([
      "outbox.encryption.key: tpm needs the token of identity.mode: pkcs11; take credential without one",
    ]);
  });

  it("are a position in the shadow of the state, and nobody who knows where the vehicle is", () => {
    expect(problems({ place: undefined })).toEqual([
      "shadows.state.position: needs the section place, which says where the vehicle is and what of that may leave it",
    ]);
    expect(problems({ place: undefined, shadows: { state: {} } })).toEqual([]);
  });

  it("are buckets, and nobody who gives credentials for them", () => {
    const files = { ...EVERYTHING.files, credentialsHost: undefined };
    expect(problems({ files })).toEqual([expect.stringMatching(/^files\.buckets: needs files\.credentialsHost/)]);
    expect(problems({ files: { ...files, buckets: undefined } })).toEqual([]);
  });

  it("are one shadow for the state and for campaigns", () => {
    const campaigns = { ...EVERYTHING.campaigns, cloud: { shadow: "both" } };
    expect(problems({ campaigns, shadows: { state: { name: "both" } } })).toEqual([
      "shadows.state.name: is campaigns.cloud.shadow: each needs a shadow of its own",
    ]);
    expect(problems({ campaigns, shadows: { state: { name: "other" } } })).toEqual([]);
    expect(problems({ campaigns, shadows: { state: { name: "other" }, config: { name: "other" } } })).toEqual([
      "shadows.config.name: is shadows.state.name: each needs a shadow of its own",
    ]);
  });

  it("are settings from a shadow, and nobody who says what may be set", () => {
    expect(problems({ ota: undefined, shadows: { config: {} } })).toEqual([
      "shadows.config: needs the section ota, whose jobs.settings says what may be set",
    ]);
  });

  it("are a life of records that is longer than a gap between two boots may be", () => {
    const outbox = { ...EVERYTHING.outbox, maxGapDays: 364 };
    expect(problems({ outbox })).toEqual(["outbox.maxGapDays: must be at least 365, the longest of outbox.lifeMs"]);
    expect(problems({ outbox: { ...outbox, maxGapDays: 365 } })).toEqual([]);
  });

  it("are a continuous log of a bus that is not there, or with room for less than two files", () => {
    const frameLog = { ...EVERYTHING.frameLog, buses: ["can0", "can7"], splitBytes: 1_000_000, maxBytes: 1_999_999 };
    expect(problems({ frameLog })).toEqual([
      expect.stringMatching(/^frameLog\.buses\.1: unknown bus can7; configured: can0, /),
      "frameLog.maxBytes: must be at least 2000000, twice frameLog.splitBytes",
    ]);
    expect(problems({ frameLog: { ...frameLog, buses: ["can0"], maxBytes: 2_000_000 } })).toEqual([]);
  });

  it("are a ledger that forgets a command which may still come", () => {
    const commands = { ...EVERYTHING.commands, maxLifeSeconds: 604_800, ledger: { keepHours: 169 } };
    expect(problems({ commands })).toEqual([
      expect.stringMatching(/^commands\.ledger\.keepHours: must be at least 170/),
    ]);
    expect(problems({ commands: { ...commands, ledger: { keepHours: 170 } } })).toEqual([]);
  });

  it("are one counter of the TPM for two things", () => {
    const commands = { ...EVERYTHING.commands, rollbackCounter: EVERYTHING.ota.rollbackCounter };
    expect(problems({ commands })).toEqual([
      expect.stringMatching(/^commands\.rollbackCounter\.index: is that of ota/),
    ]);
  });

  it("are two buses of one name, and a DBC file for a bus that is not there", () => {
    const buses = [EVERYTHING.buses[0], EVERYTHING.buses[0]];
    expect(problems({ buses, diagnostics: undefined })).toEqual(["buses.1.name: bus can0 is named twice"]);
    const dbc = [{ file: "a.dbc", buses: ["can0", "can7"] }];
    expect(problems({ dbc })).toEqual(["dbc.0.buses.1: unknown bus can7; configured: can0, can1, body, adas, bench"]);
  });

  it("are diagnostics of a bus that is not there, that is named twice, or that cannot send", () => {
    const [can0] = EVERYTHING.diagnostics.buses;
    const of = (...buses: readonly object[]) => ({ diagnostics: { catalogueFile: "ecus.yaml", buses } });
    expect(problems(of({ bus: "can7" }))).toEqual([
      "diagnostics.buses.0.bus: unknown bus can7; configured: can0, can1, body, adas, bench",
    ]);
    expect(problems(of({ bus: "can0" }, { bus: "can0" }))).toEqual([
      "diagnostics.buses.1.bus: bus can0 is named twice",
    ]);
    const { transmit } = can0;
    expect(problems(of({ bus: "adas", transmit }, { bus: "bench", transmit }))).toEqual([
      expect.stringMatching(/^diagnostics\.buses\.0\.transmit: bus adas is listenOnly/),
      expect.stringMatching(/^diagnostics\.buses\.1\.transmit: bus bench replays a log/),
    ]);
    const short = { ...transmit, backOffSeconds: { first: 60, longest: 30 } };
    expect(problems(of({ bus: "can0", transmit: short }))).toEqual([
      "diagnostics.buses.0.transmit: backOffSeconds.longest must be at least 60, backOffSeconds.first",
    ]);
  });

  it("are diagnostics that ask where nothing may be sent, and units that no catalogue describes", () => {
    const asking = {
      bus: "can0",
      obd: { signals: [{ pids: ["*"], everyMs: 1000 }] },
      uds: { ecus: ["body"] },
      j1939: { name: { identity: 1, manufacturer: 1 } },
    };
    expect(problems({ diagnostics: { buses: [asking] } })).toEqual([
      expect.stringMatching(/^diagnostics\.buses\.0\.obd: its signals are asked for: transmit/),
      expect.stringMatching(/^diagnostics\.buses\.0\.uds: control units are asked: transmit/),
      expect.stringMatching(/^diagnostics\.buses\.0\.j1939: an address is claimed by sending: transmit/),
      expect.stringMatching(/^diagnostics\.buses\.0\.uds: needs diagnostics\.catalogueFile/),
    ]);
    expect(problems({ diagnostics: { buses: [{ bus: "can0", obd: {} }] } })).toEqual([]);
  });

  it("are ECUs of OBD-II that share a name or an id, or answer with an id that none has", () => {
    const named = (...ecus: readonly object[]) =>
      problems({ diagnostics: { buses: [{ bus: "can0", obd: { ecus } }] } });
    const engine = { name: "engine", response: 0x7e8 };
    expect(named(engine, { name: "engine", response: 0x7e9 }, { name: "motor", response: 0x7e8 })).toEqual([
      "diagnostics.buses.0.obd: ecus: engine is named twice",
      "diagnostics.buses.0.obd: ecus: engine and motor have the same response",
    ]);
    expect(named(engine, { name: "gearbox", response: 0x18da_f118 })).toEqual([]);
    expect(named({ name: "body", response: 0x748 })).toEqual([
      "diagnostics.buses.0.obd.ecus.0.response: must be 0x7e8 to 0x7ef, or 0x18daf100 to 0x18daf1ff (ISO 15765-4)",
    ]);
  });
});
