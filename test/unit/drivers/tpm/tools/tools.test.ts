import { describe, expect, it } from "vitest";
import { toolFault } from "../../../../../drivers/tpm/tools/tools.ts";

/** As swtpm 0.7 without a resource manager and tpm2-tools 5.4 say it, at the fourth key. */
const CROWDED = `WARNING:esys:src/tss2-esys/api/Esys_ReadPublic.c:320:Esys_ReadPublic_Finish() Received TPM Error
ERROR:esys:src/tss2-esys/esys_tr.c:278:Esys_TR_FromTPMPublic_Finish() Error ReadPublic ErrorCode (0x00000902)
ERROR: Unable to run tpm2_readpublic
`;
const UNREACHED = `ERROR:tcti:src/tss2-tcti/tctildr-dl.c:154:tcti_from_file() Could not initialize TCTI file: tabrmd
ERROR: Could not load tcti, got: "tabrmd:bus_type=session"
`;

describe("toolFault", () => {
  it("leads to a resource manager where the TPM has no room, not to its device", () => {
    const { code, message, remedy } = toolFault({ command: "tpm2_readpublic" }, CROWDED, undefined);
    expect([code, message]).toEqual([
      "identity.tpm-absent",
      "the TPM has no room for another object or session (0x902)",
    ]);
    expect(remedy).toMatch(/resource manager.*\/dev\/tpmrm0.*tabrmd.*tpm2_flushcontext -t/);
  });

  it("says what a tool says without the source file of a library", () => {
    const { code, message, remedy } = toolFault({ command: "tpm2_load" }, UNREACHED, undefined);
    expect(code).toBe("identity.tpm-absent");
    expect(message).toBe("the TPM cannot be used: tpm2_load: Could not initialize TCTI file: tabrmd");
    expect(remedy).toContain("identity.tcti");
  });
});
