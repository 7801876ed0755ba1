import { login } from "../../../drivers/tpm/worker/pkcs11.ts";
import { signerRequest } from "../tpm/signer.ts";

// Logs in to a token and signs without a pause until the TPM goes away, as an agent does that connects again and again. The request comes as
// JSON on the first line of stdin; every signature is told on stdout.

process.stdin.once("data", (line: Buffer) => {
  const { place, pin, keyLabel } = signerRequest.parse(JSON.parse(line.toString("utf8")));
  const key = login(place, pin).key(keyLabel);
  for (let count = 1; ; count += 1) {
    key.sign("ec-p256", Buffer.from([count & 0xff]));
    process.stdout.write(`${count}\n`);
  }
});
