import { describe, expect, it } from "vitest";
import { csrSubject } from "../../../agent/identity/csr-subject.ts";
import { csrTemplate } from "../../../config/identity.ts";

const KNOWN = { thing: "veh-001", serial: "SN-0042", vin: "WDB9634031L123456" };
const UNKNOWN = { thing: "veh-001", serial: undefined, vin: undefined };

describe("csrSubject", () => {
  it("is the thing and the serial number when nothing else is asked for", () => {
    expect(csrSubject(csrTemplate.parse({}), KNOWN)).toEqual({
      commonName: "veh-001",
      serialNumber: "SN-0042",
      uris: [],
      dnsNames: [],
    });
  });

  it("fills in every variable, several times in one entry", () => {
    const template = csrTemplate.parse({
      commonName: "{thing}/{vin}",
      organization: "Ferries",
      country: "DE",
      uris: ["urn:vin:{vin}", "urn:dev:{thing}:{serial}:{thing}"],
      dnsNames: ["{thing}.vehicles.example"],
    });
    expect(csrSubject(template, KNOWN)).toEqual({
      commonName: "veh-001/WDB9634031L123456",
      serialNumber: "SN-0042",
      organization: "Ferries",
      country: "DE",
      uris: ["urn:vin:WDB9634031L123456", "urn:dev:veh-001:SN-0042:veh-001"],
      dnsNames: ["veh-001.vehicles.example"],
    });
  });

  it("leaves out an entry whose variable is not set, and keeps the others", () => {
    const template = csrTemplate.parse({ uris: ["urn:vin:{vin}", "urn:thing:{thing}"] });
    expect(csrSubject(template, UNKNOWN)).toEqual({
      commonName: "veh-001",
      uris: ["urn:thing:veh-001"],
      dnsNames: [],
    });
  });

  it("holds a thing name and leaves out a serial number that serialNumber cannot hold", () => {
    const subject = csrSubject(csrTemplate.parse({}), { thing: "truck_1", serial: "truck_1", vin: undefined });
    expect(subject).toEqual({ commonName: "truck_1", uris: [], dnsNames: [] });
  });

  it.each([
    ["a common name without its variable", { commonName: "{serial}" }, "identity.csr.commonName"],
    ["a common name that is too long", { commonName: `${"x".repeat(60)}{thing}` }, "more than 64"],
    ["a serial number that is no PrintableString", { serialNumber: "№ {thing}" }, "PrintableString"],
    ["a URI without a scheme", { uris: ["{thing}"] }, "no absolute URI"],
    ["a URI that is not ASCII", { uris: ["urn:ähre:{thing}"] }, "no absolute URI"],
    ["a DNS name with an underscore", { dnsNames: ["a_b.example"] }, "no DNS name"],
  ])("refuses %s", (_case, template, problem) => {
    expect(() => csrSubject(csrTemplate.parse(template), UNKNOWN)).toThrow(problem);
  });

  it("knows no other variable", () => {
    expect(csrTemplate.safeParse({ commonName: "{owner}" }).success).toBe(false);
  });
});
