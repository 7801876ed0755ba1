import { readFileSync } from "node:fs";
import pkcs11js from "pkcs11js";
import { z } from "zod";

// Makes a token and an EC P-256 key as libtpm2_pkcs11 itself does, with dictionary-attack protection all over: what the agent's own
// driver is judged against. Labels and PINs come as JSON on stdin; store and TPM from the environment.

const request = z.strictObject({
  tokenLabel: z.string(),
  keyLabel: z.string(),
  pin: z.string(),
  officerPin: z.string(),
});
const { tokenLabel, keyLabel, pin, officerPin } = request.parse(JSON.parse(readFileSync(0, "utf8")));

process.umask(0o077);
const library = new pkcs11js.PKCS11();
library.load("libtpm2_pkcs11.so.1");
library.C_Initialize();
const [slot] = library.C_GetSlotList(true);
library.C_InitToken(slot, officerPin, tokenLabel.padEnd(32));
const session = library.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
library.C_Login(session, pkcs11js.CKU_SO, officerPin);
library.C_InitPIN(session, pin);
library.C_Logout(session);
library.C_Login(session, pkcs11js.CKU_USER, pin);
const label = { type: pkcs11js.CKA_LABEL, value: keyLabel };
const stored = { type: pkcs11js.CKA_TOKEN, value: true };
const id = { type: pkcs11js.CKA_ID, value: Buffer.of(1) };
const curve = { type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex") };
library.C_GenerateKeyPair(
  session,
  { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN },
  [stored, label, id, curve, { type: pkcs11js.CKA_VERIFY, value: true }],
  [stored, label, id, { type: pkcs11js.CKA_PRIVATE, value: true }, { type: pkcs11js.CKA_SIGN, value: true }],
);
