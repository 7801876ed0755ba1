import { describe, expect, it } from "vitest";
import { pkcs11Fault } from "../../../../../drivers/aws/identity/identity-faults.ts";

describe("pkcs11Fault", () => {
  const identity = {
    mode: "pkcs11" as const,
    module: "/usr/lib/libtpm2_pkcs11.so.1",
    tokenLabel: "causeway",
    keyLabel: "device",
    storeDir: "/var/lib/causeway/identity/store",
    tcti: "device:/dev/tpmrm0",
  };

  // The texts are those that aws-crt 1.33.1 throws.
  it.each([
    [
      "AWS_IO_SHARED_LIBRARY_LOAD_FAILURE, System call error during attempt to load shared library",
      "identity.module-missing",
    ],
    ["AWS_ERROR_PKCS11_TOKEN_NOT_FOUND, Could not pick PKCS#11 token", "identity.token-missing"],
    ["AWS_ERROR_PKCS11_KEY_NOT_FOUND, Could not pick PKCS#11 key", "identity.key-missing"],
    ["AWS_ERROR_PKCS11_CKR_PIN_INCORRECT, A PKCS#11 (Cryptoki) library function failed", "identity.pin-wrong"],
    ["AWS_ERROR_PKCS11_CKR_GENERAL_ERROR, A PKCS#11 (Cryptoki) library function failed", "identity.tpm-absent"],
  ])("reads %s", (text, code) => {
    expect(pkcs11Fault(identity, new Error(`aws-c-io: ${text}`)).code).toBe(code);
  });
});
